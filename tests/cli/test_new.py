"""``migrator new``: where the SQL comes from, what is printed, what scripts get."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from migrator import cli
from migrator.planning.folders import load_all

RENAME = "ALTER TABLE users RENAME COLUMN name TO full_name"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in the working folder, without a database."""
    (tmp_path / "migrator.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch):
    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))

    return give


def written(project: Path):
    (migration,) = load_all(project / "migrations")
    return migration


def test_sql_on_the_command_line(project: Path, capsys):
    assert cli.run(["new", "rename users.name", "--sql", RENAME]) == 0

    shown = capsys.readouterr()
    migration = written(project)
    assert shown.out.splitlines()[0] == f"wrote migrations/{migration.id}/  level 1"
    assert "  expand.sql      5 steps" in shown.out.splitlines()
    assert "  backfill.sql    1 step" in shown.out.splitlines()
    assert "note: type, default and indexes of public.users.name could not be checked" in shown.err
    assert f'next: review the files, "migrator plan {migration.id}"' in shown.err


def test_sql_from_a_file_names_it_in_errors(project: Path, capsys):
    (project / "change.sql").write_text(f"{RENAME};\n\nDROP TABLE users;\n")
    assert cli.run(["new", "x", "--file", "change.sql"]) == 1
    assert "  at: change.sql:3\n" in capsys.readouterr().err

    (project / "change.sql").write_text(f"{RENAME};\n")
    assert cli.run(["new", "x", "--file", "change.sql"]) == 0


def test_sql_from_standard_input_is_utf8_whatever_the_locale(project: Path, stdin, capsys):
    stdin('ALTER TABLE users RENAME COLUMN name TO "имя"'.encode())

    assert cli.run(["new", "x", "--file", "-"]) == 0

    assert written(project).changes[0]["new_name"] == "имя"
    stdin(b"TRUNCATE users")
    assert cli.run(["new", "x", "--file", "-"]) == 1
    assert "at: <stdin>:1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["new"], "a title is needed"),
        (["new", " ", "--sql", RENAME], "a title is needed"),
        (["new", "x"], "give the schema changes with either --sql or --file"),
        (["new", "x", "--sql", RENAME, "--file", "-"], "give the schema changes with either --sql or --file"),
        (["new", "x", "--file", "missing.sql"], "missing.sql cannot be read"),
        (["new", "x", "--file", "."], ". cannot be read"),
        (["new", "x\udcff", "--sql", RENAME], "the title is not UTF-8"),
        (["new", "x", "--sql", f"{RENAME} -- \udcff"], "--sql is not UTF-8"),
        (["new", "x", "--refresh", "2026"], "--refresh takes neither a title nor SQL"),
        (["new", "--refresh", "2026"], "--refresh needs a database to look at"),
        (["new", "x", "--sql", RENAME, "--url-env", "NOT_SET"], "environment variable NOT_SET is not set"),
    ],
)
def test_a_wrong_call_is_exit_2_and_writes_nothing(project: Path, arguments: list[str], message: str, capsys):
    assert cli.run(arguments) == 2

    assert capsys.readouterr().err.startswith(f"error: {message}")
    assert not (project / "migrations").exists()


def test_bytes_that_are_not_utf8_are_exit_2(project: Path, stdin, capsys):
    stdin(b"SELECT '\xff'")
    assert cli.run(["new", "x", "--file", "-"]) == 2
    (project / "change.sql").write_bytes(b"SELECT '\xff'")
    assert cli.run(["new", "x", "--file", "change.sql"]) == 2
    assert capsys.readouterr().err.count("cannot be read") == 2


def test_an_empty_input_is_refused(project: Path, stdin, capsys):
    stdin(b"")

    assert cli.run(["new", "x", "--file", "-"]) == 1

    assert capsys.readouterr().err.startswith("error: there is no schema change in the SQL given\n  at: <stdin>")


def test_json_says_what_was_written_and_what_could_not_be_checked(project: Path, capsys):
    assert cli.run(["new", "rename users.name", "--sql", RENAME, "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    migration = written(project)
    assert set(document) == {"schema_version", "migration", "folder", "files", "notes", "database_read"}
    assert document["schema_version"] == 1
    assert document["migration"] == {"id": migration.id, "level": 1, "title": "rename users.name"}
    assert Path(document["folder"]) == project / "migrations" / migration.id
    assert document["files"] == ["migration.toml", "expand.sql", "backfill.sql", "contract.sql", "rollback.sql"]
    assert document["database_read"] is False
    assert any("without a database" in note for note in document["notes"])


def test_with_a_database_the_schema_is_read_and_nothing_is_changed_there(
    project: Path, database_url: str, session, monkeypatch: pytest.MonkeyPatch, capsys
):
    session.execute("CREATE TABLE users (id int, name varchar(7))")
    monkeypatch.setenv("DATABASE_URL", database_url)

    assert cli.run(["new", "x", "--sql", RENAME, "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert (document["database_read"], document["notes"]) == (True, [])
    assert (
        "ADD COLUMN full_name character varying(7)"
        in (project / "migrations" / document["migration"]["id"] / "expand.sql").read_text()
    )
    assert (
        session.one("SELECT count(*) AS n FROM pg_attribute WHERE attrelid = 'users'::regclass AND attnum > 0").n == 2
    )
    assert session.one("SELECT to_regnamespace('migrator') AS made").made is None


def test_refresh_writes_the_files_anew_for_the_database(
    project: Path, database_url: str, session, monkeypatch: pytest.MonkeyPatch, capsys
):
    assert cli.run(["new", "x", "--sql", RENAME]) == 0
    before = written(project)
    session.execute("CREATE TABLE users (id int, name varchar(7))")
    monkeypatch.setenv("DATABASE_URL", database_url)

    assert cli.run(["new", "--refresh", before.id[:15]]) == 0

    after = written(project)
    assert (after.id, after.level) == (before.id, before.level)
    assert before.assumed == {}
    assert after.assumed["public.users"]["columns"]["name"] == "character varying(7)"
    assert f"wrote migrations/{before.id}/  level 1" in capsys.readouterr().out


def test_the_project_may_be_above_the_working_folder(project: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    (project / "src").mkdir()
    monkeypatch.chdir(project / "src")

    assert cli.run(["new", "x", "--sql", RENAME]) == 0

    assert capsys.readouterr().out.startswith("wrote ../migrations/")
    assert written(project).level == 1


def test_a_change_by_kind_and_parameters_is_the_same_as_by_sql(project: Path):
    assert cli.run(["new", "total", "--change", "add_column table=orders column=total type='numeric(10, 2)'"]) == 0
    by_words = written(project)
    assert cli.run(["new", "total", "--sql", "ALTER TABLE orders ADD COLUMN total numeric(10, 2)"]) == 0
    _, by_sql = load_all(project / "migrations")

    assert by_words.changes == by_sql.changes
    assert [step.sql for step in by_words.steps] == [step.sql for step in by_sql.steps]


def test_lists_and_booleans_are_read_from_words(project: Path):
    change = (
        "create_table schema=app table=t definition='CREATE TABLE app.t (id bigint)' references=app.a references=app.b"
    )
    assert cli.run(["new", "t", "--change", change, "--change", "drop_not_null table=u column=c phase=expand"]) == 0

    first, second = written(project).changes
    assert first["references"] == ["app.a", "app.b"]
    assert (second["kind"], second["phase"], second["schema"]) == ("drop_not_null", "expand", "public")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("", "a change needs a kind"),
        ("add_colum table=t", 'there is no kind of change named "add_colum"'),
        ("add_column table", '"table" is not KEY=VALUE'),
        ("add_column table=t colum=c type=int", 'change of kind add_column: unknown key "colum"'),
        ("add_column table=t type=int", "change of kind add_column: missing key `column`"),
        ("drop_not_null table=t column=c phase=now", "invalid enum value 'now'"),
        ("move_column table=t columns=a to=u many=maybe", 'many: "maybe" is neither true nor false'),
        ("add_column 'table=t", "--change cannot be read: No closing quotation"),
    ],
)
def test_a_change_that_is_not_understood_is_refused(project: Path, capsys, change: str, message: str):
    assert cli.run(["new", "t", "--change", change]) == 2

    assert message in capsys.readouterr().err
    assert not (project / "migrations").exists()


@pytest.mark.parametrize("with_alembic", [False, True])
def test_change_and_sql_exclude_each_other(project: Path, capsys, *, with_alembic: bool):
    if with_alembic:
        (project / "alembic.ini").write_text("[alembic]\nscript_location = history\n")

    assert cli.run(["new", "t", "--change", "drop_table table=t", "--sql", RENAME]) == 2

    assert "--change goes without --sql and --file" in capsys.readouterr().err
