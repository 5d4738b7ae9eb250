"""Rename a constraint."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Kind, OnTable, require_table
from migrator.errors import Refused
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import ident
from migrator.sql.parser import pb
from migrator.sql.rewrite import slug


class ConstraintRenaming(OnTable, frozen=True):
    """Parameters of ``rename_constraint``.

    Attributes:
        constraint: its name.
        new_name: what it is called afterwards.
    """

    constraint: str
    new_name: str


class RenameConstraint(Kind[ConstraintRenaming]):
    """Rename a constraint.

    What happens
        Expand changes nothing: old code may name the constraint in ON CONFLICT ON CONSTRAINT, or look for it in the
        errors it handles. Contract renames it once no old code is left, with a lock for a moment. The index of a key
        is renamed with it. A CHECK is renamed on partitions too; keys and foreign keys keep their names there.

    Limits
        New code must not use the new name before contract; it should name columns instead.

    Example:
        ALTER TABLE users RENAME CONSTRAINT users_email_key TO users_email_unique
    """

    name = "rename_constraint"
    spec = ConstraintRenaming

    def recognise(self, action: Action, schema: Schema) -> ConstraintRenaming | None:
        """``ALTER TABLE … RENAME CONSTRAINT … TO …``."""
        if action.kind != "rename_stmt" or action.node.rename_type != pb.OBJECT_TABCONSTRAINT:
            return None
        relation = action.node.relation
        target = schema.resolve(relation.schemaname, relation.relname)
        ident(action.node.newname)
        return ConstraintRenaming(
            schema=target.schema, table=target.name, constraint=action.node.subname, new_name=action.node.newname
        )

    def touched(self, change: ConstraintRenaming) -> dict[TableName, tuple[str, ...]]:
        """Nothing but the table itself."""
        return {change.target: ()}

    def validate(self, change: ConstraintRenaming, context: Context) -> Iterator[str]:
        """It is there, and the new name is free on its table."""
        if change.target in context.created:
            raise Refused(
                f'constraint "{change.constraint}" is on a table this migration creates', hint="name it so there"
            )
        relation = require_table(change, context, or_partitioned=True)
        if relation is None:
            yield f"constraint {change.constraint} of {change.target} could not be looked at without a database"
            return
        names = {each.name for each in relation.constraints}
        if change.constraint not in names:
            known = ", ".join(f'"{name}"' for name in sorted(names)) or "none"
            raise Refused(
                f'constraint "{change.constraint}" of table "{change.target}" does not exist',
                detail=f"constraints: {known}",
            )
        if change.new_name in names | {index.name for index in relation.indexes}:
            raise Refused(f'the name "{change.new_name}" is taken on table "{change.target}"')
        _require_free_below(change, relation)

    def expand(self, change: ConstraintRenaming, context: Context) -> Iterator[Draft]:
        """Nothing: old code may name it."""
        del change, context
        yield from ()

    def contract(self, change: ConstraintRenaming, context: Context) -> Iterator[Draft]:
        """The new name."""
        del context
        yield Draft(
            f"rename-{slug(change.constraint)}",
            self.template("rename", table=change.sql, constraint=change.constraint, new_name=change.new_name),
            "no code names the old one any more",
            slug(change.table),
        )


def _require_free_below(change: ConstraintRenaming, relation: Relation) -> None:
    """The new name is free on partitions, which have a CHECK and NOT NULL from the table under one name."""
    constraint = next(each for each in relation.constraints if each.name == change.constraint)
    taken = [each.table for each in relation.below.constraints if each.name == change.new_name]
    if constraint.type in ("check", "not null") and taken:
        raise Refused(f'the name "{change.new_name}" is taken on partition {taken[0]}, where the constraint is too')
