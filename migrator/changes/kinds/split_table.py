"""Split a table: columns move to a new one, with a row for each row, while old and new code run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from migrator.changes.kind import Context, Draft, OnTable
from migrator.changes.moving import DELETE, Moving, carried, gone, made_table
from migrator.changes.moving.divided import Pointing
from migrator.changes.moving.made_table import MadeColumn
from migrator.changes.moving.sides import ForeignKey, Sides, canonical_type, is_unique, primary_key, to_be_unique
from migrator.changes.moving.triggers import Names
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Column, Relation, Schema, TableName
from migrator.sql.actions import Action, named_table
from migrator.sql.parser import deparse_expression, parse_expression, pb, unwrap
from migrator.sql.rewrite import slug

_EXAMPLE = (
    "CREATE TABLE profiles (user_id bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE, bio text)"
)


class Splitting(OnTable, frozen=True):
    """Parameters of ``split_table``.

    Attributes:
        to: the new table.
        definition: its CREATE TABLE, with a primary key that is a foreign key to the table, and columns of that table.
        to_schema: its schema; an empty string: that of the table.
    """

    to: str
    definition: str
    to_schema: str = ""

    @property
    def other(self) -> TableName:
        """The new table."""
        return TableName(self.to_schema or self.schema, self.to)


@dataclass(frozen=True, slots=True)
class _Definition:
    """The new table as it is written."""

    moved: tuple[MadeColumn, ...]
    key: tuple[str, ...]
    foreign_key: ForeignKey


class SplitTable(Moving[Splitting]):
    """Split a table: columns move to a new one, with a row for each row, while old and new code run.

    What happens
        You write the table you want: its primary key is a foreign key to the table that is split, its other columns
        have the names and types they have there. Expand creates it, and triggers on both tables that take every change
        across; each row of old code gets its row there at once. The backfill makes those of rows that are there.
        Contract, once no old code is left, drops the triggers and the columns of the old table, in short transactions
        that lock one table each. Before it, values that have no row in the new table are counted, and rows that differ.

    Who wins
        The last one to write. New code inserts a row into each table, in one transaction or in two: the row that was
        made for an insert which gives none of the columns makes way for its own. Where new code inserts NULL, or what
        is the default, it gets what is there. New code that deletes its row clears the columns where old code reads
        them. Deletes and changed keys of the old table go across by the foreign key. A write that changes none of the
        columns takes nothing across and locks nothing there.

    What is refused
        A foreign key without ON DELETE CASCADE, or ON UPDATE CASCADE where the key can change, since old code does not
        know the rows it would stumble over. Columns that the old table has not, or of another type; constraints and
        defaults that the old table has not: they are later migrations. NOT NULL without a default there, since new code
        does not name the column; defaults that differ from row to row. Columns that others rely on, as by drop_column.
        Row security, subscriptions. A database is needed.

    Partitioned tables
        The table that is split may be partitioned; then its primary key has the columns that divide it, and so has the
        new table. A row that an UPDATE takes to another partition keeps its row of the new table, with what the
        statement writes; one that new code had deleted comes back, empty. The new table is an ordinary one, since it
        would have no partition for rows of old code: ``-- migrator: partition = …`` divides it later. By PostgreSQL 14
        the foreign key deletes the row of the new table: it is made again until contract, and is gone after it. DETACH
        PARTITION fails while rows of the new table belong to rows there, as for every table that a foreign key points
        to. A partition that is attached with rows after the backfill has no rows in the new table: contract counts
        their values.

    Limits
        New code finds no row in the new table until the backfill has made it: it starts after the backfill, or writes
        with ON CONFLICT DO UPDATE and reads with LEFT JOIN. Rows that gave none of the columns have a row in the new
        table, as the others do, until new code inserts its own or deletes it. Two transactions that change one value at
        the same time, one in each table, can deadlock (40P01); the server ends one, which may be repeated. One at
        REPEATABLE READ that changes a value while its row of the new table is being inserted does not see that row:
        contract counts such rows. A statement that joins both tables must write the table before the name of a column.
        TRUNCATE of the old table fails from expand on, as for every table that a foreign key points to. Privileges on
        the table, and on the columns alone, are granted on the new one as well; comments and settings of the columns
        come along. Until contract it has a column more, at its end.

    Example::

        -- migrator: from = users
        CREATE TABLE profiles (
            user_id bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE, bio text
        )
    """

    name = "split_table"
    unknown_without_tables = frozenset({Phase.EXPAND})
    spec = Splitting
    options = frozenset({"from"})
    makes_rows = True
    syncs = (*Moving.syncs, DELETE)

    def recognise(self, action: Action, schema: Schema) -> Splitting | None:
        """``CREATE TABLE …`` with a directive ``from``."""
        if action.kind != "create_stmt" or "from" not in action.options:
            return None
        relation, columns = named_table(action.options["from"], "-- migrator: from = users")
        if columns:
            raise Refused("the columns that move are those of the new table", hint="-- migrator: from = users")
        old = schema.resolve(relation.schemaname, relation.relname)
        new, definition = made_table.written(action, schema)
        return Splitting(
            schema=old.schema,
            table=old.name,
            to=new.name,
            to_schema=new.schema if new.schema != old.schema else "",
            definition=definition,
        )

    def touched(self, change: Splitting) -> dict[TableName, tuple[str, ...]]:
        """The columns and the key; the name of the new table must be free."""
        definition = _read(change)
        columns = (*(each.name for each in definition.moved), *definition.foreign_key.referenced)
        return {change.target: columns, change.other: ()}

    def takes_away(self, change: Splitting) -> dict[TableName, tuple[str, ...]]:
        """The columns that move."""
        return {change.target: tuple(each.name for each in _read(change).moved)}

    def fills(self, change: Splitting) -> tuple[TableName, ...]:
        """The new table."""
        return (change.other,)

    def new_table(self, change: Splitting) -> TableName:
        """See ``Moving``."""
        return change.other

    def sides(self, change: Splitting, context: Context) -> Sides:
        """See ``Moving``."""
        definition, old = _read(change), context.schema.relation(change.target)
        old_key = definition.foreign_key.referenced or (primary_key(old) if old else ())
        return Sides(
            change.target, change.other, tuple(each.name for each in definition.moved), old_key, definition.key
        )

    def validate(self, change: Splitting, context: Context) -> Iterator[str]:
        """The new table is like a part of the old one, and its rows follow those of that."""
        old = made_table.require_beside(change, change.other, context, or_partitioned=True)
        definition, sides = _read(change), self.sides(change, context)
        if not is_unique(old, sides.old_key) or len(sides.old_key) != len(sides.new_key):
            raise Refused(
                f"the foreign key of {change.other} does not point to a key of {change.target}",
                hint=to_be_unique(old, sides.old_key),
            )
        made_table.require_following(definition.foreign_key, old, sides)
        yield from self.require_old(sides, old)
        yield from self.require_followed(change, context, sides)
        for each in definition.moved:
            column = old.column(each.name)
            if column is not None:
                _require_alike(each, column, old)
        if all(column.default_is_volatile for each in definition.moved if (column := old.column(each.name))):
            raise Refused(
                f"every column that moves has a default that differs from row to row, so a row of {old.name} to which "
                "new code gives none of them cannot be told from one of old code",
                hint="drop the default of one of them in a migration before this one",
            )
        yield f"TRUNCATE of {change.target} fails from expand on, since the foreign key of {change.other} points to it"
        yield from self.notes_on_two(sides, old)

    def pointing(self, change: Splitting, context: Context, sides: Sides) -> Pointing | None:
        """See ``Moving``."""
        del context, sides
        return Pointing(_read(change).foreign_key, is_on_new=True)

    def new_defaults(self, change: Splitting, old: Relation) -> dict[str, str]:
        """See ``Moving``."""
        del old
        return {each.name: each.default for each in _read(change).moved if each.default}

    def arrive(self, change: Splitting, context: Context, sides: Sides, old: Relation) -> Iterator[Draft]:
        """The new table, with the privileges of the old one."""
        names = Names.of(sides, context)
        yield made_table.created(_table(change), sides)
        yield self.add_state(sides, names, "tells a row that was made for one which gave nothing from one of new code")
        yield gone.created(sides, names, old)
        yield from made_table.granted(old, sides)
        yield from carried.grants_of_key(sides, old)
        yield from carried.grants(sides, old)
        yield from carried.settings(sides, old)

    def backfill(self, change: Splitting, context: Context) -> Iterator[Draft]:
        """A row for each that was there before expand."""
        sides = self.sides(change, context)
        names = Names.of(sides, context)
        yield Draft(
            f"fill-{slug(change.to)}",
            self._made(
                "make", old=sides.old_sql, new=sides.new_sql, columns=sides.columns, old_key=sides.old_key,
                new_key=sides.new_key, state=names.state, gone=gone.table(sides, names),
            ),
            "rows written before the triggers existed",
        )  # fmt: skip

    def depart(self, change: Splitting, context: Context, sides: Sides) -> Iterator[Draft]:
        """See ``Moving``."""
        del change
        names = Names.of(sides, context)
        yield self.drop_state(sides, names)
        yield gone.dropped(sides, names)
        yield from self.drop_columns(sides)

    def withdraw(self, change: Splitting, context: Context, sides: Sides) -> Iterator[Draft]:
        """See ``Moving``."""
        del change
        yield gone.dropped(sides, Names.of(sides, context), undoing=True)
        yield from made_table.dropped(sides, self.lost_by_rollback(sides))


def _table(change: Splitting) -> Any:
    return made_table.tree(change.definition, change.other, change.schema, _EXAMPLE)


def _read(change: Splitting) -> _Definition:
    """The definition taken apart.

    Raises:
        Refused: it is not a table with a primary key that is a foreign key, and plain columns.
    """
    shape = (
        f"the primary key of {change.other} must be its foreign key to {change.target}, so that each row there has one "
        "row here"
    )
    made = made_table.read(_table(change), change.target, change.other, _EXAMPLE, shape)
    if made.foreign_key.columns != made.key:
        raise Refused(shape, hint=_EXAMPLE)
    moved = tuple(each for each in made.columns if each.name not in made.key)
    if not moved:
        raise Refused(f"no column moves to {change.other}", hint=_EXAMPLE)
    return _Definition(moved, made.key, made.foreign_key)


def _require_alike(each: MadeColumn, column: Column, old: Relation) -> None:
    """Refuse a column that could not hold what the old one holds.

    Raises:
        Refused: another type or collation, NOT NULL or a default that the old one has not.
    """
    where = f'column "{each.name}"'
    if canonical_type(each.type) != canonical_type(column.type_name) or column.collation:
        raise Refused(
            f"{where} is of type {each.type} in the new table, and of type {column.type_name}"
            f"{' COLLATE ' + column.collation if column.collation else ''} in {old.name}",
            hint="move it as it is, and change it in a later migration",
        )
    if each.not_null and not column.not_null:
        raise Refused(
            f"{where} is NOT NULL in the new table, and not in {old.name}: a write of old code could fail",
            hint="leave NOT NULL out here, and set it in a later migration",
        )
    if each.default and (column.default is None or _bare(column.default) != _bare(each.default)):
        raise Refused(
            f"{where} has the default {each.default} in the new table, and {column.default or 'none'} in {old.name}",
            hint="leave the default out here, and set it in a later migration",
        )


def _bare(default: str) -> str:
    """A default without the casts that the server writes around it."""
    node = parse_expression(default)
    while isinstance(inner := unwrap(node), pb.TypeCast):
        node = inner.arg
    return deparse_expression(node)
