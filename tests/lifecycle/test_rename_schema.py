"""``rename_schema``: what is refused, what is only said, and what must still be so before contract."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox

SETUP = "CREATE SCHEMA shop; CREATE TABLE shop.items (id serial PRIMARY KEY, value text DEFAULT 'x');"
SQL = "ALTER SCHEMA shop RENAME TO sales"
OFFLINE = "nobody is connected in this test"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("CREATE FUNCTION shop.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "function shop.f()"),
        ("CREATE TYPE shop.mood AS ENUM ('sad')", "type shop.mood"),
        ("CREATE SEQUENCE shop.free", "sequence shop.free"),
        ("CREATE SCHEMA sales", 'schema "sales" exists already'),
        ("CREATE EXTENSION pg_trgm SCHEMA shop", "pg_trgm"),
        ("CREATE PUBLICATION sent FOR TABLE shop.items", "is replicated logically"),
        ("DROP SCHEMA shop CASCADE", 'schema "shop" does not exist'),
    ],
)
def test_what_views_cannot_stand_in_for_is_refused_before_anything_runs(sandbox: Sandbox, more: str, said: str):
    sandbox.execute(SETUP)
    if "EXTENSION" in more and not sandbox.value("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'"):
        pytest.skip("this server has no pg_trgm")
    sandbox.execute(more)

    with pytest.raises(Refused) as refused:
        sandbox.new("rename", SQL)

    assert said in f"{refused.value.message}\n{refused.value.detail}"


def test_without_a_database_it_is_refused(sandbox: Sandbox):
    with pytest.raises(Refused, match="is not known without a database"):
        sandbox.new("rename", SQL, blind=True)


def test_a_directive_that_is_neither_is_refused(sandbox: Sandbox):
    sandbox.execute(SETUP)
    with pytest.raises(Refused, match="tables_only is true or false, not yes"):
        sandbox.new("rename", f"-- migrator: tables_only = yes\n{SQL}")


def test_words_name_the_tables_or_are_told_them(sandbox: Sandbox):
    sandbox.configure()
    sandbox.execute(SETUP)
    asked = "rename_schema name=shop new_name=sales"
    outcome = sandbox.command("new", "rename", "--change", asked)
    assert (outcome.code, "write tables=items" in outcome.err) == (1, True), outcome.err
    assert sandbox.command("new", "rename", "--change", f"{asked} tables=items").code == 0


def test_what_came_between_expand_and_contract_is_refused_and_can_be_put_right(sandbox: Sandbox):
    sandbox.execute(SETUP)
    migration = sandbox.new("rename", SQL)
    sandbox.expand(migration)
    sandbox.execute("INSERT INTO sales.items (value) VALUES ('new'); INSERT INTO shop.items DEFAULT VALUES")

    sandbox.execute("CREATE TABLE sales.more (id int)")
    with pytest.raises(Refused, match="something else is in schema"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("ALTER TABLE sales.more SET SCHEMA shop; CREATE VIEW public.over AS SELECT id FROM sales.items")
    with pytest.raises(Refused, match="is used by other objects"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute(
        "DROP VIEW public.over; CREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql SET search_path = shop"
        " AS 'SELECT count(*) FROM items'"
    )
    with pytest.raises(Refused, match="functions look for tables in schema"):
        sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute("ALTER FUNCTION public.f() SET search_path = shop, sales")
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.value("SELECT public.f()") == 2
    assert sandbox.rows("SELECT nspname::text FROM pg_namespace WHERE nspname IN ('shop', 'sales')") == [("sales",)]
    assert sandbox.value("SELECT pg_get_serial_sequence('sales.items', 'id')") == "sales.items_id_seq"


def test_who_looks_there_by_a_search_path_is_listed(sandbox: Sandbox):
    sandbox.execute(SETUP + "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = shop AS 'SELECT 1'")
    database = sandbox.value("SELECT quote_ident(current_database())")
    sandbox.execute(f"ALTER DATABASE {database} SET search_path = public, shop")
    sandbox.configure()
    outcome = sandbox.command("new", "rename", "--sql", SQL)
    said = outcome.err + outcome.out
    assert "the search_path of function public.f() names shop: add sales to it before contract" in said
    assert "the search_path of database " in said


def test_another_pending_change_of_a_table_in_it_is_refused(sandbox: Sandbox):
    sandbox.execute(SETUP)
    first = sandbox.new("column", "ALTER TABLE shop.items RENAME COLUMN value TO word")
    sandbox.expand(first)
    with pytest.raises(Refused, match="nothing can stand in for"):
        sandbox.new("rename", SQL)  # its trigger function
    migration = sandbox.new("rename", f"-- migrator: tables_only = true\n{SQL}")
    with pytest.raises(Refused, match=r"shop\.items"):
        sandbox.expand(migration)


def test_odd_names(sandbox: Sandbox):
    old, new = '"Sho\'p %s"', '"new ""one"""'
    sandbox.execute(
        f'CREATE SCHEMA {old}; CREATE TABLE {old}."a b" (id int, "C %" text);'
        f'CREATE TABLE {old}."a-b" (id int); CREATE TABLE {old}."A b" (id int)'
    )
    migration = sandbox.new("odd", f"ALTER SCHEMA {old} RENAME TO {new}")
    sandbox.expand(migration)
    sandbox.execute(f"INSERT INTO {new}.\"a b\" VALUES (1, 'x')")
    sandbox.rollback(migration, offline=OFFLINE)
    assert sandbox.rows(f'SELECT id, "C %" FROM {old}."a b"') == [(1, "x")]
    sandbox.finish(migration)
    assert sandbox.rows(f'SELECT id, "C %" FROM {new}."a b"') == [(1, "x")]
