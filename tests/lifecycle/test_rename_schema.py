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
        ("CREATE FUNCTION shop.f() RETURNS record LANGUAGE sql AS 'SELECT 1'", "shop.f(): callers say which columns"),
        ("CREATE FUNCTION shop.f(shop.items) RETURNS int LANGUAGE sql AS 'SELECT 1'", "it takes rows of a table"),
        (
            "CREATE FUNCTION shop.f(internal) RETURNS internal LANGUAGE internal AS 'array_subscript_handler'",
            "SQL does not",
        ),
        ("CREATE AGGREGATE shop.f(int) (sfunc = int4pl, stype = int)", "shop.f(…): it is an aggregate"),
        ("CREATE TYPE shop.mood AS ENUM ('sad')", "type shop.mood: values of a domain over an enum do not compare"),
        ("CREATE TYPE shop.pair AS (a int)", "shop.pair: drivers look a composite type up"),
        ("CREATE DOMAIN shop.n AS int", "type shop.n: statements with parameters of another domain"),
        ("CREATE TYPE shop.span AS RANGE (subtype = int)", "type shop.span: it comes with functions of its name"),
        ("CREATE SEQUENCE shop.free", "sequence shop.free: a sequence has one name"),
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


SPOKEN = """
    CREATE DOMAIN "p os" AS int DEFAULT 7 CHECK (VALUE > 0);
    CREATE FUNCTION shop.plus(a int, b "p os" DEFAULT 1) RETURNS int LANGUAGE plpgsql STABLE STRICT
        SECURITY DEFINER SET search_path = shop AS 'BEGIN RETURN (SELECT a + b + count(*) FROM items); END';
    CREATE FUNCTION shop.plus(a text) RETURNS text LANGUAGE sql AS $$SELECT a || 'it''s'$$;
    CREATE FUNCTION shop."joi ned"(VARIADIC "a b" text[]) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
    CREATE FUNCTION shop.pair(a int, OUT b int, OUT c text) LANGUAGE sql AS 'SELECT a + 1, a::text';
    CREATE FUNCTION shop.rows(a int) RETURNS TABLE (b int, c text) LANGUAGE sql ROWS 3 AS 'SELECT a + 1, a::text';
    CREATE FUNCTION shop.all_of() RETURNS SETOF shop.items LANGUAGE sql BEGIN ATOMIC SELECT * FROM shop.items; END;
    CREATE FUNCTION shop.same(anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT $1';
    CREATE FUNCTION shop.nothing() RETURNS void LANGUAGE sql AS 'DELETE FROM shop.items';
    CREATE FUNCTION shop.fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER fires BEFORE INSERT ON shop.items FOR EACH ROW EXECUTE FUNCTION shop.fires();
    CREATE PROCEDURE shop.work(a int, INOUT b text DEFAULT 'x') LANGUAGE plpgsql
        AS 'BEGIN COMMIT; b := b || a; INSERT INTO shop.items (value) VALUES (b); COMMIT; END';
    CREATE PROCEDURE shop.gives(a int, OUT b int, VARIADIC c text[] DEFAULT '{}') LANGUAGE plpgsql
        AS 'BEGIN b := a + cardinality(c); END';
"""
ASKED = [
    "SELECT ROW(%s.plus(1), %s.plus(b => 4, a => 1), %s.plus(NULL::int), %s.plus('a'))::text",
    """SELECT ROW(%s."joi ned"('a', 'b'), %s."joi ned"(VARIADIC '{c,d}'))::text""",
    "SELECT * FROM %s.pair(1)",
    "SELECT ROW((%s.pair(2)).c, %s.same(3), %s.same('{4}'::int[]))::text",
    "SELECT b, c FROM %s.rows(1)",
    "SELECT value FROM %s.all_of() AS i WHERE i.id = 1",
    "CALL %s.work(5)",
    "CALL %s.work(b => 'y', a => 6)",
    "CALL %s.gives(1, NULL, 'x', 'y')",
    "SELECT count(*) FROM %s.items WHERE value IN ('x5', 'y6')",
    "SELECT %s.nothing() IS NULL",
    "SELECT count(*) FROM %s.all_of()",
]
RIGHTS = (
    "SELECT has_function_privilege({0}, 'sales.plus(text)', 'EXECUTE') AS granted,"
    " has_function_privilege('public', 'sales.plus(text)', 'EXECUTE') AS revoked,"
    " has_function_privilege('public', 'sales.rows(int)', 'EXECUTE') AS usual"
)


def test_functions_and_procedures_are_under_both_names(sandbox: Sandbox):
    role = sandbox.value("SELECT 'r_' || oid FROM pg_database WHERE datname = current_database()")
    sandbox.execute(
        f"CREATE ROLE {role}; {SETUP} {SPOKEN} GRANT USAGE ON SCHEMA shop TO PUBLIC;"
        f"REVOKE ALL ON FUNCTION shop.plus(text) FROM PUBLIC; GRANT EXECUTE ON FUNCTION shop.plus(text) TO {role}"
    )
    before = sandbox.snapshot()
    try:
        migration = sandbox.new("rename", SQL)
        sandbox.expand(migration)
        answers = []
        for schema in ("shop", "sales"):
            sandbox.execute("TRUNCATE shop.items RESTART IDENTITY; INSERT INTO shop.items DEFAULT VALUES")
            answers.append([sandbox.rows(query.replace("%s", schema)) for query in ASKED])
        assert answers[0] == answers[1]
        assert sandbox.rows(RIGHTS.format(f"'{role}'")) == [(True, False, True)]
        sandbox.rollback(migration, offline=OFFLINE)
        assert sandbox.snapshot() == before
        sandbox.expand(migration)

        sandbox.execute("CREATE VIEW public.over AS SELECT sales.same(1) AS one")
        with pytest.raises(Refused, match=r"what contract drops in .* is used by other objects") as refused:
            sandbox.contract(migration, offline=OFFLINE)
        assert refused.value.detail == "rule _RETURN on view public.over"
        sandbox.execute(
            "DROP VIEW public.over; CREATE FUNCTION sales.plus(bool) RETURNS int LANGUAGE sql AS 'SELECT 1'"
        )
        with pytest.raises(Refused, match="is used by other objects"):
            sandbox.contract(migration, offline=OFFLINE)
        sandbox.execute(
            'DROP FUNCTION sales.plus(bool); ALTER FUNCTION shop.plus(int, "p os") SET search_path = shop, sales'
        )
        sandbox.contract(migration, offline=OFFLINE)

        sandbox.execute("TRUNCATE sales.items RESTART IDENTITY; INSERT INTO sales.items DEFAULT VALUES")
        assert [sandbox.rows(query.replace("%s", "sales")) for query in ASKED[:6]] == answers[0][:6]
        assert sandbox.rows("SELECT nspname::text FROM pg_namespace WHERE nspname IN ('shop', 'sales')") == [("sales",)]
    finally:
        sandbox.execute(f"DROP SCHEMA IF EXISTS shop, sales CASCADE; DROP ROLE {role}")


def test_with_tables_only_nothing_else_stands_in(sandbox: Sandbox):
    sandbox.execute(
        SETUP + "CREATE SEQUENCE shop.free; CREATE FUNCTION shop.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    )
    migration = sandbox.new("rename", f"-- migrator: tables_only = true\n{SQL}")
    sandbox.expand(migration)
    assert sandbox.value("SELECT count(*) FROM pg_proc WHERE pronamespace = 'sales'::regnamespace") == 0
    sandbox.backfill(migration)
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.value("SELECT sales.f() + nextval('sales.free')") == 2


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
    migration = sandbox.new("rename", SQL)
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
