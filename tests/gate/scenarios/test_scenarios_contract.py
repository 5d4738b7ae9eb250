"""Scenarios of the contract itself: rollbacks, failovers, clocks, locks, edits and death, on a real server."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrator import cli
from migrator.config import Project, ServiceSettings
from migrator.errors import BudgetSpent, Fenced, GateBlocked, GateUnknown, GateWaiting, MigratorError
from migrator.gate import fence as fences
from migrator.gate import look as looking
from migrator.gate.fence import STANDING
from migrator.gate.gate import Gate
from migrator.gate.look import Subject
from migrator.ledger import services
from migrator.ledger.lease import RunnerLock
from migrator.ledger.state import GateState
from migrator.model.evidence import Direction, Verdict
from migrator.model.plan import Migration
from tests.gate.world import (
    HEARTBEAT,
    SESSIONS,
    WEB,
    World,
    open_world,
    own_server,
    streaming_standby,
    wait_for,
)
from tests.support.pause_points import Actor, Killed, PausingDatabase, Script, other_timeline

OLD = 41
DROP = "ALTER TABLE users DROP COLUMN legacy"
Ready = tuple[World, Gate, Migration]


@pytest.fixture
def ready(world: World) -> Ready:
    """New code runs, nothing else; the gate is open."""
    gate = world.configure(WEB, drain_timeout="300ms")
    migration = world.expanded(42)
    world.table()
    world.beat(level=42)
    return world, gate, migration


def paused(world: World, migration: Migration, act: Callable[[Script, str], None]) -> Script:
    """A contract during which something happens before each statement that is sent while the fence stands."""
    script = Script(lambda _, statement: act(script, statement) if fenced(observer, migration) else None)
    script.busy = True
    database = PausingDatabase(world.url, command="test", script=script)
    gate = Gate(database, Project(world.settings, Path(), None), "tester@test", world.events.append)
    with world.connect() as observer, contextlib.closing(database.connect("contract")) as session:
        script.busy = False
        try:
            gate.pass_through(
                session,
                migration,
                Direction.CONTRACT,
                lambda execute: execute(DROP),
                wait_s=0,
                offline=None,
                hold_runner=contextlib.nullcontext,
            )
        finally:
            script.busy = True
    return script


def fenced(observer: psycopg.Connection[Any], migration: Migration) -> bool:
    row = observer.execute("SELECT gate FROM migrator.migration WHERE id = %s", (migration.id,)).fetchone()
    return row is not None and row.gate in STANDING


def old_code_may_start(world: World) -> bool:
    ok: bool = world.beat(level=OLD, instance="probe", boot=str(time.monotonic())).ok
    world.session.execute("DELETE FROM migrator.instance WHERE instance = 'probe'")
    return ok


def test_scenario_21_a_rollback_during_the_soak_starts_it_again_and_is_refused_under_the_fence(world: World) -> None:
    gate = world.configure(WEB, soak="15min")
    migration = world.expanded(42)
    world.beat(level=42)
    world.age("web-1", 800)
    world.session.execute("UPDATE migrator.service SET registered_at = registered_at - interval '1 day'")
    world.beat(level=42)
    assert gate.look(world.session, migration, Direction.CONTRACT).soak.has_s > 700
    # Nothing is fenced while it soaks: the rollback works, and is seen.
    assert gate.start_check(world.session, "web", OLD).listed
    assert world.beat(level=OLD, instance="rolled-back").ok
    assert gate.look(world.session, migration, Direction.CONTRACT).verdict is Verdict.BLOCK
    world.bye(instance="rolled-back")
    report = gate.look(world.session, migration, Direction.CONTRACT)
    assert report.verdict is Verdict.SOAKING
    assert report.soak.has_s < 60
    with world.session.transaction():
        fences.raise_fence(
            world.session, Subject(world.settings, migration, Direction.CONTRACT), lease_s=60, actor="tester"
        )
    with pytest.raises(Fenced) as caught:
        gate.start_check(world.session, "web", OLD)
    assert caught.value.exit_code == 13


def test_scenario_22_a_rollback_between_confirm_and_apply_is_refused(ready: Ready) -> None:
    world, _, migration = ready
    old, answers = Actor(world.url), list[Future[Any]]()

    def start_old_code(script: Script, _: str) -> None:
        boot = str(len(answers))
        answers.append(old.later(lambda on: world.beat(level=OLD, instance="rolled-back", boot=boot, on=on)))
        old.settle(answers[-1], world_observer)

    with world.connect() as world_observer:
        paused(world, migration, start_old_code)
        assert len(answers) > 10
        assert not any(answer.result(timeout=10).ok for answer in answers)
    old.close()
    assert not world.has_column()
    assert not [row for row in services.running(world.session, "default") if row.level == OLD]


def test_scenario_23_a_failover_that_loses_the_fence_starts_over(ready: Ready) -> None:
    world, gate, migration = ready

    def fail_over(script: Script, statement: str) -> None:
        if script.server is None and "COMMIT" not in statement:
            script.server = other_timeline
            with world.session.transaction():
                world.session.execute(
                    "UPDATE migrator.migration SET gate = 'none', fence_at = NULL, fence_deadline = NULL"
                )
            assert world.beat(level=OLD, instance="let-in").ok

    with pytest.raises((GateWaiting, GateBlocked)) as caught:
        paused(world, migration, fail_over)
    assert caught.value.exit_code in (10, 12)
    assert world.has_column()
    with pytest.raises(GateBlocked):
        world.contract(gate, migration)
    world.bye(instance="let-in")
    world.contract(gate, migration)
    assert not world.has_column()


@pytest.mark.slow
def test_scenario_23_a_promoted_standby_is_another_server() -> None:
    with own_server() as primary, streaming_standby(primary) as standby_url:
        with open_world(primary.url()) as world:
            gate = world.configure(WEB, soak="1min")
            migration = world.expanded(42)
            world.beat(level=42)
            world.session.execute("UPDATE migrator.service SET registered_at = registered_at - interval '1 day'")
            world.age("web-1", 5000)
            world.beat(level=42)
            assert gate.look(world.session, migration, Direction.CONTRACT).verdict is Verdict.PASS
            subject, settings = Subject(world.settings, migration, Direction.CONTRACT), world.settings
            with world.session.transaction():
                fence = fences.raise_fence(world.session, subject, lease_s=600, actor="tester")
            replayed = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"
            wait_for(lambda: world.session.query(replayed))
        primary.stop("immediate")
        with psycopg.connect(standby_url, autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")
        with open_world(standby_url) as world:
            world.beat(level=42)
            server, record = services.server(world.session), world.record(migration)
            assert server.identity != fence.identity
            assert record.fence_at == fence.at
            with pytest.raises(GateWaiting, match="failed over"):
                fences.check(record, fence, server, subject, margin_s=0)
            gate = Gate(world.database, Project(settings, Path(), None), "tester@test", world.events.append)
            report = gate.look(world.session, migration, Direction.CONTRACT)
            assert report.verdict is Verdict.SOAKING
            assert report.soak.has_s < 60
        primary.start()


@pytest.mark.parametrize(("hours", "error"), [(1, GateWaiting), (-1, GateUnknown)])
def test_scenario_24_a_clock_that_jumps_under_the_fence_does_not_pass(
    ready: Ready, hours: int, error: type[MigratorError]
) -> None:
    world, _, migration = ready

    def jump(script: Script, _: str) -> None:
        script.server = lambda row: row._replace(at=row.at + timedelta(hours=hours))

    with pytest.raises(error):
        paused(world, migration, jump)
    assert world.has_column()
    assert old_code_may_start(world)


def test_scenario_33_of_two_gate_processes_one_works(ready: Ready) -> None:
    world, gate, migration = ready
    working, go_on = threading.Event(), threading.Event()

    def lock() -> RunnerLock:
        return RunnerLock(world.database, "default", shared=False, command="contract", actor="tester@test")

    def work(execute: Callable[[str], None]) -> None:
        working.set()
        assert go_on.wait(10)
        execute(DROP)

    def first() -> None:
        with world.database.connect("first") as session:
            gate.pass_through(session, migration, Direction.CONTRACT, work, wait_s=0, offline=None, hold_runner=lock)

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(first)
        assert working.wait(10)
        second = RunnerLock(world.database, "default", shared=False, command="contract", actor="tester@test")
        try:
            with pytest.raises(BudgetSpent) as caught, second:
                pass
            assert caught.value.exit_code == 14
        finally:
            go_on.set()
        running.result()
    assert world.gate_state(migration) is GateState.APPLIED
    with pytest.raises(MigratorError) as late:
        world.contract(gate, migration)
    assert late.value.exit_code == 5


@pytest.mark.parametrize("moment", ["the fence stands", "the column is dropped", "the record is written"])
def test_scenario_34_a_tool_that_dies_can_be_undone_and_run_again(ready: Ready, moment: str) -> None:
    world, gate, migration = ready

    def die(script: Script, statement: str) -> None:
        sent = script.statements[-2]
        if {
            "the fence stands": True,
            "the column is dropped": sent == DROP,
            "the record is written": statement == "COMMIT" and any(DROP in text for text in script.statements),
        }[moment]:
            script.kill()

    with pytest.raises(Killed):
        paused(world, migration, die)
    assert world.has_column()
    assert world.gate_state(migration) in STANDING
    assert not old_code_may_start(world)
    gate.abort(world.session, migration.id, "the tool died")
    assert old_code_may_start(world)
    assert world.gate_state(migration) is GateState.ABORTED
    with pytest.raises(Killed):
        paused(world, migration, die)
    world.contract(gate, migration)
    assert world.gate_state(migration) is GateState.APPLIED


def test_scenario_35_a_refused_lock_is_fourteen_and_heartbeats_survive(world: World) -> None:
    gate = world.configure(ServiceSettings(name="web", ttl="9s"), lock_timeout="200ms", lock_budget="1s")
    migration = world.expanded(42)
    world.table()
    world.beat(level=42)
    stop, slowest = threading.Event(), [0.0]

    def keep_beating() -> None:
        with world.connect() as connection:
            while not stop.is_set():
                before = time.monotonic()
                assert world.beat(level=42, on=connection).ok
                slowest.append(time.monotonic() - before)

    with ThreadPoolExecutor(1) as thread, world.connect() as blocker:
        beating = thread.submit(keep_beating)
        blocker.autocommit = False
        blocker.execute("SELECT * FROM users")
        try:
            with pytest.raises(BudgetSpent) as caught:
                world.contract(gate, migration)
        finally:
            stop.set()
        beating.result()
        blocker.rollback()
    assert caught.value.exit_code == 14
    assert max(slowest) < 3.0, "a third of the ttl"
    assert world.has_column()
    assert old_code_may_start(world)


CONFIGURATION = """
[gate]
soak = "0s"
min_independent = 1
[[gate.service]]
name = "web"
[[gate.source]]
kind = "heartbeat"
"""


def test_scenario_37_a_plan_that_is_edited_after_it_was_confirmed_is_fifteen(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "migrations" / "2026_42"
    folder.mkdir(parents=True)
    (tmp_path / "migrator.toml").write_text(CONFIGURATION)
    (folder / "migration.toml").write_text('id = "2026_42"\nlevel = 42\ntitle = "drop it"\n')
    (folder / "contract.sql").write_text(f"-- step: drop_legacy\n{DROP};\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", world.url)
    world.table()
    assert cli.run(["expand"]) == 0
    world.beat(level=OLD, instance="old")
    world.beat(level=42)
    assert cli.run(["contract", "--yes"]) == 10
    world.bye(instance="old")
    (folder / "contract.sql").write_text("-- step: drop_legacy\nALTER TABLE users DROP COLUMN name;\n")
    capsys.readouterr()
    assert cli.run(["contract", "--yes"]) == 15
    assert "DROP COLUMN name" in capsys.readouterr().err
    assert world.has_column("legacy")
    assert world.has_column("name")
    assert old_code_may_start(world)


def test_scenario_40_a_service_that_never_ran_is_unknown_unless_none_is_expected(world: World) -> None:
    gate = world.configure(WEB)
    migration = world.expanded(42)
    world.table()
    with pytest.raises(GateUnknown) as caught:
        world.contract(gate, migration)
    assert caught.value.exit_code == 11
    assert world.has_column()
    gate = world.configure(ServiceSettings(name="web", expect="zero", reason="it is not deployed yet"))
    world.contract(gate, migration)
    assert not world.has_column()


@pytest.mark.parametrize("kind", ["long", "batch", "external"])
def test_scenario_41_a_service_that_appears_during_the_soak_starts_it_again(world: World, kind: Any) -> None:
    def configure(*more: ServiceSettings) -> Gate:
        return world.configure(WEB, *more, soak="15min", source=(HEARTBEAT, SESSIONS))

    gate = configure()
    migration = world.expanded(42)
    world.beat(level=42)
    world.session.execute("UPDATE migrator.service SET registered_at = registered_at - interval '1 day'")
    world.age("web-1", 5000)
    world.beat(level=42)
    # A session is listed for some milliseconds after its client closed it.
    wait_for(lambda: gate.look(world.session, migration, Direction.CONTRACT).verdict is Verdict.SOAKING)
    world.session.execute("DELETE FROM migrator.sample WHERE NOT clean")
    # Looks once a minute, as long as it takes.
    world.session.execute(
        "INSERT INTO migrator.sample SELECT project, migration, direction, at - n * interval '1 min', clean, verdict,"
        " system_identifier, timeline_id FROM migrator.sample, generate_series(1, 20) AS n"
    )
    assert gate.look(world.session, migration, Direction.CONTRACT).verdict is Verdict.PASS
    gate = configure(ServiceSettings(name="etl", kind=kind, expect="zero", reason="it runs at night"))
    report = gate.look(world.session, migration, Direction.CONTRACT)
    assert report.verdict is Verdict.SOAKING
    assert report.soak.has_s < 60


def test_scenario_43_a_source_that_hangs_is_unknown_and_the_deadline_is_kept(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _, migration = ready
    gate = world.configure(WEB, source=(HEARTBEAT, SESSIONS), min_independent=2)
    monkeypatch.setattr(looking, "_SOURCE_TIMEOUT_MS", 200)
    with world.connect(application_name="migrator/blocker") as blocker:
        blocker.autocommit = False
        blocker.execute("LOCK TABLE migrator.lease")
        report = gate.look(world.session, migration, Direction.CONTRACT)
        assert report.verdict is Verdict.UNKNOWN
        assert "sessions: failed" in report.reasons[0]
        before = time.monotonic()
        with pytest.raises(GateUnknown) as caught:
            world.contract(gate, migration, wait_s=1)
        assert time.monotonic() - before < 10, "it waited for one second and not for the source"
        assert caught.value.exit_code == 11
        blocker.rollback()
    assert old_code_may_start(world)
    world.contract(gate, migration, wait_s=10)
