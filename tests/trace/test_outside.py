"""Locks of statements outside a transaction block, as a second session sees them."""

from __future__ import annotations

from migrator.trace.scratch import Scratch
from tests.trace.tracing import last_file, locks, trace

LINGER = """
CREATE FUNCTION pg_catalog.linger() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); END';
CREATE EVENT TRIGGER linger ON sql_drop WHEN TAG IN ('DROP INDEX') EXECUTE FUNCTION pg_catalog.linger();
"""
"""So that the last transaction of DROP INDEX CONCURRENTLY is certainly seen: it holds ACCESS EXCLUSIVE on the index.
In ``pg_catalog``, because the database is emptied before each trace."""


def test_a_lock_on_an_index_that_no_query_opens_any_more_is_not_felt(scratch: Scratch):
    scratch.admin.execute(LINGER)
    try:
        traced = trace(scratch, "CREATE TABLE t (a int); CREATE INDEX t_a ON t (a);", "DROP INDEX CONCURRENTLY t_a;")
    finally:
        scratch.admin.execute("DROP FUNCTION pg_catalog.linger() CASCADE")

    (drop,) = last_file(traced)
    assert locks(drop) == {"t": "SHARE UPDATE EXCLUSIVE"}
    assert drop.ms >= 300
