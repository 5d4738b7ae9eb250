"""Drop a schema that is empty."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Spec
from migrator.changes.statement import AtContract, unchecked
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb, unwrap


class SchemaRemoval(Spec, frozen=True):
    """Parameters of ``drop_schema``.

    Attributes:
        name: of the schema.
    """

    name: str


class DropSchema(AtContract[SchemaRemoval]):
    """Drop a schema that is empty.

    What happens
        Expand changes nothing: old code may still look into it, or create objects there. Contract drops it once no old
        code is left.

    What is refused
        A schema with anything in it, before expand and again before contract: drop what is in it in a migration before
        this one, and contract that first. CASCADE. The schema of this tool.

    Limits
        Before contract there is nothing to undo. A schema missing from a ``search_path`` is no error for PostgreSQL.

    Example:
        DROP SCHEMA billing
    """

    name = "drop_schema"
    spec = SchemaRemoval
    verb = "drop"
    why = "it is empty, and no code looks into it any more"

    def recognise(self, action: Action, schema: Schema) -> SchemaRemoval | None:
        """``DROP SCHEMA …``."""
        del schema
        if action.kind != "drop_stmt" or action.node.remove_type != pb.OBJECT_SCHEMA:
            return None
        name = unwrap(action.node.objects[0]).sval
        if action.node.behavior == pb.DROP_CASCADE:
            raise Refused(
                f'dropping schema "{name}" CASCADE would drop whatever is in it', hint="drop each object by name first"
            )
        return SchemaRemoval(name=name)

    def validate(self, change: SchemaRemoval, context: Context) -> Iterator[str]:
        """It is there, and empty."""
        if change.name == "migrator":
            raise Refused('schema "migrator" holds the state of every migration', hint="none of them drops it")
        yield from unchecked(context, f"whether schema {change.name} is empty")
        self.before_contract(change, context)

    def before_contract(self, change: SchemaRemoval, context: Context) -> None:
        """It is still empty."""
        if not context.schema.is_known:
            return
        found = context.schema.objects.schemas.get(change.name)
        if found is None:
            raise Refused(f'schema "{change.name}" does not exist')
        if found.contents:
            raise Refused(
                f'schema "{change.name}" is not empty',
                detail="\n".join(found.contents),
                hint="drop what is in it in a migration before this one, and contract it first",
            )

    def statement(self, change: SchemaRemoval, context: Context) -> Sql:
        """The schema goes."""
        del context
        return self.template("drop", schema=change.name)

    def subject(self, change: SchemaRemoval) -> str:
        """The schema."""
        return change.name
