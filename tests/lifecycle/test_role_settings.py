"""What a role or a database is set to changes nothing of what the tool reads and writes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from migrator.errors import DatabaseUnavailable
from tests.lifecycle.harness import unplaced_lines
from tests.support.sandbox import Sandbox, open_sandbox, wait_for

TABLE = r"""
CREATE TABLE events (
    id int PRIMARY KEY, day date DEFAULT '2026-02-01', lasts interval DEFAULT '1 day 2:03', mark bytea DEFAULT '\xab',
    path text DEFAULT 'a\b', täg text, CHECK (path <> 'x\y'));
CREATE INDEX by_path ON events (path) WHERE path <> 'p\q';
INSERT INTO events (id) SELECT generate_series(1, 40);
"""


@pytest.fixture
def plain(database_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """An application, connected before the settings of the database were changed."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def set_to(sandbox: Sandbox, setting: str) -> None:
    name = sandbox.value("SELECT quote_ident(current_database())")
    sandbox.execute(f"ALTER DATABASE {name} SET {setting}")


@pytest.mark.parametrize(
    "setting",
    [
        "DateStyle = 'SQL, DMY'", "IntervalStyle = iso_8601", "bytea_output = escape",
        "standard_conforming_strings = off", "quote_all_identifiers = on", "client_encoding = LATIN1",
    ],
)  # fmt: skip
def test_settings_of_the_database_make_no_difference(
    sandbox: Sandbox, tmp_path: Path, plain: psycopg.Connection[tuple[object, ...]], setting: str
) -> None:
    change = (
        "ALTER TABLE events RENAME COLUMN day TO date; ALTER TABLE events ALTER COLUMN path TYPE varchar(90);"
        'ALTER TABLE events RENAME COLUMN täg TO "täg 2"; ALTER TABLE events RENAME COLUMN lasts TO duration'
    )
    sandbox.execute(TABLE)
    after = sandbox.shape_after(change)
    sandbox.install()
    set_to(sandbox, setting)

    with open_sandbox(tmp_path, sandbox.url) as inside:
        migration = inside.new("change", change)
        assert inside.expand(migration)
        # A default of the old column is no value of it: 1 February as the application's own settings read it.
        plain.execute("INSERT INTO events (id, date, duration, täg) VALUES (41, '2026-11-12', '3 days', 'ü')")
        plain.execute("UPDATE events SET day = NULL, path = 'u\\v' WHERE id = 1")
        inside.backfill(migration)
        assert plain.execute(
            "SELECT count(*) FROM events WHERE day IS DISTINCT FROM date OR lasts IS DISTINCT FROM duration"
        ).fetchall() == [(0,)]
        plain.close()
        inside.contract(migration, offline="nobody is connected in this test")
    assert sandbox.rows("SELECT date::text, path, \"täg 2\" FROM events WHERE id IN (1, 41) ORDER BY id") == [
        (None, "u\\v", None), ("2026-11-12", "a\\b", "ü"),
    ]  # fmt: skip
    cast = ("DEFAULT ('a\\b'::text)::character varying(90)", "DEFAULT 'a\\b'::text")
    assert unplaced_lines(frozenset(line.replace(*cast) for line in sandbox.snapshot())) == unplaced_lines(after)


def test_limits_of_the_role_end_nothing_that_takes_its_time(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.execute(TABLE)
    sandbox.install()
    role = sandbox.value("SELECT 'limited_' || current_database()")
    limits = sandbox.rows(
        "SELECT name FROM pg_settings WHERE name ~ '^(statement|transaction|idle.*_session)_timeout$'"
    )
    sandbox.execute(f'CREATE ROLE "{role}" SUPERUSER LOGIN')
    for (limit,) in limits:
        sandbox.execute(f'ALTER ROLE "{role}" SET {limit} = 200')
    try:
        with (
            open_sandbox(tmp_path, make_conninfo(sandbox.url, user=role)) as inside,
            psycopg.connect(sandbox.url) as writer,
            ThreadPoolExecutor(1) as pool,
        ):
            migration = inside.new("index", "CREATE INDEX CONCURRENTLY late ON events (day)")
            writer.execute("INSERT INTO events (id) VALUES (41)")
            expanding = pool.submit(inside.expand, migration)
            wait_for(
                lambda: sandbox.rows(
                    "SELECT FROM pg_stat_activity WHERE usename = %(role)s AND query LIKE 'CREATE INDEX%%'"
                    " AND wait_event_type = 'Lock' AND clock_timestamp() - query_start > interval '500 ms'",
                    role=role,
                ),
                "a build that takes longer than any of them",
            )
            writer.commit()
            assert expanding.result(60)
        assert sandbox.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'late'::regclass")
    finally:
        sandbox.execute(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


def test_a_role_for_which_triggers_do_not_fire_is_refused(sandbox: Sandbox) -> None:
    set_to(sandbox, "session_replication_role = replica")

    with pytest.raises(DatabaseUnavailable, match="session_replication_role is replica") as caught:
        sandbox.database.connect()
    assert "RESET session_replication_role" in str(caught.value.hint)


def test_a_session_that_fires_no_triggers_keeps_nothing_in_step(sandbox: Sandbox) -> None:
    """What docs/semantics.md warns of, not what anybody wants."""
    sandbox.execute("CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'x'), (2, 'x')")
    sandbox.install()
    sandbox.expand(sandbox.new("renamed", "ALTER TABLE t RENAME a TO b"))

    sandbox.execute("UPDATE t SET b = 'y' WHERE id = 1")
    sandbox.execute(
        "SET session_replication_role = replica; UPDATE t SET b = 'y' WHERE id = 2; RESET session_replication_role"
    )

    assert sandbox.rows("SELECT id, a, b FROM t ORDER BY id") == [(1, "y", "y"), (2, "x", "y")]
