"""A rebuild that was cut off leaves nothing once it has been run again."""

from __future__ import annotations

import psycopg

from tests.support.sandbox import Sandbox, wait_for

INVALID = "SELECT array_agg(indexrelid::regclass::text) FROM pg_index WHERE NOT indisvalid"


def test_what_a_cut_off_rebuild_left_is_dropped_and_nothing_else(sandbox: Sandbox):
    name = "i" * 60
    sandbox.execute(
        f"CREATE TABLE t (a integer); INSERT INTO t SELECT generate_series(1, 100); CREATE INDEX {name} ON t (a);"
        "CREATE INDEX other_ccnew ON t (a); UPDATE pg_index SET indisvalid = false"
        " WHERE indexrelid = 'other_ccnew'::regclass"
    )
    sandbox.install()
    migration = sandbox.new("reindex", f"REINDEX INDEX {name}")
    with psycopg.connect(sandbox.url) as writer:
        writer.execute("UPDATE t SET a = a")
        process = sandbox.process("expand")
        wait_for(lambda: len(sandbox.value(INVALID)) == 2, "the build has begun")
        process.kill()
        process.communicate(timeout=60)
        sandbox.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE 'REINDEX%' AND pid <> pg_backend_pid()"
        )
    assert len(sandbox.value(INVALID)) == 2

    wait_for(lambda: sandbox.command("expand").code == 0, "expand")

    assert sandbox.value(INVALID) == ["other_ccnew"]
    assert sandbox.state(migration) == "complete"
