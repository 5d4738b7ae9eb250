"""What goes, as the database knows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from migrator.postgres.queries import load
from migrator.postgres.session import Session
from migrator.sql.drops import Drops
from migrator.sql.lineage import Target

_SQL = load("migrator.gate.queries", "targets.sql")


@dataclass(frozen=True, slots=True)
class Going:
    """A relation or column that goes.

    Attributes:
        target: by name.
        oid: of the relation.
        number: of the column; None: the whole relation.
    """

    target: Target
    oid: int
    number: int | None


def going(session: Session, drops: Drops) -> tuple[Going, ...]:
    """What of a script's drops exists in the database, partitions and children included."""
    things = sorted(drops.things, key=str)
    if not things:
        return ()
    rows = session.query(
        _SQL["resolve"],
        {
            "schemas": [thing.schema for thing in things],
            "relations": [thing.relation for thing in things],
            "columns": [thing.column for thing in things],
        },
    )
    return tuple(Going(Target(row.schema, row.relation, row.column), row.oid, row.number) for row in rows)


def columns_of(session: Session, names: Iterable[str]) -> dict[str, dict[str, frozenset[str]]]:
    """Relation name to schema to columns, as ``sql.lineage`` wants it."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for row in session.query(_SQL["columns"], {"names": sorted(names)}):
        found.setdefault(row.relation, {})[row.schema] = frozenset(row.columns)
    return found
