"""Update an extension to a version that the server has."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Spec
from migrator.changes.options import value_of
from migrator.changes.statement import OneStatement, require_known
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import unwrap


class ExtensionUpdate(Spec, frozen=True):
    """Parameters of ``update_extension``.

    Attributes:
        extension: its name.
        version: the new one; an empty string: the one that the server has as default.
    """

    extension: str
    version: str = ""


class UpdateExtension(OneStatement[ExtensionUpdate]):
    """Update an extension to a version that the server has.

    What happens
        Expand runs the extension's own scripts from the version that is there to the new one. There is nothing to
        contract.

    What is refused
        An extension that is not installed, a version the server knows no way to; a role that may not update it. Without
        a database: neither is known.

    Limits
        Nothing takes an update back: rollback leaves the new version. What its scripts lock, and what they take away
        from old code, only its release notes say.

    Example:
        ALTER EXTENSION pg_trgm UPDATE
    """

    name = "update_extension"
    spec = ExtensionUpdate
    reads_available = True
    verb = "update"
    why = "by the scripts of the extension itself"

    def recognise(self, action: Action, schema: Schema) -> ExtensionUpdate | None:
        """``ALTER EXTENSION … UPDATE [TO …]``."""
        if action.kind != "alter_extension_stmt":
            return None
        given = {each.defname: value_of(unwrap(each.arg)) for each in map(unwrap, action.node.options)}
        name = action.node.extname
        return ExtensionUpdate(extension=name, version=given.get("new_version", "") or _default(name, schema))

    def validate(self, change: ExtensionUpdate, context: Context) -> Iterator[str]:
        """It is there, and there is a way to the version."""
        require_known(context, f'the version of extension "{change.extension}"')
        objects = context.schema.objects
        found = objects.extensions.get(change.extension)
        if found is None:
            raise Refused(f'extension "{change.extension}" is not installed')
        wanted = _wanted(change, context.schema)
        if wanted == found.version:
            yield f"extension {change.extension} is of version {found.version} already"
            return
        if wanted not in found.updates:
            raise Refused(
                f'the server knows no way from version {found.version} of extension "{change.extension}" to "{wanted}"',
                hint=f"it can go to {', '.join(found.updates)}" if found.updates else "there is no other version",
            )
        version = next((each for each in objects.available.get(change.extension, ()) if each.version == wanted), None)
        if version is not None and version.needs_superuser and not version.is_trusted and not objects.is_superuser:
            raise Refused(f'extension "{change.extension}" is not trusted: only a superuser may update it')
        yield f"nothing takes the update of extension {change.extension} back: rollback leaves version {wanted}"

    def statement(self, change: ExtensionUpdate, context: Context) -> Sql:
        """The update."""
        return self.template("update", extension=change.extension, version=_wanted(change, context.schema))

    def subject(self, change: ExtensionUpdate) -> str:
        """The extension."""
        return change.extension


def _wanted(change: ExtensionUpdate, schema: Schema) -> str:
    return change.version or _default(change.extension, schema)


def _default(extension: str, schema: Schema) -> str:
    versions = schema.objects.available.get(extension, ())
    return next((each.version for each in versions if each.is_default), "")
