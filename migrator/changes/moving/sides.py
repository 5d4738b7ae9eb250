"""The two tables between which columns move, and how their rows find each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from migrator.errors import Refused
from migrator.model.schema import Column, Relation, TableName
from migrator.sql.compose import Sql, field, ident, ident_list, qualified, type_name
from migrator.sql.effects import relation_name
from migrator.sql.parser import deparse_type, parse_expression, parse_script, relation_parts, unwrap
from migrator.sql.rewrite import seen_from_trigger


@dataclass(frozen=True, slots=True)
class Sides:
    """Columns of the same names in two tables.

    Attributes:
        old: the table where old code has them.
        new: the table where new code has them.
        columns: their names.
        old_key: columns of the old table by which a row finds its counterpart.
        new_key: those of the new table, in the same order.
        where: a condition over columns of the new table, safe to be evaluated anywhere: of the rows that belong to one
            of the old table, the one that holds the columns; empty: there is one at most.
        is_divided: whether the new table is partitioned, so that its rows may come to another partition.
    """

    old: TableName
    new: TableName
    columns: tuple[str, ...]
    old_key: tuple[str, ...]
    new_key: tuple[str, ...]
    where: str = ""
    is_divided: bool = False

    @property
    def old_sql(self) -> Sql:
        """The old table."""
        return qualified(self.old.schema, self.old.name)

    @property
    def new_sql(self) -> Sql:
        """The new table."""
        return qualified(self.new.schema, self.new.name)

    @property
    def link(self) -> Sql:
        """Whether a row ``o`` of the old table and a row ``n`` of the new one belong together.

        Raises:
            Refused: the key of the old table is not written and no database was asked.
        """
        if len(self.old_key) != len(self.new_key):
            raise Refused(f"the key of {self.old} is not known without a database")
        pairs = zip(self.old_key, self.new_key, strict=True)
        return self._chosen(Sql(" AND ".join(f"o.{ident(old)} = n.{ident(new)}" for old, new in pairs)))

    @property
    def link_in_function(self) -> Sql:
        """As ``link``, for a function that runs with the rights of its owner."""
        return self._chosen(_equal((f"o.{ident(old)}", f"n.{ident(new)}") for old, new in self._pairs()))

    def matches(self, row: str) -> Sql:
        """Whether a row of the new table is the one that holds the columns, by ``where``; NULL: it is not."""
        return Sql(f"({seen_from_trigger(self.where, row)})")

    def found_by_old(self, row: str) -> Sql:
        """Whether ``n`` belongs to a row of the old table that a trigger is about."""
        return _equal((f"n.{ident(new)}", f"{row}.{field(old)}") for old, new in self._pairs())

    def found_by_new(self, row: str) -> Sql:
        """Whether ``o`` belongs to a row of the new table that a trigger is about."""
        return _equal((f"o.{ident(old)}", f"{row}.{field(new)}") for old, new in self._pairs())

    @property
    def own(self) -> Sql:
        """Whether ``n`` is the row of the new table that a trigger is about."""
        return self._chosen(self.siblings)

    @property
    def siblings(self) -> Sql:
        """Whether ``n`` belongs to the same row of the old table as the one that a trigger is about."""
        return is_row("n", "NEW", self.new_key)

    @property
    def own_old(self) -> Sql:
        """Whether ``o`` is the row of the old table that a trigger is about."""
        return is_row("o", "NEW", self.old_key)

    def _chosen(self, condition: Sql) -> Sql:
        return Sql(f"{condition} AND {self.matches('n')}") if self.where else condition

    def _pairs(self) -> Iterator[tuple[str, str]]:
        yield from zip(self.old_key, self.new_key, strict=True)


def _equal(pairs: Iterable[tuple[str, str]]) -> Sql:
    """The server's own equality: one of the same name for a type that has none would run with the owner's rights."""
    return Sql(" AND ".join(f"{left} OPERATOR(pg_catalog.=) {right}" for left, right in pairs))


def is_row(alias: str, record: str, columns: Sequence[str]) -> Sql:
    """Whether a row has the same values there as a record that a trigger is about."""
    return _equal((f"{alias}.{ident(name)}", f"{record}.{field(name)}") for name in columns)


def row_of(alias: str, columns: Sequence[str]) -> Sql:
    """Columns as one record, whose images can be compared whatever their types."""
    return Sql(f"ROW({', '.join(f'{alias}.{field(name)}' for name in columns)})")


def changed(columns: tuple[str, ...], key: tuple[str, ...]) -> Sql:
    """Whether an update changed any of them, whatever their types."""
    names = (*columns, *key)
    return Sql(f"record_image_ne({row_of('NEW', names)}, {row_of('OLD', names)})")


def differs(one: str, other: str, columns: tuple[str, ...]) -> Sql:
    """Whether two rows have different values there."""
    return Sql(f"record_image_ne({row_of(one, columns)}, {row_of(other, columns)})")


def arriving(column: Column) -> Sql:
    """What both rows hold when ``o`` comes to a row ``n`` that was first: what was given to it, else what ``n`` holds.

    Where a default differs at every call, nobody can tell whether a value was given.
    """
    old, new = f"o.{ident(column.name)}", f"n.{ident(column.name)}"
    if column.default is None:
        return Sql(f"coalesce({old}, {new})")
    here = f"coalesce({new}, {old})"
    if column.default_is_volatile:
        return Sql(here)
    is_given = f"record_image_ne(ROW({old}), ROW({typed(column.default, column)}))"
    return Sql(f"CASE WHEN {is_given} THEN {old} ELSE {here} END")


def is_unique(relation: Relation, columns: Sequence[str]) -> bool:
    """Whether no two rows have the same values there, and ON CONFLICT finds them by it."""
    for index in relation.indexes:
        node = parse_script(index.definition).statements[0].node
        keys = [unwrap(each).name for each in node.index_params]
        deferrable = any(
            each.name == index.constraint and " DEFERRABLE" in each.definition for each in relation.constraints
        )
        is_sound = index.is_unique and index.is_valid and not deferrable and not node.HasField("where_clause")
        if is_sound and sorted(keys) == sorted(columns):
            return True
    return False


def to_be_unique(relation: Relation, columns: Sequence[str]) -> str:
    """What to do so that no two rows have the same values there."""
    dividing = [each.column for each in relation.dependents if each.kind == "partition key"]
    missing = [name for name in dict.fromkeys(dividing) if name not in columns]
    if missing:
        return (
            f"a key of all partitions of {relation.name.name} has the columns that divide it: let both tables have "
            f"{', '.join(missing)}, and be found by that as well, in a migration before this one"
        )
    return (
        "make it unique in a migration before this one: ALTER TABLE "
        f"{qualified(relation.name.schema, relation.name.name)} ADD UNIQUE ({ident_list(columns)})"
    )


def is_led(relation: Relation, columns: Sequence[str]) -> bool:
    """Whether an index of all rows begins with these columns, in whatever order."""
    nodes = [parse_script(index.definition).statements[0].node for index in relation.indexes]
    return any(
        {unwrap(each).name for each in node.index_params[: len(columns)]} == set(columns)
        for node in nodes
        if not node.HasField("where_clause")
    )


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key taken apart.

    Attributes:
        columns: on its own table.
        to: the table it points to.
        referenced: columns there.
        on_delete: ``c`` cascade, ``a`` no action, ….
        on_update: likewise.
    """

    columns: tuple[str, ...]
    to: TableName
    referenced: tuple[str, ...]
    on_delete: str
    on_update: str
    is_deferrable: bool


def foreign_keys(relation: Relation) -> list[ForeignKey]:
    """Those of a table."""
    return [
        foreign_key(unwrap(getattr(unwrap(node.cmds[0]), "def")), each.columns)
        for each in relation.constraints
        if each.type == "foreign key"
        for node in [parse_script(f"ALTER TABLE t ADD {each.definition}").statements[0].node]
    ]


def foreign_key(node: object, columns: Sequence[str]) -> ForeignKey:
    """A FOREIGN KEY constraint of a parsed statement; no columns named: the primary key is meant."""
    constraint = node
    schema, name = relation_parts(relation_name(constraint.pktable))  # type: ignore[attr-defined]
    return ForeignKey(
        tuple(columns),
        TableName(schema or "", name),
        tuple(unwrap(each).sval for each in constraint.pk_attrs),  # type: ignore[attr-defined]
        constraint.fk_del_action,  # type: ignore[attr-defined]
        constraint.fk_upd_action,  # type: ignore[attr-defined]
        constraint.deferrable,  # type: ignore[attr-defined]
    )


def primary_key(relation: Relation) -> tuple[str, ...]:
    """Its columns in order; empty: there is none."""
    return next((each.columns for each in relation.constraints if each.type == "primary key"), ())


def canonical_type(text: str) -> str:
    """A type in one spelling: ``int8`` and ``bigint`` are the same."""
    return deparse_type(unwrap(parse_expression(f"NULL::{type_name(text)}")).type_name)


def typed(value: str | None, column: Column) -> Sql:
    """A default in the type of its column, so that images can be compared; None is NULL."""
    return Sql(f"CAST({value or 'NULL'} AS {type_name(column.type_name)})")


def require_insertable(relation: Relation, column: Column) -> None:
    """Refuse a column that new code, which does not name it, could not leave out.

    Raises:
        Refused: it is NOT NULL without a default.
    """
    if column.not_null and column.default is None:
        raise Refused(
            f'column "{column.name}" of table "{relation.name}" is NOT NULL without a default: new code, which does '
            "not name it, could not insert a row",
            hint="give it a default, or drop its NOT NULL, in a migration before this one",
        )


def require_there_before(relation: Relation, names: Iterable[str]) -> None:
    """Refuse columns that have no value yet when a trigger looks at a row before it is written.

    Raises:
        Refused: one is generated.
    """
    for name in names:
        column = relation.column(name)
        if column is not None and column.generated:
            raise Refused(
                f'column "{name}" of table "{relation.name}" is generated: it has no value yet when a row is looked at '
                "before it is written",
                hint="go by the columns it is made of",
            )


def require_movable(relation: Relation, column: Column) -> None:
    """Refuse a column whose values cannot be kept in two places.

    Raises:
        Refused: it computes them itself, or it cannot be added without a rewrite.
    """
    where = f'column "{column.name}" of table "{relation.name}"'
    if column.generated or column.identity or column.owned_sequence:
        raise Refused(
            f"{where} computes its values, so they cannot be moved",
            hint="add the column you want where you want it, fill it, and drop this one in a later migration",
        )
    if column.has_constrained_domain:
        raise Refused(
            f"{where} is of a domain that checks its values, so adding one like it rewrites a table under a lock",
            hint="change its type to the domain's base type first",
        )


def notes_on(relation: Relation, column: Column, sides: Sides) -> Iterator[str]:
    """What the author should know of a column that moves."""
    name = column.name
    if column.not_null:
        yield f"{name} is NOT NULL in {relation.name}: until contract, new code cannot write NULL there in {sides.new}"
    for constraint in relation.constraints:
        if constraint.columns == (name,) and constraint.type != "not null":
            yield (
                f"{constraint.type} {constraint.name} binds what new code writes until contract, and goes with {name} "
                f"of {relation.name}"
            )
    for index in relation.indexes:
        if index.columns == (name,) and index.constraint is None:
            yield f"index {index.name} goes with {name}: create one on {sides.new} if new code needs it"
    for each in relation.dependents:
        if each.column == name and each.kind == "trigger function":
            yield f"function {each.name} reads NEW.{name} or OLD.{name}: contract is refused until it does not"
