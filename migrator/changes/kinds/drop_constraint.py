"""Drop a constraint that new code no longer needs."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.constraint import Release, refuse_held
from migrator.changes.kind import Context, Draft, Kind, altered_table, require_table
from migrator.changes.release import constraint_of, dropping, is_replaced
from migrator.changes.replication import require_found_without
from migrator.changes.unique_key import serving
from migrator.errors import Refused
from migrator.model.schema import Constraint, Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import ident
from migrator.sql.parser import pb

_OF_NULL = "not null"


class DropConstraint(Kind[Release]):
    """Drop a constraint that new code no longer needs.

    What happens
        Expand changes nothing: old code may rely on it, above all ON CONFLICT on a unique key and deletes on a foreign
        key's ON DELETE. Contract drops it once no old code is left, with a lock for a moment; of a foreign key on both
        tables. One of a table that the same migration creates goes in expand. With IF EXISTS it need not be there.

        Another constraint of the same name may be added behind it in the same migration: both change places in one
        transaction of contract, so that ON CONFLICT ON CONSTRAINT finds one of them at each moment.

    What is refused
        CASCADE. A primary key or unique constraint that foreign keys rely on, also by way of a partition, or views that
        group by it; one that is the replica identity of a table that a publication sends, since every UPDATE and DELETE
        would fail. One that a partition has from its table, which is dropped there. NOT NULL, which ALTER COLUMN … DROP
        NOT NULL is for.

    Limits
        New code must keep to the constraint until contract.

    Example:
        ALTER TABLE orders DROP CONSTRAINT orders_total_positive
    """

    name = "drop_constraint"
    spec = Release

    def recognise(self, action: Action, schema: Schema) -> Release | None:
        """``ALTER TABLE … DROP CONSTRAINT …``."""
        if action.command is None or action.command.subtype != pb.AT_DropConstraint:
            return None
        if action.node.objtype != pb.OBJECT_TABLE:
            return None
        target = altered_table(action.node.relation, schema)
        if action.command.behavior == pb.DROP_CASCADE:
            raise Refused(
                f'DROP CONSTRAINT "{action.command.name}" CASCADE would drop objects that are not named',
                hint="drop each of them by name first",
            )
        return Release(
            schema=target.schema,
            table=target.name,
            constraint=action.command.name,
            if_exists=action.command.missing_ok,
        )

    def touched(self, change: Release) -> dict[TableName, tuple[str, ...]]:
        """Nothing but the table itself."""
        return {change.target: ()}

    def validate(self, change: Release, context: Context) -> Iterator[str]:
        """It is there and nothing else stands on it."""
        if change.target in context.created:
            return
        relation = require_table(change, context, or_partitioned=True, or_partition=True)
        if relation is None:
            yield f"constraint {change.constraint} of {change.target} could not be looked at without a database"
            return
        if change.if_exists and constraint_of(change, relation) is None:
            yield f"{change.target} has no constraint {change.constraint}: contract drops it where there is one by then"
            return
        constraint = _require_constraint(relation, change)
        if constraint.is_inherited:
            raise Refused(
                f'partition "{change.target}" has constraint "{change.constraint}" from the table it is a part of',
                hint="drop it there, and each partition loses it",
            )
        for each in relation.below.constraints:
            if (each.name, each.type) == (constraint.name, constraint.type) and each.is_own:
                yield f"partition {each.table} has {each.name} as its own too: there it stays"
        if constraint.type in ("primary key", "unique"):
            other = serving(relation, constraint.columns, {constraint.name})
            yield (
                f"ON CONFLICT ({', '.join(constraint.columns)}) goes on by {other.name}, ON CONFLICT ON CONSTRAINT "
                f"{ident(constraint.name)} must not be used by new code"
                if other is not None
                else f"new code must not upsert with ON CONFLICT ({', '.join(constraint.columns)}) any more, "
                "and must keep the values unique until contract"
            )
        else:
            yield f"new code must keep to {constraint.definition} until contract"

    def expand(self, change: Release, context: Context) -> Iterator[Draft]:
        """One of a table that this migration creates; else nothing: old code may rely on it."""
        if change.target in context.created:
            yield dropping(change, context, "old code does not see the table")

    def contract(self, change: Release, context: Context) -> Iterator[Draft]:
        """The constraint goes, unless that is done where one of its name is added."""
        if change.target not in context.created and not is_replaced(change, context):
            yield dropping(change, context, "no code relies on it any more")

    def before_contract(self, change: Release, context: Context) -> None:
        """Nothing came to stand on it since expand."""
        relation = context.schema.relation(change.target)
        if relation is not None and not (change.if_exists and constraint_of(change, relation) is None):
            _require_constraint(relation, change)


def _require_constraint(relation: Relation, change: Release) -> Constraint:
    constraint = constraint_of(change, relation)
    if constraint is None:
        known = ", ".join(f'"{each.name}"' for each in relation.constraints) or "none"
        raise Refused(
            f'constraint "{change.constraint}" of table "{change.target}" does not exist',
            detail=f"constraints: {known}",
        )
    if constraint.type == _OF_NULL:
        raise Refused(
            f'constraint "{change.constraint}" of table "{change.target}" is NOT NULL',
            hint=f"ALTER TABLE {change.sql} ALTER COLUMN {constraint.columns[0]} DROP NOT NULL",
        )
    own = {each.name for each in relation.indexes if each.constraint == constraint.name}
    pointing = {f"{each.name} on {each.table}" for each in relation.references if each.index in own}
    pointing |= {each.name for each in relation.below.references if set(each.columns) == set(constraint.columns)}
    if constraint.type in ("primary key", "unique") and pointing:
        raise Refused(
            f'foreign keys rely on constraint "{change.constraint}" of table "{change.target}"',
            detail="\n".join(sorted(pointing)),
            hint="drop them, or let them point elsewhere, in a migration before this one",
        )
    refuse_held(constraint, change.target)
    require_found_without(relation, [each for each in relation.indexes if each.constraint == constraint.name])
    return constraint
