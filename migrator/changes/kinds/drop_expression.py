"""Make an ordinary column of a stored generated column."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.identity import OnColumn, is_of_column
from migrator.changes.kind import Context, altered_table, require_column, require_table
from migrator.changes.removal import gone
from migrator.changes.statement import AtContract
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb


class DropExpression(AtContract[OnColumn]):
    """Make an ordinary column of a stored generated column.

    What happens
        Expand changes nothing: the server computes the value for every version, and lets none write it. Contract drops
        the expression once no old code is left, with a lock for a moment; the values that are there stay. From then on
        the column holds NULL unless code writes it.

    What is refused
        A column that is not generated, a virtual one, which has no values to keep, and one that is NOT NULL: code that
        still leaves it out at contract would fail. A partition. For all of them the way without a gap is another column
        beside it that code fills.

    What new code must do
        It leaves the column out, and copes with NULL from contract on; what writes the column is released after that.

    Limits
        Nothing brings the expression back but a column that is added anew.

    Example:
        ALTER TABLE orders ALTER COLUMN total DROP EXPRESSION
    """

    name = "drop_expression"
    spec = OnColumn
    verb = "drop-expression"
    why = "no code is left that counts on the value being computed"

    def recognise(self, action: Action, schema: Schema) -> OnColumn | None:
        """``ALTER TABLE … ALTER COLUMN … DROP EXPRESSION [IF EXISTS]``."""
        if not is_of_column(action, pb.AT_DropExpression):
            return None
        target = altered_table(action.node.relation, schema)
        return OnColumn(schema=target.schema, table=target.name, column=action.command.name)

    def touched(self, change: OnColumn) -> dict[TableName, tuple[str, ...]]:
        """The column."""
        return {change.target: (change.column,)}

    def validate(self, change: OnColumn, context: Context) -> Iterator[str]:
        """It is a stored generated column that may be NULL."""
        if change.target in context.created:
            raise Refused(
                f'column "{change.column}" belongs to a table this migration creates', hint="leave GENERATED out there"
            )
        column = require_column(require_table(change, context, or_partitioned=True), change, change.column)
        if column is not None and not column.generated:
            raise Refused(f'column "{change.column}" of table "{change.target}" is not generated')
        if column is not None and column.generated == "virtual":
            raise Refused(
                f'generated column "{change.column}" of table "{change.target}" is virtual: it has no values to keep',
                hint="add another column, filled by new code, and drop this one in the same migration",
            )
        if column is not None and column.not_null:
            raise Refused(
                f'generated column "{change.column}" of table "{change.target}" is NOT NULL: once nothing computes it, '
                "inserts of code that leaves it out fail",
                hint="drop its NOT NULL in a migration before this one, and contract it first",
            )
        yield (
            f"from contract on {change.table}.{change.column} is NULL in rows of code that leaves it out; before, no "
            "code can write it"
        )

    def before_contract(self, change: OnColumn, context: Context) -> None:
        """It is generated still."""
        relation = context.schema.relation(change.target)
        column = relation.column(change.column) if relation else None
        if column is not None and not column.generated:
            raise gone(f'the expression of column "{change.column}" of table "{change.target}"')

    def statement(self, change: OnColumn, context: Context) -> Sql:
        """The expression goes."""
        del context
        return self.template("drop", table=change.sql, column=change.column)

    def subject(self, change: OnColumn) -> str:
        """The column."""
        return change.column
