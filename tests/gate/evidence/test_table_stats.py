from __future__ import annotations

import pytest

from migrator.config import SourceSettings
from migrator.gate.evidence import table_stats
from migrator.model.evidence import Observation, Verdict
from tests.gate.evidence.asking import WEB, ask, subject_of
from tests.gate.world import World, wait_for

STATS = SourceSettings(kind="table_stats")


def looked(world: World, contract: str = "DROP TABLE users") -> Observation:
    [seen] = ask(world, subject_of(world, WEB, source=STATS, contract=contract))
    return seen


def settled(world: World) -> None:
    """Before PostgreSQL 15 a collector counts, some time later."""
    wait_for(lambda: looked(world).verdict is Verdict.PASS)


def test_a_table_that_is_read_blocks_and_one_that_rests_passes(world: World) -> None:
    world.table()
    with world.connect() as connection:
        connection.execute("SELECT pg_stat_force_next_flush()" if connection.info.server_version >= 150000 else "")
    assert looked(world).verdict is Verdict.UNKNOWN

    def read_again() -> Observation | None:
        with world.connect() as connection:
            connection.execute("SELECT count(*) FROM users")
        found = looked(world)
        return found if found.verdict is Verdict.BLOCK else None

    seen = wait_for(read_again)
    assert seen.items[0].instance == "relation users"
    assert wait_for(lambda: looked(world).verdict is Verdict.PASS)


def test_an_index_led_by_the_column_that_goes(world: World) -> None:
    world.table()
    world.session.execute("CREATE INDEX by_legacy ON users (legacy)")
    contract = "ALTER TABLE users DROP COLUMN legacy"
    assert looked(world, contract).verdict is Verdict.UNKNOWN

    def scanned_again() -> Observation | None:
        """More than once: see ``settled``."""
        with world.connect() as connection:
            connection.execute("SET enable_seqscan = off")
            connection.execute("SELECT id FROM users WHERE legacy = 'a'")
        found = looked(world, contract)
        return found if found.verdict is Verdict.BLOCK else None

    seen = wait_for(scanned_again)
    assert seen.items[0].instance == "index by_legacy"


def test_counters_that_went_down_start_anew(world: World) -> None:
    world.table()
    with world.connect() as connection:
        connection.execute("SELECT count(*) FROM users")
    looked(world)
    wait_for(lambda: world.session.query("SELECT FROM pg_stat_user_tables WHERE relname = 'users' AND seq_scan > 0"))
    settled(world)
    world.session.query("SELECT pg_stat_reset_single_table_counters('users'::regclass)")
    wait_for(lambda: looked(world).verdict is Verdict.UNKNOWN)


def test_a_collector_that_does_not_know_the_database_yet_is_no_reset(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    if world.session.server_version >= 15:
        pytest.skip("from PostgreSQL 15 on nothing is collected")
    world.table()
    wait_for(lambda: "counted from now on" in looked(world).control)
    settled(world)
    unknown = "SELECT '' AS system_identifier, NULL AS stats_reset, 'on' AS track_counts"
    monkeypatch.setitem(table_stats._SQL, "node", unknown)
    seen = looked(world)
    assert (seen.verdict, seen.control) == (
        Verdict.UNKNOWN,
        "the primary has not begun to count in this database: look again in a second",
    )
    monkeypatch.undo()
    assert looked(world).verdict is Verdict.PASS


def test_under_table_locks_the_drop_itself_does_not_count(world: World) -> None:
    world.table()
    looked(world)
    wait_for(lambda: looked(world).verdict is Verdict.PASS)
    subject = subject_of(world, WEB, source=STATS, contract="DROP TABLE users")
    assert ask(world, subject, local=True)[0].verdict is Verdict.PASS
