"""Take a value away from an enumerated type while old and new code run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from migrator.changes.kind import Context, Draft, Expression, Kind, Obstacle
from migrator.changes.kinds.drop_enum_value.columns import ValueRemoval, retypings, written
from migrator.changes.retyping.column import ColumnRetyping
from migrator.changes.retyping.shadow import Retyping
from migrator.changes.user_type import OnType, named_type, require_enum, rows_holding
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Relation, Schema, TableName, UserType
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, literal
from migrator.sql.rewrite import slug

__all__ = ["DropEnumValue", "ValueRemoval"]


class DropEnumValue(Kind[ValueRemoval]):
    """Take a value away from an enumerated type while old and new code run.

    What happens
        The server can only add values, so expand makes an enum without it, and for each column that holds values of
        the type a second one of the new enum, filled by a trigger at every write, as ``change_type`` does. The backfill
        fills rows written before, with the replacement where they hold the value. Contract, once no old code is left,
        builds indexes and constraints anew while reads and writes go on; then, in one transaction, the new columns take
        the place of the old ones, the old type goes, and the new one takes its name, owner, privileges and comment.

    Who wins
        There is one column until contract, the old one; both versions write it. New code copes with the value in what
        it reads, and does not write it. What is written in spite of that is replaced, or counted.

    What old writes must not fear
        Nothing fails. Without a replacement, rows that hold the value are counted before the gate, and contract is
        refused until another one is written into them.

    What is refused
        Columns that are left out, or of a domain over the type; views, policies and whatever else ``change_type``
        refuses on them; a unique index on a column whose value is replaced, since two values become one; a CHECK or an
        index condition that names the value; a default that is not one value; functions, domains, composite types and
        casts that use the type. Before expand, and again before contract.

    Limits
        All tables that use the type are locked together at contract, for a moment. What is said of prepared statements
        in ``change_type`` holds; and the type is another one under the same name: drivers that look types up once, and
        functions with variables of the type that a session has called before, forget it only with their connection. The
        columns become the last ones of their tables.

    Example::

        -- two values become one: 'cancelled' goes
        ALTER TYPE order_state RENAME VALUE 'cancelled' TO 'closed'

    Example without a replacement::

        migrator new "cancelled" --change "drop_enum_value type=order_state value=cancelled columns=orders.state"
    """

    name = "drop_enum_value"
    keeps_in_step = True
    spec = ValueRemoval
    relies_on_indexes = True
    unknown_without_tables = frozenset({Phase.EXPAND, Phase.BACKFILL, Phase.CONTRACT})

    def recognise(self, action: Action, schema: Schema) -> ValueRemoval | None:
        """``ALTER TYPE … RENAME VALUE … TO …``, where there is a value of the new name: the two become one."""
        node = action.node
        if action.kind != "alter_enum_stmt" or not node.old_val:
            return None
        target = named_type(node.type_name, schema)
        enum = schema.types.get(target)
        if enum is None or not {node.old_val, node.new_val} <= set(enum.labels) or node.old_val == node.new_val:
            return None
        return ValueRemoval(
            schema=target.schema,
            type=target.name,
            value=node.old_val,
            replacement=node.new_val,
            columns=tuple(written(each.table, each.column) for each in enum.columns),
        )

    def touched(self, change: ValueRemoval) -> dict[TableName, tuple[str, ...]]:
        """The columns that hold its values."""
        return change.tables

    def assumes(self, change: ValueRemoval, schema: Schema) -> dict[str, str]:
        """The values of the type."""
        enum = schema.types.get(change.target)
        return {f"values of {change.target}": ", ".join(enum.labels)} if enum else {}

    def validate(self, change: ValueRemoval, context: Context) -> Iterator[str]:
        """The value can go, and each column can be replaced."""
        if change.target in context.created_types:
            raise Refused(f'type "{change.target}" is created by this migration', hint="leave the value out there")
        added = (spec for kind, spec in context.beside if kind == "add_enum_value" and isinstance(spec, OnType))
        if any(spec.target == change.target for spec in added):
            raise Refused(
                f'this migration adds a value to enum "{change.target}"',
                hint="write two migrations, and contract the first before the second",
            )
        enum = _require_removable(change, context)
        if enum is None:
            raise Refused(
                f'which columns hold values of enum "{change.target}" is not known without a database',
                hint="export DATABASE_URL=postgresql://…, and run it again",
            )
        column, columns = _columns(change, context)
        for each, own in columns:
            _refuse_merged(change, each, own.schema.relation(each.target))
            yield from column.validate(each, own)
        yield (
            f"new code must cope with '{change.value}' in what it reads, and not write it; after contract every "
            f"session that knows {change.target} by its number has to connect again"
        )

    def expressions(self, change: ValueRemoval, context: Context) -> Iterator[Expression]:
        """What hangs on the columns, tried with the new type."""
        create = self._create(change, context)
        column, columns = _columns(change, context)
        for each, own in columns:
            for expression in column.expressions(each, own):
                if expression.trial:
                    yield replace(expression, trial=(create, *expression.trial))

    def expand(self, change: ValueRemoval, context: Context) -> Iterator[Draft]:
        """The type without the value, and a column of it beside each column."""
        group = slug(change.type)
        yield Draft(
            f"create-{slug(change.type)}",
            self._create(change, context),
            f"{change.type} without '{change.value}', under a name of its own",
            group,
        )
        column, columns = _columns(change, context)
        for number, (each, own) in enumerate(columns):
            for draft in column.expand(each, own):
                yield replace(draft, id=_numbered(draft.id, number))

    def backfill(self, change: ValueRemoval, context: Context) -> Iterator[Draft]:
        """Fill rows written before expand."""
        column, columns = _columns(change, context)
        for each, own in columns:
            yield from column.backfill(each, own)

    def obstacles(self, change: ValueRemoval, context: Context) -> Iterator[Obstacle]:
        """Rows that hold the value, where nothing takes its place."""
        enum = context.schema.types.get(change.target)
        for column in enum.columns if enum and not change.replacement else ():
            yield Obstacle(
                rows_holding(change.value, [column]),
                f"rows of {column.table} hold '{change.value}' in {column.column}, which goes",
                "write another value into them",
            )

    def contract(self, change: ValueRemoval, context: Context) -> Iterator[Draft]:
        """Indexes and constraints anew; then all columns, and the type, change places at once."""
        group = f"swap-{slug(change.type)}"
        column, columns = _columns(change, context)
        yield from column.swap(columns, group)
        yield Draft(
            f"carry-over-{slug(change.type)}",
            self.template("carry_over", type=change.sql, new_type=change.new_type),
            "owner, privileges and comment, as they are at that moment",
            group,
        )
        yield Draft(
            f"drop-{slug(change.type)}",
            self.template("drop_type", type=change.sql),
            "no column is of it any more",
            group,
        )
        yield Draft(
            f"rename-{slug(change.type)}",
            self.template("rename_type", type=change.new_type, new_name=change.type),
            "the new type takes its place",
            group,
        )

    def before_contract(self, change: ValueRemoval, context: Context) -> None:
        """Nothing came to use the type, and no value was added, that the new one lacks."""
        enum = _require_removable(change, context, is_late=True)
        new = context.schema.types.get(TableName(change.schema, change.new_name))
        if enum is not None and new is not None and new.labels != _kept(change, enum):
            raise Refused(
                f'the values of enum "{change.target}" changed since this was planned',
                detail=f"now: {', '.join(enum.labels)}\nafter contract: {', '.join(new.labels)}",
                hint="roll back, and expand again after planning anew",
            )
        column, columns = _columns(change, context)
        for each, own in columns:
            _refuse_merged(change, each, own.schema.relation(each.target))
            column.before_contract(each, own)

    def rollback(self, change: ValueRemoval, context: Context) -> Iterator[Draft]:
        """The columns and their type go; every value is in the old columns."""
        column, columns = _columns(change, context)
        for number, (each, own) in reversed(list(enumerate(columns))):
            for draft in column.rollback(each, own):
                undone = _numbered(draft.undoes, number) if draft.undoes else None
                yield replace(draft, id=_numbered(draft.id, number), undoes=undone)
        yield Draft(
            f"drop-{slug(change.type)}",
            self.template("drop_type", type=change.new_type),
            "nothing is of it any more",
            slug(change.type),
            undoes=f"create-{slug(change.type)}",
        )

    def _create(self, change: ValueRemoval, context: Context) -> Sql:
        enum = context.schema.types.get(change.target)
        if enum is None:
            raise Refused(f'the values of enum "{change.target}" are not known without a database')
        labels = Sql(", ".join(literal(label) for label in _kept(change, enum)))
        return self.template("create_type", type=change.new_type, labels=labels)


def _columns(change: ValueRemoval, context: Context) -> tuple[ColumnRetyping, list[tuple[Retyping, Context]]]:
    """The changes of its columns, which take place together, and what they do in each phase."""
    columns = list(retypings(change, context))
    return ColumnRetyping(each for each, _ in columns), columns


def _kept(change: ValueRemoval, enum: UserType) -> tuple[str, ...]:
    return tuple(label for label in enum.labels if label != change.value)


def _numbered(step: str, number: int) -> str:
    """Steps of the columns after the first have a number, because rollback names what it undoes."""
    return f"{step}-{number + 1}" if number else step


def _require_removable(change: ValueRemoval, context: Context, *, is_late: bool = False) -> UserType | None:
    """The enum; None when no database was asked.

    Args:
        is_late: whether it is expanded already.

    Raises:
        Refused: the value or its replacement is not there, a column is left out, or something else uses the type.
    """
    enum = require_enum(change, context)
    if enum is None:
        return None
    for label in filter(None, (change.value, change.replacement)):
        if label not in enum.labels:
            raise Refused(
                f"enum \"{change.target}\" has no value '{label}'", detail="values: " + ", ".join(enum.labels)
            )
    if change.value == change.replacement:
        raise Refused(f"'{change.value}' cannot take its own place")
    there = {(each.table, each.column): written(each.table, each.column) for each in enum.columns}
    if is_late and set(change.places) != set(there):
        raise Refused(
            f'other columns hold values of enum "{change.target}" than when this was planned',
            detail="\n".join(each for place, each in there.items() if place not in change.places)
            or "one of them is gone",
            hint="roll back, and expand again after planning anew; or give those that came another type until contract",
        )
    if set(change.places) != set(there):
        raise Refused(
            f'"columns" are not those that hold values of enum "{change.target}"',
            detail="\n".join(there.values()) or "no column does",
            hint="write " + " ".join(f"columns={each}" for each in there.values()) if there else "leave them out",
        )
    if enum.users_beside:
        raise Refused(
            f'enum "{change.target}" is used by other objects than columns, which are not carried over to another type',
            detail="\n".join(enum.users_beside),
            hint="drop them in a migration before this one, and create them again after it",
        )
    return enum


def _refuse_merged(change: ValueRemoval, retyping: Retyping, relation: Relation | None) -> None:
    """Refuse what two values that become one would break."""
    if relation is None:
        return
    unique = [
        each.name
        for each in relation.indexes
        if (each.is_unique or each.is_exclusion) and retyping.column in each.columns
    ]
    if unique and change.replacement:
        raise Refused(
            f'column "{retyping.column}" of table "{relation.name}" is in unique indexes or exclusion constraints, '
            "and two values become one",
            detail="\n".join(unique),
            hint="leave the replacement out, and write another value into the rows that hold it",
        )
