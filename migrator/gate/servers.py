"""Looking at the primary and at every standby, or saying that one is out of sight."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migrator.gate.ownership import is_ignored
from migrator.gate.source import Question
from migrator.model.counts import counted
from migrator.postgres.connect import Database
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.gate.queries", "sessions.sql")
_STANDBY_TIMEOUT = "5s"  # as long as the primary gets, see gate.look


@dataclass(frozen=True, slots=True)
class Reading:
    """What one server shows.

    Attributes:
        name: ``the primary``, or the variable that names the standby.
    """

    name: str
    at: datetime
    sessions: list[Any]
    prepared: list[Any]
    standbys: list[Any]


class CannotSee(Exception):
    """A server does not show enough; the argument says why and what helps."""


def read_all(session: Session, question: Question) -> list[Reading]:
    """Sessions and prepared transactions of every server; of the primary alone while table locks are held.

    Raises:
        CannotSee: a right is missing, a standby is not named or cannot be reached.
    """
    identity, primary = _read(session, "the primary")
    if question.local:
        return [primary]
    readings = [primary]
    for variable in question.standby_url_envs:
        with standby(variable) as other:
            found, reading = _read(other, variable)
        if found != identity:
            raise CannotSee(f"{variable} names a server of another cluster, system identifier {found}")
        readings.append(reading)
    streaming = [row for reading in readings for row in reading.standbys if not is_ignored(row.role, question.ignored)]
    if len(streaming) > len(readings) - 1:
        named = ", ".join(f"{row.application_name or 'standby'} at {row.address} ({row.role})" for row in streaming)
        raise CannotSee(
            f"{counted(len(streaming), 'standbys stream')} from here, and {len(readings) - 1} can be read: {named}; "
            "name their URLs in standby_url_envs, or list the replication role under [[tool.migrator.gate.ignore]] in "
            "pyproject.toml if they answer no queries"
        )
    return readings


def _read(session: Session, name: str) -> tuple[str, Reading]:
    session.query(_SQL["fresh"])
    node = session.one(_SQL["node"])
    if not node.may_see:
        raise CannotSee(
            f'on {name}, role "{node.role}" may not see other sessions: GRANT pg_read_all_stats TO "{node.role}"'
        )
    sessions = session.query(_SQL["sessions"])
    if not any(row.self for row in sessions) or any(row.backend_type is None for row in sessions):
        raise CannotSee(f"{name} does not show every session")
    reading = Reading(name, node.at, sessions, session.query(_SQL["prepared"]), session.query(_SQL["standbys"]))
    return node.system_identifier, reading


@contextmanager
def standby(variable: str) -> Iterator[Session]:
    """A session on the standby whose URL an environment variable holds.

    Raises:
        CannotSee: it is not set, or anything fails.
    """
    url = os.environ.get(variable)
    if not url:
        raise CannotSee(f"environment variable {variable}, which should hold the URL of a standby, is not set")
    try:
        with Database(url).connect("look", may_be_standby=True) as session:
            session.set("statement_timeout", _STANDBY_TIMEOUT)
            yield session
    except CannotSee:
        raise
    except Exception as error:  # noqa: BLE001 - whatever keeps us from looking, we did not see
        reason = " ".join(str(error).split())
        raise CannotSee(f"the standby of {variable} cannot be looked at: {reason}") from None


def foreign(reading: Reading, question: Question) -> list[Any]:
    """Sessions that are neither ours nor of an ignored role."""
    return [
        row
        for row in reading.sessions
        if not row.self
        and not row.ours
        and row.pid not in question.own_pids
        and not is_ignored(row.role, question.ignored)
    ]
