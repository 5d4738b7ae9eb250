"""The schema as far as the files given tell it, replayed statement by statement.

What the files never mention is assumed to exist already, with rows and users. Values are immutable and replaced as a
whole, so that a journal of replaced values is enough to undo a rolled-back transaction. They are msgspec structs, which
are made several times faster than dataclasses: a history has tens of thousands of columns. None of them can be in a
cycle, so that the search for cycles leaves them aside (``gc=False``), which saves memory as well.
"""

from __future__ import annotations

from functools import lru_cache
from sys import intern
from typing import Any

import msgspec
from msgspec.structs import replace

from migrator.lint.objects import Routine, View
from migrator.sql.parser import leaves, pb, unwrap, walk
from migrator.sql.volatility import Volatility

Key = tuple[str, str]
"""Schema and name."""

TEMPORARY = "pg_temp"
ASSUMED = -1
"""Number of the file of what no file created."""
BASE = 0
"""Number of the file of what a base says is there, before the first file."""

_SERIALS = {
    "serial": "int4", "serial4": "int4", "bigserial": "int8", "serial8": "int8", "smallserial": "int2",
    "serial2": "int2",
}  # fmt: skip


_TITLES = {
    "int2": "smallint", "int4": "integer", "int8": "bigint", "float4": "real", "float8": "double precision",
    "bool": "boolean", "bpchar": "char",
}  # fmt: skip


class TypeName(msgspec.Struct, frozen=True, gc=False):
    """A type as written in SQL, in PostgreSQL's internal spelling: ``int4``, ``varchar``.

    Attributes:
        mods: length, or precision and scale; empty if none were given.
        dimensions: number of array brackets.
        collation: explicit COLLATE, or an empty string.
    """

    name: str
    mods: tuple[int, ...] = ()
    dimensions: int = 0
    collation: str = ""

    @property
    def title(self) -> str:
        """As people write it, ``integer``, ``varchar(20)[]``."""
        mods = f"({', '.join(map(str, self.mods))})" if self.mods and self.name != "interval" else ""
        return _TITLES.get(self.name, self.name) + mods + "[]" * self.dimensions


class Column(msgspec.Struct, frozen=True, gc=False):
    """A column; ``type`` is None and flags are None where no file tells.

    Attributes:
        numbered: whether a sequence of its own fills it: serial or identity.
        virtual: whether it is generated when it is read, and stored nowhere.
    """

    name: str
    type: TypeName | None = None
    not_null: bool | None = None
    has_default: bool | None = None
    file: int = ASSUMED
    numbered: bool = False
    virtual: bool = False


class Constraint(msgspec.Struct, frozen=True, gc=False):
    """A table constraint.

    Attributes:
        kind: PostgreSQL's ``CONSTR_…``.
        columns: those it mentions, as far as they can be read off.
        proves_not_null: columns that cannot be NULL in any row once it is valid.
        valid: whether existing rows are known to satisfy it.
        transaction: identifies the file and transaction in which it became valid.
        references: the table that a foreign key refers to.
    """

    name: str
    kind: int
    columns: tuple[str, ...] = ()
    proves_not_null: frozenset[str] = frozenset()
    valid: bool = True
    transaction: tuple[int, int] = (ASSUMED, 0)
    references: Key | None = None


class Table(msgspec.Struct, frozen=True, gc=False):
    """A relation that can be locked.

    Attributes:
        file: number of the file that created it, or ``ASSUMED``.
        complete: whether all its columns are known.
        triggers: whether a file put a trigger on it, and which one last.
        parent: the partitioned table that it is a partition of.
        default_partition: its own DEFAULT partition.
        partitioned_by: columns that its partition key mentions; empty if no file tells.
        dependants: by their names for people, what reads its columns and stands in the way of changing them: policies,
            triggers, generated columns.
    """

    key: Key
    file: int = ASSUMED
    complete: bool = False
    partitioned: bool = False
    columns: dict[str, Column] = {}
    constraints: dict[str, Constraint] = {}
    trigger_file: int = ASSUMED
    parent: Key | None = None
    default_partition: Key | None = None
    dependants: dict[str, frozenset[str]] = {}
    partitioned_by: frozenset[str] = frozenset()

    def may_prove_bounds(self, parent: Table) -> bool:
        """Whether a valid CHECK may tell the server which rows of the parent's key are here, so that it reads none."""
        return any(
            known.kind == pb.CONSTR_CHECK
            and known.valid
            and (not parent.partitioned_by or not parent.partitioned_by.isdisjoint(known.columns))
            for known in self.constraints.values()
        )


class Index(msgspec.Struct, frozen=True, gc=False):
    """An index: the table it is on, its plain columns (empty if it has expressions), and where it was made."""

    table: Key
    columns: tuple[str, ...]
    unique: bool
    partial: bool
    file: int
    method: str = "btree"


class Domain(msgspec.Struct, frozen=True, gc=False):
    """A domain: what it is over, and whether it has constraints."""

    base: TypeName
    constrained: bool


def type_of(node: Any) -> TypeName:
    """The type a ``TypeName`` node names; serial types become the integer behind them."""
    return type_and_serial(node)[0]


def type_and_serial(node: Any) -> tuple[TypeName, bool]:
    """Likewise, and whether it is ``serial`` or one of its sizes."""
    names = node.names
    name = last = names[-1].string.sval
    if len(names) > 1 and names[0].string.sval not in _PLAIN_SCHEMAS:
        name = ".".join(names_in(names))
    mods: tuple[int, ...] = ()
    for wrapped in node.typmods[:]:
        if wrapped.WhichOneof("node") == "a_const":
            constant = wrapped.a_const
            if constant.WhichOneof("val") == "ival":
                mods += (constant.ival.ival,)
    return _type(_SERIALS.get(name, name), mods, len(node.array_bounds)), last in _SERIALS


_PLAIN_SCHEMAS = ("pg_catalog", "public")


@lru_cache(maxsize=1024)
def _type(name: str, mods: tuple[int, ...], dimensions: int) -> TypeName:
    """One value for all columns of a type: a history has tens of thousands of columns, and few types."""
    return TypeName(name, mods, dimensions)


@lru_cache(maxsize=4096)
def shared_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """One value for all that are equal: most tables have an ``id``, and a history has thousands of tables."""
    return tuple(map(intern, names))


@lru_cache(maxsize=4096)
def shared_set(names: frozenset[str]) -> frozenset[str]:
    """Likewise for sets, each of which takes 200 bytes."""
    return names


def is_serial(node: Any) -> bool:
    """Whether a ``TypeName`` node is ``serial`` or one of its sizes."""
    return node.names[-1].string.sval in _SERIALS


def names_in(items: Any) -> tuple[str, ...]:
    """The texts of a list of ``String`` nodes."""
    return tuple(item.string.sval for item in items)


def columns_read(expression: Any) -> tuple[str, ...]:
    """Columns an expression mentions, in order, each once."""
    found: dict[str, None] = {}
    if not isinstance(expression, pb.Node):
        _take_columns(expression, found)
        return tuple(found)
    for kind, node in leaves(expression):
        if kind == "column_ref":
            last = node.fields[-1]
            if last.WhichOneof("node") == "string":
                found[last.string.sval] = None
        elif kind != "a_const":
            _take_columns(node, found)
    return tuple(found)


def _take_columns(message: Any, found: dict[str, None]) -> None:
    for node in walk(message):
        if isinstance(node, pb.ColumnRef):
            last = unwrap(node.fields[-1])
            if isinstance(last, pb.String):
                found[last.sval] = None


def columns_proved_not_null(expression: Any) -> frozenset[str]:
    """Columns that a CHECK proves not to be NULL: ``c IS NOT NULL``, alone or joined by AND.

    The same shapes that ``ConstraintImpliedByRelConstraint`` in ``src/backend/commands/tablecmds.c`` sees through.
    """
    proved: list[str] = []
    left = [expression]
    while left:
        part = left.pop()
        kind = part.WhichOneof("node")
        if kind == "null_test" and part.null_test.nulltesttype == pb.IS_NOT_NULL:
            argument = unwrap(part.null_test.arg)
            if isinstance(argument, pb.ColumnRef) and len(argument.fields) == 1:
                proved += names_in(argument.fields)
        elif kind == "bool_expr" and part.bool_expr.boolop == pb.AND_EXPR:
            left += part.bool_expr.args
    return frozenset(proved)


class Catalog:
    """All that is known, and a journal to take back what a rolled-back transaction did.

    Attributes:
        file: number of what goes out at once: the file being replayed, or all that is newer than a reference.
        search_path: schemas that unqualified names are looked up in.
        is_history: whether the file ran already: what it creates is in the base, if that has a table of the name.
    """

    def __init__(self) -> None:
        self.file = BASE
        self.is_history = False
        self.search_path: tuple[str, ...] = ("public",)
        self.tables: dict[Key, Table] = {}
        self.indexes: dict[Key, Index] = {}
        self.domains: dict[str, Domain] = {}
        self.functions: dict[str, Volatility] = {}
        self.routines: dict[str, tuple[Routine, ...]] = {}
        self.views: dict[Key, View] = {}
        self.enums: dict[str, tuple[str, ...]] = {}
        self._indexes_on: dict[Key, tuple[Key, ...]] = {}
        self._views_on: dict[Key, tuple[Key, ...]] = {}
        self._view_numbers: dict[Key, int] = {}
        self._views_made = 0
        self._temporary: set[Key] = set()
        self._journal: list[tuple[dict[Any, Any], Any, Any]] = []
        self._noted: set[tuple[int, Any]] = set()

    def start_file(self, number: int) -> None:
        """Begin the next file: what has its number is new, temporary tables and settings of the one before are gone."""
        self.file = number
        self.search_path = ("public",)
        for key in self._temporary:
            self.tables.pop(key, None)
        self._temporary.clear()
        self._journal.clear()
        self._noted.clear()

    def mark(self) -> int:
        """A point that ``rewind`` can return to, within the current file."""
        self._noted.clear()
        return len(self._journal)

    def rewind(self, mark: int) -> None:
        """Undo everything since ``mark``."""
        self._noted.clear()
        while len(self._journal) > mark:
            mapping, key, old = self._journal.pop()
            if old is None:
                mapping.pop(key, None)
            else:
                mapping[key] = old

    def put(self, mapping: dict[Any, Any], key: Any, value: Any) -> None:
        """Set an entry, or remove it with None, so that it can be taken back.

        What it was at the last mark is all that is kept: a file may change a table ten thousand times.
        """
        entry = (id(mapping), key)
        if entry not in self._noted:
            self._noted.add(entry)
            self._journal.append((mapping, key, mapping.get(key)))
        if value is None:
            mapping.pop(key, None)
        else:
            mapping[key] = value

    def resolve(self, schema: str, name: str, mapping: dict[Key, Any] | None = None) -> Key:
        """The full name PostgreSQL would find: temporary first, then along the search path."""
        if schema:
            return (TEMPORARY if schema.startswith(TEMPORARY) else schema, name)
        known: dict[Key, Any] = self.tables if mapping is None else mapping
        if (TEMPORARY, name) in known:
            return (TEMPORARY, name)
        for candidate in self.search_path:
            if (candidate, name) in known:
                return (candidate, name)
        return (self.search_path[0] if self.search_path else "public", name)

    def table(self, range_var: Any) -> Table | None:
        """What is known of the table a ``RangeVar`` names; None if no file mentioned it."""
        return self.tables.get(self.resolve(range_var.schemaname, range_var.relname))

    def table_or_assumed(self, range_var: Any) -> Table:
        """Likewise, a table without known columns if no file mentioned it."""
        key = self.resolve(range_var.schemaname, range_var.relname)
        return self.tables.get(key) or Table(key)

    def put_table(self, table: Table) -> None:
        """Add a table, or replace what is known of it."""
        if table.key[0] == TEMPORARY:
            self._temporary.add(table.key)
        self.put(self.tables, table.key, table)

    def indexes_of(self, table: Key) -> list[tuple[Key, Index]]:
        """Known indexes on a table, in the order in which they were made: findings must not depend on chance."""
        return [(key, self.indexes[key]) for key in self._indexes_on.get(table, ())]

    def put_index(self, key: Key, index: Index | None) -> None:
        """Add an index, replace what is known of it, or remove it with None."""
        old = self.indexes.get(key)
        if old is not None:
            others = tuple(other for other in self._indexes_on.get(old.table, ()) if other != key)
            self.put(self._indexes_on, old.table, others)
        if index is not None:
            self.put(self._indexes_on, index.table, (*self._indexes_on.get(index.table, ()), key))
        self.put(self.indexes, key, index)

    def views_on(self, table: Key) -> list[tuple[Key, View]]:
        """Known views that read a table, in the order in which they were made."""
        keys = sorted(self._views_on.get(table, ()), key=self._view_numbers.__getitem__)
        return [(key, self.views[key]) for key in keys]

    def put_view(self, key: Key, view: View | None) -> None:
        """Add a view, replace what is known of it, or remove it with None."""
        old = self.views.get(key)
        if old is None:
            self._views_made += 1
            self._view_numbers[key] = self._views_made
        before, now = old.reads if old else frozenset(), view.reads if view else frozenset()
        for table in before - now:
            self.put(self._views_on, table, tuple(other for other in self._views_on.get(table, ()) if other != key))
        for table in now - before:
            self.put(self._views_on, table, (*self._views_on.get(table, ()), key))
        self.put(self.views, key, view)

    def set_column(self, table: Table, column: Column) -> None:
        """Add a column, or replace what is known of it."""
        self.put_table(replace(table, columns={**table.columns, column.name: column}))

    def set_constraint(self, table: Table, constraint: Constraint) -> None:
        """Add a constraint, or replace what is known of it."""
        constraints = {**table.constraints, constraint.name: constraint}
        self.put_table(replace(table, constraints=constraints))
