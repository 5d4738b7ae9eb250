"""Make an ordinary column of an identity column."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.identity import OnColumn, is_of_column, require_identity
from migrator.changes.kind import Context, Draft, Kind, altered_table
from migrator.changes.removal import gone
from migrator.changes.statement import require_known
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Column, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb
from migrator.sql.rewrite import slug


class DropIdentity(Kind[OnColumn]):
    """Make an ordinary column of an identity column.

    What happens
        Old code leaves the column out of its inserts and gets a number. Contract drops the identity and its sequence
        once no old code is left, with a lock for a moment. Until then new code names the value: where the column is
        GENERATED ALWAYS, expand makes it BY DEFAULT, so that it may, and rollback makes it ALWAYS again.

    What is refused
        A column that is no identity column. A sequence that other objects draw from, before expand and again before
        contract. Partitioned tables. Without a database: whether the column is ALWAYS is not known.

    What new code must do
        It names values that the sequence does not come to until contract: old code draws from it.

    Limits
        The column stays NOT NULL. Where the sequence stood is not kept.

    Example:
        ALTER TABLE orders ALTER COLUMN id DROP IDENTITY
    """

    name = "drop_identity"
    spec = OnColumn
    unknown_without_tables = frozenset({Phase.EXPAND})

    def recognise(self, action: Action, schema: Schema) -> OnColumn | None:
        """``ALTER TABLE … ALTER COLUMN … DROP IDENTITY [IF EXISTS]``."""
        if not is_of_column(action, pb.AT_DropIdentity) or "phase" in action.options:
            return None
        target = altered_table(action.node.relation, schema)
        return OnColumn(schema=target.schema, table=target.name, column=action.command.name)

    def touched(self, change: OnColumn) -> dict[TableName, tuple[str, ...]]:
        """The column."""
        return {change.target: (change.column,)}

    def validate(self, change: OnColumn, context: Context) -> Iterator[str]:
        """It is an identity column, and the only one to draw from its sequence."""
        require_known(context, f'whether column "{change.column}" of table "{change.target}" is GENERATED ALWAYS')
        _, column = require_identity(change, context)
        _require_unused(change, column, context)
        yield (
            f"until contract old code draws numbers for {change.table}.{change.column}: new code names values that the "
            "sequence does not come to"
        )

    def expand(self, change: OnColumn, context: Context) -> Iterator[Draft]:
        """New code may name values."""
        if _is_always(change, context):
            yield Draft(
                f"by-default-{slug(change.column)}",
                self._set(change, "BY DEFAULT"),
                "new code may name values, old code need not",
                slug(change.table),
            )

    def contract(self, change: OnColumn, context: Context) -> Iterator[Draft]:
        """The identity goes."""
        del context
        yield Draft(
            f"drop-identity-{slug(change.column)}",
            self.template("drop", table=change.sql, column=change.column),
            "no code is left that does not name the value; the sequence goes with it",
            slug(change.table),
        )

    def before_contract(self, change: OnColumn, context: Context) -> None:
        """It is there still, and nothing else draws from its sequence."""
        relation = context.schema.relation(change.target)
        column = relation.column(change.column) if relation else None
        if column is not None and not column.identity:
            raise gone(f'the identity of column "{change.column}" of table "{change.target}"')
        _require_unused(change, column, context)

    def rollback(self, change: OnColumn, context: Context) -> Iterator[Draft]:
        """The numbers are the server's alone again."""
        if _is_always(change, context):
            yield Draft(
                f"always-{slug(change.column)}",
                self._set(change, "ALWAYS"),
                "as it was before expand",
                slug(change.table),
                undoes=f"by-default-{slug(change.column)}",
            )

    def _set(self, change: OnColumn, identity: str) -> Sql:
        return self.template("set", table=change.sql, column=change.column, identity=Sql(identity))


def _is_always(change: OnColumn, context: Context) -> bool:
    relation = context.schema.relation(change.target)
    column = relation.column(change.column) if relation else None
    return column is not None and column.identity == "always"


def _require_unused(change: OnColumn, column: Column | None, context: Context) -> None:
    found = [
        each
        for each in context.schema.objects.sequences.values()
        if each.owned_by == (change.schema, change.table, change.column)
    ]
    users = [user for each in found for user in each.users]
    if column is not None and users:
        raise Refused(
            f'other objects draw from the sequence of column "{change.column}" of table "{change.target}"',
            detail="\n".join(users),
            hint="drop or change them in a migration before this one, and contract it first",
        )
