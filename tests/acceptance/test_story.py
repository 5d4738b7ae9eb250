"""One rename from SQL text to the contract, by the command line alone."""

from __future__ import annotations

import psycopg
import pytest

RENAME = "ALTER TABLE users RENAME COLUMN name TO full_name"

WITH_SERVICE = """
[gate]
soak = "1s"
max_gap = "30s"
min_independent = 1
drain_timeout = "2s"
[[gate.service]]
name = "web"
ttl = "30s"
[[gate.source]]
kind = "heartbeat"
"""


def columns(sql: psycopg.Connection) -> set[str]:
    rows = sql.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    return {name for (name,) in rows}


def beat(sql: psycopg.Connection, instance: str, level: int) -> tuple[bool, str]:
    row = sql.execute("SELECT ok, why FROM migrator.beat('web', %s, 'boot', %s, 'v')", (instance, level)).fetchone()
    assert row is not None
    return row[0], row[1]


def bye(sql: psycopg.Connection, instance: str) -> None:
    sql.execute("SELECT migrator.bye('web', %s, 'boot')", (instance,))


def test_a_rename_with_old_and_new_code_and_the_gate_between_them(users, sql):
    users.configure(WITH_SERVICE)
    folder = users.new("rename users.name", RENAME)
    assert {path.name for path in folder.iterdir()} == {
        "migration.toml", "expand.sql", "backfill.sql", "contract.sql", "rollback.sql",
    }  # fmt: skip
    assert users.ok("lint", "migrations").code == 0

    users.ok("expand")
    assert columns(sql) == {"id", "name", "full_name"}
    assert beat(sql, "old-1", 0)[0]
    assert beat(sql, "new-1", 1)[0]

    # Both versions write, and both see what the other wrote.
    sql.execute("INSERT INTO users (id, name) VALUES (1001, 'by old code')")
    sql.execute("INSERT INTO users (id, full_name) VALUES (1002, 'by new code')")
    sql.execute("UPDATE users SET name = 'old again' WHERE id = 1002")
    assert sql.execute("SELECT id, name, full_name FROM users WHERE id > 1000 ORDER BY id").fetchall() == [
        (1001, "by old code", "by old code"),
        (1002, "old again", "old again"),
    ]
    users.ok("backfill")
    assert sql.execute("SELECT count(*) FROM users WHERE name IS DISTINCT FROM full_name").fetchone() == (0,)

    # Old code lives: the gate says who, raises no fence, and that code may even restart.
    blocked = users.run("contract", "--yes")
    assert blocked.code == 10, blocked
    assert "old-1" in blocked.err
    assert beat(sql, "old-2", 0)[0]
    bye(sql, "old-2")
    assert columns(sql) == {"id", "name", "full_name"}

    # It leaves: a soak, then the old shape goes.
    bye(sql, "old-1")
    soaking = users.run("contract", "--yes")
    assert soaking.code == 12, soaking
    done = users.run("contract", "--yes", "--wait", "60s")
    assert done.code == 0, done
    assert columns(sql) == {"id", "full_name"}
    assert sql.execute("SELECT full_name FROM users WHERE id = 1002").fetchone() == ("old again",)
    assert beat(sql, "new-1", 1)[0]

    # Whoever comes late is told not to start.
    ok, why = beat(sql, "old-3", 0)
    assert not ok
    assert why
    assert users.run("gate", "start-check", "web", "--level", "0").code == 13
    assert users.run("gate", "start-check", "web", "--level", "1").code == 0


def test_without_services_nothing_is_proven(users, sql):
    users.new("rename users.name", RENAME)
    users.ok("expand")
    users.ok("backfill")

    refused = users.run("contract", "--yes")

    assert refused.code == 11
    assert "--offline" in refused.err
    assert columns(sql) == {"id", "name", "full_name"}


def test_offline_is_refused_while_anybody_is_connected(users, sql):
    users.new("rename users.name", RENAME)
    users.ok("expand")
    users.ok("backfill")

    refused = users.run("contract", "--yes", "--offline", "maintenance window")
    assert refused.code in (10, 11), refused
    assert columns(sql) == {"id", "name", "full_name"}

    sql.close()
    users.ok("contract", "--yes", "--offline", "maintenance window")
    with psycopg.connect(users.url, autocommit=True) as again:
        assert columns(again) == {"id", "full_name"}
        noted = again.execute("SELECT count(*) FROM migrator.decision WHERE reasons::text LIKE '%maintenance window%'")
        assert noted.fetchone() != (0,)


def test_every_command_may_be_said_twice(users, sql):
    users.new("rename users.name", RENAME)
    sql.close()
    for command in (["expand"], ["backfill"], ["contract", "--yes", "--offline", "nobody here"]):
        users.ok(*command)
        users.ok(*command)
    status = users.ok("status", "--json").document
    assert status["migrations"][0]["state"] == "contracted"


def test_the_phases_keep_their_order(users):
    users.new("rename users.name", RENAME)

    too_early = users.run("contract", users.migrations()[0].name, "--yes", "--offline", "nobody here")

    assert too_early.code == 5, too_early
    assert "expand" in too_early.err


def test_a_rollback_undoes_an_expand(users, sql):
    users.new("rename users.name", RENAME)
    users.ok("expand")
    users.ok("backfill")
    sql.close()

    undone = users.run("rollback", users.migrations()[0].name, "--yes", "--offline", "nobody here")

    assert undone.code == 0, undone
    with psycopg.connect(users.url, autocommit=True) as again:
        assert columns(again) == {"id", "name"}
        assert again.execute("SELECT count(*) FROM users").fetchone() == (500,)
        left = again.execute("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'users'::regclass").fetchone()
        assert left == (0,)


def test_a_rollback_after_the_contract_comes_too_late(users, sql):
    users.new("rename users.name", RENAME)
    sql.close()
    users.ok("expand")
    users.ok("backfill")
    users.ok("contract", "--yes", "--offline", "nobody here")

    late = users.run("rollback", users.migrations()[0].name, "--yes", "--offline", "nobody here")

    assert late.code == 5, late


def test_what_only_adds_is_complete_after_expand(shell, sql):
    shell.new("orders", "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric)")
    shell.ok("expand")

    status = shell.ok("status", "--json").document
    assert status["migrations"][0]["state"] == "complete"
    shell.ok("contract", "--yes")


def test_advance_goes_as_far_as_it_may(users, sql):
    users.new("rename users.name", RENAME)

    outcome = users.run("advance", "--yes") if "--yes" in users.ok("advance", "--help").out else users.run("advance")

    assert outcome.code == 11, outcome
    status = users.ok("status", "--json").document
    assert status["migrations"][0]["state"] == "backfilled"


@pytest.mark.parametrize("how", ["--file", "stdin"])
def test_sql_comes_from_files_and_standard_input_too(users, how):
    statement = f"{RENAME};\nCREATE TABLE notes (id bigint PRIMARY KEY);\n"
    if how == "--file":
        (users.folder / "change.sql").write_text(statement)
        outcome = users.run("new", "two things", "--file", "change.sql")
    else:
        outcome = users.run("new", "two things", "--file", "-", stdin=statement)

    assert outcome.code == 0, outcome
    (folder,) = users.migrations()
    assert "CREATE TABLE" in (folder / "expand.sql").read_text()


def test_init_may_be_said_twice_and_leads_to_a_project_that_lints(tmp_path, shell):
    shell.ok("init")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    shell.ok("init")

    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    shell.ok("lint")
