"""Two who work on one gate at the same time, and a failover nobody looked before."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from migrator.config import Project
from migrator.errors import GateWaiting, OutOfOrder
from migrator.gate import fence as fences
from migrator.gate.gate import Gate
from migrator.gate.look import Subject
from migrator.ledger.state import GateState
from migrator.model.evidence import Direction, Verdict
from migrator.model.plan import Migration
from tests.gate.world import WEB, World, open_world, own_server, streaming_standby, wait_for

DROP = "ALTER TABLE users DROP COLUMN legacy"


def ready(world: World) -> tuple[Gate, Migration]:
    gate = world.configure(WEB)
    migration = world.expanded(42)
    world.table()
    world.beat(level=42)
    return gate, migration


def test_an_abort_that_comes_too_late_says_so(world: World) -> None:
    gate, migration = ready(world)
    aborted = []

    def abort() -> None:
        with world.database.connect("abort") as session:
            pids.append(session.pid)
            gate.abort(session, migration.id, "the release is rolled back")

    def work(execute: Callable[[str], None]) -> None:
        execute(DROP)
        aborted.append(thread.submit(abort))
        with world.connect() as observer:
            wait_for(lambda: pids and observer.execute("SELECT pg_blocking_pids(%s) AS b", (pids[0],)).fetchone().b)

    pids: list[int] = []
    with ThreadPoolExecutor(1) as thread:
        world.contract(gate, migration, work=work)
        assert world.gate_state(migration) is GateState.APPLIED
        assert isinstance(aborted[0].exception(timeout=15), OutOfOrder)


def test_a_tool_that_lost_its_fence_leaves_that_of_its_successor(world: World) -> None:
    """The first is thought dead: its connection for the runner lock broke, the one it works on did not."""
    _, migration = ready(world)

    def first(execute: Callable[[str], None]) -> None:
        raise AssertionError("the first one must not get so far")

    with ThreadPoolExecutor(1) as thread, world.database.connect("first") as session:
        gate_of_first = world.configure(WEB, drain_timeout="20s")

        @contextlib.contextmanager
        def old_code_comes() -> Iterator[None]:
            world.beat(level=41, instance="late")
            yield

        draining = thread.submit(
            gate_of_first.pass_through,
            session,
            migration,
            Direction.CONTRACT,
            first,
            wait_s=0,
            offline=None,
            hold_runner=old_code_comes,
        )
        wait_for(
            lambda: any("late" in getattr(event, "text", "") for event in world.events), what="the first one drains"
        )
        with world.database.connect("second") as other:
            subject = Subject(world.settings, migration, Direction.CONTRACT)
            with other.transaction():
                fence = fences.raise_fence(other, subject, lease_s=60, actor="second")
            assert isinstance(draining.exception(timeout=15), GateWaiting)
            assert world.record(migration).fence_at == fence.at


@pytest.mark.slow
def test_the_first_look_after_a_failover_does_not_reach_back() -> None:
    with own_server() as primary, streaming_standby(primary) as standby_url:
        with open_world(primary.url()) as world:
            gate = world.configure(WEB, soak="1min")
            migration = world.expanded(42)
            world.beat(level=42)
            world.session.execute("UPDATE migrator.service SET registered_at = registered_at - interval '1 day'")
            world.age("web-1", 5000)
            world.beat(level=42)
            settings = world.settings
            replayed = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"
            wait_for(lambda: world.session.query(replayed))
        primary.stop("immediate")
        with psycopg.connect(standby_url, autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")
        with open_world(standby_url) as world:
            world.beat(level=42)
            gate = Gate(world.database, Project(settings, Path(), None), "tester@test", world.events.append)
            verdict = gate.look(world.session, migration, Direction.CONTRACT).verdict
        primary.start()
        assert verdict is Verdict.SOAKING
