"""Identity columns as objects of a change: what the kinds that make, change and drop one share."""

from __future__ import annotations

from typing import Any

from migrator.changes.kind import Context, OnTable, require_column, require_table
from migrator.errors import Refused
from migrator.model.schema import Column, Relation
from migrator.sql.compose import literal
from migrator.sql.parser import pb, unwrap


class OnColumn(OnTable, frozen=True):
    """Parameters of a change of one column.

    Attributes:
        column: its name.
    """

    column: str


ALWAYS = "a"
"""``ATTRIBUTE_IDENTITY_ALWAYS`` (``catalog/pg_attribute.h``)."""


def options_in(elements: Any) -> dict[str, Any]:
    """Options of the sequence of an identity column, by name, ``generated`` among them where it is changed."""
    return {each.defname: each for each in map(unwrap, elements)}


def is_serial(column: Column) -> bool:
    """Whether its default draws from a sequence that it owns, and does nothing else."""
    return column.sequence is not None and column.default == f"nextval({literal(column.sequence.name)}::regclass)"


def is_of_column(action: Any, subtype: int) -> bool:
    """Whether an action is that subcommand of ALTER TABLE, of a table."""
    return action.command is not None and action.command.subtype == subtype and action.node.objtype == pb.OBJECT_TABLE


def require_identity(
    change: OnColumn, context: Context, *, or_partitioned: bool = False
) -> tuple[Relation | None, Column | None]:
    """The table and its identity column; None where they are not known.

    Raises:
        Refused: it is not there, is no identity column, or belongs to a table that the migration creates.
    """
    if change.target in context.created:
        raise Refused(
            f'column "{change.column}" belongs to a table this migration creates', hint="write the identity there"
        )
    relation = require_table(
        change,
        context,
        or_partitioned=or_partitioned,
        instead="before PostgreSQL 17 partitions do not follow it: -- migrator: phase = contract runs it as it stands",
    )
    column = require_column(relation, change, change.column)
    if column is not None and not column.identity:
        raise Refused(f'column "{change.column}" of table "{change.target}" is no identity column')
    return relation, column
