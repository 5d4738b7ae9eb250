"""The backfill from the command line: orders while it runs, signals to stop, rejected rows, several processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

ROWS = 3_000
DEADLINE_S = 60


@pytest.fixture
def slow(shell, sql):
    """Some seconds of work: a function that sleeps, on rows of which few share a page."""
    sql.execute("CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, other int, full_name text)")
    sql.execute(f"INSERT INTO users SELECT n, repeat('v', 400) || n FROM generate_series(1, {ROWS}) AS n")
    sql.execute(
        "CREATE FUNCTION slow(text) RETURNS text LANGUAGE plpgsql STABLE AS"
        " $$ BEGIN PERFORM pg_sleep(0.001); RETURN 'x' || $1; END $$"
    )
    write(shell, "UPDATE users SET full_name = slow(name) WHERE full_name IS NULL")
    shell.ok("expand")
    return shell


TARGET = "20260101T000000_names"


def write(shell, backfill: str) -> None:
    folder = shell.folder / "migrations" / TARGET
    folder.mkdir(parents=True)
    (folder / "migration.toml").write_text(f'id = "{TARGET}"\nlevel = 1\ntitle = "names"\n')
    (folder / "expand.sql").write_text("-- step: note transaction=main\nCOMMENT ON TABLE users IS 'being filled';\n")
    (folder / "backfill.sql").write_text(f"-- step: fill transaction=none\n{backfill};\n")
    (folder / "contract.sql").write_text("-- step: other transaction=main\nALTER TABLE users DROP COLUMN other;\n")
    (folder / "rollback.sql").write_text("-- step: note transaction=main\nCOMMENT ON TABLE users IS NULL;\n")


def start(shell, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from migrator.cli import main; main()", "backfill", *arguments],
        cwd=shell.folder,
        env={**os.environ, "DATABASE_URL": shell.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(fact, what: str):
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if answer := fact():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"not within {DEADLINE_S} s: {what}")


def filled(sql) -> int:
    return sql.execute("SELECT count(*) FROM users WHERE full_name IS NOT NULL").fetchone()[0]


def status(shell) -> dict:
    return shell.ok("status", "--json").document["migrations"][0]["backfill"]


def test_a_statement_that_is_refused_can_be_corrected(shell, sql):
    sql.execute("CREATE TABLE users (id int PRIMARY KEY, name text, other int, full_name text)")
    sql.execute("INSERT INTO users SELECT n, n FROM generate_series(1, 50) AS n")
    write(shell, "UPDATE users SET full_name = nowhere WHERE full_name IS NULL")
    shell.run("expand")
    assert "nowhere" in shell.run("backfill").err
    backfill = shell.folder / "migrations" / TARGET / "backfill.sql"
    backfill.write_text(backfill.read_text().replace("nowhere", "name"))
    shell.ok("backfill")
    assert filled(sql) == 50


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 14), (signal.SIGINT, 130)])
def test_asked_to_stop_it_ends_after_the_batch_and_the_next_goes_on(slow, sql, number, code):
    process = start(slow, "--target-ms", "20")
    until(lambda: filled(sql) > 0, "progress")
    process.send_signal(number)
    _, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == code, err
    assert "run the same command again" in err
    done = filled(sql)
    assert 0 < done < ROWS
    assert status(slow)["rows_done"] == done
    sql.execute("CREATE OR REPLACE FUNCTION slow(text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'x' || $1 $$")
    assert slow.ok("backfill", TARGET).code == 0
    assert filled(sql) == ROWS


def test_pause_set_and_resume_reach_two_running_processes(slow, sql):
    processes = [start(slow, "--target-ms", "20", "--json") for _ in range(2)]
    until(lambda: filled(sql) > 0, "progress")
    paused = slow.ok("backfill", "pause", TARGET, "--json").document
    assert (paused["paused"], paused["changed"]) == (True, True)
    assert slow.ok("backfill", "pause", "20260101").out.startswith(f"{TARGET}: was paused already")
    until(lambda: status(slow)["state"] == "paused" and status(slow)["processes"] == 2, "both wait")
    assert status(slow)["reason"].startswith("paused by ")
    limits = slow.ok("backfill", "set", TARGET, "--workers", "2", "--max-lag", "5s", "--json").document["limits"]
    assert limits == {"workers": 2, "target_ms": None, "max_lag_ms": 5000, "max_rejected": None}
    until(lambda: status(slow)["workers"] == 4, "two workers each")
    assert "paused by" in slow.ok("status").out
    resumed = slow.ok("backfill", "resume", TARGET, "--json").document
    assert (resumed["changed"], resumed["processes"]) == (True, 2)
    for process in processes:
        out, err = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0, err
        assert json.loads(out)["phases"]
        lines = [json.loads(line) for line in err.splitlines()]
        assert {line["event"] for line in lines} == {"backfill"}
        assert {"paused", "done"} <= {line["state"] for line in lines}
        assert lines[-1]["rows_done"] == ROWS
    assert filled(sql) == ROWS
    log = slow.ok("gate", "log").out
    assert "backfill paused" in log
    assert "backfill limits set" in log


def test_rejected_rows_keep_the_contract_closed_until_they_are_tried_again(shell, sql):
    sql.execute("CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, other int, full_name text)")
    sql.execute("INSERT INTO users SELECT n, CASE WHEN n % 400 = 7 THEN 'abc' ELSE n::text END"
                " FROM generate_series(1, 2000) AS n")  # fmt: skip
    sql.execute("ALTER TABLE users ADD COLUMN number int")
    write(shell, "UPDATE users SET number = name::int WHERE number IS DISTINCT FROM name::int")
    shell.ok("expand")
    failed = shell.run("backfill")
    assert failed.code == 4
    assert "5 rows cannot be backfilled; all others are done" in failed.err
    assert f"migrator backfill retry {TARGET}" in failed.err
    assert sql.execute("SELECT count(*) FROM users WHERE number IS NULL").fetchone()[0] == 5
    assert status(shell)["rejected"] == 5
    listed = shell.ok("backfill", "rejected", TARGET, "--json").document["rejected"]
    assert [row["key"]["id"] for row in listed] == [7, 407, 807, 1207, 1607]
    assert {row["sqlstate"] for row in listed} == {"22P02"}
    refused = shell.run("contract", TARGET, "--offline", "nobody here")
    assert refused.code == 5
    assert "5 rows could not be backfilled" in refused.err
    assert shell.run("backfill", "retry", TARGET).code == 4
    sql.execute("UPDATE users SET name = '1' WHERE name = 'abc'")
    assert shell.run("backfill", "retry", TARGET, "--json").code == 0
    assert shell.ok("status", "--json").document["migrations"][0]["state"] == "backfilled"
    assert status(shell)["rejected"] == 0


def test_orders_for_what_is_not_there_are_refused(shell, sql):
    sql.execute("CREATE TABLE users (id bigint PRIMARY KEY, name text, other int, full_name text)")
    write(shell, "UPDATE users SET full_name = name WHERE full_name IS NULL")
    never = shell.run("backfill", "pause", TARGET)
    assert (never.code, "was never expanded" in never.err) == (5, True)
    assert shell.run("backfill", "pause", "2099").code == 2
    assert shell.run("backfill", "set", TARGET).code == 2
    assert shell.run("backfill", "set", TARGET, "--max-lag", "soon").code == 2
    shown = shell.ok("backfill", "--help").out
    assert "--target-ms" in shown
    assert "pause" in shown
    assert "retry" in shown
