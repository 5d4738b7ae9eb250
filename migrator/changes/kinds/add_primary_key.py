"""Add a primary key to a table without one."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.addition import ConstraintAddition
from migrator.changes.constraint import (
    NewConstraint,
    added_constraint,
    constraint_name,
    definition_of,
    node_of,
    require_free,
    waits_for_contract,
)
from migrator.changes.kind import Context, Draft, Expression, Obstacle
from migrator.changes.unique_key import (
    build_and_use,
    duplicates,
    key_columns,
    require_divisible,
    require_indexable,
    require_not_null,
    tried,
)
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class AddPrimaryKey(ConstraintAddition):
    """Add a primary key to a table without one.

    What happens
        Expand changes nothing: old code may still write duplicates. Contract, once no old code is left, builds a unique
        index CONCURRENTLY and makes the primary key of it, which takes a lock for a moment. Of a partitioned table,
        each partition gets its own in this way, and then the table takes them for parts of its own. Of a table that the
        same migration creates, expand adds it.

    What is refused
        Columns that may be NULL: ADD PRIMARY KEY would look at every row while nobody can read. ADD COLUMN … NOT NULL
        or SET NOT NULL before it in the same migration is enough. On a partitioned table a key without the columns that
        divide it, other primary keys on partitions, foreign tables among them. Contract, while there are duplicates:
        they are counted before the gate.

    Example:
        ALTER TABLE memberships ADD PRIMARY KEY (user_id, team_id)
    """

    name = "add_primary_key"
    contype = pb.CONSTR_PRIMARY
    leaves_columns = False
    may_follow = frozenset({"add_column", "set_not_null"})

    def recognise(self, action: Action, schema: Schema) -> NewConstraint | None:
        """``ALTER TABLE … ADD [CONSTRAINT name] PRIMARY KEY (…)``."""
        found = added_constraint(action, schema, pb.CONSTR_PRIMARY)
        if found is None:
            return None
        target, node = found
        require_indexable(node)
        name = constraint_name(node, target, (), "pkey")
        return NewConstraint(schema=target.schema, table=target.name, constraint=name, definition=definition_of(node))

    def touched(self, change: NewConstraint) -> dict[TableName, tuple[str, ...]]:
        """The columns of the key."""
        return {change.target: key_columns(node_of(change.definition, pb.CONSTR_PRIMARY))}

    def validate(self, change: NewConstraint, context: Context) -> Iterator[str]:
        """The table has none, and its columns cannot be NULL."""
        node = node_of(change.definition, pb.CONSTR_PRIMARY)
        columns = key_columns(node)
        there = context.schema.relation(change.target)
        taken = next((each for each in there.constraints if each.type == "primary key"), None) if there else None
        if taken is not None:
            raise Refused(
                f'table "{change.target}" has a primary key already: {taken.name}',
                hint=f"DROP CONSTRAINT {ident(taken.name)} before it, in the same migration: both change places",
            )
        relation = require_free(change, columns, context, or_partitioned=True)
        if relation is None and change.target not in context.created:
            yield f"whether {change.target} ({', '.join(columns)}) may be NULL could not be checked without a database"
        if relation is not None:
            require_not_null(change, columns, relation, context)
            if any(index.name == change.constraint for index in relation.indexes):
                raise Refused(f'an index of the name "{change.constraint}" exists already')
            require_divisible(change, relation, node)
        yield from waits_for_contract(change, context, "duplicates")

    def expressions(self, change: NewConstraint, context: Context) -> Iterator[Expression]:
        """The key on an empty copy."""
        yield from tried(change, node_of(change.definition, pb.CONSTR_PRIMARY), context)

    def binding(self, change: NewConstraint, context: Context) -> Iterator[Draft]:
        """The index, then the key over it."""
        yield from build_and_use(change, node_of(change.definition, pb.CONSTR_PRIMARY), context)

    def in_the_way(self, change: NewConstraint, context: Context) -> Iterator[Obstacle]:
        """Duplicates."""
        del context
        yield duplicates(change, key_columns(node_of(change.definition, pb.CONSTR_PRIMARY)))
