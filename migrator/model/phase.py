"""The parts of a migration."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Parts of a migration; ``ROLLBACK`` undoes ``EXPAND`` and what ``BACKFILL`` wrote."""

    EXPAND = "expand"
    BACKFILL = "backfill"
    CONTRACT = "contract"
    ROLLBACK = "rollback"
