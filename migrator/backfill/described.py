"""Rows, and sessions that hold them, in words for people."""

from __future__ import annotations

from collections.abc import Sequence

from migrator.backfill.rejects import RejectedRow
from migrator.backfill.target import Leaf
from migrator.errors import StatementFailed
from migrator.model.counts import counted
from migrator.model.plan import Migration, Phase
from migrator.postgres.queries import load
from migrator.postgres.session import Session
from migrator.sql.compose import Sql, ident

_SQL = load("migrator.backfill.queries", "described.sql")


def lock_holder(session: Session, names: Sequence[str]) -> str:
    """Who has kept rows of these leaves locked the longest, for people; empty when nobody is seen."""
    row = session.maybe(_SQL["holders"], {"leaves": list(names)})
    if row is None:
        return ""
    if not row.pid:
        return "a prepared transaction"
    who = f"{row.usename} ({row.application})" if row.application else row.usename
    return f"pid {row.pid} {who}, {row.state or 'state unknown'}, transaction open for {row.age_s:.0f} s"


def describe_row(session: Session, leaf: Leaf, tid: str) -> str:
    """A row for people: its primary key if it has one, and its ctid."""
    if leaf.key and not leaf.key.has_versions:
        return f"({', '.join(column.name for column in leaf.key.columns)}) = {tid}"
    place = f"ctid {tid}"
    if not leaf.primary_key:
        return place
    values = ", ".join(f"{ident(column)}::text" for column in leaf.primary_key)
    row = session.maybe(
        Sql(f"SELECT ARRAY[{values}] AS key FROM ONLY {leaf.name.sql} WHERE ctid = %(tid)s::tid"),  # noqa: S608 - composed
        {"tid": tid},
    )
    if row is None:
        return place
    key = ", ".join(f"{column} = {value}" for column, value in zip(leaf.primary_key, row.key, strict=True))
    return f"{key} ({place})"


def rejected(count: int, some: Sequence[RejectedRow], migration: Migration) -> StatementFailed:
    """The error for rows that are set aside, with some of them as examples."""
    first = some[0]
    at = next((step.at for step in migration.phase(Phase.BACKFILL) if step.id == first.step), "")
    hint = (
        f'correct them, or the statement; then: "migrator backfill retry {migration.id}". The contract waits for that'
    )
    if count == 1:
        return StatementFailed(
            f"row {first.name} cannot be backfilled: {first.message} (SQLSTATE {first.sqlstate}); all others are done",
            at=at or None,
            detail=first.detail or None,
            hint=hint.replace("correct them", "correct it", 1),
        )
    lines = [f"{row.name}: {row.message} (SQLSTATE {row.sqlstate})" for row in some]
    if count > len(some):
        lines.append(f'… and {count - len(some)} more: "migrator backfill rejected {migration.id}"')
    return StatementFailed(
        f"{counted(count, 'rows')} cannot be backfilled; all others are done",
        at=at or None,
        detail="\n".join(lines),
        hint=hint,
    )
