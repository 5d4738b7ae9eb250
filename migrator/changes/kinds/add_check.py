"""Add a CHECK constraint."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.addition import ConstraintAddition
from migrator.changes.constraint import (
    NewConstraint,
    RowConstraint,
    added_constraint,
    columns_of_check,
    constraint_name,
    definition_of,
    is_not_valid,
    node_of,
    tried_constraint,
    unchecked_then_validated,
    waits_for_contract,
    with_validation,
)
from migrator.changes.kind import Context, Draft, Expression, Spec
from migrator.changes.release import require_place
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.parser import pb


class AddCheck(ConstraintAddition):
    """Add a CHECK constraint.

    What happens
        Expand changes nothing: a CHECK refuses what old code may still write, even NOT VALID. Contract, once no old
        code is left, adds it NOT VALID, which takes a lock for a moment and looks at no row, and then validates it
        while reads and writes go on (PostgreSQL documentation, ALTER TABLE, "Notes"). To a table that the same
        migration creates, expand adds it.

        Written NOT VALID, it is not validated: rows that are there by then stay as they are, until a later migration
        says VALIDATE CONSTRAINT. With that in the same migration, NOT VALID makes no difference.

    What is refused
        Contract, while a row violates it: rows are counted before the gate, and nothing changes.

    Limits
        New code must keep to the condition from its first release on; the database enforces it from contract on.

    Example:
        ALTER TABLE orders ADD CONSTRAINT orders_total_positive CHECK (total > 0)
    """

    name = "add_check"
    contype = pb.CONSTR_CHECK
    spec = RowConstraint
    may_follow = frozenset({"add_column"})
    joins = (("add_check", "validate_constraint"),)

    def recognise(self, action: Action, schema: Schema) -> RowConstraint | None:
        """``ALTER TABLE … ADD [CONSTRAINT name] CHECK (…)``."""
        found = added_constraint(action, schema, pb.CONSTR_CHECK)
        if found is None:
            return None
        target, node = found
        columns = columns_of_check(node)
        # PostgreSQL names the column only where the condition is about one (ChooseConstraintName, heap.c).
        name = constraint_name(node, target, columns if len(columns) == 1 else (), "check")
        return RowConstraint(
            schema=target.schema,
            table=target.name,
            constraint=name,
            definition=definition_of(node),
            not_valid=is_not_valid(action),
        )

    def joined(self, one: Spec, other: Spec, schema: Schema) -> RowConstraint | None:
        """NOT VALID, with VALIDATE CONSTRAINT in the same migration: what is done anyway."""
        del schema
        return with_validation(one, other)

    def touched(self, change: NewConstraint) -> dict[TableName, tuple[str, ...]]:
        """The columns of the condition."""
        return {change.target: columns_of_check(node_of(change.definition, pb.CONSTR_CHECK))}

    def validate(self, change: NewConstraint, context: Context) -> Iterator[str]:
        """The columns are there and the name is free."""
        require_place(
            change, columns_of_check(node_of(change.definition, pb.CONSTR_CHECK)), context, or_partitioned=True
        )
        yield from waits_for_contract(change, context, "rows that violate it")

    def expressions(self, change: NewConstraint, context: Context) -> Iterator[Expression]:
        """Whether the server takes it."""
        return tried_constraint(change, pb.CONSTR_CHECK, context)

    def binding(self, change: NewConstraint, context: Context) -> Iterator[Draft]:
        """The constraint, then its validation."""
        del context
        yield from unchecked_then_validated(
            change, pb.CONSTR_CHECK, refuses="what violates it", meanwhile="reads and writes"
        )
