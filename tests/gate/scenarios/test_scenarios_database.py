"""Scenarios of what else is in the database: other roles, poolers, statistics, standbys, overrides, the record."""

from __future__ import annotations

import psycopg
import pytest

from migrator.config import IgnoredRole, SourceSettings
from migrator.errors import GateBlocked
from migrator.gate.gate import Gate
from migrator.ledger import decisions
from migrator.model.evidence import Direction, Verdict
from migrator.model.plan import Migration
from tests.gate.scenarios.pure import DATABASE_IS_CLEAN, NOW, Listed, item, judged, passes, says, verdict
from tests.gate.world import HEARTBEAT, SESSIONS, WEB, World, open_world, own_server, role, streaming_standby, wait_for

OLD = 41
BLOCK, UNKNOWN, PASS = Verdict.BLOCK, Verdict.UNKNOWN, Verdict.PASS
BOTH = (HEARTBEAT, SESSIONS)
FORGED = (
    "INSERT INTO migrator.decision SELECT seq + 1, at, project, migration, kind, verdict, reasons, evidence, actor,"
    " session_role, hash, hash FROM migrator.decision ORDER BY seq DESC LIMIT 1"
)


def clean(world: World, source: tuple[SourceSettings, ...] = BOTH) -> tuple[Gate, Migration]:
    """Both sources of the database would let it pass."""
    gate = world.configure(WEB, source=source, min_independent=2)
    migration = world.expanded(42)
    world.table()
    world.beat(level=42)
    # A session is listed for some milliseconds after its client closed it.
    wait_for(lambda: gate.look(world.session, migration, Direction.CONTRACT).verdict is PASS)
    return gate, migration


def test_scenario_25_a_pooler_that_cannot_be_asked_for_its_clients_is_unknown() -> None:
    """An idle client of level 41 behind pgbouncer holds no server connection: pg_stat_activity does not show it."""
    cannot_see = says(
        "sessions", UNKNOWN, control="SHOW CLIENTS of pgbouncer at 10.0.0.7 cannot be asked", service=None
    )
    report = judged(passes("heartbeat"), passes("sessions"), cannot_see)
    assert report.verdict is UNKNOWN
    assert "SHOW CLIENTS" in report.reasons[0]
    client = item("client web/1/41", OLD, "session", "connected to pgbouncer, idle")
    assert verdict(passes("heartbeat"), says("sessions", BLOCK, client)) is BLOCK


def test_scenario_26_a_role_that_nobody_knows_blocks(world: World) -> None:
    gate, migration = clean(world)
    with role(world.session, name="bi_reader") as name, world.connect(user=name, application_name="psql"):
        with pytest.raises(GateBlocked) as caught:
            world.contract(gate, migration)
        assert "bi_reader" in (caught.value.detail or "")
        assert world.has_column()
        # It is let be only where somebody wrote down why.
        ignore = (IgnoredRole(role="bi_*", reason="reads other tables only"),)
        gate = world.configure(WEB, source=BOTH, min_independent=2, ignore=ignore)
        assert gate.look(world.session, migration, Direction.CONTRACT).verdict is PASS
    world.contract(world.configure(WEB, source=BOTH, min_independent=2), migration, wait_s=10)
    assert not world.has_column()


def test_scenario_27_a_prepared_transaction_of_an_old_application_blocks() -> None:
    with own_server(max_prepared_transactions="5") as server, open_world(server.url()) as world:
        gate, migration = clean(world)
        with world.connect() as connection:
            connection.execute("BEGIN")
            connection.execute("UPDATE users SET name = 'b'")
            connection.execute("PREPARE TRANSACTION 'in doubt'")
        with pytest.raises(GateBlocked) as caught:
            world.contract(gate, migration)
        assert "in doubt" in (caught.value.detail or "")
        assert "ROLLBACK PREPARED 'in doubt'" in (caught.value.hint or "")
        world.session.execute("ROLLBACK PREPARED 'in doubt'")
        world.contract(gate, migration, wait_s=10)
        assert not world.has_column()


@pytest.mark.parametrize(
    "why",
    [
        "pg_stat_statements evicted entries since the soak began: dealloc rose from 3 to 4",
        "pg_stat_statements was reset during the soak",
        "7 statements read <insufficient privilege>",
        'a statement cannot be parsed: "DO $1"',
    ],
)
def test_scenario_28_statistics_with_holes_are_unknown(why: str) -> None:
    report = judged(*DATABASE_IS_CLEAN, says("statements", UNKNOWN, control=why, closed_world=False))
    assert report.verdict is UNKNOWN
    assert why in report.reasons[0]
    # Whatever the statistics say, they are a veto and never a proof.
    assert verdict(passes("heartbeat"), passes("statements", closed_world=False)) is UNKNOWN


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT u FROM users u",
        "SELECT to_jsonb(u) FROM users u",
        "INSERT INTO users VALUES ($1, $2, $3)",
        "COPY users TO STDOUT",
    ],
)
@pytest.mark.parametrize("said", [BLOCK, UNKNOWN])
def test_scenario_29_a_statement_that_may_name_every_column_never_passes(statement: str, said: Verdict) -> None:
    seen = says(
        "statements", said, item(statement, None, "statement", "may use users.legacy"), control=statement, service=None
    )
    report = judged(*DATABASE_IS_CLEAN, seen)
    assert report.verdict is said
    assert statement in report.reasons[0]


@pytest.mark.slow
def test_scenario_30_what_runs_on_a_standby_only_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    with own_server() as primary, streaming_standby(primary) as standby_url, open_world(primary.url()) as world:
        gate = world.configure(WEB, source=BOTH, min_independent=2)
        migration = world.expanded(42)
        world.table()
        world.beat(level=42)
        caught_up = "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn = pg_current_wal_lsn()"
        wait_for(lambda: world.session.query(caught_up))
        assert gate.look(world.session, migration, Direction.CONTRACT).verdict is UNKNOWN
        monkeypatch.setenv("STANDBY_URL", standby_url)
        standby = SourceSettings(kind="sessions", standby_url_envs=("STANDBY_URL",))
        gate = world.configure(WEB, source=(HEARTBEAT, standby), min_independent=2)
        assert gate.look(world.session, migration, Direction.CONTRACT).verdict is PASS
        with psycopg.connect(standby_url, application_name=f"web/1/{OLD}", autocommit=True) as reading:
            wait_for(lambda: reading.execute("SELECT to_regclass('users')").fetchone() != (None,))
            assert reading.execute("SELECT legacy FROM users").fetchone() == ("a",)
            with pytest.raises(GateBlocked):
                world.contract(gate, migration)
        world.contract(gate, migration, wait_s=10)


def test_scenario_38_nothing_that_is_said_beside_it_outweighs_a_block() -> None:
    """An override is a decision of its own; evidence of that name, old, repeated or by anybody, is not one."""
    blocked = says("heartbeat", BLOCK, item("web-7", OLD, "live", "runs level 41"))
    for override in (
        passes("override"),
        passes("override", service=None),
        passes("override", control="approved by the one who asks"),
        passes("override", observed_at=NOW.replace(hour=1), control="expired at 01:30"),
    ):
        assert verdict(blocked, passes("sessions"), override, override) is BLOCK
    assert (
        verdict(blocked, passes("sessions"), passes("override"), min_independent=1, services=(Listed("web"),)) is BLOCK
    )


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE migrator.decision SET reasons = '[]' WHERE kind = 'retire'",
        "UPDATE migrator.decision SET actor = 'somebody else' WHERE kind = 'retire'",
        "UPDATE migrator.decision SET at = at - interval '1 day' WHERE kind = 'retire'",
        "DELETE FROM migrator.decision WHERE kind = 'retire'",
        "DELETE FROM migrator.decision WHERE seq = 1",
        FORGED,
    ],
)
def test_scenario_39_a_decision_that_was_tampered_with_is_found(world: World, tampering: str) -> None:
    gate, migration = clean(world)
    world.beat(level=OLD, instance="old")
    world.age("old")
    gate.retire(world.session, "web", "old", "its node is gone")
    world.contract(gate, migration, wait_s=10)
    assert decisions.first_broken_link(world.session) is None
    # Not even its owner changes a row without first taking the trigger away.
    with pytest.raises(Exception, match="append-only"):
        world.session.execute("UPDATE migrator.decision SET actor = 'somebody else'")
    with pytest.raises(Exception, match="append-only"):
        world.session.execute("TRUNCATE migrator.decision")
    world.session.execute("ALTER TABLE migrator.decision DISABLE TRIGGER ALL")
    world.session.execute(tampering)
    assert decisions.first_broken_link(world.session) is not None


def test_scenario_39_the_record_of_an_applied_contract_cannot_be_cut_off(world: World) -> None:
    """The chain has no end of its own: what is cut off behind the last row that is left leaves no broken link."""
    gate, migration = clean(world)
    world.contract(gate, migration, wait_s=10)
    world.session.execute("ALTER TABLE migrator.decision DISABLE TRIGGER ALL")
    world.session.execute("DELETE FROM migrator.decision WHERE verdict = 'APPLIED'")
    assert decisions.first_broken_link(world.session) is not None
