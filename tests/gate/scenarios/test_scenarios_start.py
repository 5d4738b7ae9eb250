"""Scenarios of processes that start, beat, pause and die around the fence, on a real server."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from migrator.client import Fenced as ClientFenced
from migrator.client import Heartbeat
from migrator.config import ServiceSettings
from migrator.errors import Fenced, GateBlocked
from migrator.gate import fence as fences
from migrator.gate.decision import Rules, decide, required_levels
from migrator.gate.gate import Gate
from migrator.gate.look import Subject, collect, evaluate
from migrator.ledger import services
from migrator.ledger.state import GateState
from migrator.model.events import StepRetried
from migrator.model.evidence import Direction, Soak, Verdict
from migrator.model.plan import Migration
from tests.gate.world import WEB, World, wait_for

OLD = 41
Ready = tuple[World, Gate, Migration]


@pytest.fixture
def ready(world: World) -> Ready:
    """New code runs, nothing else; the gate is open."""
    gate = world.configure(WEB, drain_timeout="300ms")
    migration = world.expanded(42)
    world.table()
    world.beat(level=42)
    return world, gate, migration


@pytest.fixture
def other_thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as thread:
        yield thread


def contract(world: World, gate: Gate, migration: Migration, before_fence: Callable[[], object]) -> None:
    @contextlib.contextmanager
    def hold() -> Iterator[None]:
        before_fence()
        yield

    gate.pass_through(
        world.session,
        migration,
        Direction.CONTRACT,
        lambda execute: execute("ALTER TABLE users DROP COLUMN legacy"),
        wait_s=0,
        offline=None,
        hold_runner=hold,
    )


def until_blocked(world: World, pid: int) -> None:
    with world.connect() as observer:
        wait_for(lambda: observer.execute("SELECT pid FROM unnest(pg_blocking_pids(%s)) AS pid", (pid,)).fetchone())


def unharmed(world: World, migration: Migration) -> None:
    """Nothing changed and no fence stands."""
    assert world.has_column()
    assert world.record(migration).fence_at is None
    assert world.beat(level=OLD, instance="probe").ok


def test_scenario_01_a_beat_that_commits_just_before_the_fence_is_seen(
    ready: Ready, other_thread: ThreadPoolExecutor
) -> None:
    world, gate, migration = ready
    beating = world.connect()
    beating.autocommit = False
    pid = world.session.pid

    def commit_once_the_fence_waits() -> None:
        until_blocked(world, pid)
        beating.close() if beating.broken else beating.commit()

    def beat_and_leave_it_open() -> None:
        assert world.beat(level=OLD, instance="late", on=beating).ok
        committed.append(other_thread.submit(commit_once_the_fence_waits))

    committed: list[Future[None]] = []
    with pytest.raises(GateBlocked) as caught:
        contract(world, gate, migration, beat_and_leave_it_open)
    committed[0].result()
    assert "late" in (caught.value.detail or "")
    unharmed(world, migration)
    beating.close()


@contextlib.contextmanager
def raising_the_fence(world: World, migration: Migration) -> Iterator[None]:
    """The fence's transaction is open, and commits at the end."""
    subject = Subject(world.settings, migration, Direction.CONTRACT)
    with world.session.transaction():
        fences.raise_fence(world.session, subject, lease_s=60, actor="tester")
        yield


def test_scenario_02_a_beat_that_waits_for_the_fence_is_refused(ready: Ready, other_thread: ThreadPoolExecutor) -> None:
    world, _, migration = ready
    with world.connect() as beating:
        with raising_the_fence(world, migration):
            answer = other_thread.submit(world.beat, level=OLD, instance="late", on=beating)
            until_blocked(world, beating.info.backend_pid)
        assert not answer.result().ok
    assert world.instance("late") is None


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_scenario_03_a_beat_from_an_older_snapshot_is_an_error_and_the_client_does_not_start(
    ready: Ready, other_thread: ThreadPoolExecutor, isolation: str
) -> None:
    world, _, migration = ready
    connections: list[psycopg.Connection[Any]] = []

    def connect() -> psycopg.Connection[Any]:
        connections.append(
            world.connect(options=f"-c default_transaction_isolation={isolation.replace(' ', chr(92) + ' ')}")
        )
        return connections[-1]

    heartbeat = Heartbeat(connect, service="web", level=OLD, version="1", instance="late")
    with raising_the_fence(world, migration):
        start = other_thread.submit(heartbeat.start)
        wait_for(lambda: connections)
        until_blocked(world, connections[0].info.backend_pid)
    # Our own client asks for READ COMMITTED, so it is told why; any other gets 40001 (tests/gate/test_beat.py).
    assert isinstance(start.exception(), psycopg.errors.SerializationFailure | ClientFenced)
    assert not heartbeat.lease_valid
    assert world.instance("late") is None


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_scenario_04_the_tool_works_at_read_committed_whatever_the_default_is(ready: Ready, isolation: str) -> None:
    world, gate, migration = ready
    world.session.set("default_transaction_isolation", isolation)
    with pytest.raises(GateBlocked):
        contract(world, gate, migration, lambda: world.beat(level=OLD, instance="late"))
    unharmed(world, migration)
    for instance in ("late", "probe"):
        world.bye(instance=instance)
    worked_at: list[str] = []

    def work(execute: Callable[[str], None]) -> None:
        worked_at.append(world.session.one("SELECT current_setting('transaction_isolation') AS level").level)
        execute("ALTER TABLE users DROP COLUMN legacy")

    world.contract(gate, migration, work=work)
    assert worked_at == ["read committed"]


def test_scenario_05_evidence_from_before_the_fence_is_discarded(ready: Ready) -> None:
    world, _, migration = ready
    subject = Subject(world.settings, migration, Direction.CONTRACT)
    listed = services.listed(world.session, "default")
    before = collect(world.session, subject, listed)
    assert [seen.verdict for seen in before] == [Verdict.PASS]
    with world.session.transaction():
        fence = fences.raise_fence(world.session, subject, lease_s=60, actor="tester")
    now, requires = services.server(world.session).at, required_levels(migration, listed)
    report = decide(
        migration, before, listed, requires, Soak(None, 0, 0), now, Rules(min_independent=1, not_before=fence.at)
    )
    assert report.verdict is Verdict.UNKNOWN
    assert "from before the fence" in report.reasons[0]
    after, _ = evaluate(world.session, subject, listed, not_before=fence.at)
    assert after.verdict is Verdict.PASS


OLD_PROCESS = """
import psycopg, sys
from migrator.client import Fenced
from migrator.client import Heartbeat
url = sys.argv[1]
queries = psycopg.connect(url, autocommit=True)
with Heartbeat(lambda: psycopg.connect(url), service="web", level=41, version="1", instance="old") as beating:
    for line in sys.stdin:
        if not beating.lease_valid:
            print("no lease", flush=True)
            continue
        try:
            print(queries.execute("SELECT legacy FROM users").fetchone()[0], flush=True)
        except psycopg.Error as error:
            print(type(error).__name__, flush=True)
"""


@contextlib.contextmanager
def old_process(world: World) -> Iterator[tuple[subprocess.Popen[str], Callable[[], str]]]:
    """A process of level 41 with a heartbeat, and a way to let it query."""
    command = [sys.executable, "-c", OLD_PROCESS, world.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None

        def query() -> str:
            stdin.write("?\n")
            stdin.flush()
            return stdout.readline().strip()

        try:
            assert query() == "a"
            yield process, query
        finally:
            process.kill()


def test_scenario_06_an_old_process_that_slept_through_the_contract_finds_its_lease_gone(ready: Ready) -> None:
    world, gate, migration = ready
    with old_process(world) as (process, query):
        process.send_signal(signal.SIGSTOP)
        wait_for(
            lambda: [row.stale for row in services.running(world.session, "default") if row.level == OLD] == [True]
        )
        world.beat(level=42)
        with pytest.raises(GateBlocked, match="still runs level 41"):
            world.contract(gate, migration)
        # Nobody but a person can say that it is gone, and this one errs.
        gate.retire(world.session, "web", "old", "somebody thought that it was gone")
        world.contract(gate, migration)
        process.send_signal(signal.SIGCONT)
        assert query() == "no lease"
        wait_for(lambda: world.instance("old").ended_at is None, what="it beats again, and is told to stop")
        assert query() == "no lease"


def test_scenario_07_a_process_that_was_killed_blocks_until_it_is_retired(ready: Ready) -> None:
    world, gate, migration = ready
    with old_process(world) as (process, _):
        process.kill()
        process.wait()
    for seconds in (0, 86_400):
        world.age("old", seconds)
        with pytest.raises(GateBlocked, match="still runs level 41"):
            world.contract(gate, migration)
    gate.retire(world.session, "web", "old", "its node is gone")
    world.contract(gate, migration)
    assert not world.has_column()


def test_scenario_08_a_retired_process_that_comes_back_is_refused(ready: Ready) -> None:
    world, gate, migration = ready
    assert world.beat(level=OLD, instance="old").ok
    world.age("old")
    gate.retire(world.session, "web", "old", "its node is gone")
    answer = world.beat(level=OLD, instance="old")
    assert not answer.ok
    assert "retired" in answer.why
    # It evidently runs, so it is in the way until it says bye.
    with pytest.raises(GateBlocked):
        world.contract(gate, migration)
    world.bye(instance="old")
    world.contract(gate, migration)
    assert not world.beat(level=OLD, instance="old").ok


def test_scenario_36_a_thousand_instances_that_beat_do_not_starve_the_fence(world: World) -> None:
    gate = world.configure(ServiceSettings(name="web", ttl="60s"), lock_timeout="5s")
    migration = world.expanded(42)
    world.table()
    stop = threading.Event()
    workers, each = 8, 125
    world.session.execute(
        "INSERT INTO migrator.instance (service, instance, boot, level, version, first_beat, last_beat, expires_at,"
        " role_name) SELECT 'web', 'web-' || n, 'boot', 42, '1', now(), now(), now() + interval '1 min', session_user"
        f" FROM generate_series(0, {workers * each - 1}) AS n"
    )

    def keep_beating(first: int) -> int:
        beats = 0
        with world.connect() as connection:
            while not stop.is_set():
                assert world.beat(instance=f"web-{first + beats % each}", level=42, on=connection).ok
                beats += 1
        return beats

    with ThreadPoolExecutor(workers) as pool:
        beaters = [pool.submit(keep_beating, number * each) for number in range(workers)]
        try:
            world.contract(gate, migration)
        finally:
            stop.set()
        assert all(beater.result() for beater in beaters)
    assert not world.has_column()
    assert not [event for event in world.events if isinstance(event, StepRetried)], "no lock was refused"


def test_scenario_42_a_version_from_long_ago_is_refused(world: World) -> None:
    gate = world.configure(WEB)
    world.table()
    for level in (42, 43, 44):
        migration = world.expanded(level)
        world.beat(instance=f"web-{level}", level=level)
        world.session.execute("ALTER TABLE users ADD COLUMN IF NOT EXISTS legacy text")
        world.contract(gate, migration)
        assert world.gate_state(migration) is GateState.APPLIED
        world.bye(instance=f"web-{level}")
    answer = world.beat(level=OLD, instance="from-a-backup")
    assert not answer.ok
    assert answer.min_level == 44
    with pytest.raises(Fenced) as caught:
        gate.start_check(world.session, "web", OLD)
    assert caught.value.exit_code == 13
