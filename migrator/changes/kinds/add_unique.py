"""Add a UNIQUE constraint."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.addition import ConstraintAddition
from migrator.changes.constraint import (
    NewConstraint,
    added_constraint,
    constraint_name,
    definition_of,
    named,
    node_of,
    waits_for_contract,
)
from migrator.changes.kind import Context, Draft, Expression, Obstacle
from migrator.changes.release import require_place
from migrator.changes.unique_key import build_and_use, key_columns, require_divisible, require_indexable, tried
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import ident_list
from migrator.sql.parser import pb


class AddUnique(ConstraintAddition):
    """Add a UNIQUE constraint.

    What happens
        Expand changes nothing: old code may still write duplicates. Contract, once no old code is left, builds a unique
        index CONCURRENTLY and makes a constraint of it, which looks at no row and takes a lock for a moment. INCLUDE,
        NULLS NOT DISTINCT, DEFERRABLE and storage parameters are kept. Of a partitioned table, each partition gets its
        own in this way, and then the table takes them for parts of its own, again without a look at a row. To a table
        that the same migration creates, expand adds it.

    What is refused
        WITHOUT OVERLAPS, which cannot be built beforehand. A key of a partitioned table without the columns that divide
        it, or with a foreign table among the partitions. Contract, while there are duplicates: they are counted
        before the gate, and nothing changes.

    Limits
        New code must not rely on it, as with ON CONFLICT, before contract. While its index is built, duplicates are
        refused at once, also by a constraint that is going to be DEFERRABLE.

    Example:
        ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE (email)
    """

    name = "add_unique"
    contype = pb.CONSTR_UNIQUE
    may_follow = frozenset({"add_column"})

    def recognise(self, action: Action, schema: Schema) -> NewConstraint | None:
        """``ALTER TABLE … ADD [CONSTRAINT name] UNIQUE (…)``."""
        found = added_constraint(action, schema, pb.CONSTR_UNIQUE)
        if found is None:
            return None
        target, node = found
        require_indexable(node)
        # PostgreSQL names the columns of INCLUDE too (ChooseIndexNameAddition, indexcmds.c).
        name = constraint_name(node, target, (*key_columns(node), *named(node.including)), "key")
        return NewConstraint(schema=target.schema, table=target.name, constraint=name, definition=definition_of(node))

    def touched(self, change: NewConstraint) -> dict[TableName, tuple[str, ...]]:
        """The columns of the key."""
        return {change.target: key_columns(node_of(change.definition, pb.CONSTR_UNIQUE))}

    def validate(self, change: NewConstraint, context: Context) -> Iterator[str]:
        """The columns are there and the name is free, as an index too."""
        node = node_of(change.definition, pb.CONSTR_UNIQUE)
        relation = require_place(change, key_columns(node), context, with_index=True, or_partitioned=True)
        if relation is not None:
            require_divisible(change, relation, node)
        yield from waits_for_contract(change, context, "duplicates")

    def expressions(self, change: NewConstraint, context: Context) -> Iterator[Expression]:
        """The key on an empty copy."""
        yield from tried(change, node_of(change.definition, pb.CONSTR_UNIQUE), context)

    def binding(self, change: NewConstraint, context: Context) -> Iterator[Draft]:
        """The index, then the constraint over it."""
        yield from build_and_use(change, node_of(change.definition, pb.CONSTR_UNIQUE), context)

    def replacing(self, change: NewConstraint, old: Draft, context: Context) -> Iterator[Draft]:
        """The index under another name, then both constraints change places."""
        yield from build_and_use(change, node_of(change.definition, pb.CONSTR_UNIQUE), context, old)

    def in_the_way(self, change: NewConstraint, context: Context) -> Iterator[Obstacle]:
        """Duplicates."""
        del context
        node = node_of(change.definition, pb.CONSTR_UNIQUE)
        columns = key_columns(node)
        yield Obstacle(
            self.template(
                "duplicates",
                table=change.sql,
                columns=columns,
                key=ident_list(columns),
                nulls_are_alike=bool(node.nulls_not_distinct),
            ),
            f"values of ({', '.join(columns)}) in {change.target} occur more than once",
            f"repair them first, or {change.constraint} cannot be built",
        )
