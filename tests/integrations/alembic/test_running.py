"""``migrator`` on a project of revisions, through its command line."""

from __future__ import annotations

import json
import logging
import re

import pytest

from migrator import cli
from migrator.integrations.alembic.project import open_project
from migrator.postgres.connect import Database
from tests.integrations.alembic.conftest import CREATE, RENAME, Shop


@pytest.fixture(autouse=True)
def loud():
    yield
    assert logging.root.manager.disable == 0


@pytest.fixture
def used(shop: Shop) -> Shop:
    shop.revision("a1", CREATE, "pass")
    assert cli.run(["expand"]) == 0
    shop.session.execute("INSERT INTO users VALUES (1, 'Ada')")
    return shop


def test_the_whole_way_by_the_projects_own_connection(used: Shop, capsys: pytest.CaptureFixture[str]):
    used.revision("a2", RENAME, after="a1")

    assert cli.run(["expand", "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "a2  a2 it is"
    assert cli.run(["expand"]) == 0
    assert cli.run(["backfill"]) == 0
    assert cli.run(["status", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(each["id"], each["state"]) for each in document["migrations"]] == [("a2", "backfilled")]
    assert cli.run(["contract", "a2"]) == 11
    used.session.close()
    assert cli.run(["contract", "a2", "--offline", "every application is stopped", "--yes"]) == 0
    assert "1/" in capsys.readouterr().err


def test_a_revision_that_was_taken_back_is_not_missed_in_the_folder(used: Shop, capsys: pytest.CaptureFixture[str]):
    used.revision("a2", RENAME, after="a1")
    assert cli.run(["expand"]) == 0
    used.session.close()
    assert cli.run(["rollback", "a2", "--offline", "every application is stopped", "--yes"]) == 0
    capsys.readouterr()

    assert cli.run(["status"]) == 0

    shown = capsys.readouterr().out
    assert "rolled_back" in shown
    assert "not in this folder" not in shown


def test_contract_runs_what_was_planned_at_expand_whatever_the_file_says_now(used: Shop):
    used.revision("a2", RENAME, after="a1")
    assert cli.run(["expand"]) == 0
    (used.root / "history/versions/a2.py").unlink()
    used.revision("a2", "pass", "pass", after="a1")

    assert cli.run(["backfill", "a2"]) == 0
    assert used.session.one("SELECT full_name FROM users").full_name == "Ada"


def test_expand_runs_one_revision_after_the_other_up_to_the_one_named(used: Shop):
    used.revision("a2", 'phased.add_column("users", "a", "integer")', after="a1")
    used.revision("a3", "op.execute('SELECT 1/0')", "pass", after="a2")

    assert cli.run(["expand", "a2"]) == 0
    assert used.version() == ["a2"]
    assert cli.run(["expand"]) == 4
    assert used.version() == ["a2"]


def test_what_fails_before_a_revision_that_fails_stays(used: Shop):
    used.revision("a2", 'op.execute("CREATE TABLE kept (id int)")', "pass", after="a1")
    used.revision("a3", "op.execute('SELECT 1/0')", "pass", after="a2")

    assert cli.run(["expand"]) == 4
    assert used.version() == ["a2"]
    assert used.columns("kept") == ["id"]


def test_two_heads_are_both_run(used: Shop):
    used.revision("b2", 'phased.add_column("users", "a", "integer")', after="a1", header="schema_level = 2")
    used.revision("c2", 'phased.add_column("users", "b", "integer")', after="a1", header="schema_level = 3")

    assert cli.run(["expand"]) == 0

    assert sorted(used.version()) == ["b2", "c2"]
    assert set(used.columns()) == {"id", "name", "a", "b"}


def test_a_revision_put_in_below_the_current_one_is_told_of(used: Shop, capsys: pytest.CaptureFixture[str]):
    used.revision("a3", "pass", "pass", after="a1")
    assert cli.run(["expand"]) == 0
    used.revision("a2", RENAME, after="a1")
    used.revision("a3", "pass", "pass", after="a2")

    assert cli.run(["expand"]) == 0

    err = capsys.readouterr().err
    assert "revision a2 lies below the current one and was never run here" in err
    assert """down_revision = "a3" in it, and 'a1' instead of it""" in err
    assert cli.run(["plan", "a2"]) == 2
    assert "revision a2 lies below the current one and was never run here" in capsys.readouterr().err

    # as it says
    used.revision("a2", RENAME, after="a3")
    used.revision("a3", "pass", "pass", after="a1")
    assert cli.run(["expand"]) == 0
    assert used.columns() == ["id", "name", "full_name"]


def test_new_writes_a_revision(used: Shop, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["new", "rename users.name", "--sql", "ALTER TABLE users RENAME COLUMN name TO full_name"]) == 0
    assert "wrote history/versions/" in capsys.readouterr().out
    (path,) = (used.root / "history/versions").glob("*rename_users_name.py")
    text = path.read_text()
    assert 'phased.rename_column(table="users", column="name", new_name="full_name")' in text
    assert "schema_level: int = 1\n" in text
    assert "    phased.rollback()\n" in text
    assert cli.run(["expand"]) == 0
    assert used.columns() == ["id", "name", "full_name"]

    both = [
        "--change",
        "add_column table=users column=age type=integer",
        "--change",
        "set_not_null table=users column=id",
    ]
    assert cli.run(["new", "more", *both, "--json"]) in (0, 1)


def test_new_writes_several_changes_as_a_block(used: Shop):
    sql = "ALTER TABLE users ADD COLUMN age integer; CREATE INDEX users_name ON users (name)"
    assert cli.run(["new", "age", "--sql", sql]) == 0
    (path,) = (used.root / "history/versions").glob("*age.py")
    assert "    with phased.together():\n        phased.add_column(" in path.read_text()
    assert cli.run(["expand"]) == 0
    assert used.columns() == ["id", "name", "age"]


def test_init_checks_the_project(shop: Shop, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["init", "--alembic"]) == 0
    assert not (shop.root / "migrations").exists()
    snippets = {each.name: each.read_text() for each in (shop.root / ".migrator").iterdir()}
    assert sorted(snippets) == ["github-lint.yml", "gitlab-lint.yml", "pre-commit.yaml"]
    assert 'pip install "expand-contract[alembic]"' in snippets["github-lint.yml"]
    assert 'pip install "expand-contract[alembic]"' in snippets["gitlab-lint.yml"]
    assert "language: system" in snippets["pre-commit.yaml"]
    assert 'migrator lint history/versions --since "origin/' in snippets["github-lint.yml"]
    pattern = re.search(r"files: (.*)", snippets["pre-commit.yaml"])
    assert pattern is not None
    assert re.match(pattern[1], "history/versions/0001_users.py")
    assert not re.match(pattern[1], "history/env.py")
    ini = shop.ini.read_text()
    shop.ini.write_text(ini.replace("[alembic]\n", "[alembic]\ndatabases = one, two\n", 1))
    assert cli.run(["init", "--alembic"]) == 2
    assert "multidb" in capsys.readouterr().err
    shop.ini.unlink()
    assert cli.run(["init", "--alembic"]) == 2
    assert "there is no alembic.ini" in capsys.readouterr().err


def test_lint_says_that_env_py_needs_a_url_and_no_database(shop: Shop, capsys: pytest.CaptureFixture[str]):
    shop.revision("a1", CREATE)
    env = shop.root / "history/env.py"
    env.write_text('import os\n\nos.environ["NOWHERE_SET"]\n' + env.read_text())

    assert cli.run(["lint"]) == 2

    shown = capsys.readouterr().err
    assert "env.py fails: KeyError: 'NOWHERE_SET'" in shown
    assert "of the database it needs a URL only" in shown


def test_an_env_py_that_fails_is_no_bug_of_ours(shop: Shop, capsys: pytest.CaptureFixture[str]):
    environment = shop.root / "history/env.py"
    text = environment.read_text()
    for broken, code, said in (
        ("import nothing_like_it\n" + text, 2, "env.py fails: ModuleNotFoundError"),
        (text.replace("connectable.connect()", "connectable.conect()"), 2, "env.py fails: AttributeError"),
        ("pass\n", 2, "env.py runs no migrations online"),
    ):
        environment.write_text(broken)
        assert cli.run(["expand"]) == code
        assert said in capsys.readouterr().err
    environment.write_text(text)
    shop.ini.write_text(shop.ini.read_text().replace("sqlalchemy.url = postgresql", "sqlalchemy.url = postgresql", 1))
    ini = "\n".join(
        "sqlalchemy.url = postgresql+psycopg://nobody@127.0.0.1:1/x" if line.startswith("sqlalchemy.url") else line
        for line in shop.ini.read_text().splitlines()
    )
    shop.ini.write_text(ini)
    assert cli.run(["expand"]) == 3
    assert "env.py cannot connect" in capsys.readouterr().err


def test_alembics_own_folder_may_be_called_migrations(shop: Shop):
    (shop.root / "history").rename(shop.root / "migrations")
    shop.ini.write_text(shop.ini.read_text().replace("/history", "/migrations"))

    assert cli.run(["expand"]) == 0
    assert cli.run(["status"]) == 0


def test_configuration_in_pyproject(shop: Shop):
    (shop.root / "pyproject.toml").write_text('[tool.alembic]\nscript_location = "%(here)s/history"\n')
    shop.revision("a1", CREATE, "pass")
    opened = open_project(shop.root / "pyproject.toml")
    assert [each.revision for each in opened.pending(())] == ["a1"]


def test_a_column_moves_to_the_one_of_several_rows_that_is_chosen(used: Shop):
    used.session.execute("CREATE TABLE emails (id int PRIMARY KEY, user_id int REFERENCES users, role text)")
    used.session.execute("CREATE UNIQUE INDEX ON emails (user_id) WHERE role = 'main'")
    used.session.execute("INSERT INTO emails VALUES (1, 1, 'main'), (2, 1, 'other')")
    used.revision("a2", """phased.move_column("users", ("name",), "emails", where="role = 'main'")""", after="a1")

    assert cli.run(["expand"]) == 0
    assert cli.run(["backfill"]) == 0
    used.session.execute("UPDATE emails SET role = NULL WHERE id = 1")
    used.session.execute("UPDATE emails SET role = 'main' WHERE id = 2")
    used.session.execute("UPDATE users SET name = 'Eve'")
    used.session.close()
    assert cli.run(["contract", "a2", "--offline", "every application is stopped", "--yes"]) == 0

    with Database(used.url, command="test").connect("test") as session:
        assert [row.name for row in session.query("SELECT name FROM emails ORDER BY id")] == ["Ada", "Eve"]
