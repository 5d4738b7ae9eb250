"""Drop a column that new code no longer uses."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes import relisting
from migrator.changes.bystanders import note_of_name_no_longer_sent
from migrator.changes.kind import (
    Context,
    Draft,
    Expression,
    Kind,
    OnTable,
    altered_table,
    refuse_dependents,
    require_column,
    require_table,
)
from migrator.changes.removal import require_droppable
from migrator.errors import Refused
from migrator.model.schema import Column, Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import expression, is_null, type_name
from migrator.sql.parser import pb
from migrator.sql.rewrite import columns_in, slug


class Removal(OnTable, frozen=True):
    """Parameters of ``drop_column``.

    Attributes:
        column: its name.
        down: what old code finds in rows that new code inserts, as SQL; an empty string: the column's default, or NULL.
        default: the default before, restored by rollback; an empty string for none.
    """

    column: str
    down: str = ""
    default: str = ""


class DropColumn(Kind[Removal]):
    """Drop a column that new code no longer uses.

    What happens
        Old code goes on to read and write the column until contract, which drops it once no old code is left. New code
        leaves it out. A NOT NULL column without a default would refuse the inserts of new code: say what old code shall
        find there with a directive, and expand sets it as the default. Column lists of publications let go of it in the
        transaction of the drop, which leaves nothing out of what they send.

    What is refused
        A column that others rely on: views, policies, generated columns, foreign keys of other tables, row filters of
        publications, subscriptions, primary keys, indexes and constraints over several columns. A column that a
        publication of another role lists, or that is all it lists.

    Limits
        Contract destroys the values. Nothing brings them back but a backup.

    Example::

        -- migrator: down = 'none'
        ALTER TABLE users DROP COLUMN nickname
    """

    name = "drop_column"
    spec = Removal
    options = frozenset({"down"})

    def recognise(self, action: Action, schema: Schema) -> Removal | None:
        """``ALTER TABLE … DROP COLUMN …``."""
        if action.command is None or action.command.subtype != pb.AT_DropColumn:
            return None
        if action.node.objtype != pb.OBJECT_TABLE:
            return None
        target = altered_table(action.node.relation, schema)
        column = action.command.name
        if action.command.behavior == pb.DROP_CASCADE:
            raise Refused(
                f'DROP COLUMN "{column}" CASCADE would drop objects that are not named',
                hint="drop each of them by name first",
            )
        down = action.options.get("down", "")
        relation = schema.relation(target)
        known = relation.column(column) if relation else None
        return Removal(
            schema=target.schema,
            table=target.name,
            column=column,
            down=_constant(down) if down else "",
            default=known.default if known and known.default and down else "",
        )

    def takes_away(self, change: Removal) -> dict[TableName, tuple[str, ...]]:
        """The column."""
        return {change.target: (change.column,)}

    def touched(self, change: Removal) -> dict[TableName, tuple[str, ...]]:
        """The column."""
        return {change.target: (change.column,)}

    def validate(self, change: Removal, context: Context) -> Iterator[str]:
        """Nothing relies on the column, and new code can insert without it."""
        if change.target in context.created:
            raise Refused(
                f'column "{change.column}" belongs to a table this migration creates', hint="leave it out there"
            )
        relation = require_table(change, context, or_partitioned=True)
        if relation is not None and relation.partition_key and change.down:
            raise Refused(
                f'down: the defaults that partitions of "{change.target}" have of their own would not come back',
                hint="set the default in a migration before this one, and leave -- migrator: down out",
            )
        if relation is None and change.down:
            raise Refused(
                f'the default of column "{change.column}", which rollback restores, is not known without a database',
                hint="export DATABASE_URL=postgresql://…, and run it again",
            )
        if relation is None:
            yield (
                f"whether new code can insert into {change.target} without {change.column}, and what depends on it, "
                "could not be checked without a database; expand checks it"
            )
            return
        column = require_column(relation, change, change.column)
        require_droppable(relation, change.column, is_unlisted=True)
        relisting.require_relisted(relation, _going(change, context))
        if column is not None:
            _require_insertable(change, column)
        if column is not None and change.down and (column.identity or column.generated):
            raise Refused(
                f'column "{change.column}" of table "{change.target}" computes its values, down cannot replace them',
                hint="leave -- migrator: down out: old code finds what the column computes",
            )
        yield from _notes(relation, change)

    def expressions(self, change: Removal, context: Context) -> Iterator[Expression]:
        """What old code shall find."""
        relation = context.schema.relation(change.target)
        column = relation.column(change.column) if relation else None
        if change.down and column is not None:
            query = self.template("typed", down=expression(change.down), type=type_name(column.type_name))
            yield Expression(change.down, query)

    def expand(self, change: Removal, context: Context) -> Iterator[Draft]:
        """A default for the inserts of new code, if one was given."""
        del context
        if change.down:
            yield Draft(
                f"default-{slug(change.column)}",
                self.template("set_default", table=change.sql, column=change.column, default=expression(change.down)),
                "new code inserts without the column; this is what old code finds there",
                slug(change.table),
            )

    def contract(self, change: Removal, context: Context) -> Iterator[Draft]:
        """The column and its values."""
        group, relation = slug(change.table), context.schema.relation(change.target)
        yield from relisting.listed_no_more(relation, [change.column], [change.column], group)
        yield Draft(
            f"drop-{slug(change.column)}",
            self.template("drop_column", table=change.sql, column=change.column),
            "no code uses it any more; its values are gone after this",
            group,
        )

    def before_contract(self, change: Removal, context: Context) -> None:
        """Nothing came to rely on the column since expand."""
        relation = context.schema.relation(change.target)
        if relation is None:
            return
        require_droppable(relation, change.column, is_unlisted=True)
        relisting.require_relisted(relation, [change.column])
        if context.contract_sql:
            relisting.require_planned(relation, [change.column], context.contract_sql)
        refuse_dependents(
            relation,
            change.column,
            ["trigger function"],
            "every write to the table would fail",
            "replace the function by one that does without the column",
        )

    def rollback(self, change: Removal, context: Context) -> Iterator[Draft]:
        """The default as it was."""
        if not change.down:
            return
        relation = context.schema.relation(change.target)
        column = relation.column(change.column) if relation else None
        default = column.default if column else change.default
        values = {"table": change.sql, "column": change.column}
        text = (
            self.template("set_default", **values, default=expression(default))
            if default
            else self.template("drop_default", **values)
        )
        yield Draft(
            f"restore-default-{slug(change.column)}",
            text,
            "as it was before expand",
            slug(change.table),
            undoes=f"default-{slug(change.column)}",
        )


def _constant(text: str) -> str:
    down = expression(text)
    if columns_in(down):
        raise Refused(
            f"down = {text} names a column: a default cannot", hint="give a value that is the same for all rows"
        )
    return down


def _going(change: Removal, context: Context) -> list[str]:
    """All columns of the table that the migration drops."""
    dropped = (each for _, each in context.beside if isinstance(each, Removal) and each.target == change.target)
    return sorted({change.column, *(each.column for each in dropped)})


def _require_insertable(change: Removal, column: Column) -> None:
    if not column.not_null or column.identity or column.generated:
        return
    if change.down and is_null(change.down):
        raise Refused(
            f'down = {change.down}: column "{change.column}" of table "{change.target}" is NOT NULL: '
            "inserts of new code would fail",
            hint="give a value that old code can read",
        )
    if column.default is None and not change.down:
        raise Refused(
            f'column "{change.column}" of table "{change.target}" is NOT NULL without a default: '
            "new code could not insert without it, and old code could not read NULL",
            hint="write what old code shall find in rows of new code above the statement: -- migrator: down = VALUE",
        )


def _notes(relation: Relation, change: Removal) -> Iterator[str]:
    yield from note_of_name_no_longer_sent(relation, change.column)
    for each in relation.dependents:
        if each.column == change.column and each.kind == "trigger function":
            yield (
                f"function {each.name} reads NEW.{change.column} or OLD.{change.column}: "
                "contract is refused until it does not"
            )
    for index in relation.indexes:
        if index.columns == (change.column,):
            yield f"index {index.name} goes with the column"
