"""Install an extension."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrator.changes.kind import Context, Spec
from migrator.changes.options import value_of
from migrator.changes.statement import OneStatement
from migrator.errors import Refused
from migrator.model.objects import AvailableExtension
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import unwrap


class Installation(Spec, frozen=True):
    """Parameters of ``create_extension``.

    Attributes:
        extension: its name.
        into: the schema of its objects; an empty string: its own, or the first of the ``search_path``.
        version: an empty string: the one that the server has as default.
        if_absent: whether an extension that is there already is left as it is, also by rollback.
    """

    extension: str
    into: str = ""
    version: str = ""
    if_absent: bool = False


class CreateExtension(OneStatement[Installation]):
    """Install an extension.

    What happens
        Expand installs it; old code does not see it. There is nothing to contract. Rollback drops it, unless it was
        there before.

    What is refused
        One that the server does not have, in a version it does not have, or that needs others which are not installed;
        one that only a superuser may install (it is not trusted), or that this role may not; one that is installed
        already, unless IF NOT EXISTS is written; CASCADE, because rollback would not know what came along.

    Limits
        Extensions that need ``shared_preload_libraries`` fail when expand runs, with nothing changed. Rollback fails,
        and keeps its state, while columns or functions use its types. Indexes and columns of its types, in the same
        migration, are asked about before it is there: write them in a migration after this one.

    Example:
        CREATE EXTENSION pg_trgm
    """

    name = "create_extension"
    spec = Installation
    reads_available = True
    verb = "create"
    why = "old code does not see it"

    def recognise(self, action: Action, schema: Schema) -> Installation | None:
        """``CREATE EXTENSION …``."""
        del schema
        if action.kind != "create_extension_stmt":
            return None
        node = action.node
        given = {each.defname: value_of(unwrap(each.arg)) for each in map(unwrap, node.options)}
        if "cascade" in given:
            raise Refused(
                f'CREATE EXTENSION "{node.extname}" CASCADE installs others that rollback would not know of',
                hint="write a CREATE EXTENSION for each",
            )
        return Installation(
            extension=node.extname,
            into=given.get("schema", ""),
            version=given.get("new_version", ""),
            if_absent=node.if_not_exists,
        )

    def makes(self, change: Installation) -> tuple[str, ...]:
        """The extension."""
        return ("EXTENSION", change.extension)

    def assumes(self, change: Installation, schema: Schema) -> dict[str, str]:
        """Whether it is there: rollback drops only what was not."""
        found = schema.objects.extensions.get(change.extension)
        return {f'extension "{change.extension}"': "absent" if found is None else "installed"}

    def validate(self, change: Installation, context: Context) -> Iterator[str]:
        """The server has it, and this role may install it."""
        if not context.schema.is_known:
            yield f"whether the server has extension {change.extension} could not be checked without a database"
            return
        objects = context.schema.objects
        found = objects.extensions.get(change.extension)
        if found is not None:
            if not change.if_absent:
                raise Refused(
                    f'extension "{change.extension}" is installed already, in version {found.version}',
                    hint="write IF NOT EXISTS where some databases have it",
                )
            yield f"extension {change.extension} is installed already and stays as it is, also after a rollback"
            return
        version = _version(change, objects.available.get(change.extension, ()))
        missing = [
            each for each in version.requires
            if each not in objects.extensions and ("EXTENSION", each) not in context.made
        ]  # fmt: skip
        if missing:
            raise Refused(
                f'extension "{change.extension}" needs {", ".join(missing)}, which is not installed',
                hint="write a CREATE EXTENSION for each before it",
            )
        if version.needs_superuser and not objects.is_superuser:
            if not version.is_trusted:
                raise Refused(
                    f'extension "{change.extension}" is not trusted: only a superuser may install it',
                    hint="let a superuser install it beforehand, and write IF NOT EXISTS",
                )
            if not objects.may_create_in_database:
                raise Refused(
                    f'this role may not install extension "{change.extension}", although it is trusted',
                    hint="GRANT CREATE ON DATABASE … TO …, as its owner",
                )
        if change.into and change.into not in objects.schemas and ("SCHEMA", change.into) not in context.made:
            raise Refused(f'schema "{change.into}", for extension "{change.extension}", does not exist')

    def statement(self, change: Installation, context: Context) -> Sql:
        """The extension."""
        del context
        return self.template(
            "create",
            extension=change.extension,
            into=change.into,
            version=change.version,
            if_absent=change.if_absent,
        )

    def undo(self, change: Installation, context: Context) -> Iterable[Sql]:
        """It goes, unless it was there."""
        if change.extension not in context.schema.objects.extensions and (
            context.schema.is_known or not change.if_absent
        ):
            yield self.template("drop", extension=change.extension)

    def subject(self, change: Installation) -> str:
        """The extension."""
        return change.extension


def _version(change: Installation, available: tuple[AvailableExtension, ...]) -> AvailableExtension:
    if not available:
        raise Refused(
            f'this server has no extension "{change.extension}"',
            hint="install its files on the server first; SELECT name FROM pg_available_extensions tells what is there",
        )
    wanted = [each for each in available if (each.version == change.version if change.version else each.is_default)]
    if not wanted:
        raise Refused(
            f'this server has no version "{change.version or "by default"}" of extension "{change.extension}"',
            hint=f"it has {', '.join(each.version for each in available)}",
        )
    return wanted[0]
