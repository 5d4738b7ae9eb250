"""The whole way through the gate, on a real server."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest

from migrator.config import ServiceSettings
from migrator.errors import BudgetSpent, Fenced, GateBlocked, GateUnknown, GateWaiting, OutOfOrder, Refused, UsageError
from migrator.gate.gate import Gate
from migrator.ledger import decisions, services, state
from migrator.ledger.state import GateState
from migrator.model.events import Note, StepRetried
from migrator.model.evidence import Direction, Verdict
from migrator.model.plan import Migration
from migrator.postgres.session import ServerError
from tests.gate.world import HEARTBEAT, SESSIONS, WEB, IgnoredRole, World, role, wait_for

Execute = Callable[[str], None]
DROP = "ALTER TABLE users DROP COLUMN legacy"


@pytest.fixture
def ready(world: World) -> tuple[World, Gate, Migration]:
    """New code runs, nothing else; the gate is open."""
    gate = world.configure(WEB)
    migration = world.expanded(42)
    world.table()
    world.beat(level=42)
    return world, gate, migration


def kinds(world: World, migration: Migration) -> list[tuple[str, str | None]]:
    rows = decisions.recent(world.session, "default", migration.id)
    return [(row.kind, row.verdict) for row in reversed(rows)]


def assert_unfenced(world: World, migration: Migration) -> None:
    record = world.record(migration)
    assert record.gate in (GateState.NONE, GateState.SOAKING, GateState.ABORTED)
    assert record.fence_at is None
    assert world.beat(level=41, instance="probe", boot=os.urandom(4).hex()).ok
    world.session.execute("DELETE FROM migrator.instance WHERE instance = 'probe'")


# The way through


def test_contract_drops_raises_the_floor_and_is_recorded(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    world.contract(gate, migration)
    assert not world.has_column()
    record = world.record(migration)
    assert record.gate is GateState.APPLIED
    assert record.applied_at is not None
    assert "too old" in world.beat(level=41, boot="late").why
    assert kinds(world, migration) == [
        ("soaking", "PASS"), ("fence", None), ("confirmed", "PASS"), ("contract", "APPLIED"),
    ]  # fmt: skip
    assert decisions.first_broken_link(world.session) is None


def test_a_second_contract_is_refused(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    world.contract(gate, migration)
    with pytest.raises(OutOfOrder, match="applied already"):
        world.contract(gate, migration)


def test_a_migration_that_was_never_expanded_is_refused(world: World) -> None:
    gate = world.configure(WEB)
    with pytest.raises(OutOfOrder, match="never expanded"):
        world.contract(gate, Migration("m", 42, "t"))


def test_the_runner_is_not_held_before_the_look_is_clean_and_is_while_the_fence_stands(
    ready: tuple[World, Gate, Migration],
) -> None:
    world, gate, migration = ready
    world.beat(level=41, instance="old")
    held: list[str] = []

    @contextlib.contextmanager
    def hold() -> Iterator[None]:
        held.append(world.gate_state(migration).value)
        yield
        held.append(world.gate_state(migration).value)

    def contract() -> None:
        gate.pass_through(
            world.session,
            migration,
            Direction.CONTRACT,
            lambda execute: execute(DROP),
            wait_s=0,
            offline=None,
            hold_runner=hold,
        )

    with pytest.raises(GateBlocked):
        contract()
    assert held == []
    world.bye(instance="old")
    contract()
    assert held == ["soaking", "applied"]


# The look


def test_a_look_that_finds_old_code_raises_no_fence(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    world.beat(level=41, instance="web-7")
    with pytest.raises(GateBlocked) as caught:
        world.contract(gate, migration)
    error = caught.value
    assert error.exit_code == 10
    assert '1 instance of "web" still runs level 41, it needs 42' in error.message
    assert "web-7" in (error.detail or "")
    assert f"migrator contract {migration.id}" in (error.hint or "")
    assert_unfenced(world, migration)
    assert world.has_column()
    assert kinds(world, migration) == [("contract", "BLOCK")]


def test_no_services_is_unknown_with_the_ways_out(world: World) -> None:
    gate = world.configure()
    migration = world.expanded(42)
    with pytest.raises(GateUnknown) as caught:
        world.contract(gate, migration, wait_s=30)
    assert caught.value.exit_code == 11
    assert "[[tool.migrator.gate.service]]" in (caught.value.hint or "")
    assert "--offline" in (caught.value.hint or "")
    assert_no_fence_decision(world, migration)


def assert_no_fence_decision(world: World, migration: Migration) -> None:
    assert "fence" not in [kind for kind, _ in kinds(world, migration)]


def test_two_proofs_of_different_kinds_are_needed_by_default(world: World) -> None:
    gate = world.configure(WEB, min_independent=2)
    migration = world.expanded(42)
    world.beat(level=42)
    with pytest.raises(GateUnknown, match="1 of 2 independent proofs"):
        world.contract(gate, migration)


def test_both_default_sources_together_open_the_gate(world: World) -> None:
    gate = world.configure(WEB, min_independent=2, source=(HEARTBEAT, SESSIONS))
    migration = world.expanded(42)
    world.table()
    with world.connect(application_name="web/1/42") as connection:
        world.beat(level=42, on=connection)
        world.contract(gate, migration)
    assert not world.has_column()


def test_a_service_of_the_ledger_that_no_configuration_names_is_still_required(world: World) -> None:
    world.configure(WEB, ServiceSettings(name="etl"))
    gate = world.configure(WEB)
    migration = world.expanded(42)
    world.beat(level=42)
    with pytest.raises(GateUnknown, match="etl"):
        world.contract(gate, migration)


def test_a_source_that_fails_is_unknown_and_not_an_error(ready: tuple[World, Gate, Migration]) -> None:
    world, _, migration = ready
    gate = world.configure(WEB, source=(HEARTBEAT, SESSIONS))
    world.session.execute("ALTER TABLE migrator.lease RENAME TO elsewhere")
    report = gate.look(world.session, migration, Direction.CONTRACT)
    assert report.verdict is Verdict.UNKNOWN
    assert "failed" in report.reasons[0]


def test_a_look_works_for_a_migration_the_ledger_does_not_know(world: World) -> None:
    gate = world.configure(WEB, soak="15min")
    world.expanded(42)
    world.beat(level=42)
    report = gate.look(world.session, Migration("unknown", 42, "t"), Direction.CONTRACT)
    assert report.verdict is Verdict.SOAKING


def test_waiting_ends_when_the_old_code_does(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    world.beat(level=41, instance="old")
    thread = threading.Thread(
        target=lambda: (wait_for(lambda: any(isinstance(e, Note) for e in world.events)), world.bye(instance="old"))
    )
    thread.start()
    world.contract(gate, migration, wait_s=30)
    thread.join()
    assert not world.has_column()


# The soak


def test_a_soak_that_is_not_complete_is_waiting_and_says_how_long(world: World) -> None:
    gate = world.configure(WEB, soak="15min")
    migration = world.expanded(42)
    world.beat(level=42)
    with pytest.raises(GateWaiting) as caught:
        world.contract(gate, migration)
    assert caught.value.exit_code == 12
    assert "of 900 s" in caught.value.message
    assert f'"migrator contract {migration.id} --wait 15min"' == caught.value.hint
    assert world.gate_state(migration) is GateState.SOAKING
    assert_unfenced(world, migration)


def test_heartbeats_are_remembered_so_the_soak_needs_no_daemon(world: World) -> None:
    gate = world.configure(WEB, soak="15min")
    migration = world.expanded(42)
    world.table()
    world.beat(level=41, instance="old")
    world.bye(instance="old")
    world.beat(level=42)
    backdate(world, 1000)
    world.age("old", 890)
    world.age("web-1", 1000)
    world.beat(level=42)
    with pytest.raises(GateWaiting, match=r"clean for 89\d s"):
        world.contract(gate, migration)
    world.age("old", 11)
    world.contract(gate, migration)
    assert not world.has_column()


def backdate(world: World, seconds: float) -> None:
    world.session.execute(
        "UPDATE migrator.service SET registered_at = registered_at - make_interval(secs => %(s)s)", {"s": seconds}
    )


def test_the_soak_starts_when_new_code_was_first_seen_and_when_the_service_was_listed(world: World) -> None:
    gate = world.configure(WEB, soak="15min")
    migration = world.expanded(42)
    world.beat(level=42)
    backdate(world, 5000)
    assert gate.look(world.session, migration, Direction.CONTRACT).soak.has_s < 60
    world.age("web-1", 5000)
    world.beat(level=42)
    assert gate.look(world.session, migration, Direction.CONTRACT).verdict is Verdict.PASS
    world.configure(WEB, ServiceSettings(name="new", expect="zero", reason="not deployed yet"), soak="15min")
    assert gate.look(world.session, migration, Direction.CONTRACT).verdict is Verdict.SOAKING


def test_a_polled_source_must_be_looked_at_without_a_gap(world: World) -> None:
    gate = world.configure(WEB, soak="2min", max_gap="60s", source=(SESSIONS,))
    migration = world.expanded(42)
    backdate(world, 5000)
    session = world.session

    def looked(seconds_ago: float) -> None:
        seen = services.server(session)
        earlier = services.Server(seen.system_identifier, seen.timeline_id, seen.at - timedelta(seconds=seconds_ago))
        services.add_sample(session, "default", migration.id, "contract", earlier, clean=True, verdict="PASS")

    for seconds_ago in (125, 70, 20):
        looked(seconds_ago)
    assert gate.look(session, migration, Direction.CONTRACT).verdict is Verdict.PASS
    session.execute("DELETE FROM migrator.sample")
    for seconds_ago in (125, 62):
        looked(seconds_ago)
    report = gate.look(session, migration, Direction.CONTRACT)
    assert report.verdict is Verdict.SOAKING
    assert report.soak.has_s < 1


def test_a_failover_starts_the_soak_again(world: World) -> None:
    gate = world.configure(WEB, soak="1min", source=(HEARTBEAT,))
    migration = world.expanded(42)
    world.beat(level=42)
    backdate(world, 5000)
    world.age("web-1", 5000)
    world.beat(level=42)
    assert gate.look(world.session, migration, Direction.CONTRACT).verdict is Verdict.PASS
    world.session.execute("UPDATE migrator.sample SET timeline_id = timeline_id + 1")
    report = gate.look(world.session, migration, Direction.CONTRACT)
    assert report.verdict is Verdict.SOAKING
    assert report.soak.has_s < 1


def test_waiting_sits_out_the_soak(world: World) -> None:
    patient = ServiceSettings(name="web", ttl="60s")  # one beat lasts for the whole wait, however busy the machine
    gate = world.configure(patient, soak="1s", source=(HEARTBEAT, SESSIONS))
    migration = world.expanded(42)
    world.table()
    world.beat(level=42)
    world.contract(gate, migration, wait_s=30)
    assert not world.has_column()


def test_old_code_during_the_soak_ends_it(world: World) -> None:
    gate = world.configure(WEB, soak="15min")
    migration = world.expanded(42)
    world.beat(level=42)
    with pytest.raises(GateWaiting):
        world.contract(gate, migration)
    world.beat(level=41, instance="rolled-back")
    with pytest.raises(GateBlocked):
        world.contract(gate, migration)
    record = world.record(migration)
    assert (record.gate, record.soak_started_at) == (GateState.NONE, None)


# Under the fence


def pass_with(world: World, gate: Gate, migration: Migration, before_fence: Callable[[], object]) -> None:
    @contextlib.contextmanager
    def act() -> Iterator[None]:
        before_fence()
        yield

    gate.pass_through(
        world.session,
        migration,
        Direction.CONTRACT,
        lambda execute: execute(DROP),
        wait_s=0,
        offline=None,
        hold_runner=act,
    )


def test_old_code_that_starts_between_look_and_fence_is_waited_for(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready

    def leave_once_waited_for() -> None:
        wait_for(lambda: any(isinstance(event, Note) and "late" in event.text for event in world.events))
        world.bye(instance="late")

    thread = threading.Thread(target=leave_once_waited_for)
    thread.start()
    pass_with(world, gate, migration, lambda: world.beat(level=41, instance="late"))
    thread.join()
    assert not world.has_column()


def test_a_drain_that_times_out_lowers_the_fence(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    with pytest.raises(GateBlocked) as caught:
        pass_with(world, gate, migration, lambda: world.beat(level=41, instance="late"))
    assert "late" in (caught.value.detail or "")
    assert "the fence was lowered again" in (caught.value.detail or "")
    assert world.gate_state(migration) is GateState.ABORTED
    assert_unfenced(world, migration)
    assert world.has_column()
    assert kinds(world, migration)[1:] == [("fence", None), ("abort", None), ("contract", "BLOCK")]
    world.bye(instance="late")
    world.contract(gate, migration)
    assert not world.has_column()


def test_while_draining_old_code_cannot_start_and_new_code_can(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    answers: list[bool] = []

    def probe() -> None:
        wait_for(lambda: any(isinstance(event, Note) and "late" in event.text for event in world.events))
        answers.append(world.beat(level=41, instance="too-old").ok)
        answers.append(world.beat(level=42, instance="new").ok)
        world.bye(instance="late")

    thread = threading.Thread(target=probe)
    thread.start()
    pass_with(world, gate, migration, lambda: world.beat(level=41, instance="late"))
    thread.join()
    assert answers == [False, True]


def test_a_session_that_appears_while_the_table_is_locked_undoes_the_drop(world: World) -> None:
    gate = world.configure(WEB, source=(SESSIONS,), max_gap="1h")
    migration = world.expanded(42)
    world.table()
    stack = contextlib.ExitStack()

    def work(execute: Execute) -> None:
        execute(DROP)
        stack.enter_context(world.connect(application_name="web/1/41"))

    with stack, pytest.raises(GateBlocked, match="still runs level 41"):
        world.contract(gate, migration, work=work)
    assert world.has_column()
    assert world.gate_state(migration) is GateState.ABORTED


def test_work_that_fails_lowers_the_fence(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    with pytest.raises(ServerError, match="does not exist"):
        world.contract(gate, migration, work=lambda execute: execute("ALTER TABLE users DROP COLUMN nonesuch"))
    assert world.gate_state(migration) is GateState.ABORTED
    assert_unfenced(world, migration)


def test_an_interrupt_lowers_the_fence(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready

    def interrupted(execute: Execute) -> None:
        execute(DROP)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.contract(gate, migration, work=interrupted)
    assert_unfenced(world, migration)
    assert world.has_column()


def test_a_connection_lost_under_the_fence_lowers_it_from_another_one(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    pid = world.session.pid

    def lose(execute: Execute) -> None:
        with world.connect() as connection:
            connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        execute(DROP)

    with pytest.raises(Exception, match=r"lost|terminating"):
        world.contract(gate, migration, work=lose)
    with world.database.connect("look") as session:
        found = state.find(session, "default", migration.id)
    assert found is not None
    assert found.gate is GateState.ABORTED


def test_a_fence_that_somebody_lowered_is_noticed(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready

    def abort_it() -> None:
        wait_for(lambda: any(isinstance(event, Note) and "late" in event.text for event in world.events))
        with world.database.connect("abort") as session:
            gate.abort(session, migration.id, "the release is rolled back")
        world.bye(instance="late")

    thread = threading.Thread(target=abort_it)
    thread.start()
    with pytest.raises(GateWaiting, match="lowered meanwhile"):
        pass_with(world, gate, migration, lambda: world.beat(level=41, instance="late"))
    thread.join()
    assert world.has_column()


def test_a_fence_is_renewed_while_draining_for_longer_than_its_lease(world: World) -> None:
    gate = world.configure(WEB, fence_lease="1s", drain_timeout="3s")
    migration = world.expanded(42)
    world.beat(level=42)
    with pytest.raises(GateBlocked):
        pass_with(world, gate, migration, lambda: world.beat(level=41, instance="late"))
    assert_unfenced(world, migration)


def test_a_process_killed_under_the_fence_leaves_one_that_ends_by_itself(world: World, database_url: str) -> None:
    world.configure(WEB)
    migration = world.expanded(42)
    world.table()
    world.beat(level=42)
    script = f"""
import contextlib, sys, time
from pathlib import Path
from migrator.config import *
from migrator.gate.gate import Gate
from migrator.model.evidence import Direction
from migrator.model.events import ignore
from migrator.model.plan import Migration
from migrator.postgres.connect import Database
gate = GateSettings(soak="0s", min_independent=1, source=(SourceSettings(kind="heartbeat"),), fence_lease="2s")
database = Database({database_url!r})
def work(execute):
    execute({DROP!r})
    print("fenced", flush=True)
    time.sleep(600)
Gate(database, Project(Settings(gate=gate), Path(), None), "me", ignore).pass_through(
    database.connect(), Migration({migration.id!r}, 42, "t"), Direction.CONTRACT, work, wait_s=0, offline=None,
    hold_runner=contextlib.nullcontext)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "fenced\n"
        process.send_signal(signal.SIGKILL)
    # The server ends the transaction of a client that is gone; the fence was committed before.
    wait_for(lambda: not world.session.query("SELECT FROM pg_locks WHERE relation = 'users'::regclass"))
    assert world.has_column()
    assert world.gate_state(migration) is GateState.CONFIRMED
    assert not world.beat(level=41, instance="restarted").ok
    wait_for(lambda: world.beat(level=41, instance="restarted").ok, what="the fence ends by itself")
    world.bye(instance="restarted")
    gate = world.configure(WEB)
    world.beat(level=42)
    world.contract(gate, migration)
    assert not world.has_column()


def test_a_fence_that_ran_out_is_noticed_and_recorded(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    past = services.server(world.session).at - timedelta(seconds=1)
    columns = {"fence_at": past, "fence_deadline": past, "fence_direction": "contract"}
    state.set_gate(world.session, "default", migration.id, GateState.CONFIRMED, **columns)
    gate.tidy(world.session)
    assert world.gate_state(migration) is GateState.ABORTED
    [row] = decisions.recent(world.session, "default", migration.id)
    assert row.kind == "abort"
    assert "ran out" in row.reasons[0]


# A fence raised by hand


def test_a_fence_by_hand_has_no_deadline_and_is_shown_until_it_is_lowered(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    gate.fence(world.session, migration, Direction.CONTRACT, "tonight", although_blocked=False)
    record = world.record(migration)
    assert (record.gate, record.fence_deadline, record.fenced_by_hand) == (GateState.FENCED, None, True)
    assert "too old" in world.beat(level=41, instance="old").why
    [note] = gate.look(world.session, migration, Direction.CONTRACT).notes
    assert note.startswith("fence raised by hand since ")
    assert "code below level 42 cannot start" in note
    assert f"migrator gate abort {migration.id}" in note
    gate.tidy(world.session)
    assert world.gate_state(migration) is GateState.FENCED
    gate.abort(world.session, migration.id, "changed our minds")
    assert gate.look(world.session, migration, Direction.CONTRACT).notes == ()
    assert_unfenced(world, migration)


def test_a_fence_by_hand_is_refused_while_it_would_hit_running_code(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    world.beat(level=41, instance="web-7")
    with pytest.raises(GateBlocked, match="would keep running code from starting again") as caught:
        gate.fence(world.session, migration, Direction.CONTRACT, "", although_blocked=False)
    assert "--yes" in (caught.value.hint or "")
    assert_unfenced(world, migration)
    gate.fence(world.session, migration, Direction.CONTRACT, "", although_blocked=True)
    assert not world.beat(level=41, instance="web-8").ok


def test_a_contract_that_fails_leaves_the_fence_that_a_person_raised(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    gate.fence(world.session, migration, Direction.CONTRACT, "", although_blocked=False)
    raised_at = world.record(migration).fence_at

    def work(execute: Execute) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        world.contract(gate, migration, work=work)
    record = world.record(migration)
    assert (record.gate, record.fence_at, record.fence_deadline) == (GateState.FENCED, raised_at, None)
    assert [kind for kind, _ in kinds(world, migration)] == ["fence", "fence", "confirmed", "fenced"]
    world.contract(gate, migration)
    assert not world.has_column()


def test_a_fence_by_hand_that_looks_the_other_way_must_be_lowered_first(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    world.bye()
    world.beat(level=41, boot="old")
    gate.fence(world.session, migration, Direction.ROLLBACK, "", although_blocked=False)
    assert "too new" in world.beat(level=42, instance="new").why
    world.bye(boot="old")
    world.session.execute("UPDATE migrator.service SET expect_zero = true, expect_reason = 'stopped'")
    with pytest.raises(OutOfOrder, match="raised by hand") as caught:
        gate.fence(world.session, migration, Direction.CONTRACT, "", although_blocked=True)
    assert "gate abort" in (caught.value.hint or "")
    assert world.record(migration).fence_direction == "rollback"


# The soak under the fence


def test_a_soak_under_the_fence_counts_from_the_fence_and_not_from_before(world: World) -> None:
    gate = world.configure(ServiceSettings(name="web", ttl="60s"), soak="2s", soak_under_fence=True)
    migration = world.expanded(42)
    world.table()
    world.beat(level=42)
    world.age("web-1", 600)
    world.session.execute("UPDATE migrator.service SET registered_at = registered_at - interval '1 day'")
    world.beat(level=42)
    seen: list[bool] = []

    def work(execute: Execute) -> None:
        record = world.record(migration)
        assert record.fence_at is not None
        seen.append(services.server(world.session).at - record.fence_at >= timedelta(seconds=2))
        execute(DROP)

    world.contract(gate, migration, wait_s=30, work=work)
    assert seen == [True]
    assert "soaking" not in [kind for kind, _ in kinds(world, migration)]
    assert any(isinstance(one, Note) and one.text.startswith("soaking under the fence") for one in world.events)


def test_a_soak_under_the_fence_that_nobody_waits_for_raises_none(world: World) -> None:
    gate = world.configure(WEB, soak="15min", soak_under_fence=True)
    migration = world.expanded(42)
    world.beat(level=42)
    with pytest.raises(GateWaiting, match="must wait 900 s more"):
        world.contract(gate, migration, wait_s=60)
    assert_no_fence_decision(world, migration)


def test_a_fence_by_hand_soaks_between_calls(world: World) -> None:
    gate = world.configure(WEB, soak="1h", soak_under_fence=True)
    migration = world.expanded(42)
    world.table()
    world.beat(level=42)
    gate.fence(world.session, migration, Direction.CONTRACT, "", although_blocked=False)
    with pytest.raises(GateWaiting):
        world.contract(gate, migration)
    assert world.gate_state(migration) is GateState.FENCED
    world.session.execute("UPDATE migrator.migration SET fence_at = fence_at - interval '1 hour'")
    world.session.execute("UPDATE migrator.service SET registered_at = registered_at - interval '1 day'")
    world.session.execute("UPDATE migrator.instance SET first_beat = first_beat - interval '1 day'")
    world.session.execute("DELETE FROM migrator.sample")
    world.contract(gate, migration)
    assert not world.has_column()


def test_looks_under_the_fence_count_for_the_soak_of_the_next_try(world: World) -> None:
    gate = world.configure(WEB, soak="0s", min_independent=1, source=(HEARTBEAT, SESSIONS), max_gap="60s")
    migration = world.expanded(42)
    world.table()
    with world.connect(application_name="web/1/42") as connection:
        world.beat(level=42, on=connection)

        def work(execute: Execute) -> None:
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            world.contract(gate, migration, work=work)
    count = world.session.one("SELECT count(*) AS n FROM migrator.sample WHERE clean").n
    assert count >= 3  # before the fence, while draining, before the locks


# What is pruned


def test_ended_instances_are_forgotten_but_the_last_of_each_level(world: World) -> None:
    gate = world.configure(WEB, soak="1min")
    migration = world.expanded(42)
    for number, level in enumerate((41, 41, 42, 42)):
        world.beat(level=level, instance=f"gone-{number}")
        world.bye(instance=f"gone-{number}")
        world.age(f"gone-{number}", 3 * 86_400 - number)
    world.beat(level=42, instance="recent")
    world.bye(instance="recent")
    world.beat(level=42, instance="running")
    gate.look(world.session, migration, Direction.CONTRACT)
    left = [row.instance for row in world.session.query("SELECT instance FROM migrator.instance ORDER BY 1")]
    assert left == ["gone-1", "recent", "running"]
    assert services.levels_seen(world.session, "default") == {"web": (41, 42)}


# Locks


def test_a_lock_that_is_refused_is_tried_again(ready: tuple[World, Gate, Migration]) -> None:
    world, _, migration = ready
    gate = world.configure(WEB, lock_timeout="100ms")
    blocker = world.connect()
    blocker.autocommit = False
    blocker.execute("SELECT * FROM users")

    def release() -> None:
        wait_for(lambda: any(isinstance(event, StepRetried) for event in world.events))
        blocker.close()

    thread = threading.Thread(target=release)
    thread.start()
    world.contract(gate, migration)
    thread.join()
    assert not world.has_column()


def test_a_spent_budget_changes_nothing_and_lowers_the_fence(ready: tuple[World, Gate, Migration]) -> None:
    world, _, migration = ready
    gate = world.configure(WEB, lock_timeout="50ms", lock_budget="1s")
    with world.connect() as blocker:
        blocker.autocommit = False
        blocker.execute("SELECT * FROM users")
        with pytest.raises(BudgetSpent) as caught:
            world.contract(gate, migration)
        assert caught.value.exit_code == 14
        blocker.rollback()
    assert world.has_column()
    assert world.gate_state(migration) is GateState.ABORTED
    assert_unfenced(world, migration)


def test_heartbeats_survive_a_contract_that_is_refused_its_lock(ready: tuple[World, Gate, Migration]) -> None:
    world, _, migration = ready
    gate = world.configure(WEB, lock_timeout="200ms", lock_budget="2s")
    slowest = 0.0
    stop = threading.Event()

    def keep_beating() -> None:
        nonlocal slowest
        with world.connect() as connection:
            while not stop.is_set():
                before = time.monotonic()
                assert world.beat(level=42, on=connection).ok
                slowest = max(slowest, time.monotonic() - before)

    thread = threading.Thread(target=keep_beating)
    thread.start()
    with world.connect() as blocker:
        blocker.autocommit = False
        blocker.execute("SELECT * FROM users")
        with pytest.raises(BudgetSpent):
            world.contract(gate, migration)
    stop.set()
    thread.join()
    assert 0 < slowest < 1.0


# Rollback


def test_a_rollback_lowers_the_ceiling_and_leaves_no_fence(world: World) -> None:
    gate = world.configure(WEB, soak="15min")
    migration = world.expanded(42)
    world.table()
    world.beat(level=41)
    work = "ALTER TABLE users DROP COLUMN name"
    world.contract(gate, migration, direction=Direction.ROLLBACK, work=lambda execute: execute(work))
    assert not world.has_column("name")
    record = world.record(migration)
    assert (record.gate, record.fence_at, record.fence_direction) == (GateState.NONE, None, None)
    assert "too new" in world.beat(level=42, instance="new").why
    assert world.beat(level=41).ok


def test_a_rollback_while_new_code_runs_is_blocked_and_unfenced(world: World) -> None:
    gate = world.configure(WEB)
    migration = world.expanded(42)
    world.beat(level=41)
    world.beat(level=42, instance="new")
    with pytest.raises(GateBlocked, match='1 instance of "web" still runs level 42, it must be at 41 or below'):
        world.contract(gate, migration, direction=Direction.ROLLBACK)
    assert world.beat(level=42, instance="another").ok


# Offline


def test_offline_works_without_services_while_nobody_is_connected(world: World) -> None:
    gate = world.configure()
    migration = world.expanded(42)
    world.table()
    world.contract(gate, migration, offline="the whole site is down for maintenance")
    assert not world.has_column()
    last = decisions.recent(world.session, "default", migration.id)[0]
    assert last.reasons == ["offline: the whole site is down for maintenance"]


def test_offline_overrules_rows_of_processes_that_are_not_connected_and_says_which(world: World) -> None:
    gate = world.configure(WEB)
    migration = world.expanded(42)
    world.table()
    world.beat(level=41, instance="killed")
    world.contract(gate, migration, offline="all stopped")
    assert not world.has_column()
    overruled = decisions.recent(world.session, "default", migration.id)[0].evidence["overruled"]
    assert overruled == [{"service": "web", "instance": "killed", "level": 41, "stale": False}]


def test_offline_is_refused_without_a_fence_while_anybody_is_connected(world: World) -> None:
    gate = world.configure()
    migration = world.expanded(42)
    world.table()
    with world.connect(application_name="psql"), pytest.raises(GateBlocked, match="1 other session"):
        world.contract(gate, migration, offline="all stopped")
    assert world.has_column()
    assert_no_fence_decision(world, migration)


def test_offline_is_refused_when_somebody_connects_during_the_drop(world: World) -> None:
    gate = world.configure()
    migration = world.expanded(42)
    world.table()
    stack = contextlib.ExitStack()

    def work(execute: Execute) -> None:
        execute(DROP)
        stack.enter_context(world.connect())

    with stack, pytest.raises(GateBlocked, match="is not offline"):
        world.contract(gate, migration, offline="all stopped", work=work)
    assert world.has_column()
    assert world.gate_state(migration) is GateState.ABORTED


def test_offline_ignores_roles_that_are_listed_as_harmless(world: World) -> None:
    with role(world.session) as name, world.connect(user=name):
        gate = world.configure(ignore=(IgnoredRole(role=name, reason="the exporter"),))
        migration = world.expanded(42)
        world.table()
        world.contract(gate, migration, offline="all stopped")
    assert not world.has_column()


def test_offline_needs_a_reason(world: World) -> None:
    gate = world.configure()
    with pytest.raises(UsageError):
        world.contract(gate, world.expanded(42), offline="  ")


# Operators


def test_retire_clears_a_stale_instance_and_is_recorded(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    world.beat(level=41, instance="web-7")
    with pytest.raises(Refused, match="it runs"):
        gate.retire(world.session, "web", "web-7", "node is gone")
    world.age("web-7")
    assert gate.retire(world.session, "web", "web-7", "node is gone") == 1
    with pytest.raises(Refused, match="it is retired"):
        gate.retire(world.session, "web", "web-7", "node is gone")
    with pytest.raises(Refused, match="counts as running"):
        gate.retire(world.session, "web", "nobody", "node is gone")
    with pytest.raises(UsageError):
        gate.retire(world.session, "web", "web-7", "")
    world.contract(gate, migration)
    assert not world.has_column()


def test_abort_is_refused_once_applied(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    gate.abort(world.session, migration.id, "just to see")
    assert world.gate_state(migration) is GateState.NONE
    world.contract(gate, migration)
    with pytest.raises(OutOfOrder, match="no way back"):
        gate.abort(world.session, migration.id, "too late")


def test_start_check_says_what_beat_would(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    assert gate.start_check(world.session, "web", 41).max_level == 42
    with pytest.raises(Fenced, match="too new"):
        gate.start_check(world.session, "web", 43)
    with pytest.raises(Fenced, match="not listed"):
        gate.start_check(world.session, "nobody", 42)
    world.contract(gate, migration)
    with pytest.raises(Fenced, match="too old"):
        gate.start_check(world.session, "web", 41)


def test_start_check_needs_no_rights_in_the_ledger(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, _ = ready
    with role(world.session) as name:
        world.session.execute(f'SET ROLE "{name}"')
        try:
            assert gate.start_check(world.session, "web", 42).listed
        finally:
            world.session.execute("RESET ROLE")


def test_start_check_without_a_ledger_says_so(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, _ = ready
    world.session.execute("DROP SCHEMA migrator CASCADE")
    with pytest.raises(OutOfOrder, match="no ledger"):
        gate.start_check(world.session, "web", 42)


def test_raise_ceiling_joins_an_open_transaction(world: World) -> None:
    gate = world.configure(WEB)
    with pytest.raises(ZeroDivisionError), world.session.transaction():
        gate.raise_ceiling(world.session, 50)
        raise ZeroDivisionError
    assert services.window(world.session, "web").max_level == 0
    gate.raise_ceiling(world.session, 50)
    gate.raise_ceiling(world.session, 42)
    assert services.window(world.session, "web").max_level == 50


def test_every_transition_is_a_decision_in_an_unbroken_chain(ready: tuple[World, Gate, Migration]) -> None:
    world, gate, migration = ready
    with pytest.raises(GateBlocked):
        pass_with(world, gate, migration, lambda: world.beat(level=41, instance="late"))
    world.bye(instance="late")
    world.contract(gate, migration)
    assert [kind for kind, _ in kinds(world, migration)] == [
        *("soaking", "fence", "abort", "contract"),
        *("soaking", "fence", "confirmed", "contract"),
    ]
    assert decisions.first_broken_link(world.session) is None
    with pytest.raises(psycopg.errors.FeatureNotSupported), world.connect() as connection:
        connection.execute("UPDATE migrator.decision SET actor = 'nobody'")
