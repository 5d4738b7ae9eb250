"""What goes on around a migration: transactions and slots of others, and how large its tables are. Only queries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.postgres.queries", "surroundings.sql")


def long_transactions(session: Session, relations: Iterable[str], least_s: float) -> list[Any]:
    """Transactions of others, ``who, age_s, relations`` (those of the named that they locked), ``has_snapshot``.

    Args:
        relations: as SQL; those that do not exist are passed over.
        least_s: how old a transaction is that counts; prepared ones always do.
    """
    return session.query(_SQL["long_transactions"], {"names": sorted(relations), "least_s": least_s})


def idle_slots(session: Session) -> list[Any]:
    """Replication slots that nobody reads from: ``name, kept_bytes`` of WAL."""
    return session.query(_SQL["idle_slots"])


def sizes(session: Session, relations: Iterable[str]) -> list[Any]:
    """Sizes of tables in bytes: ``name, table_bytes, index_bytes``, and how many ``indexes`` each has.

    Args:
        relations: as SQL; what is no table is left out.
    """
    return session.query(_SQL["sizes"], {"names": sorted(relations)})
