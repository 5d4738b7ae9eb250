"""Make rows of the elements of an array column, in a table of their own, while old and new code run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from migrator.changes.kind import Context, Draft, Obstacle, OnTable
from migrator.changes.moving import Moving, carried, made_table
from migrator.changes.moving.divided import Pointing
from migrator.changes.moving.made_table import MadeColumn, MadeTable
from migrator.changes.moving.sides import Sides, canonical_type, changed, is_row, is_unique, primary_key, to_be_unique
from migrator.changes.moving.triggers import Names, Sync
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action, named_table
from migrator.sql.compose import Sql, ident, qualified
from migrator.sql.rewrite import slug

_DIRECTIVE = "-- migrator: unnest = posts (tag_ids)"
_EXAMPLE = (
    "CREATE TABLE post_tags (post_id bigint REFERENCES posts ON DELETE CASCADE ON UPDATE CASCADE, tag_id bigint, "
    "PRIMARY KEY (post_id, tag_id))"
)
_GUARD = "migrator.syncing"
_SYNCS = (
    Sync("old", False, "AFTER INSERT OR UPDATE", "takes what old code writes into the array to the new table"),
    Sync("before", True, "BEFORE INSERT", "locks the row of the old table first, as whoever writes the array does"),
    Sync("new", True, "AFTER INSERT OR UPDATE", "takes what new code writes to the array"),
    Sync("delete", True, "AFTER DELETE", "takes what new code deletes out of the array"),
)


class Unnesting(OnTable, frozen=True):
    """Parameters of ``unnest_column``.

    Attributes:
        column: the array.
        to: the new table.
        definition: its CREATE TABLE: a foreign key to the table, a column for the value, both the primary key.
        to_schema: its schema; an empty string: that of the table.
    """

    column: str
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

    table: MadeTable
    value: MadeColumn


class UnnestColumn(Moving[Unnesting]):
    """Make rows of the elements of an array column, in a table of their own, while old and new code run.

    What happens
        You write the table you want, with a foreign key to the table of the array, a column for the value, and both as
        primary key: a junction table, as ``post_tags`` is for ``posts.tag_ids``. Expand creates it, and triggers on
        both tables that take every change across. The backfill makes the rows of arrays that are there. Contract, once
        no old code is left, drops the triggers and the array, in short transactions that lock one table each. Before
        it, rows where the two differ are counted, and elements that cannot be rows: it is refused while there are any.

    Who wins
        The last one to write. An array that old code writes is what there is afterwards: rows of elements that are no
        longer in it go, those of new ones come. A row that new code inserts is an element at the end of the array, one
        that it updates changes in its place, one that it deletes goes from the array however often it is there; the
        other elements stay, and where they stand. A write that leaves the array as it is takes nothing across and locks
        nothing there. Deletes and changed keys of the old table go across by the foreign key.

    What old code sees
        An element that is there several times is one row, and old code goes on seeing it several times. NULL and the
        empty array have no rows; old code reads what it wrote, and an empty array where new code deleted the last row.
        Arrays of several dimensions become flat when new code changes them. NULL elements, and texts longer than 2,000
        bytes, are no rows: old code may write them, and contract counts them.

    Partitioned tables
        The table of the array may be partitioned; then its primary key has the columns that divide it, and so has the
        new table. A row that an UPDATE takes to another partition keeps its rows, but for what the statement changes.
        By PostgreSQL 14 the foreign key deletes them: they are made again until contract, and are gone after it. The
        new table is an ordinary one: ``-- migrator: partition = …`` divides it later. DETACH PARTITION fails while
        rows of the new table belong to rows there. A partition that is attached with rows after the backfill has no
        rows in the new table: contract counts them.

    A table of the values
        The value may be a foreign key, ``tag text REFERENCES tags (name)``. A value that old code writes, or that the
        backfill finds, and that is not there yet, is added to that table; new code adds its own before. What becomes of
        rows when a value changes or goes there is what the foreign key says, and comes to the arrays: ON UPDATE CASCADE
        renames an element everywhere. Refused where such a row could not be added: NOT NULL without a default,
        constraints besides the key, row security. A key of numbers, where the array holds names, is a later migration.

    What is refused
        Another primary key, since order and repetition in the array have no place there. Constraints, indexes and
        columns besides: they are later migrations. A foreign key without ON DELETE CASCADE, or ON UPDATE CASCADE where
        the key can change. A value of another type than that of the elements; an array NOT NULL without a default,
        since new code does not name the column. Columns that others rely on, as by drop_column. Row security,
        subscriptions. A database is needed.

    Limits
        The order of elements, and how often one is there, are gone after contract. Until then a write of an array of
        five costs the server about ten times what it did, one of another column a third more. New code does not find
        all rows until the backfill has made them, and cannot delete one that is not there yet: it starts after the
        backfill. Whoever changes rows of one array, in either table, waits for the other's commit. Two that change
        one array at the same time, one in each table, can deadlock (40P01); the server ends one of them, which may be
        repeated. One at REPEATABLE READ that writes an array while the backfill makes its rows does not see them:
        contract counts such arrays. Where a trigger of yours takes other elements out of the array while a row of new
        code is taken across, their rows stay: contract counts such arrays. TRUNCATE of the new table is not taken
        across, that of the old one fails from expand on, as for every table that a foreign key points to. Privileges on
        the table are granted on the new one as well; who may read the array alone may read its elements, who may change
        it alone may insert, change and delete them.

    Example::

        -- migrator: unnest = posts (tag_ids)
        CREATE TABLE post_tags (
            post_id bigint REFERENCES posts ON DELETE CASCADE ON UPDATE CASCADE,
            tag_id bigint,
            PRIMARY KEY (post_id, tag_id)
        )
    """

    name = "unnest_column"
    unknown_without_tables = frozenset({Phase.EXPAND})
    spec = Unnesting
    options = frozenset({"unnest"})
    syncs = _SYNCS
    functions = "unnesting"
    is_new_first = True

    def recognise(self, action: Action, schema: Schema) -> Unnesting | None:
        """``CREATE TABLE …`` with a directive ``unnest``."""
        if action.kind != "create_stmt" or "unnest" not in action.options:
            return None
        relation, columns = named_table(action.options["unnest"], _DIRECTIVE)
        if len(columns) != 1:
            raise Refused(f"not one column of a table: {action.options['unnest']}", hint=_DIRECTIVE)
        ident(columns[0])
        old = schema.resolve(relation.schemaname, relation.relname)
        new, definition = made_table.written(action, schema)
        return Unnesting(
            schema=old.schema,
            table=old.name,
            column=columns[0],
            to=new.name,
            to_schema=new.schema if new.schema != old.schema else "",
            definition=definition,
        )

    def touched(self, change: Unnesting) -> dict[TableName, tuple[str, ...]]:
        """The array and the key; the name of the new table must be free."""
        table = _read(change).table
        touched = {change.target: (change.column, *table.foreign_key.referenced), change.other: ()}
        return touched if table.lookup is None else {**touched, table.lookup.to: table.lookup.referenced}

    def takes_away(self, change: Unnesting) -> dict[TableName, tuple[str, ...]]:
        """The array."""
        return {change.target: (change.column,)}

    def fills(self, change: Unnesting) -> tuple[TableName, ...]:
        """The new table."""
        return (change.other,)

    def new_table(self, change: Unnesting) -> TableName:
        """See ``Moving``."""
        return change.other

    def sides(self, change: Unnesting, context: Context) -> Sides:
        """See ``Moving``."""
        key, old = _read(change).table.foreign_key, context.schema.relation(change.target)
        old_key = key.referenced or (primary_key(old) if old else ())
        return Sides(change.target, change.other, (change.column,), old_key, key.columns)

    def validate(self, change: Unnesting, context: Context) -> Iterator[str]:
        """The elements can be rows that follow those of the old table."""
        old = made_table.require_beside(change, change.other, context, or_partitioned=True)
        definition, sides = _read(change), self.sides(change, context)
        key = [old.column(name) for name in sides.old_key]
        if (
            not is_unique(old, sides.old_key)
            or len(sides.old_key) != len(sides.new_key)
            or not all(each is not None and each.not_null for each in key)
        ):
            raise Refused(
                f"the foreign key of {change.other} does not point to a key of {change.target} that is NOT NULL",
                hint=to_be_unique(old, sides.old_key),
            )
        made_table.require_following(definition.table.foreign_key, old, sides)
        yield from self.require_old(sides, old)
        column = old.column(change.column)
        if column is not None and (
            column.collation or canonical_type(column.type_name) != canonical_type(f"{definition.value.type}[]")
        ):
            raise Refused(
                f'column "{definition.value.name}" is of type {definition.value.type} in the new table, and '
                f'"{change.column}" of {old.name} of type {column.type_name}'
                f"{' COLLATE ' + column.collation if column.collation else ''}",
                hint="take the elements as they are, and change them in a later migration",
            )
        if definition.table.lookup is not None:
            yield from made_table.require_lookup(definition.table.lookup, context)
        yield from self.require_followed(change, context, sides)
        yield f"the order of elements in {change.column}, and how often one is there, are gone after contract"
        yield f"TRUNCATE of {change.target} fails from expand on, since the foreign key of {change.other} points to it"
        for trigger in old.triggers:
            yield (
                f"trigger {trigger} of {old.name} fires on writes that are taken across, with the rights of the role "
                "that expands"
            )

    def pointing(self, change: Unnesting, context: Context, sides: Sides) -> Pointing | None:
        """See ``Moving``."""
        del context, sides
        return Pointing(_read(change).table.foreign_key, is_on_new=True)

    def followed(
        self, change: Unnesting, sides: Sides, names: Names, found: Pointing, old: Relation
    ) -> tuple[Mapping[str, Sql], Sql]:
        """See ``Moving``."""
        del change, sides, names, found, old
        return {}, Sql("")

    def arrive(self, change: Unnesting, context: Context, sides: Sides, old: Relation) -> Iterator[Draft]:
        """The new table, with the privileges of the old one."""
        del context
        lookup = _lookup(change)
        yield made_table.created(_tree(change), sides, lookup[0] if lookup else None)
        yield from made_table.granted(old, sides)
        yield from carried.grants_of_key(sides, old)
        yield from carried.grants_of_elements(sides, old, _read(change).value.name)

    def function_values(
        self, change: Unnesting, sides: Sides, names: Names, old: Relation
    ) -> dict[str, dict[str, Any]]:
        """See ``Moving``."""
        del old
        value = _read(change).value.name
        both: dict[str, Any] = {
            "old": sides.old_sql,
            "new": sides.new_sql,
            "array": change.column,
            "value": value,
            "guard": _GUARD,
        }
        on_new = {
            **both,
            "found": sides.found_by_new("NEW"),
            "was": sides.found_by_new("OLD"),
            "row": is_row("n", "NEW", (*sides.new_key, value)),
            "old_row": is_row("n", "OLD", (*sides.new_key, value)),
        }
        return {
            "old": {
                **both,
                "guard": _GUARD,
                "changed": changed((change.column,), ()),
                "current": sides.own_old,
                "found": sides.found_by_old("NEW"),
                "key": sides.old_key,
                "new_key": sides.new_key,
                "fits": _fits(change),
                "left": names.left,
            },
            "before": {**on_new, "lookup": _lookup(change)},
            "new": {
                **on_new,
                "changed": changed((*sides.new_key, value), ()),
                "moved": changed(sides.new_key, ()),
            },
            "delete": on_new,
        }

    def backfill(self, change: Unnesting, context: Context) -> Iterator[Draft]:
        """The rows of arrays that were there before expand."""
        yield Draft(
            f"fill-{slug(change.to)}",
            self._with_elements("fill", change, self.sides(change, context)),
            "elements written before the triggers existed",
        )

    def obstacles(self, change: Unnesting, context: Context) -> Iterator[Obstacle]:
        """Elements that contract would lose, and rows where the two differ."""
        old = context.schema.relation(change.target)
        if old is None or old.column(change.column) is None:
            return
        sides = self.sides(change, context)
        too_long = f", or longer than {made_table.LONGEST} bytes" if made_table.is_long(_read(change).value) else ""
        yield Obstacle(
            self._with_elements("without", change, sides),
            f"rows of {sides.old} have elements in {change.column} that are NULL{too_long}: contract would lose them",
            f"take them out of the array, in {sides.old}",
            Phase.CONTRACT,
        )
        if context.schema.relation(change.other) is None:
            return
        yield Obstacle(
            self._with_elements("apart", change, sides),
            f"rows of {sides.old} have other elements in {change.column} than there are rows in {sides.new}",
            f"insert those that are missing into {sides.new}, delete those left over; a transaction at REPEATABLE "
            "READ, or a trigger of yours, can leave such rows behind",
            Phase.CONTRACT,
        )

    def depart(self, change: Unnesting, context: Context, sides: Sides) -> Iterator[Draft]:
        """See ``Moving``."""
        del change, context
        yield from self.drop_columns(sides)

    def withdraw(self, change: Unnesting, context: Context, sides: Sides) -> Iterator[Draft]:
        """See ``Moving``."""
        del context
        yield from made_table.dropped(sides, self._with_elements("ahead", change, sides))

    def _with_elements(self, name: str, change: Unnesting, sides: Sides) -> Sql:
        return self.template(
            name,
            old=sides.old_sql,
            new=sides.new_sql,
            link=sides.link,
            array=change.column,
            value=_read(change).value.name,
            key=sides.old_key,
            new_key=sides.new_key,
            fits=_fits(change),
        )


def _lookup(change: Unnesting) -> tuple[Sql, str] | None:
    """The table of the values, and its column."""
    lookup = _read(change).table.lookup
    return None if lookup is None else (qualified(lookup.to.schema, lookup.to.name), lookup.referenced[0])


def _fits(change: Unnesting) -> Sql:
    """Whether an element ``e.v`` can be a row."""
    return made_table.fits("e.v", _read(change).value)


def _tree(change: Unnesting) -> Any:
    return made_table.tree(change.definition, change.other, change.schema, _EXAMPLE)


def _read(change: Unnesting) -> _Definition:
    """The definition taken apart.

    Raises:
        Refused: it is not a table whose primary key is a foreign key and a value.
    """
    shape = (
        f"{change.other} must have a foreign key to {change.target}, a column for the value, and both as primary key, "
        "so that each element has one row"
    )
    table = made_table.read(_tree(change), change.target, change.other, _EXAMPLE, shape, may_look_up=True)
    values = [each for each in table.columns if each.name not in table.foreign_key.columns]
    if sorted(table.key) != sorted(each.name for each in table.columns) or len(values) != 1 or values[0].default:
        raise Refused(shape, hint=_EXAMPLE)
    lookup = table.lookup
    if lookup is not None and (
        lookup.columns != (values[0].name,) or len(lookup.referenced) != 1 or lookup.is_deferrable
    ):
        raise Refused(
            f"the foreign key to {lookup.to} must be one of the value alone, to a column that is written, and not "
            "DEFERRABLE",
            hint=f"{values[0].name} … REFERENCES {qualified(lookup.to.schema, lookup.to.name)} (…)",
        )
    return _Definition(table, values[0])
