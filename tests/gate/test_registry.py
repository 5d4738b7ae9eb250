"""Taking off the lists: services, and the past of another database."""

from __future__ import annotations

import secrets

import psycopg
import pytest

from migrator.config import ServiceSettings
from migrator.errors import GateUnknown, Refused, UsageError
from migrator.ledger import decisions, services
from migrator.ledger.state import GateState
from migrator.model.evidence import Direction, Verdict
from tests.gate.world import WEB, World, open_world

ETL = ServiceSettings(name="etl", ttl="3s")


def test_a_service_that_is_no_more_is_taken_off_the_list_with_a_reason(world: World) -> None:
    world.configure(WEB, ETL)
    migration = world.expanded(42)
    gate = world.configure(WEB)
    world.beat(level=42)
    assert gate.look(world.session, migration, Direction.CONTRACT).verdict is Verdict.UNKNOWN
    gate.retire_service(world.session, "etl", "moved to the warehouse")
    assert gate.look(world.session, migration, Direction.CONTRACT).verdict is Verdict.PASS
    row = decisions.recent(world.session, "default")[0]
    assert (row.kind, row.reasons, row.evidence) == ("retire service", ["moved to the warehouse"], {"service": "etl"})
    answer = world.beat("etl", "etl-1", 42)
    assert not answer.ok
    assert "not listed" in answer.why
    assert gate.look(world.session, migration, Direction.CONTRACT).verdict is Verdict.BLOCK


def test_a_service_that_still_runs_stays_on_the_list(world: World) -> None:
    world.configure(WEB, ETL)
    world.expanded(42)
    gate = world.configure(WEB)
    world.beat("etl", "etl-1", 42)
    world.age("etl-1")
    with pytest.raises(Refused, match=r'"etl" still has 1 instance that counts as running') as caught:
        gate.retire_service(world.session, "etl", "moved to the warehouse")
    assert "etl-1 (stale" in (caught.value.detail or "")
    assert "migrator gate retire etl INSTANCE" in (caught.value.hint or "")


def test_a_service_that_is_configured_or_unknown_cannot_be_retired(world: World) -> None:
    gate = world.configure(WEB)
    with pytest.raises(UsageError, match="would list it again"):
        gate.retire_service(world.session, "web", "moved to the warehouse")
    with pytest.raises(Refused, match="not on the list") as caught:
        gate.retire_service(world.session, "nonesuch", "moved to the warehouse")
    assert caught.value.detail == "on the list: web."
    with pytest.raises(UsageError, match="no reason: at least three characters"):
        gate.retire_service(world.session, "etl", " ")


def test_a_service_listed_again_starts_with_the_window_of_now(world: World) -> None:
    world.configure(WEB, ETL)
    gate = world.configure(WEB)
    migration = world.expanded(42)
    gate.retire_service(world.session, "etl", "moved to the warehouse")
    world.beat(level=42)
    world.table()
    world.contract(gate, migration)
    world.configure(WEB, ETL)
    assert services.window(world.session, "etl").min_level == 42


def test_the_database_the_ledger_was_made_in_is_no_copy(world: World) -> None:
    gate = world.configure(WEB)
    with pytest.raises(Refused, match="is the one that the ledger was made in"):
        gate.reset_clone(world.session, "by mistake")


def test_a_clone_is_noticed_and_the_past_of_the_original_is_set_aside(
    world: World, postgres_admin: psycopg.Connection
) -> None:
    gate = world.configure(WEB)
    migration = world.expanded(42)
    world.table()
    world.beat(level=42, instance="original")
    gate.fence(world.session, migration, Direction.CONTRACT, "", although_blocked=False)
    world.session.close()
    original = psycopg.conninfo.conninfo_to_dict(world.url)["dbname"]
    name = f"clone_{secrets.token_hex(6)}"
    postgres_admin.execute(f"CREATE DATABASE {name} TEMPLATE {original}")
    try:
        with open_world(world.url.replace(str(original), name)) as clone:
            check_clone(clone)
    finally:
        postgres_admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    with world.database.connect("test") as session:
        assert services.running(session, "default")[0].instance == "original"


def check_clone(clone: World) -> None:
    gate = clone.configure(WEB)
    migration = next(iter_migrations(clone))
    report = gate.look(clone.session, migration, Direction.CONTRACT)
    assert report.verdict is Verdict.UNKNOWN
    assert "is a copy of the one that the ledger is about" in report.reasons[0]
    for offline in (None, "everything is stopped"):
        with pytest.raises(GateUnknown, match="is a copy") as caught:
            clone.contract(gate, migration, offline=offline)
        assert "migrator gate reset-clone" in (caught.value.hint or "")
    assert gate.reset_clone(clone.session, "staging, from last night") == ["web/original"]
    assert clone.gate_state(migration) is GateState.ABORTED
    assert services.running(clone.session, "default") == ()
    row = decisions.recent(clone.session, "default")[0]
    assert (row.kind, row.evidence["fences"]) == ("reset clone", [migration.id])
    assert gate.look(clone.session, migration, Direction.CONTRACT).verdict is Verdict.UNKNOWN
    assert clone.beat(level=42, instance="original").ok, "code that runs against the copy counts again"
    clone.contract(gate, migration)
    assert not clone.has_column()


def iter_migrations(clone: World):  # type: ignore[no-untyped-def]
    from migrator.gate.subject import from_record
    from migrator.ledger import state

    for record in state.all_records(clone.session, "default"):
        yield from_record(clone.settings, record).migration
