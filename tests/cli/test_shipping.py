"""What the commands that run phases share: signals, questions, one document."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from migrator import cli
from migrator.cli.shipping import confirm, stoppable, terminable, wait_seconds
from migrator.errors import BudgetSpent, UsageError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str, capsys) -> Path:
    (tmp_path / "migrator.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert cli.run(["new", "t", "--sql", "CREATE TABLE t (a int)"]) == 0
    capsys.readouterr()
    return tmp_path


@pytest.mark.parametrize(
    ("command", "nothing"),
    [("contract", "nothing is waiting to be contracted"), ("backfill", "no data is waiting to be moved")],
)
def test_a_command_with_nothing_to_do_says_what_is_not_expanded(project: Path, command: str, nothing: str, capsys):
    (folder,) = (project / "migrations").iterdir()

    assert cli.run([command]) == 0
    assert capsys.readouterr().err == f'note: {nothing}; {folder.name} is not expanded yet: "migrator expand"\n'

    assert cli.run(["expand"]) == 0
    capsys.readouterr()
    assert cli.run([command]) == 0
    assert capsys.readouterr().err == f"note: {nothing}\n"


def test_with_json_what_happened_is_one_document_on_stdout(project: Path, capsys):
    assert cli.run(["expand", "--json"]) == 0

    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert (document["schema_version"], document["command"]) == (1, "expand")
    assert [(step["phase"], step["id"], step["skipped"]) for step in document["steps"]] == [
        ("expand", "create-t", False)
    ]
    assert shown.err == ""


def test_with_json_an_error_is_the_one_document(project: Path, capsys):
    assert cli.run(["contract", "--json", "1999"]) == 2

    assert json.loads(capsys.readouterr().out)["error"]["message"] == 'no migration fits "1999"'


def test_without_json_talk_goes_to_stderr(project: Path, capsys):
    assert cli.run(["expand"]) == 0

    shown = capsys.readouterr()
    assert shown.out == ""
    assert "expand 1/1 create-t" in shown.err
    assert "next: deploy the new code\n" in shown.err


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("ALTER TABLE people DROP COLUMN fax", ' and run "migrator contract"'),
        ("ALTER TABLE people ADD COLUMN token uuid DEFAULT gen_random_uuid()", ' and run "migrator backfill"'),
        (
            "-- migrator: fill = ''\nALTER TABLE people ALTER COLUMN fax SET NOT NULL",
            ' and run "migrator backfill", then "migrator contract"',
        ),
        ("ALTER TABLE people ADD COLUMN note text", ""),
    ],
)
def test_only_phases_that_are_left_are_named(project: Path, session, sql: str, left: str, capsys):
    session.execute("CREATE TABLE people (id int PRIMARY KEY, fax text)")
    session.execute("INSERT INTO people (id) VALUES (1)")
    assert cli.run(["new", "people", "--sql", sql]) == 0

    assert cli.run(["expand"]) == 0

    assert capsys.readouterr().err.splitlines()[-1] == f"next: deploy the new code{left}"


def test_a_rollback_that_undoes_nothing_says_so(project: Path, session, capsys):
    folder = project / "migrations" / "29990101T000000_by_hand"
    folder.mkdir()
    (folder / "migration.toml").write_text(f'id = "{folder.name}"\nlevel = 9\ntitle = "by hand"\n')
    (folder / "expand.sql").write_text("-- step: make\nCREATE TABLE made (a int);\n")
    assert cli.run(["expand"]) == 0
    capsys.readouterr()

    assert cli.run(["rollback", folder.name, "--offline", "nothing runs"]) == 0

    note = f"note: {folder.name}: nothing is written that undoes its expand: what that did stays"
    assert note in capsys.readouterr().err.splitlines()
    assert session.one("SELECT count(*) AS n FROM pg_class WHERE relname = 'made'").n == 1


def test_orders_for_a_backfill_that_is_done_come_too_late(project: Path, capsys):
    assert cli.run(["new", "u", "--sql", "CREATE TABLE u (a int)"]) == 0
    assert cli.run(["expand"]) == 0
    assert cli.run(["new", "r", "--sql", "ALTER TABLE u RENAME COLUMN a TO b"]) == 0
    assert cli.run(["expand"]) == 0
    (target,) = (each.name for each in (project / "migrations").iterdir() if each.name.endswith("_r"))
    assert cli.run(["backfill", "pause", target]) == 0
    assert cli.run(["backfill", "resume", target]) == 0
    assert cli.run(["backfill", target]) == 0
    capsys.readouterr()

    for order in (["pause"], ["set", "--workers", "2"]):
        assert cli.run(["backfill", *order, target]) == 5
        assert capsys.readouterr().err == f"error: {target}: its backfill is done, the order comes too late\n"
    assert cli.run(["backfill", "resume", target]) == 0
    assert capsys.readouterr().out == f"{target}: was not paused; its backfill is done\n"


def test_a_backfill_that_is_paused_before_it_begins_is_seen(project: Path, session, capsys):
    session.execute("CREATE TABLE people (id int PRIMARY KEY)")
    session.execute("INSERT INTO people (id) VALUES (1)")
    assert (
        cli.run(
            ["new", "people", "--change", "add_column table=people column=token type=uuid default=gen_random_uuid()"]
        )
        == 0
    )
    (target,) = (each.name for each in (project / "migrations").iterdir() if each.name.endswith("people"))
    assert cli.run(["expand"]) == 0
    assert cli.run(["backfill", "pause", target]) == 0
    capsys.readouterr()

    assert cli.run(["status"]) == 0
    shown = capsys.readouterr().out
    assert "    backfill paused by " in shown
    assert f': "migrator backfill resume {target}"\n' in shown

    assert cli.run(["backfill", "resume", target]) == 0
    capsys.readouterr()
    assert cli.run(["status"]) == 0
    assert "paused" not in capsys.readouterr().out


def test_a_dry_run_shows_the_sql_and_runs_nothing(project: Path, session, capsys):
    assert cli.run(["expand", "--dry-run"]) == 0

    assert "CREATE TABLE public.t (a int);" in capsys.readouterr().err
    assert session.one("SELECT to_regclass('t') AS made, to_regnamespace('migrator') AS ledger") == (None, None)


def test_sigterm_ends_a_command_with_exit_14_and_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)

    with pytest.raises(BudgetSpent, match="SIGTERM"), terminable():
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()

    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_backfill_is_asked_to_stop_after_its_batch(number: signal.Signals):
    before = signal.getsignal(number)

    with stoppable() as should_stop:
        assert not should_stop()
        os.kill(os.getpid(), number)
        assert should_stop()

    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_interrupts_at_once():
    with pytest.raises(KeyboardInterrupt), stoppable():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


def test_signals_are_left_alone_outside_the_main_thread():
    seen: list[bool] = []

    def work() -> None:
        with stoppable() as should_stop, terminable():
            seen.append(should_stop())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [False]


@pytest.mark.parametrize(("wait", "seconds"), [(None, 0.0), ("30s", 30.0), ("15min", 900.0)])
def test_wait_is_a_duration(wait: str | None, seconds: float):
    assert wait_seconds(wait) == seconds


def test_a_wait_that_is_no_duration_is_exit_2(project: Path, capsys):
    assert cli.run(["contract", "--wait", "soon"]) == 2

    assert capsys.readouterr().err.startswith('error: "soon" is not a duration')


def test_nobody_is_asked_where_nobody_can_answer():
    confirm("Go on?", yes=False, as_json=False)  # neither stdin nor stderr is a terminal under pytest


def test_a_no_on_a_terminal_stops_the_command():
    script = (
        "import sys\n"
        "from migrator.cli.shipping import confirm\n"
        "confirm('Go on?', yes=False, as_json=False)\n"
        "print('went on')\n"
    )
    import pty

    main, other = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=other, stderr=other, stdout=subprocess.PIPE, text=True
    ) as process:
        os.write(main, b"n\n")
        out, _ = process.communicate(timeout=60)
    os.close(other)
    os.close(main)

    assert (out, process.returncode) == ("", 1)


def test_yes_and_json_answer_for_the_user(monkeypatch: pytest.MonkeyPatch):
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stderr", Terminal())
    confirm("Go on?", yes=True, as_json=False)
    confirm("Go on?", yes=False, as_json=True)
    assert UsageError.exit_code == 2
