"""Add an exclusion constraint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from migrator.changes.addition import ConstraintAddition
from migrator.changes.constraint import (
    MOST_ROWS_EXCLUDED,
    NewConstraint,
    add_statement,
    added_constraint,
    constraint_name,
    definition_of,
    node_of,
    tried_constraint,
    waits_for_contract,
)
from migrator.changes.kind import Context, Draft, Expression, Obstacle
from migrator.changes.release import require_place
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident
from migrator.sql.parser import deparse_expression, pb, unwrap
from migrator.sql.rewrite import columns_in, slug


@dataclass(frozen=True, slots=True)
class _Element:
    """What is compared, and by which operator, as SQL."""

    value: Sql
    operator: Sql


class AddExclusion(ConstraintAddition):
    """Add an exclusion constraint.

    What happens
        The server cannot build one CONCURRENTLY, nor add it NOT VALID, nor make it of an index that is there: it builds
        the index while reads and writes wait. So this is for small tables. Expand changes nothing: old code may still
        write what conflicts. Contract, once no old code is left, adds it, under the limit that holds for every short
        lock: a build that takes longer is cut off, tried again, and given up with nothing changed. To a table that the
        same migration creates, expand adds it.

    What is refused
        A table of more than 2,000 rows by the planner's estimate. Contract, while rows conflict: they are counted
        before the gate, and nothing changes. Expressions without a name for the constraint.

    Limits
        There is no way for a large table that does not make others wait. Write the statement with -- migrator: phase =
        contract, and run it when nobody writes; or enforce it in the application.

    Example:
        ALTER TABLE bookings ADD CONSTRAINT no_overlap EXCLUDE USING gist (during WITH &&)
    """

    name = "add_exclusion"
    contype = pb.CONSTR_EXCLUSION
    may_follow = frozenset({"add_column"})

    def recognise(self, action: Action, schema: Schema) -> NewConstraint | None:
        """``ALTER TABLE … ADD [CONSTRAINT name] EXCLUDE …``."""
        found = added_constraint(action, schema, pb.CONSTR_EXCLUSION)
        if found is None or "phase" in action.options:
            return None
        target, node = found
        columns = [element.name for element, _ in _elements(node)]
        if not node.conname and not all(columns):
            raise Refused(
                "an exclusion constraint over an expression has no name of its own",
                hint="name it: ADD CONSTRAINT name EXCLUDE …",
            )
        name = constraint_name(node, target, columns, "excl")
        return NewConstraint(schema=target.schema, table=target.name, constraint=name, definition=definition_of(node))

    def touched(self, change: NewConstraint) -> dict[TableName, tuple[str, ...]]:
        """The columns it compares or selects rows by."""
        return {change.target: _columns(node_of(change.definition, pb.CONSTR_EXCLUSION))}

    def validate(self, change: NewConstraint, context: Context) -> Iterator[str]:
        """The columns are there, the name is free, and the table is small."""
        relation = require_place(
            change,
            _columns(node_of(change.definition, pb.CONSTR_EXCLUSION)),
            context,
            with_index=True,
            instead="the server has none on partitioned tables before 17, and from then on only such as compare all "
            "columns that divide it by =, which say what one on each partition says: add it to each by itself",
        )
        if relation is not None and relation.estimated_rows > MOST_ROWS_EXCLUDED:
            raise Refused(
                f'table "{change.target}" has about {relation.estimated_rows} rows: reads and writes would wait until '
                f'the index of "{change.constraint}" is built, which the server does not do concurrently',
                hint="run it when nobody writes, with -- migrator: phase = contract above the statement",
            )
        yield from waits_for_contract(change, context, "rows that conflict")
        if relation is not None:
            yield f"the index of {change.constraint} is built while reads and writes wait, for lock_timeout at most"

    def expressions(self, change: NewConstraint, context: Context) -> Iterator[Expression]:
        """Whether the server takes it."""
        return tried_constraint(change, pb.CONSTR_EXCLUSION, context)

    def binding(self, change: NewConstraint, context: Context) -> Iterator[Draft]:
        """The constraint."""
        del context
        yield Draft(
            f"add-{slug(change.constraint)}",
            add_statement(change, node_of(change.definition, pb.CONSTR_EXCLUSION)),
            "refuses rows that conflict from here on; cut off if the build takes longer than lock_timeout",
            slug(change.table),
        )

    def in_the_way(self, change: NewConstraint, context: Context) -> Iterator[Obstacle]:
        """Pairs of rows that conflict."""
        del context
        node = node_of(change.definition, pb.CONSTR_EXCLUSION)
        elements = [_Element(_value(element), operator) for element, operator in _elements(node)]
        where = Sql(deparse_expression(node.where_clause)) if node.HasField("where_clause") else None
        yield Obstacle(
            self.template("conflicts", table=change.sql, elements=elements, where=where),
            f"pairs of rows of {change.target} conflict with each other",
            f"repair them first, or {change.constraint} cannot be built",
        )


def _elements(node: Any) -> list[tuple[Any, Sql]]:
    """What is compared, as ``IndexElem``, and the operator, as SQL."""
    found = []
    for pair in node.exclusions:
        element, operator = unwrap(pair).items
        *schema, symbol = [unwrap(part).sval for part in unwrap(operator).items]
        text = f"OPERATOR({ident(schema[0])}.{symbol})" if schema else symbol
        found.append((unwrap(element), Sql(text)))
    return found


def _value(element: Any) -> Sql:
    return ident(element.name) if element.name else Sql(deparse_expression(element.expr))


def _columns(node: Any) -> tuple[str, ...]:
    texts: Sequence[Sql] = [_value(element) for element, _ in _elements(node)]
    if node.HasField("where_clause"):
        texts = [*texts, Sql(deparse_expression(node.where_clause))]
    return tuple(dict.fromkeys(name for text in texts for name in sorted(columns_in(text))))
