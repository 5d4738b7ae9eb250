"""How long others wait while the tool waits: nobody longer than the lock timeout, whatever the tool does.

A reader holds its lock on the table for longer than that, so that each statement of ours that needs the table queues
behind it, and a canary, which only reads and writes rows, behind us.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Self

import psycopg
import pytest

from migrator.client import application_name
from tests.support.sandbox import Sandbox

LOCK_TIMEOUT_S = 0.3
NOISE_S = 1.0
"""On a busy machine a query alone may take as long."""
HELD_S = 0.7
SETUP = (
    "CREATE TABLE items (id int PRIMARY KEY, name text, n int, other int);"
    "CREATE TABLE others (id int PRIMARY KEY); INSERT INTO others VALUES (1);"
    "INSERT INTO items SELECT g, 'x' || g, g, 1 FROM generate_series(1, 500) AS g; CREATE INDEX items_n ON items (n)"
)
NEW = application_name("web", level=1, version="v1")
"""Code of the migration's level: contract does not wait for it to go."""


class Canary:
    """Reads and writes one row of the table all the time; ``longest_s``: the longest it has waited for one of them."""

    def __init__(self, url: str) -> None:
        self.longest_s, self.failures, self._url = 0.0, list[str](), url
        self._stop, self._thread = threading.Event(), threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with psycopg.connect(self._url, autocommit=True, application_name=NEW, prepare_threshold=None) as connection:
            while not self._stop.wait(0.005):
                for statement in ("SELECT id FROM items WHERE id = 1", "UPDATE items SET id = id WHERE id = 2"):
                    began = time.monotonic()
                    try:
                        connection.execute(statement)
                    except psycopg.Error as error:
                        self.failures.append(str(error))
                    self.longest_s = max(self.longest_s, time.monotonic() - began)


def beside_a_reader(url: str, phase: Callable[[], object]) -> None:
    """Run a phase while somebody reads the table in one long transaction."""
    with psycopg.connect(url, application_name=NEW) as reader:
        reader.execute("SELECT count(*) FROM items")
        timer = threading.Timer(HELD_S, reader.rollback)
        timer.start()
        try:
            phase()
        finally:
            timer.join()


@pytest.mark.parametrize(
    ("sql", "phases"),
    [
        ("ALTER TABLE items RENAME COLUMN name TO title", "expand contract"),
        ("ALTER TABLE items ALTER COLUMN n TYPE bigint", "expand contract"),
        ("-- migrator: fill = 0\nALTER TABLE items ALTER COLUMN other SET NOT NULL", "expand contract"),
        ("ALTER TABLE items ADD FOREIGN KEY (other) REFERENCES others", "expand"),
        ("ALTER TABLE items RENAME TO goods", "expand"),
        ("-- migrator: down = 'b'\nALTER TABLE items DROP COLUMN name", "expand contract"),
    ],
)
def test_nobody_waits_for_us_longer_than_the_lock_timeout(
    sandbox: Sandbox, sql: str, phases: str, record_property: Callable[[str, object], None]
):
    sandbox.configure({"name": "web", "ttl": "1min"}, lock_timeout=f"{LOCK_TIMEOUT_S * 1000:.0f}ms", lock_budget="60s")
    sandbox.execute(SETUP)
    sandbox.install()
    migration = sandbox.new("change", sql)
    run = {
        "expand": lambda: sandbox.expand(migration),
        "contract": lambda: sandbox.contract(migration),
    }
    for phase in phases.split():
        if phase == "contract":
            sandbox.beat(level=migration.level)
            sandbox.backfill(migration)
        with Canary(sandbox.url) as canary:
            beside_a_reader(sandbox.url, run[phase])
        record_property(f"longest wait in {phase}, ms", round(canary.longest_s * 1000))
        assert not canary.failures
        assert canary.longest_s < LOCK_TIMEOUT_S + NOISE_S, phase
