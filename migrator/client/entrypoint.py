"""Whether code may start, asked without saying that it runs: for entrypoints and init containers."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.client import drivers
from migrator.client.lease import Fenced
from migrator.client.naming import application_name

if TYPE_CHECKING:
    from migrator.client.heartbeat import Connect


@dataclass(frozen=True, slots=True)
class Window:
    """The levels of a service that may run; both ends inclusive."""

    min_level: int
    max_level: int


def start_check(connect: Connect, *, service: str, level: int) -> Window:
    """Ask whether code of a service at a level may start now. Its first beat is asked again, and decides.

    Args:
        connect: opens a connection to the primary, which is closed afterwards.
        service: as in ``Heartbeat``.
        level: schema level of the code that wants to start.

    Raises:
        Fenced: it must not start.
        Exception: whatever the driver raises; it must not start either.
    """
    name = ""
    with contextlib.suppress(ValueError):
        name = application_name(service, level=level, version="start-check")
    try:
        connection = connect()
        try:
            drivers.prepare(connection, name)
            row = drivers.ask(connection, drivers.WINDOW, (service,))
        finally:
            connection.close()
    except Exception as error:
        drivers.explain(error)
        raise
    if row is None or not row[0]:
        raise Fenced(
            f'service "{service}" is not listed in this database: '
            "add it to [[gate.service]] of migrator.toml, or [[tool.migrator.gate.service]] of pyproject.toml, and run "
            '"migrator expand"'
        )
    _, lowest, highest = row
    if level < lowest:
        raise Fenced(f'"{service}" at level {level} is too old: the database needs at least level {lowest}')
    if level > highest:
        raise Fenced(
            f'"{service}" at level {level} is too new: the database is expanded up to level {highest}; '
            'run "migrator expand" with the migrations of this build first'
        )
    return Window(lowest, highest)
