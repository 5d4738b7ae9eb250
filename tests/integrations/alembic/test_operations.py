"""What phased operations do when plain Alembic runs a revision."""

from __future__ import annotations

import ast
import threading

import alembic.command
import pytest
from alembic.util import CommandError

from migrator.changes.registry import all_kinds
from migrator.integrations.alembic import operations
from migrator.integrations.alembic.project import open_project
from tests.integrations.alembic import generate
from tests.integrations.alembic.conftest import CREATE, RENAME, Shop, make_shop


@pytest.fixture
def used(shop: Shop) -> Shop:
    """A project whose first revision ran, and whose table has a row: not fresh."""
    shop.revision("a1", CREATE, "pass")
    shop.upgrade()
    shop.session.execute("INSERT INTO users VALUES (1, 'Ada')")
    return shop


def test_there_is_an_operation_for_each_kind_and_the_file_is_up_to_date():
    assert set(all_kinds()) <= set(operations.__all__)
    assert generate.PAGE.read_text(encoding="utf-8") == generate.written(), (
        "run: python -m tests.integrations.alembic.generate"
    )


def test_upgrade_expands_and_no_more(used: Shop):
    used.revision("a2", RENAME, after="a1")

    used.upgrade()

    assert used.columns() == ["id", "name", "full_name"]
    assert (used.version(), used.state("a2")) == (["a2"], "expanded")
    used.session.execute("INSERT INTO users (id, name) VALUES (2, 'Bob')")
    assert used.session.one("SELECT full_name FROM users WHERE id = 2").full_name == "Bob"
    used.upgrade()
    assert used.columns() == ["id", "name", "full_name"]


def test_a_second_operation_is_refused_and_so_is_a_revision_that_changed_meanwhile(used: Shop):
    more = 'phased.add_column("users", "age", "integer")'
    used.revision("a2", f"{RENAME}\n{more}", after="a1")
    assert "several phased operations" in used.refused()
    assert used.version() == ["a1"]

    used.revision("a2", f"with phased.together():\n    {RENAME}\n    {more}", after="a1")
    message = used.refused()

    assert "asks for something else than when it was expanded here" in message
    assert '"migrator rollback a2"' in message


def test_together_expands_at_the_end_of_its_block(used: Shop):
    block = f"with phased.together():\n    {RENAME}\n    phased.add_column('users', 'age', 'integer')"
    used.revision("a2", f"{block}\n    phased.sql('CREATE INDEX users_id ON users (id)')", after="a1")

    used.upgrade()

    assert used.columns() == ["id", "name", "full_name", "age"]
    changes = used.session.one("SELECT spec -> 'changes' AS c FROM migrator.migration").c
    assert [change["kind"] for change in changes] == ["rename_column", "add_column", "create_index"]


def test_operations_are_behind_op_too(used: Shop):
    used.revision("a2", 'op.phased_rename_column(table="users", column="name", new_name="full_name")', after="a1")

    used.upgrade()

    assert used.columns() == ["id", "name", "full_name"]


def test_the_level_is_that_of_the_header_or_above_the_ancestors(used: Shop):
    used.revision("a2", 'phased.add_column("users", "a", "integer")', after="a1", header="schema_level = 7")
    used.revision("a3", 'phased.add_column("users", "b", "integer")', after="a2")
    used.revision("a4", 'phased.add_column("users", "c", "integer")', after="a3")

    used.upgrade()

    levels = used.session.query("SELECT id, level FROM migrator.migration ORDER BY level")
    assert [(row.id, row.level) for row in levels] == [("a2", 7), ("a3", 8), ("a4", 9)]


def test_a_revision_that_fails_after_its_operation_goes_on_where_it_stopped(used: Shop):
    used.revision("a2", f"{RENAME}\nop.execute('SELECT 1/0')", after="a1")
    with pytest.raises(Exception, match="division by zero"):
        used.upgrade()
    assert (used.version(), used.state("a2")) == (["a1"], "expanded")

    used.revision("a2", f"{RENAME}\nop.execute('SELECT 1')", after="a1")
    used.upgrade()

    assert (used.version(), used.columns()) == (["a2"], ["id", "name", "full_name"])


def test_what_cannot_be_done_is_refused_before_anything_is_touched(used: Shop):
    used.revision("a2", 'phased.rename_column("users", "nam", "full_name")', after="a1")

    message = used.refused()

    assert 'column "nam" of table "public.users" does not exist' in message
    assert "a2.py:11" in message
    assert (used.version(), used.columns()) == (["a1"], ["id", "name"])


def test_downgrade_undoes_an_expand_and_is_refused_after_the_contract(used: Shop):
    used.revision("a2", RENAME, after="a1")
    used.upgrade()
    with pytest.raises(CommandError, match="has no proof"):
        used.downgrade()
    assert used.version() == ["a2"]

    used.downgrade(offline="every application is stopped")
    assert (used.version(), used.columns()) == (["a1"], ["id", "name"])

    used.upgrade()
    used.session.execute("UPDATE migrator.migration SET state = 'contracted', gate = 'applied' WHERE id = 'a2'")
    with pytest.raises(CommandError, match="contracted"):
        used.downgrade(offline="every application is stopped")


def test_a_fresh_database_runs_straight_through(shop: Shop):
    shop.revision("a1", CREATE, "pass")
    shop.revision("a2", RENAME, after="a1")
    needs = 'phased.require_contracted("a2")\nphased.rename_column("users", "full_name", "name")'
    shop.revision("a3", needs, after="a2")

    shop.upgrade()

    assert (shop.columns(), shop.version()) == (["id", "name"], ["a3"])
    assert (shop.state("a2"), shop.state("a3")) == ("contracted", "contracted")


def test_a_revision_may_need_the_contract_of_an_earlier_one(used: Shop):
    used.revision("a2", RENAME, after="a1")
    used.revision("a3", 'phased.require_contracted("a2")', "pass", after="a2")

    message = used.refused()

    assert "a3 needs the contract of a2, which is expanded" in message
    assert 'run "migrator contract a2"' in message


def test_a_transaction_that_env_py_began_is_explained(used: Shop):
    environment = used.root / "history/env.py"
    environment.write_text(environment.read_text().replace("connectable.connect()", "connectable.begin()"))
    used.revision("a2", RENAME, after="a1")

    message = used.refused()

    assert "env.py began a transaction before context.configure()" in message
    assert "connection.commit()" in message
    assert used.columns() == ["id", "name"]


def test_offline_mode_writes_what_only_expands_and_refuses_the_rest(used: Shop, capsys: pytest.CaptureFixture[str]):
    used.revision("a2", 'phased.add_column("users", "age", "integer")', after="a1")
    alembic.command.upgrade(used.config, "a1:a2", sql=True)
    assert "ALTER TABLE public.users ADD COLUMN age" in capsys.readouterr().out

    used.revision("a3", 'phased.drop_column("users", "age")', after="a2")
    with pytest.raises(CommandError, match="which the ledger has to know of"):
        alembic.command.upgrade(used.config, "a2:a3", sql=True)


def test_outside_a_revision_there_is_nothing_to_do(used: Shop):
    del used
    with pytest.raises(CommandError, match="outside a revision"):
        operations.sql("SELECT 1")


def test_two_runners_at_once_expand_once(used: Shop):
    used.revision("a2", RENAME, after="a1")
    failures: list[BaseException] = []

    def run() -> None:
        from migrator.integrations.alembic import running
        from migrator.postgres.connect import Database

        try:
            with Database(used.url).connect("test") as session:
                running.expand(
                    open_project(used.ini), session, key="default", target=None, budget_s=30.0, tell=lambda text: None
                )
        except BaseException as error:  # noqa: BLE001 - looked at below
            failures.append(error)

    # Alembic keeps what runs in one proxy for each process, so one of the two is another process.
    import subprocess
    import sys

    other = subprocess.Popen([sys.executable, "-c", "import sys; from migrator.cli import main; main()", "expand"])
    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert (other.wait(60), failures) == (0, [])
    assert (used.version(), used.state("a2")) == (["a2"], "expanded")


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_an_env_py_for_async_engines(driver, tmp_path, database_url, session, monkeypatch):
    shop = make_shop(tmp_path / "async", database_url, session, monkeypatch, template="async", driver=driver)
    shop.revision("a1", CREATE, "pass")
    shop.upgrade()
    session.execute("INSERT INTO users VALUES (1, 'Ada')")
    shop.revision("a2", RENAME, after="a1")

    shop.upgrade()

    assert (shop.version(), shop.columns()) == (["a2"], ["id", "name", "full_name"])


def test_private_names_of_alembic_that_are_relied_on():
    from alembic.autogenerate.api import AutogenContext
    from alembic.runtime.migration import MigrationContext
    from alembic.script import Script, ScriptDirectory

    source = ast.dump(ast.parse(__import__("inspect").getsource(MigrationContext)))
    assert "_in_external_transaction" in source
    assert callable(ScriptDirectory._upgrade_revs)
    assert isinstance(Script._all_down_revisions, property)
    assert "_name_filters" in ast.dump(ast.parse(__import__("inspect").getsource(AutogenContext)))
    assert "_object_filters" in ast.dump(ast.parse(__import__("inspect").getsource(AutogenContext)))


def test_types_and_views_are_called_without_their_schema(used: Shop):
    block = """with phased.together():
    phased.create_enum("mood", labels=("good", "bad"))
    phased.create_view("names", "CREATE VIEW public.names AS SELECT name FROM public.users")"""
    used.revision("a2", block, after="a1")

    used.upgrade()

    assert used.columns("names") == ["name"]
    assert used.session.one("SELECT to_regtype('public.mood') IS NOT NULL AS there").there
