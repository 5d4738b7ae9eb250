"""Attaching looks at no row and a detach that was cut off is finished by the next run."""

from __future__ import annotations

import psycopg
import pytest

from migrator.client import application_name
from migrator.model.plan import Phase
from migrator.postgres.session import ServerError
from tests.support.sandbox import Sandbox, wait_for

OFFLINE = "nobody is connected in this test"


@pytest.mark.parametrize(
    ("key", "column", "bound", "inside", "outside"),
    [
        ("RANGE (a)", "a bigint", "FROM (10) TO (20)", "15", "5"),
        ("RANGE (a)", "a date", "FROM ('2026-01-01') TO (MAXVALUE)", "'2026-05-05'", "'2025-01-01'"),
        ("RANGE (a)", "a text COLLATE \"C\"", "FROM (MINVALUE) TO ('m')", "'b'", "'x'"),
        ("RANGE ((a % 100))", "a integer", "FROM (10) TO (20)", "115", "5"),
        ("LIST (a)", "a text", "IN ('x', 'y', NULL)", "NULL", "'z'"),
        ("LIST (a)", "a integer", "IN (1, 2)", "2", "3"),
        ("LIST (a)", "a text", "IN ('x')", "'x'", "'y'"),
        ("LIST ((lower(a)))", "a text", "IN ('x')", "'X'", "'y'"),
    ],
)  # fmt: skip
def test_the_server_is_shown_that_no_row_need_be_looked_at(
    sandbox: Sandbox, key: str, column: str, bound: str, inside: str, outside: str
):

    sandbox.execute(
        f"CREATE TABLE t ({column}) PARTITION BY {key}; CREATE TABLE rest PARTITION OF t DEFAULT;"
        f"CREATE TABLE part ({column}); INSERT INTO part VALUES ({inside}); INSERT INTO t VALUES ({outside})"
    )
    migration = sandbox.new("attach", f"ALTER TABLE t ATTACH PARTITION part FOR VALUES {bound}")
    said: list[str] = []
    with psycopg.connect(sandbox.url, autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: said.append(str(notice.message_primary)))
        connection.execute("SET client_min_messages = debug1")
        for step in migration.phase(Phase.EXPAND):
            connection.execute(step.sql)

    assert 'partition constraint for table "part" is implied by existing constraints' in said
    assert 'updated partition constraint for default partition "rest" is implied by existing constraints' in said
    assert not any("verifying table" in text for text in said[said.index(
        'partition constraint for table "part" is implied by existing constraints'):])  # fmt: skip
    assert sandbox.value("SELECT count(*) FROM t") == 2


def test_rows_outside_the_bound_stop_expand_and_rollback_leaves_nothing(sandbox: Sandbox):
    sandbox.execute(
        "CREATE TABLE t (a integer) PARTITION BY RANGE (a); CREATE INDEX ON t (a);"
        "CREATE TABLE part (a integer); INSERT INTO part VALUES (1), (50)"
    )
    before = sandbox.snapshot()
    sandbox.install()
    migration = sandbox.new("attach", "ALTER TABLE t ATTACH PARTITION part FOR VALUES FROM (0) TO (10)")

    with pytest.raises(ServerError, match="violated by some row"):
        sandbox.expand(migration)
    sandbox.rollback(migration, offline=OFFLINE)

    assert sandbox.snapshot() == before
    assert sandbox.leftovers() == []


def test_a_detach_that_was_cut_off_is_finished_by_the_next_run(sandbox: Sandbox):
    sandbox.execute(
        "CREATE TABLE t (a integer) PARTITION BY RANGE (a);"
        "CREATE TABLE part PARTITION OF t FOR VALUES FROM (0) TO (10); INSERT INTO t VALUES (1)"
    )
    sandbox.configure({"name": "web", "ttl": "1h"}, gate={"soak": "1ms"})
    sandbox.install()
    migration = sandbox.new("detach", "ALTER TABLE t DETACH PARTITION part CONCURRENTLY")
    sandbox.expand(migration)
    assert sandbox.beat(level=1)
    pending = "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = 'part'::regclass"
    command = ("contract", "--wait", "20s", "--yes")
    with psycopg.connect(sandbox.url, application_name=application_name("web", level=1, version="v1")) as reader:
        reader.execute("SELECT * FROM t")
        process = sandbox.process(*command)
        wait_for(lambda: sandbox.value(pending) or process.poll() is not None, "the detach has begun")
        process.kill()
        output, _ = process.communicate(timeout=60)
        sandbox.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE '%DETACH PARTITION%' AND pid <> pg_backend_pid()"
        )
    assert sandbox.value(pending), output

    wait_for(lambda: sandbox.command(*command).code == 0, "contract")

    assert sandbox.rows(pending) == []
    assert sandbox.rows("SELECT a FROM part") == [(1,)]
    assert sandbox.state(migration) == "contracted"
