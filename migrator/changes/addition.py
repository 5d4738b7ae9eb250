"""Constraints that are added: at contract, since old code may still write what they refuse; to a new table at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from migrator.changes.constraint import NewConstraint, add_statement, add_unchecked, node_of, stays_not_valid
from migrator.changes.kind import Context, Draft, Kind, Obstacle
from migrator.changes.release import dropping, replaced_by
from migrator.sql.rewrite import slug


class ConstraintAddition(Kind[NewConstraint]):
    """A kind that adds a constraint to a table.

    Attributes:
        contype: ``pb.CONSTR_…``.
    """

    spec: ClassVar[type[NewConstraint]] = NewConstraint
    leaves_columns = True
    contype: ClassVar[int]

    @abstractmethod
    def binding(self, change: NewConstraint, context: Context) -> Iterator[Draft]:
        """Steps of contract, for a table that is there."""

    def replacing(self, change: NewConstraint, old: Draft, context: Context) -> Iterator[Draft]:
        """Steps of contract where a constraint of its name goes: in the transaction that adds it."""
        yield old
        yield from self.binding(change, context)

    def in_the_way(self, change: NewConstraint, context: Context) -> Iterator[Obstacle]:
        """Rows of a table that is there which keep it from being added."""
        del change, context
        yield from ()

    def expand(self, change: NewConstraint, context: Context) -> Iterator[Draft]:
        """The constraint of a table that this migration creates; else nothing: old code may write what it refuses."""
        if change.target in context.created:
            node = node_of(change.definition, self.contype)
            yield Draft(
                f"add-{slug(change.constraint)}",
                add_unchecked(change, self.contype) if stays_not_valid(change) else add_statement(change, node),
                "old code does not see the table, which is empty",
                slug(change.table),
            )

    def contract(self, change: NewConstraint, context: Context) -> Iterator[Draft]:
        """The constraint, unless it came with its table."""
        release = replaced_by(change, context)
        if release is not None:
            old = dropping(release, context, "another one takes its name, in the same transaction")
            yield from self.replacing(change, old, context)
        elif change.target not in context.created:
            yield from self.binding(change, context)

    def obstacles(self, change: NewConstraint, context: Context) -> Iterator[Obstacle]:
        """Rows that break it; what new code writes to a new table keeps to it."""
        if change.target not in context.created and not stays_not_valid(change):
            yield from self.in_the_way(change, context)
