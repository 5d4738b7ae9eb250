from __future__ import annotations

from migrator.backfill import worker


def compression(session) -> str:
    return session.one("SELECT current_setting('wal_compression') AS method").method


def test_wal_is_compressed_where_the_server_can_do_it_cheaply(session):
    methods = session.maybe("SELECT enumvals FROM pg_settings WHERE name = 'wal_compression'").enumvals or ()
    before = compression(session)
    worker.prepare(session)
    assert compression(session) == ("lz4" if "lz4" in methods else before)


def test_a_method_that_compresses_better_is_kept(session):
    methods = session.maybe("SELECT enumvals FROM pg_settings WHERE name = 'wal_compression'").enumvals or ()
    method = "zstd" if "zstd" in methods else "on"
    session.set("wal_compression", method)
    kept = compression(session)
    worker.prepare(session)
    assert compression(session) == ("lz4" if "lz4" in methods and method == "on" else kept)


def test_a_role_that_may_not_set_it_works_without(as_role):
    before = compression(as_role)
    worker.prepare(as_role)
    assert compression(as_role) == before
