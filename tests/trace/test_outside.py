"""Locks of statements outside a transaction block, as a second session sees them."""

from __future__ import annotations

from migrator.trace.outside import felt_locks
from migrator.trace.scratch import Scratch
from tests.trace.tracing import clean


def test_locks_on_an_index_that_no_query_opens_are_not_felt(scratch: Scratch):
    runner, admin = scratch.runner, scratch.admin
    clean(scratch)
    runner.execute("CREATE TABLE lone (id int); CREATE INDEX lone_id ON lone (id)")
    index = admin.one("SELECT 'lone_id'::regclass::oid::bigint AS oid").oid
    runner.execute("BEGIN")
    try:
        runner.execute("SET LOCAL enable_seqscan = off")
        runner.query("SELECT FROM lone WHERE id = 1")
        while_alive = {lock.oid for lock in felt_locks(admin, runner.pid)}
        admin.execute(f"UPDATE pg_index SET indislive = false WHERE indexrelid = {index}")
        when_dead = {lock.oid for lock in felt_locks(admin, runner.pid)}
    finally:
        runner.execute("ROLLBACK")

    assert index in while_alive
    assert when_dead == while_alive - {index}
