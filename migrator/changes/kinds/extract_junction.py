"""Let rows belong to many others: a key, and what goes with it, becomes rows of a junction table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from migrator.changes.kind import Context, Draft, Obstacle, OnTable
from migrator.changes.moving import Moving, carried, made_table
from migrator.changes.moving.made_table import MadeColumn, MadeTable
from migrator.changes.moving.pairs import Pairs, require_sound
from migrator.changes.moving.sides import Sides, changed, is_row, is_unique, primary_key, typed
from migrator.changes.moving.triggers import Names, Sync
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action, named_table_with
from migrator.sql.compose import Sql, field, ident, qualified
from migrator.sql.rewrite import slug

_DIRECTIVE = "-- migrator: extract = users (account_id, account_role AS role)"
_EXAMPLE = (
    "CREATE TABLE memberships (user_id bigint REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE, "
    "account_id bigint REFERENCES accounts, role text, PRIMARY KEY (user_id, account_id))"
)
_GUARD = "migrator.syncing"
_SYNCS = (
    Sync("old", False, "AFTER INSERT OR UPDATE", "takes what old code writes to the new table"),
    Sync(
        "before", True, "BEFORE INSERT OR UPDATE", "locks the row of the old table first, as whoever writes there does"
    ),
    Sync("new", True, "AFTER INSERT OR UPDATE OR DELETE", "takes what new code writes to where old code sees it"),
)


class Extraction(OnTable, frozen=True):
    """Parameters of ``extract_junction``.

    Attributes:
        columns: those that move: the key of what a row belongs to, and what goes with it.
        to: the new table.
        definition: its CREATE TABLE: a foreign key to the table and the key, both the primary key, and the others.
        names: what the columns are called there, in the same order; none: as they are here.
        to_schema: its schema; an empty string: that of the table.
    """

    columns: tuple[str, ...]
    to: str
    definition: str
    names: tuple[str, ...] = ()
    to_schema: str = ""

    @property
    def other(self) -> TableName:
        """The new table."""
        return TableName(self.to_schema or self.schema, self.to)


@dataclass(frozen=True, slots=True)
class _Definition:
    """The new table as it is written.

    Attributes:
        value: the key of what a row belongs to, there.
        pairs: the columns that move and their names there, ``value`` first.
    """

    table: MadeTable
    value: MadeColumn
    pairs: Pairs


class ExtractJunction(Moving[Extraction]):
    """Let rows belong to many others: a key, and what goes with it, becomes rows of a junction table.

    What happens
        You write the table you want, with a foreign key to the table that is there, the key that moves, both as primary
        key, and what goes with it: ``memberships``, for ``users.account_id`` and ``users.account_role``. Expand creates
        it, and triggers on both tables that take every change across. The backfill makes the rows of keys that are
        there. Contract, once no old code is left, drops the triggers and the columns, in short transactions that lock
        one table each. Before it, rows where the two differ are counted, and what has no place in the new table: it is
        refused while there are any.

    Who wins
        The last one to write. Old code has one key for each row: another one that it writes takes the place of the one
        it saw, and has what old code wrote with it, also where new code has given the row that key before; NULL takes
        the one it saw away, and no other. What new code writes to the row that old code sees goes across, to another
        one it does not. A write that leaves the columns as they are takes nothing across and locks nothing there.

    What old code sees
        Of several rows the one it has, as long as one of that key is there, and then what new code made of it. The
        first one that comes while it sees none. When new code deletes the one it saw, or gives it to another row: the
        one with the smallest key of the others, or NULL, and a default where a column is NOT NULL. After NULL of its
        own it sees NULL, until new code adds a row. What is deleted in the table that the key points to, or gets
        another key there, goes in each table as its own foreign key says.

    What is refused
        Another primary key; constraints, indexes and columns besides: they are later migrations. A foreign key to the
        table without ON DELETE CASCADE, or ON UPDATE CASCADE where the key can change. One of the key that moves, where
        the column has none like it, or one that is DEFERRABLE: old code could write what it does not allow; and where
        that would stop a delete or a changed key which the old one does not: it says CASCADE then. One to the table
        itself that follows changed keys. A key that is NOT NULL, since new code does not name it, and one with a
        default, since rows of new code would have it. Other columns that are NOT NULL without a default, or in the new
        table alone; other types. Columns that others rely on, as by drop_column. Row security, subscriptions. A
        database is needed.

    Limits
        New code does not find all rows until the backfill has made them, and cannot change or delete one that is not
        there yet: it starts after the backfill. Rollback keeps what old code sees, counts the other rows, and needs
        --yes. Whoever gives one row another key, in either table, waits for the other's commit. Two that change what
        belongs to one row at the same time can deadlock (40P01): one in each table, or two that take away and change
        what is in the new one; the server ends one of them, which may be repeated. One at REPEATABLE READ does not see
        a row that is being made: where old code writes its key, that fails as a serialization failure (40001), and may
        be repeated; whatever differs contract counts. UNIQUE and foreign keys of the old columns bind until contract
        what old code sees. Keys that are texts longer than 2,000 bytes, and what goes with no key at all, are no rows:
        old code may write them, and contract counts them. TRUNCATE of the new table is not taken across, that of the
        old one fails from expand on. Privileges on the table, and on the columns alone, are granted on the new one as
        well; who may change the key alone may insert, change and delete rows.

    Example::

        -- migrator: extract = users (account_id, account_role AS role)
        CREATE TABLE memberships (
            user_id bigint REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE,
            account_id bigint REFERENCES accounts,
            role text,
            PRIMARY KEY (user_id, account_id)
        )
    """

    name = "extract_junction"
    unknown_without_tables = frozenset({Phase.EXPAND})
    spec = Extraction
    options = frozenset({"extract"})
    syncs = _SYNCS
    functions = "extracting"
    is_new_first = True

    def recognise(self, action: Action, schema: Schema) -> Extraction | None:
        """``CREATE TABLE …`` with a directive ``extract``."""
        if action.kind != "create_stmt" or "extract" not in action.options:
            return None
        relation, called = named_table_with(action.options["extract"], _DIRECTIVE)
        for name in called:
            ident(name)
        old = schema.resolve(relation.schemaname, relation.relname)
        new, definition = made_table.written(action, schema)
        return Extraction(
            schema=old.schema,
            table=old.name,
            columns=tuple(called),
            to=new.name,
            definition=definition,
            names=tuple(called.values()) if any(name != there for name, there in called.items()) else (),
            to_schema=new.schema if new.schema != old.schema else "",
        )

    def touched(self, change: Extraction) -> dict[TableName, tuple[str, ...]]:
        """The columns and the key; the name of the new table must be free."""
        table = _read(change).table
        touched = {change.target: (*change.columns, *table.foreign_key.referenced), change.other: ()}
        lookup = table.lookup
        if lookup is None:
            return touched
        return {**touched, lookup.to: (*touched.get(lookup.to, ()), *lookup.referenced)}

    def takes_away(self, change: Extraction) -> dict[TableName, tuple[str, ...]]:
        """The columns."""
        return {change.target: change.columns}

    def fills(self, change: Extraction) -> tuple[TableName, ...]:
        """The new table."""
        return (change.other,)

    def new_table(self, change: Extraction) -> TableName:
        """See ``Moving``."""
        return change.other

    def sides(self, change: Extraction, context: Context) -> Sides:
        """See ``Moving``."""
        definition, old = _read(change), context.schema.relation(change.target)
        key = definition.table.foreign_key
        old_key = key.referenced or (primary_key(old) if old else ())
        return Sides(change.target, change.other, definition.pairs.old, old_key, key.columns)

    def validate(self, change: Extraction, context: Context) -> Iterator[str]:
        """The keys can be rows that follow those of the old table."""
        old = made_table.require_beside(change, change.other, context)
        definition, sides = _read(change), self.sides(change, context)
        key = [old.column(name) for name in sides.old_key]
        if (
            not is_unique(old, sides.old_key)
            or len(sides.old_key) != len(sides.new_key)
            or not all(each is not None and each.not_null for each in key)
        ):
            raise Refused(
                f"the foreign key of {change.other} does not point to a key of {change.target} that is NOT NULL"
            )
        made_table.require_following(definition.table.foreign_key, old, sides)
        require_sound(definition.pairs, definition.table, sides, old, context)
        yield from self.require_old(sides, old)
        for index in old.indexes:
            if index.is_unique and definition.pairs.first in index.columns and index.constraint is None:
                yield f"unique index {index.name} binds what old code sees of {sides.new} until contract"
        yield f"until contract, old code sees one of several rows of {sides.new} for each of {sides.old}"
        yield f"TRUNCATE of {change.target} fails from expand on, since the foreign key of {change.other} points to it"
        for trigger in old.triggers:
            yield (
                f"trigger {trigger} of {old.name} fires on writes that are taken across, with the rights of the role "
                "that expands"
            )

    def new_defaults(self, change: Extraction, old: Relation) -> dict[str, str]:
        """See ``Moving``."""
        del old
        there = {each.name: each.default for each in _read(change).table.columns}
        return {name: there[called] for name, called in _read(change).pairs.rest.items() if there[called]}

    def arrive(self, change: Extraction, context: Context, sides: Sides, old: Relation) -> Iterator[Draft]:
        """The new table, with the privileges of the old one."""
        del context
        definition = _read(change)
        lookup = definition.table.lookup
        yield made_table.created(_tree(change), sides, qualified(lookup.to.schema, lookup.to.name) if lookup else None)
        yield from made_table.granted(old, sides)
        yield from carried.grants_of_key(sides, old)
        yield from carried.grants_of_elements(sides, old, definition.value.name, definition.pairs.rest)
        yield from carried.settings(sides, old, definition.pairs.called)

    def function_values(
        self, change: Extraction, sides: Sides, names: Names, old: Relation
    ) -> dict[str, dict[str, Any]]:
        """See ``Moving``."""
        del names
        definition = _read(change)
        pairs, value, there = definition.pairs, definition.pairs.first, definition.value.name
        defaults, held = self.new_defaults(change, old), f"sync.held.{field(definition.pairs.first)}"
        both: dict[str, Any] = {
            "old": sides.old_sql,
            "new": sides.new_sql,
            "columns": pairs.old,
            "pairs": pairs.called,
            "value": value,
            "new_value": there,
            "guard": _GUARD,
        }
        moved = [column for name in pairs.old if (column := old.column(name)) is not None]
        on_new = {
            **both,
            "found": sides.found_by_new("NEW"),
            "row": is_row("n", "NEW", (*sides.new_key, there)),
        }
        return {
            "old": {
                **both,
                "changed": changed(pairs.old, ()),
                "current": sides.own_old,
                "key": sides.old_key,
                "new_key": sides.new_key,
                "fits": made_table.fits(held, definition.value),
                "own_row": _at(sides, there, held),
                "old_row": _at(sides, there, f"OLD.{field(value)}"),
                "rekeyed": changed(sides.old_key, ()),
                "conflicts": pairs.differ_there("n", "EXCLUDED"),
            },
            "before": {
                **on_new,
                "rekeyed": changed((*sides.new_key, there), ()),
                "defaults": {each.name: typed(defaults.get(each.name), each) for each in moved if each.name != value},
            },
            "new": {
                **on_new,
                "changed": changed((*sides.new_key, *pairs.new), ()),
                "moved": changed(sides.new_key, ()),
                "found_before": sides.found_by_new("OLD"),
                "old_row": is_row("n", "OLD", (*sides.new_key, there)),
                "siblings": is_row("n", "OLD", sides.new_key),
                "differs": pairs.differ("o", "n"),
                "cleared": {each.name: Sql("DEFAULT" if each.not_null else "NULL") for each in moved},
            },
        }

    def backfill(self, change: Extraction, context: Context) -> Iterator[Draft]:
        """The rows of keys that were there before expand."""
        yield Draft(
            f"fill-{slug(change.to)}",
            self._with_pairs("fill", change, self.sides(change, context)),
            "keys written before the triggers existed",
        )

    def obstacles(self, change: Extraction, context: Context) -> Iterator[Obstacle]:
        """What contract would lose, and rows where the two differ."""
        old = context.schema.relation(change.target)
        if old is None or any(old.column(name) is None for name in change.columns):
            return
        sides, definition = self.sides(change, context), _read(change)
        value, others = definition.pairs.first, ", ".join(definition.pairs.rest)
        held = {
            column.name: None if column.default is None else typed(column.default, column)
            for name in definition.pairs.rest
            if (column := old.column(name)) is not None and not column.default_is_volatile
        }
        is_long = made_table.is_long(definition.value)
        without = [f"hold {others} without {value}"] if held else []
        without += [f"have {value} longer than {made_table.LONGEST} bytes"] if is_long else []
        if without:
            yield Obstacle(
                self._with_pairs("without", change, sides, held=held),
                f"rows of {sides.old} {', or '.join(without)}: {sides.new} has no place for it, contract would lose it",
                f"clear {others or value}, or write a {value} that can be part of a key, in {sides.old}",
                Phase.CONTRACT,
            )
        if context.schema.relation(change.other) is None:
            return
        yield Obstacle(
            self._with_pairs("apart", change, sides),
            f"rows of {sides.old} have {', '.join(definition.pairs.old)} that are not in {sides.new}",
            f"write the right values into {sides.new}; a transaction at REPEATABLE READ, or a trigger of yours, can "
            "leave such rows behind",
            Phase.CONTRACT,
        )

    def depart(self, change: Extraction, context: Context, sides: Sides) -> Iterator[Draft]:
        """See ``Moving``."""
        del change, context
        yield from self.drop_columns(sides)

    def withdraw(self, change: Extraction, context: Context, sides: Sides) -> Iterator[Draft]:
        """See ``Moving``."""
        del context
        yield from made_table.dropped(sides, self._with_pairs("ahead", change, sides))

    def _with_pairs(self, name: str, change: Extraction, sides: Sides, **more: Any) -> Sql:
        definition = _read(change)
        pairs = definition.pairs
        return self.template(
            name,
            old=sides.old_sql,
            new=sides.new_sql,
            link=sides.link,
            key=sides.old_key,
            new_key=sides.new_key,
            pairs=pairs.called,
            value=pairs.first,
            new_value=definition.value.name,
            fits=made_table.fits(f"o.{ident(pairs.first)}", definition.value),
            differs=pairs.differ("o", "n"),
            **more,
        )


def _at(sides: Sides, value: str, held: str) -> Sql:
    """Whether ``n`` is the row of the new table with a value, for the row that a trigger of the old one is about."""
    return Sql(f"{sides.found_by_old('NEW')} AND n.{ident(value)} OPERATOR(pg_catalog.=) {held}")


def _tree(change: Extraction) -> Any:
    return made_table.tree(change.definition, change.other, change.schema, _EXAMPLE)


def _read(change: Extraction) -> _Definition:
    """The definition taken apart.

    Raises:
        Refused: it is not a table whose primary key is a foreign key and one of the columns, with the others beside.
    """
    shape = (
        f"{change.other} must have a foreign key to {change.target}, the key that moves, and both as primary key, "
        "so that each row there can have several here"
    )
    names = change.names or change.columns
    if len(names) != len(change.columns) or len(set(names)) != len(names):
        raise Refused(
            "each column must have one name in the new table, and another one than the others", hint=_DIRECTIVE
        )
    table = made_table.read(
        _tree(change), change.target, change.other, _EXAMPLE, shape, may_look_up=True, looked_up=names
    )
    called = dict(zip(change.columns, names, strict=True))
    key = table.foreign_key.columns
    strange = {each.name for each in table.columns} ^ {*key, *names}
    if strange:
        raise Refused(
            f"the columns of {change.other} besides the foreign key must be those that move: "
            + ", ".join(sorted(strange)),
            hint=f"name them in the directive, or leave them to a later migration: {_DIRECTIVE}",
        )
    values = [name for name in called if called[name] in table.key]
    if len(values) != 1 or sorted(table.key) != sorted((*key, called[values[0]])) or set(key) & set(names):
        raise Refused(shape, hint=f"{_DIRECTIVE}\n{_EXAMPLE}")
    value = next(each for each in table.columns if each.name == called[values[0]])
    if value.default:
        raise Refused(f'column "{value.name}" of {change.other} has a default, as a key', hint=_EXAMPLE)
    first = values[0]
    return _Definition(
        table, value, Pairs({first: called[first], **{name: called[name] for name in called if name != first}})
    )
