"""Reading the views that read a table. Only queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from migrator.model.schema import Column, Index, TableName
from migrator.model.view import Stored, View
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.postgres.queries", "views.sql")

Kept = tuple[tuple[Index, ...], tuple[Column, ...]]
"""Indexes and columns of a relation."""


def read_views(session: Session, oid: int, kept: Callable[[int], Kept]) -> tuple[View, ...]:
    """Views that read a table, directly or through others, each after those it reads.

    Args:
        session: to ask.
        oid: of the table.
        kept: reads indexes and columns of a materialized view.
    """
    return tuple(_view(each, kept) for each in session.query(_SQL["views"], {"oid": oid}))


def _view(row: Any, kept: Callable[[int], Kept]) -> View:
    return View(
        TableName(row.schema, row.name),
        row.kind,
        row.definition,
        tuple(row.options),
        tuple(row.columns),
        tuple(TableName(each["schema"], each["name"]) for each in row.views),
        tuple(row.held_by),
        None if row.kind == "view" else _stored(row, *kept(row.oid)),
    )


def _stored(row: Any, indexes: tuple[Index, ...], columns: tuple[Column, ...]) -> Stored:
    return Stored(
        indexes,
        row.access_method,
        row.tablespace,
        row.is_filled,
        tuple((column.name, setting) for column in columns for setting in column.settings),
    )
