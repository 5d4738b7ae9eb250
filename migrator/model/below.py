"""What partitions have of their own, which the table above them knows nothing of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PartDefault:
    """A default that a partition has in another way than the table above.

    Attributes:
        table: the partition, qualified.
        default: SQL of it; an empty string: none.
    """

    table: str
    column: str
    default: str


@dataclass(frozen=True, slots=True)
class PartConstraint:
    """A constraint of a partition.

    Attributes:
        table: the partition, qualified.
        type: as that of ``model.schema.Constraint``.
        columns: those it is about.
        is_own: whether it is the partition's own; else it has it from the table above.
    """

    table: str
    name: str
    type: str
    columns: tuple[str, ...]
    is_own: bool


@dataclass(frozen=True, slots=True)
class PartReference:
    """A foreign key that points to a partition, and not to the table above.

    Attributes:
        name: with the table it is on.
        columns: those of the partition that it points to.
    """

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Below:
    """What is below a partitioned table, at every level; of other tables there is nothing.

    Attributes:
        defaults: those that differ from the table's.
        constraints: of partitions.
        references: foreign keys that point to partitions.
        columns: what is set on single columns of partitions and not on the table's, with the name of the column.
        switched: triggers that partitions have from the table and switched otherwise, with the partition.
        users: objects that hold on to a partition itself or to its row type, as the server describes them: views,
            functions, foreign keys of other tables that point to it and not to the table above.
        written_by: functions of triggers of other tables that read or write a partition by its name.
        foreign: partitions that are foreign tables, qualified.
        is_published: whether a publication sends what changes in a partition under the partition's name.
    """

    defaults: tuple[PartDefault, ...] = ()
    constraints: tuple[PartConstraint, ...] = ()
    references: tuple[PartReference, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    switched: tuple[tuple[str, str], ...] = ()
    users: tuple[str, ...] = ()
    written_by: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    is_published: bool = False


NOTHING_BELOW = Below()
