"""A materialized view that is replaced: what it had is what it has, and nobody waits while the new one is filled."""

from __future__ import annotations

import re

import psycopg
import pytest

from migrator.errors import Refused
from migrator.model.plan import Phase
from tests.lifecycle.crossing import waiting
from tests.support.sandbox import Sandbox, wait_for

SETUP = (
    "CREATE TABLE items (id integer PRIMARY KEY, value text); INSERT INTO items SELECT g, 'v' || g"
    " FROM generate_series(1, 100) AS g; CREATE MATERIALIZED VIEW seen AS SELECT id, value FROM items;"
    "CREATE UNIQUE INDEX seen_id ON seen (id);"
)
AGAIN = (
    "DROP MATERIALIZED VIEW seen; CREATE MATERIALIZED VIEW seen USING other AS SELECT id, value FROM items;"
    "CREATE UNIQUE INDEX seen_id ON seen (id)"
)
NEW = "CREATE MATERIALIZED VIEW seen AS SELECT id, value, upper(value) AS loud FROM items"


def prepared(sandbox: Sandbox, phase: str, *, setup: str = "", sql: str = NEW):
    sandbox.configure({"name": "web", "ttl": "1h"})
    sandbox.execute(SETUP + setup)
    sandbox.install()
    return sandbox.new("seen", f"-- migrator: phase = {phase}\n{sql}")


def test_what_was_taken_back_since_expand_does_not_come_back(sandbox: Sandbox):
    migration = prepared(
        sandbox,
        "contract",
        setup="GRANT UPDATE (value) ON seen TO PUBLIC;"
        "COMMENT ON COLUMN seen.id IS 'old'; COMMENT ON INDEX seen_id IS 'old';"
        "COMMENT ON MATERIALIZED VIEW seen IS 'old';",
    )
    sandbox.expand(migration)
    sandbox.execute(
        "REVOKE UPDATE (value) ON seen FROM PUBLIC; GRANT INSERT ON seen TO PUBLIC;"
        "COMMENT ON COLUMN seen.id IS NULL; COMMENT ON INDEX seen_id IS NULL;"
        "COMMENT ON MATERIALIZED VIEW seen IS NULL;"
    )

    sandbox.contract(migration, offline="nobody is connected in this test")

    assert sandbox.rows(
        "SELECT has_table_privilege('public', 'seen', 'INSERT') AS b,"
        " has_any_column_privilege('public', 'seen', 'UPDATE') AS c, col_description('seen'::regclass, 1) AS d,"
        " obj_description('seen'::regclass, 'pg_class') AS e, obj_description('seen_id'::regclass, 'pg_class') AS f"
    ) == [(True, False, None, None, None)]
    assert sandbox.value("SELECT count(*) FROM pg_class WHERE relname LIKE 'migrator\\_%'") == 0


def test_contract_shows_the_rows_of_contract_and_rollback_those_of_rollback(sandbox: Sandbox):
    migration = prepared(sandbox, "expand")
    sandbox.expand(migration)
    sandbox.execute("INSERT INTO items VALUES (-1, 'later')")
    assert sandbox.value("SELECT count(*) FROM seen") == 100

    sandbox.rollback(migration, offline="nobody is connected in this test")

    assert sandbox.value("SELECT value FROM seen WHERE id = -1") == "later"
    again = sandbox.new("seen", f"-- migrator: phase = contract\n{NEW}")
    sandbox.expand(again)
    sandbox.execute("INSERT INTO items VALUES (-2, 'last')")
    sandbox.contract(again, offline="nobody is connected in this test")
    assert sandbox.value("SELECT loud FROM seen WHERE id = -2") == "LAST"


def test_duplicates_of_the_new_query_leave_the_old_view_as_it_is_and_can_be_repaired(sandbox: Sandbox):
    doubled = "CREATE MATERIALIZED VIEW seen AS SELECT id / 2 AS id, value FROM items"
    migration = prepared(sandbox, "contract", sql=doubled)

    outcome = sandbox.command("expand")

    assert outcome.code == 4
    assert "could not create unique index" in outcome.err
    assert sandbox.value("SELECT count(*) FROM seen WHERE value = 'v' || id") == 100
    assert sandbox.command("rollback", migration.id, "--offline", "nobody runs").code == 0
    assert sandbox.value("SELECT count(*) FROM pg_class WHERE relname LIKE 'migrator\\_%'") == 0


def test_a_view_that_came_to_use_it_is_in_the_way_of_contract(sandbox: Sandbox):
    migration = prepared(sandbox, "contract")
    sandbox.expand(migration)
    sandbox.execute("CREATE VIEW counted AS SELECT count(*) FROM seen")

    with pytest.raises(Refused, match="hold on to it"):
        sandbox.contract(migration, offline="nobody is connected in this test")

    assert sandbox.value("SELECT count FROM counted") == 100


def test_a_refresh_between_filling_and_swap_is_undone_by_the_swap_until_the_next_one(sandbox: Sandbox):
    migration = prepared(sandbox, "contract")
    sandbox.expand(migration)
    fill, *swap = migration.phase(Phase.CONTRACT)
    sandbox.execute(fill.sql)
    sandbox.execute("INSERT INTO items VALUES (-1, 'between'); REFRESH MATERIALIZED VIEW CONCURRENTLY seen")
    with psycopg.connect(sandbox.url) as swapping, psycopg.connect(sandbox.url, autocommit=True) as application:
        for step in swap:
            swapping.execute(step.sql)
        with waiting(sandbox, application, "REFRESH MATERIALIZED VIEW CONCURRENTLY seen") as refreshed:
            assert sandbox.value("SELECT count(*) FROM items WHERE id = -1") == 1
            swapping.commit()
            refreshed.result(timeout=30)

    assert sandbox.value("SELECT loud FROM seen WHERE id = -1") == "BETWEEN"


LABELLED = (
    "SET allow_system_table_mods = on;"
    "INSERT INTO pg_seclabel SELECT 'seen'::regclass, 'pg_class'::regclass, 1, 'p', 'l'"
)
MEMBER = "ALTER EXTENSION plpgsql ADD {} seen"
OTHER_METHOD = "CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler"


@pytest.mark.parametrize("phase", ["expand", "contract"])
@pytest.mark.parametrize(
    ("setup", "said"),
    [
        (LABELLED, "security labels of materialized view public.seen and its columns"),
        (MEMBER.format("MATERIALIZED VIEW"), "an extension has materialized view public.seen as its member"),
        (f"{OTHER_METHOD}; {AGAIN}", "materialized view public.seen has an access method"),
    ],
)
def test_what_the_new_view_would_not_get_stops_expand(sandbox: Sandbox, phase: str, setup: str, said: str):
    migration = prepared(sandbox, phase)
    sandbox.execute(setup)
    before = sandbox.snapshot()

    with pytest.raises(Refused, match=said):
        sandbox.expand(migration)

    assert sandbox.snapshot() == before


def test_what_a_view_would_not_get_that_is_made_anew_stops_contract(sandbox: Sandbox):
    sandbox.execute("CREATE TABLE items (id integer, value text); CREATE VIEW seen AS SELECT id, value FROM items")
    sandbox.install()
    migration = sandbox.new("seen", "CREATE OR REPLACE VIEW seen AS SELECT value FROM items")
    sandbox.expand(migration)
    sandbox.execute(LABELLED)
    with pytest.raises(Refused, match="security labels of view"):
        sandbox.contract(migration, offline="nobody is connected in this test")
    sandbox.execute(f"DELETE FROM pg_seclabel; {MEMBER.format('VIEW')}")
    with pytest.raises(Refused, match="extension has view"):
        sandbox.contract(migration, offline="nobody is connected in this test")
    sandbox.execute("ALTER EXTENSION plpgsql DROP VIEW seen")

    sandbox.contract(migration, offline="nobody is connected in this test")

    assert sandbox.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'seen'::regclass AND attnum > 0") == 1


def test_the_access_method_that_the_new_definition_names_is_taken(sandbox: Sandbox):
    migration = prepared(sandbox, "expand", setup=OTHER_METHOD, sql=NEW.replace("seen AS", "seen USING other AS"))

    sandbox.expand(migration)

    method = "SELECT a.amname FROM pg_class AS c JOIN pg_am AS a ON a.oid = c.relam WHERE c.relname = 'seen'"
    assert sandbox.value(method) == "other"


def test_readers_go_on_while_it_is_filled_and_so_they_do_when_it_is_refreshed(sandbox: Sandbox):
    waiting = "WHERE (SELECT count(*) FROM pg_locks WHERE pg_advisory_lock_shared(7) IS NULL) >= 0"
    prepared(sandbox, "expand", sql=f"{NEW} {waiting}")
    with psycopg.connect(sandbox.url, autocommit=True) as reader:
        reader.execute("SET lock_timeout = '1ms'")
        reader.execute("SELECT pg_advisory_lock(7)")
        process = sandbox.process("expand")
        wait_for(
            lambda: sandbox.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"),
            "filling",
        )

        assert reader.execute("SELECT count(*) FROM seen").fetchone() == (100,)
        reader.execute("INSERT INTO items VALUES (-1, 'meanwhile')")
        reader.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY seen")
        assert reader.execute("SELECT count(*) FROM seen").fetchone() == (101,)

        reader.execute("SELECT pg_advisory_unlock(7)")
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert sandbox.value("SELECT count(loud) FROM seen") >= 100


@pytest.mark.parametrize("phase", ["expand", "contract"])
def test_lint_has_nothing_against_what_is_written_for_it_and_against_the_same_by_hand(sandbox: Sandbox, phase: str):
    migration = prepared(sandbox, phase)
    assert sandbox.command("lint", "migrations").code == 0

    for name in ("expand", "contract"):
        text = (sandbox.root / "migrations" / migration.id / f"{name}.sql").read_text(encoding="utf-8")
        (sandbox.root / f"{name}.sql").write_text(text, encoding="utf-8")

    # By hand: at expand the new one takes the name in the transaction in which the old one gives it up.
    found = sandbox.command("lint", f"{phase}.sql")
    assert (found.code, {"BC004", "LK021"} & set(re.findall(r"\[([A-Z]{2}\d+) ", found.out))) == (
        (0, set()) if phase == "expand" else (1, {"BC004", "LK021"})
    )
