"""Reading what publications say of tables. Only queries."""

from __future__ import annotations

from collections import defaultdict

from migrator.model.objects import Unsent
from migrator.model.publishing import Publishing
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.postgres.queries", "publishing.sql")
_LISTS = 15
"""First version with column lists, row filters and TABLES IN SCHEMA (release notes of 15)."""


def read_publishing(session: Session, oid: int) -> tuple[Publishing, ...]:
    """The publications that a table is in."""
    rows = session.query(_SQL["publishing" if _has_lists(session) else "publishing_before_15"], {"oid": oid})
    return tuple(
        Publishing(
            row.name,
            row.changes_rows,
            None if row.columns is None else tuple(row.columns),
            row.filtered_by,
            row.sends_generated,
            row.is_ours,
        )
        for row in rows
    )


def read_schemas(session: Session) -> dict[str, tuple[str, ...]]:
    """Schemas whose tables are sent, by publication."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in session.query(_SQL["schemas"]) if _has_lists(session) else ():
        found[row.name].append(row.schema)
    return {name: tuple(schemas) for name, schemas in found.items()}


def read_without_identity(session: Session) -> frozenset[tuple[str, str]]:
    """Schema and name of tables whose rows logical replication cannot find."""
    return frozenset((row.schema, row.name) for row in session.query(_SQL["without_identity"]))


def read_generated_identity(session: Session) -> frozenset[Unsent]:
    """Generated columns by which logical replication finds rows."""
    return frozenset(Unsent(*row) for row in session.query(_SQL["generated_identity"]))


def _has_lists(session: Session) -> bool:
    return session.server_version >= _LISTS
