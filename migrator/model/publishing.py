"""How a publication sends the changes of a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Publishing:
    """A publication that a table is in, by its own name, its schema, a table it is a partition of, or all tables.

    Attributes:
        name: of the publication.
        changes_rows: whether it sends updates or deletes.
        columns: its column list; None: all columns.
        filtered_by: its row filter, as SQL; empty: all rows.
        sends_generated: whether stored generated columns are sent without being listed.
        is_ours: whether the role that asks may change it.
    """

    name: str
    changes_rows: bool = True
    columns: tuple[str, ...] | None = None
    filtered_by: str = ""
    sends_generated: bool = False
    is_ours: bool = True
