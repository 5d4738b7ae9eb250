"""Traps of running Alembic against a database in use, and the test that shows what becomes of each.

| trap | test |
|---|---|
| ``check`` and autogenerate propose what a pending contract will do | test_compare, test_plugins |
| ``upgrade head`` contracts | test_operations::test_upgrade_expands_and_no_more |
| contracts cannot run out of order | here: test_contracts_run_in_the_order_in_which_they_may |
| a run that fails takes earlier versions back | test_running::test_what_fails_before_a_revision_that_fails_stays |
| a revision fails halfway and cannot be run again | test_operations::test_a_revision_that_fails_after_its_operation… |
| killed anywhere | test_killed |
| ``engine.begin()`` in env.py: exit 0, rolled back | test_operations::test_a_transaction_that_env_py_began… |
| a statement before ``context.configure()``: the same | here: test_a_statement_before_configure_is_explained |
| a connection in AUTOCOMMIT is transactional after the first block | here: test_a_connection_in_autocommit |
| ``SET lock_timeout`` leaks into later revisions | here: test_nothing_leaks_into_the_connection_of_alembic |
| a percent sign in SQL is taken for a parameter | here: test_percent_signs_and_colons, test_later |
| a tab in a literal becomes four spaces, ``:name`` becomes NULL | test_later::test_the_text_of_statements…, …refused… |
| asyncpg takes one statement at a time | test_operations::test_an_env_py_for_async_engines |
| an async env.py and ``render_as_batch`` under autogenerate | here: test_autogenerate_with_an_async_engine_in_batches |
| a runner that waits for a lock is in the way of a concurrent build | here: test_two_runners_and_a_concurrent_build |
| an index left invalid is taken for finished | tests/lifecycle, create_index |
| two heads; a revision put in below the current one | test_running |
| a fresh database runs another order than production | test_operations, test_later: fresh |
| a revision needs an earlier contract | test_operations::test_a_revision_may_need_the_contract_of_an_earlier_one |
| a rename is written as drop and add | test_renaming, test_autogenerate |
| data-dependent revisions stop offline | test_capture::test_what_cannot_be_read_is_said…, test_later |
| private names of Alembic change | test_private, and ``make versions`` |
"""

from __future__ import annotations

import subprocess
import sys

import alembic.command
import pytest

from migrator import cli
from tests.integrations.alembic.conftest import CREATE, RENAME, Shop, make_shop


@pytest.fixture
def used(shop: Shop) -> Shop:
    """A project whose first revision ran, and whose table has a row: not fresh."""
    shop.revision("a1", CREATE, "pass")
    shop.upgrade()
    shop.session.execute("INSERT INTO users VALUES (1, 'Ada')")
    return shop


def before_configure(shop: Shop, line: str) -> None:
    environment = shop.root / "history/env.py"
    marker = "        context.configure(\n            connection"
    text = environment.read_text()
    assert marker in text
    environment.write_text(text.replace(marker, f"        {line}\n{marker}"))


def test_a_statement_before_configure_is_explained(used: Shop):
    before_configure(used, 'connection.exec_driver_sql("SET lock_timeout = 1000")')
    used.revision("a2", RENAME, after="a1")

    message = used.refused()

    assert "env.py began a transaction before context.configure()" in message
    assert used.columns() == ["id", "name"]


def test_a_connection_in_autocommit(used: Shop):
    before_configure(used, 'connection = connection.execution_options(isolation_level="AUTOCOMMIT")')
    used.revision("a2", f'{RENAME}\nop.execute("CREATE TABLE kept (id int)")', after="a1")

    used.upgrade()

    assert (used.version(), used.columns(), used.columns("kept")) == (["a2"], ["id", "name", "full_name"], ["id"])


def test_nothing_leaks_into_the_connection_of_alembic(used: Shop):
    settings = ("lock_timeout", "statement_timeout", "search_path", "application_name", "role")
    asked = " || ' ' || ".join(f"current_setting('{name}')" for name in settings)
    keep = f'op.execute("CREATE TABLE seen_{{}} AS SELECT {asked} AS what")'
    used.revision("a2", f"{keep.format(1)}\n{RENAME}\n{keep.format(2)}", after="a1")
    used.revision("a3", keep.format(3), "pass", after="a2")

    used.upgrade()

    seen = used.session.query("SELECT what FROM seen_1 UNION SELECT what FROM seen_2 UNION SELECT what FROM seen_3")
    assert len(seen) == 1


def test_percent_signs_and_colons(used: Shop):
    check = "CHECK (name NOT LIKE '%s 100% :x')"
    used.revision("a2", f'phased.add_check("users", "c", "{check}")', after="a1")

    used.upgrade()

    text = used.session.one("SELECT content AS t FROM migrator.phase_file WHERE phase = 'contract'").t
    assert "'%s 100% :x'" in text


def test_contracts_run_in_the_order_in_which_they_may(used: Shop):
    used.session.execute("ALTER TABLE users ADD COLUMN legacy text")
    used.revision("a2", RENAME, after="a1")
    used.revision("a3", 'phased.drop_column("users", "legacy")', after="a2")
    used.upgrade()
    used.session.close()

    assert cli.run(["contract", "a2"]) == 5, "its data is not moved"
    assert cli.run(["contract", "a3", "--offline", "every application is stopped", "--yes"]) == 0
    assert cli.run(["backfill"]) == 0
    assert cli.run(["contract", "a2", "--offline", "every application is stopped", "--yes"]) == 0


def test_two_runners_and_a_concurrent_build(used: Shop):
    used.revision("a2", 'phased.sql("CREATE INDEX users_name ON users (name)")', after="a1")
    used.revision("a3", RENAME, after="a2")
    command = [sys.executable, "-c", "from migrator.cli import main; main()", "expand"]

    runners = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ends = [(each.communicate(timeout=120)[1], each.returncode) for each in runners]

    assert [code for _, code in ends] == [0, 0, 0], ends
    assert (used.version(), used.state("a2"), used.state("a3")) == (["a3"], "complete", "expanded")


def test_autogenerate_with_an_async_engine_in_batches(tmp_path, database_url, session, monkeypatch):
    shop = make_shop(tmp_path / "async", database_url, session, monkeypatch, template="async")
    shop.revision("a1", CREATE, "pass")
    shop.upgrade()
    session.execute("INSERT INTO users VALUES (1, 'Ada')")
    models = (
        "import sqlalchemy as sa\nfrom migrator import alembic as phased\ntarget_metadata = sa.MetaData()\n"
        'sa.Table("users", target_metadata, sa.Column("id", sa.BigInteger, primary_key=True),'
        ' sa.Column("full_name", sa.Text, info={"renamed_from": "name"}), sa.Column("age", sa.Integer))'
    )
    hook = "target_metadata=target_metadata, render_as_batch=True, process_revision_directives=phased.autogenerate"
    environment = shop.root / "history/env.py"
    text = environment.read_text().replace("target_metadata = None", models)
    environment.write_text(text.replace("target_metadata=target_metadata)", f"{hook})"))

    alembic.command.revision(shop.config, "rename", autogenerate=True)

    (path,) = (shop.root / "history/versions").glob("*_rename.py")
    assert "phased.rename_column(" in path.read_text()
    assert "phased.add_column(" in path.read_text()
    shop.upgrade()
    assert shop.columns() == ["id", "name", "full_name", "age"]
    alembic.command.check(shop.config)
