"""Add a CHECK constraint."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.constraint import (
    NewConstraint,
    added_constraint,
    columns_of_check,
    constraint_name,
    definition_of,
    node_of,
    require_free,
    tried_constraint,
    unchecked_then_validated,
    waits_for_contract,
)
from migrator.changes.kind import Context, Draft, Expression, Kind
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.parser import pb


class AddCheck(Kind[NewConstraint]):
    """Add a CHECK constraint.

    What happens
        Expand changes nothing: a CHECK refuses what old code may still write, even NOT VALID. Contract, once no old
        code is left, adds it NOT VALID, which takes a lock for a moment and looks at no row, and then validates it
        while reads and writes go on (PostgreSQL documentation, ALTER TABLE, "Notes").

    What is refused
        Contract, while a row violates it: rows are counted before the gate, and nothing changes.

    Limits
        New code must keep to the condition from its first release on; the database enforces it from contract on.

    Example:
        ALTER TABLE orders ADD CONSTRAINT orders_total_positive CHECK (total > 0)
    """

    name = "add_check"
    spec = NewConstraint
    leaves_columns = True
    may_follow = frozenset({"add_column"})

    def recognise(self, action: Action, schema: Schema) -> NewConstraint | None:
        """``ALTER TABLE … ADD [CONSTRAINT name] CHECK (…)``."""
        found = added_constraint(action, schema, pb.CONSTR_CHECK)
        if found is None:
            return None
        target, node = found
        columns = columns_of_check(node)
        # PostgreSQL names the column only where the condition is about one (ChooseConstraintName, heap.c).
        name = constraint_name(node, target, columns if len(columns) == 1 else (), "check")
        return NewConstraint(schema=target.schema, table=target.name, constraint=name, definition=definition_of(node))

    def touched(self, change: NewConstraint) -> dict[TableName, tuple[str, ...]]:
        """The columns of the condition."""
        return {change.target: columns_of_check(node_of(change.definition, pb.CONSTR_CHECK))}

    def validate(self, change: NewConstraint, context: Context) -> Iterator[str]:
        """The columns are there and the name is free."""
        require_free(
            change, columns_of_check(node_of(change.definition, pb.CONSTR_CHECK)), context, or_partitioned=True
        )
        yield from waits_for_contract(change, "rows that violate it")

    def expressions(self, change: NewConstraint, context: Context) -> Iterator[Expression]:
        """Whether the server takes it."""
        return tried_constraint(change, pb.CONSTR_CHECK, context)

    def expand(self, change: NewConstraint, context: Context) -> Iterator[Draft]:
        """Nothing: old code may write what it refuses."""
        del change, context
        yield from ()

    def contract(self, change: NewConstraint, context: Context) -> Iterator[Draft]:
        """The constraint, then its validation."""
        del context
        yield from unchecked_then_validated(
            change, pb.CONSTR_CHECK, refuses="what violates it", meanwhile="reads and writes"
        )
