"""What has a name already, in the spaces in which a migration is about to take it. Only queries."""

from __future__ import annotations

from collections.abc import Sequence

from migrator.postgres.queries import load
from migrator.postgres.session import Session

_Holder = tuple[str, tuple[str | None, str] | None] | None

_SQL = load("migrator.postgres.queries", "names.sql")


def holders(session: Session, asked: Sequence[tuple[str, str | None, str, str | None, str | None]]) -> list[_Holder]:
    """What has names already.

    Args:
        asked: by name: its space, ``relation``, ``type`` or ``constraint``; its schema, None is the first one of the
            search_path; itself; of a constraint that is renamed, its table and the name that it has.

    Returns:
        For each, what has it, and the table, schema and name, that this goes away with; None: it is free.
    """
    found: list[_Holder] = [None] * len(asked)
    if not asked:
        return found
    rows = session.query(
        _SQL["holders"],
        {
            key: [each[place] for each in asked]
            for place, key in enumerate(("spaces", "schemas", "names", "tables", "olds"))
        },
    )
    for row in rows:
        found[row.place - 1] = found[row.place - 1] or (row.what, (row.schema, row.name) if row.name else None)
    return found
