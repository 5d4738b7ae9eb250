"""Drop an extension that nothing uses any more."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Spec
from migrator.changes.statement import AtContract, unchecked
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb, unwrap


class ExtensionRemoval(Spec, frozen=True):
    """Parameters of ``drop_extension``.

    Attributes:
        extension: its name.
    """

    extension: str


class DropExtension(AtContract[ExtensionRemoval]):
    """Drop an extension that nothing uses any more.

    What happens
        Expand changes nothing: old code may call its functions. Contract drops it once no old code is left.

    What is refused
        An extension whose types, functions or operator classes are used by columns, indexes, functions or other
        extensions, before expand and again before contract. CASCADE.

    Limits
        A function whose text calls one of its functions is not found: its calls fail. What the extension stores in its
        own tables is gone.

    Example:
        DROP EXTENSION pg_trgm
    """

    name = "drop_extension"
    spec = ExtensionRemoval
    verb = "drop"
    why = "no code calls its functions any more, and nothing in the database uses it"

    def recognise(self, action: Action, schema: Schema) -> ExtensionRemoval | None:
        """``DROP EXTENSION …``."""
        del schema
        if action.kind != "drop_stmt" or action.node.remove_type != pb.OBJECT_EXTENSION:
            return None
        name = unwrap(action.node.objects[0]).sval
        if action.node.behavior == pb.DROP_CASCADE:
            raise Refused(
                f'dropping extension "{name}" CASCADE would drop columns and indexes that are not named',
                hint="drop each of them by name first",
            )
        return ExtensionRemoval(extension=name)

    def validate(self, change: ExtensionRemoval, context: Context) -> Iterator[str]:
        """It is there, and nothing uses it."""
        yield from unchecked(context, f"what uses extension {change.extension}")
        self.before_contract(change, context)

    def before_contract(self, change: ExtensionRemoval, context: Context) -> None:
        """Nothing came to use it."""
        if not context.schema.is_known:
            return
        found = context.schema.objects.extensions.get(change.extension)
        if found is None:
            raise Refused(f'extension "{change.extension}" is not installed')
        if found.users:
            raise Refused(
                f'extension "{change.extension}" is used by other objects',
                detail="\n".join(found.users),
                hint="drop or change them in a migration before this one, and contract it first",
            )

    def statement(self, change: ExtensionRemoval, context: Context) -> Sql:
        """The extension goes."""
        del context
        return self.template("drop", extension=change.extension)

    def subject(self, change: ExtensionRemoval) -> str:
        """The extension."""
        return change.extension
