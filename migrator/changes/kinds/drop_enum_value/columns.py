"""The columns of an enum as changes of their type: to one without the value, under a name of its own until contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from migrator.changes.kind import Context
from migrator.changes.retyping.shadow import Retyping
from migrator.changes.user_type import OnType, names_type
from migrator.errors import Refused
from migrator.model.schema import Relation, TableName
from migrator.sql.compose import Sql, bounded_name, ident, literal, qualified
from migrator.sql.parser import parse_expression, pb, unwrap
from migrator.sql.rewrite import with_type


class ValueRemoval(OnType, frozen=True):
    """Parameters of ``drop_enum_value``.

    Attributes:
        value: the value that goes.
        replacement: the value that rows hold instead; an empty string: contract is refused while rows hold the value.
        columns: all that hold values of the type, or arrays of them, as ``table.column`` or ``schema.table.column``;
            without a schema: in that of the type. From SQL text they are found by themselves.
    """

    value: str
    replacement: str = ""
    columns: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[tuple[TableName, str], ...]:
        """Table and column of each.

        Raises:
            Refused: one is not written so.
        """
        return tuple(_place(each, self.schema) for each in self.columns)

    @property
    def tables(self) -> dict[TableName, tuple[str, ...]]:
        """Columns by table."""
        tables: dict[TableName, tuple[str, ...]] = {}
        for table, column in self.places:
            tables[table] = (*tables.get(table, ()), column)
        return tables

    @property
    def new_name(self) -> str:
        """What the enum without the value is called until contract."""
        return bounded_name("migrator", self.type, over=(self.schema, self.type, self.value, "without"))

    @property
    def new_type(self) -> Sql:
        """The enum without the value, as written in SQL."""
        return qualified(self.schema, self.new_name)


def written(table: TableName, column: str) -> str:
    """A column as ``ValueRemoval.columns`` has it."""
    return f"{qualified(table.schema, table.name)}.{ident(column)}"


def _place(text: str, schema: str) -> tuple[TableName, str]:
    tree = unwrap(parse_expression(text))
    names = [unwrap(part) for part in tree.fields] if isinstance(tree, pb.ColumnRef) else []
    if len(names) not in (2, 3) or not all(isinstance(name, pb.String) for name in names):
        raise Refused(f"not a column: {text}", hint="write table.column, or schema.table.column")
    *place, table, column = [name.sval for name in names]
    return TableName(place[0] if place else schema, table), column


def retypings(change: ValueRemoval, context: Context) -> Iterator[tuple[Retyping, Context]]:
    """A change of type for each column, and what it is told: its table as if everything named the new type.

    Raises:
        Refused: a column that is not there, or whose type or default is not to be told from its text.
    """
    for table, name in change.places:
        relation = context.schema.relation(table)
        if relation is None:
            raise Refused(
                f'what hangs on column "{name}" of table "{table}" is not known without a database',
                hint="export DATABASE_URL=postgresql://…, and run it again",
            )
        each = _retyping(change, relation, name)
        relations = {**context.schema.relations, table: _renamed(change, relation)}
        yield (
            each,
            replace(
                context,
                schema=replace(context.schema, relations=relations),
                beside=(*context.beside, ("change_type", each)),
            ),
        )


def _retyping(change: ValueRemoval, relation: Relation, name: str) -> Retyping:
    column = relation.column(name)
    if column is None:
        raise Refused(f'column "{name}" of table "{relation.name}" does not exist')
    is_array = column.type_name.endswith("[]")
    if not names_type(column.type_name, [change.target]):
        raise Refused(
            f'column "{name}" of table "{relation.name}" is of type {column.type_name}, not of enum "{change.target}"',
            hint="give it the enum itself in a migration before this one",
        )
    return Retyping(
        schema=relation.name.schema,
        table=relation.name.name,
        column=name,
        type=f"{change.new_type}{'[]' if is_array else ''}",
        up=_value(change, name, is_array=is_array),
        default=_default(change, relation, name, column.default),
    )


def _value(change: ValueRemoval, column: str, *, is_array: bool) -> Sql:
    """The value without the one that goes, as text, which is cast to the new type."""
    own, old, new = ident(column), literal(change.value), literal(change.replacement)
    if is_array:
        texts = f"{own}::pg_catalog.text[]"
        return Sql(f"pg_catalog.array_replace({texts}, {old}, {new})" if change.replacement else texts)
    text = f"{own}::pg_catalog.text"
    return Sql(f"CASE {text} WHEN {old} THEN {new} ELSE {text} END" if change.replacement else text)


def _default(change: ValueRemoval, relation: Relation, column: str, default: str | None) -> str:
    """The default as a value of the new type; an empty string: there is none."""
    if default is None:
        return ""
    tree = unwrap(parse_expression(default))
    value = unwrap(tree.arg) if isinstance(tree, pb.TypeCast) else None
    if not isinstance(value, pb.A_Const) or default.endswith("[]"):
        raise Refused(
            f'the default of column "{column}" of table "{relation.name}" is not one value: {default}',
            hint="drop it in a migration before this one, and set it again after it",
        )
    if value.isnull:
        return ""
    label = value.sval.sval
    if label != change.value:
        return literal(label)
    if not change.replacement:
        raise Refused(
            f'column "{column}" of table "{relation.name}" has the default \'{label}\', which goes',
            hint="set another default in a migration before this one",
        )
    return literal(change.replacement)


def _renamed(change: ValueRemoval, relation: Relation) -> Relation:
    """A table whose constraints and indexes compare with values of the new type."""
    names = (change.schema, change.type), (change.schema, change.new_name)
    return replace(
        relation,
        constraints=tuple(
            replace(each, definition=with_type(each.definition, *names))
            if each.type in ("check", "exclusion")
            else each
            for each in relation.constraints
        ),
        indexes=tuple(replace(each, definition=with_type(each.definition, *names)) for each in relation.indexes),
    )
