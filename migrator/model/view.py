"""Views that read a table, and how a materialized one is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrator.model.schema import Index, TableName


@dataclass(frozen=True, slots=True)
class Stored:
    """How a materialized view is kept.

    Attributes:
        indexes: those it has.
        access_method: of its rows, ``heap``.
        tablespace: where it lies; an empty string: in that of the database.
        is_filled: whether it can be read: it was not made WITH NO DATA, or was refreshed since.
        settings: column and what is set on it, as SQL: ``SET STATISTICS 500``.
    """

    indexes: tuple[Index, ...] = ()
    access_method: str = "heap"
    tablespace: str = ""
    is_filled: bool = True
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A view that reads a table, itself or through other views.

    Attributes:
        kind: ``view`` or ``materialized view``.
        definition: its query, as ``pg_get_viewdef`` writes it, with everything qualified.
        options: as ``NAME=VALUE``.
        columns: the columns of the table that it reads itself.
        views: the other views it reads the table through.
        held_by: what would be lost with it or keeps it from being made anew, as the server describes it: objects that
            need it or its row type, other views left out, and its own triggers, rules and statistics objects.
        stored: how a materialized view is kept; None: it is a plain view.
    """

    name: TableName
    kind: str
    definition: str
    options: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    views: tuple[TableName, ...] = ()
    held_by: tuple[str, ...] = ()
    stored: Stored | None = None
