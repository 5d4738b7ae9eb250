"""Old clients start and stop at random while contracts drop what they read: none may ever fail because of it.

The same clients are run against the naive order (look, drop, then fence), which must break some of them: otherwise this
test could not fail.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psycopg
import pytest

from migrator.config import ServiceSettings
from migrator.errors import GateBlocked, GateWaiting
from migrator.gate.gate import Gate
from migrator.ledger import services
from migrator.model.events import Note
from migrator.model.evidence import Direction
from migrator.model.plan import Migration
from tests.gate.world import World, open_world

SERVICE = ServiceSettings(name="web", ttl="60s")
CLIENTS = 3
FIRST_LEVEL = 10
ROUNDS = 60


@dataclass
class Round:
    """One contract: the old clients' level, what they read, and what became of them."""

    level: int
    table: str
    stop: threading.Event = field(default_factory=threading.Event)
    applied: threading.Event = field(default_factory=threading.Event)
    queries: int = 0
    refused: int = 0
    refused_after: int = 0
    drains: int = 0
    failures: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def old_client(url: str, this: Round, seed: int) -> None:
    """Beat; if told so, read the old column a few times; say bye; rest; again."""
    chance = random.Random(seed)
    key = ("web", f"old-{seed}")
    with psycopg.connect(url, autocommit=True) as beats, psycopg.connect(url, autocommit=True) as connection:
        while not this.stop.is_set():
            boot = secrets.token_hex(8)
            applied_before = this.applied.is_set()
            beat = "SELECT ok FROM migrator.beat(%s, %s, %s, %s, 'old')"
            row = beats.execute(beat, (*key, boot, this.level)).fetchone()
            assert row is not None
            if not row[0]:
                with this.lock:
                    this.refused += 1
                    this.refused_after += applied_before
            else:
                if applied_before:
                    this.failures.append("an old client was let in after the contract")
                for _ in range(chance.randint(1, 8)):
                    try:
                        connection.execute(f"SELECT legacy FROM {this.table}").fetchall()
                    except psycopg.Error as error:
                        this.failures.append(f"{type(error).__name__}: {error}")
                    else:
                        with this.lock:
                            this.queries += 1
                    time.sleep(chance.uniform(0, 0.003))
                beats.execute("SELECT migrator.bye(%s, %s, %s)", (*key, boot))
            time.sleep(chance.uniform(0, 0.05))


@contextlib.contextmanager
def round_of(world: World, number: int) -> Iterator[tuple[Round, Migration]]:
    """A table, a migration that drops one of its columns, new code that runs, old clients that come and go."""
    this = Round(FIRST_LEVEL + number, f"t{number}")
    world.session.execute(f"CREATE TABLE {this.table} AS SELECT 1 AS id, 'x' AS legacy")
    migration = world.expanded(this.level + 1)
    assert world.beat(instance=f"new-{number}", level=migration.level).ok
    threads = [
        threading.Thread(target=old_client, args=(world.url, this, 1000 * number + client)) for client in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield this, migration
        # Old clients must have met the fence once more each, or nearly so.
        deadline = time.monotonic() + 5
        while this.applied.is_set() and this.refused_after < CLIENTS and not this.failures:
            assert time.monotonic() < deadline, "no old client tried to start after the contract"
            time.sleep(0.01)
    finally:
        this.stop.set()
        for thread in threads:
            thread.join()
        world.bye(instance=f"new-{number}")


@contextlib.contextmanager
def a_moment() -> Iterator[None]:
    """Between look and fence, long enough for old clients to start in between."""
    time.sleep(random.uniform(0, 0.06))
    yield


def proven(world: World, gate: Gate, this: Round, migration: Migration) -> None:
    """The gate's order, tried until it opens."""
    deadline = time.monotonic() + 60
    while True:
        try:
            gate.pass_through(
                world.session,
                migration,
                Direction.CONTRACT,
                lambda execute: execute(f"ALTER TABLE {this.table} DROP COLUMN legacy"),
                wait_s=0,
                offline=None,
                hold_runner=a_moment,
            )
        except (GateBlocked, GateWaiting):
            assert time.monotonic() < deadline, "the gate never opened"
            time.sleep(0.005)
        else:
            this.applied.set()
            return


def naive(world: World, _: Gate, this: Round, migration: Migration) -> None:
    """Look, drop, fence: what tools do that know who runs but not when to ask."""
    while any(row.level < migration.level for row in services.running(world.session, "default")):
        time.sleep(0.005)
    world.session.execute(f"ALTER TABLE {this.table} DROP COLUMN legacy")
    with world.session.transaction():
        services.lock(world.session, "default")
        services.raise_floor(world.session, "default", {"web": migration.level})
    this.applied.set()


def rounds(
    url: str,
    order: Callable[[World, Gate, Round, Migration], None],
    *,
    seconds: float,
    at_least: int,
    stop_at_failure: bool = False,
) -> list[Round]:
    """Play rounds until the time is over."""
    played: list[Round] = []
    with open_world(url) as world:
        gate = world.configure(SERVICE, drain_timeout="500ms")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline or len(played) < at_least:
            with round_of(world, len(played)) as (this, migration):
                time.sleep(random.uniform(0, 0.1))
                order(world, gate, this, migration)
            this.drains = sum(isinstance(event, Note) for event in world.events)
            world.events.clear()
            played.append(this)
            if stop_at_failure and this.failures:
                break
    return played


def assert_unharmed(played: list[Round]) -> None:
    assert [failure for this in played for failure in this.failures] == []
    assert sum(this.queries for this in played) > 10 * len(played), "the old clients hardly ran"
    assert all(this.refused_after for this in played)
    assert sum(this.drains for this in played), "no old client ever started between look and fence"


@pytest.mark.chaos
@pytest.mark.timeout(0)
def test_no_old_client_fails_because_of_sixty_contracts(database_url: str) -> None:
    assert_unharmed(rounds(database_url, proven, seconds=0, at_least=ROUNDS))


def test_the_naive_order_does_break_clients(database_url: str) -> None:
    played = rounds(database_url, naive, seconds=20, at_least=1, stop_at_failure=True)
    assert any("UndefinedColumn" in failure for failure in played[-1].failures)


@pytest.mark.chaos
@pytest.mark.timeout(0)
def test_no_old_client_fails_because_of_many_contracts(database_url: str) -> None:
    seconds = float(os.environ.get("MIGRATOR_CHAOS_SECONDS", "120"))
    assert_unharmed(rounds(database_url, proven, seconds=seconds, at_least=ROUNDS))
