"""Generated columns that read a column are computed from its new type once that has taken its place, or are refused."""

from __future__ import annotations

import re
import secrets

import pytest

from migrator.errors import OutOfOrder, Refused
from migrator.model.plan import Migration
from tests.support.sandbox import Sandbox, refusal

OFFLINE = "nobody is connected in this test"
TABLE = """
    CREATE TABLE orders (id integer PRIMARY KEY, total integer NOT NULL, note varchar(20), fee integer CHECK (fee > 0));
    INSERT INTO orders SELECT g, g * 2, 'n' || g, 1 FROM generate_series(1, 40) AS g;
"""
TWICE = "ALTER TABLE orders ADD twice bigint GENERATED ALWAYS AS (total * 2) VIRTUAL;"
RETYPE = "ALTER TABLE orders ALTER COLUMN total TYPE bigint"
ABOUT = """
    SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attgenerated::text, a.attacl::text,
        col_description(a.attrelid, a.attnum), a.attoptions, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute AS a JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = 'orders'::regclass AND NOT a.attisdropped AND a.attgenerated <> '' ORDER BY a.attnum
"""


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    """With the table; virtual columns are refused by the syntax before 18."""
    sandbox.execute(TABLE)
    return sandbox


@pytest.fixture
def knows_virtual(sandbox: Sandbox) -> None:
    if sandbox.value("SELECT current_setting('server_version_num')::integer") < 180000:
        pytest.skip("virtual columns came with PostgreSQL 18")


def filled(sandbox: Sandbox, sql: str = RETYPE) -> Migration:
    sandbox.install()
    migration = sandbox.new("retype", sql)
    sandbox.expand(migration)
    sandbox.backfill(migration)
    return migration


def changed(sandbox: Sandbox, sql: str = RETYPE) -> None:
    sandbox.contract(filled(sandbox, sql), offline=OFFLINE)
    assert sandbox.leftovers() == []


@pytest.mark.usefixtures("knows_virtual")
def test_a_virtual_column_keeps_all_it_has_and_nothing_is_written(sandbox: Sandbox) -> None:
    reader = f"reader_{secrets.token_hex(3)}"
    sandbox.execute(
        TWICE
        + f"""
        CREATE ROLE {reader};
        ALTER TABLE orders ADD "The Sum" numeric(12, 2) GENERATED ALWAYS AS (total + CASE WHEN note = 'a
b' THEN 7 ELSE fee END) VIRTUAL;
        ALTER TABLE orders ADD label varchar(9) COLLATE "C" GENERATED ALWAYS AS (note || '!') VIRTUAL;
        GRANT SELECT (twice), UPDATE (twice) ON orders TO {reader} WITH GRANT OPTION;
        GRANT SELECT ("The Sum") ON orders TO PUBLIC;
        COMMENT ON COLUMN orders.twice IS 'it''s double';
        ALTER TABLE orders ALTER twice SET (n_distinct = 7);
    """
    )
    before = sorted(sandbox.rows(ABOUT))
    try:
        migration = filled(sandbox)
        file = sandbox.value("SELECT pg_relation_filenode('orders')")
        sandbox.contract(migration, offline=OFFLINE)

        assert sandbox.leftovers() == []
        assert sorted(sandbox.rows(ABOUT)) == before
        assert sandbox.value("SELECT pg_relation_filenode('orders')") == file
        sandbox.execute("UPDATE orders SET total = 3000000000 WHERE id = 1")
        assert sandbox.rows('SELECT total, twice, "The Sum", label FROM orders WHERE id = 1') == [
            (3000000000, 6000000000, 3000000001, "n1!")
        ]
    finally:
        sandbox.execute(f"DROP OWNED BY {reader}; DROP ROLE {reader}")


@pytest.mark.usefixtures("knows_virtual")
def test_what_names_only_the_virtual_column_is_carried_over_with_it(sandbox: Sandbox) -> None:
    sandbox.execute(
        TWICE
        + """
        CREATE VIEW doubled AS SELECT id, twice FROM orders;
        CREATE VIEW above AS SELECT sum(twice) AS sum FROM doubled;
        CREATE TABLE seen (id integer);
        CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO seen VALUES (NEW.id); RETURN NULL; END';
        CREATE TRIGGER on_twice AFTER UPDATE OF total ON orders FOR EACH ROW WHEN (NEW.twice > 100)
            EXECUTE FUNCTION see();
        ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
        CREATE POLICY low ON orders USING (twice < 150);
        CREATE PUBLICATION sent FOR TABLE orders WHERE (twice > 5) WITH (publish = 'insert');
    """
    )
    about = (
        "SELECT concat_ws('; ', pg_get_viewdef('doubled'), pg_get_viewdef('above'), pg_get_triggerdef(t.oid),"
        " pg_get_expr(p.polqual, p.polrelid))"
        " FROM pg_trigger AS t, pg_policy AS p WHERE t.tgname = 'on_twice'"
    )
    before = sandbox.rows(about)
    changed(sandbox)

    assert sandbox.rows(about) == before
    assert "total * 2" in sandbox.value("SELECT pg_get_expr(prqual, prrelid) FROM pg_publication_rel")
    assert sandbox.value("SELECT sum FROM above") == 40 * 41 * 2
    sandbox.execute("UPDATE orders SET total = 3000000000 WHERE id = 3; UPDATE orders SET total = 1 WHERE id = 4")
    assert sandbox.rows("SELECT id FROM seen") == [(3,)]


@pytest.mark.usefixtures("knows_virtual")
@pytest.mark.parametrize("type_name", ["varchar(40)", "text"])
def test_in_place_it_is_no_obstacle_either(sandbox: Sandbox, type_name: str) -> None:
    sandbox.execute("ALTER TABLE orders ADD loud text GENERATED ALWAYS AS (upper(note)) VIRTUAL")
    file = sandbox.value("SELECT pg_relation_filenode('orders')")
    changed(sandbox, f"ALTER TABLE orders ALTER COLUMN note TYPE {type_name}")

    assert sandbox.value("SELECT pg_relation_filenode('orders')") == file
    assert sandbox.value("SELECT loud FROM orders WHERE id = 7") == "N7"


@pytest.mark.usefixtures("knows_virtual")
def test_two_columns_that_it_reads_change_in_one_migration(sandbox: Sandbox) -> None:
    sandbox.execute("ALTER TABLE orders ADD sum numeric GENERATED ALWAYS AS (total + fee) VIRTUAL")
    changed(sandbox, f"{RETYPE}; ALTER TABLE orders ALTER COLUMN fee TYPE numeric(9, 2)")

    sandbox.execute("UPDATE orders SET total = 3000000000, fee = 0.25 WHERE id = 1")
    assert sandbox.rows("SELECT sum FROM orders WHERE id < 3 ORDER BY id DESC")[1] == (pytest.approx(3000000000.25),)


@pytest.mark.usefixtures("knows_virtual")
@pytest.mark.parametrize(
    ("before", "sql", "named"),
    [
        (TWICE + "ALTER TABLE orders ADD CONSTRAINT much CHECK (twice > 0)", RETYPE, "constraint much on it"),
        (TWICE + "ALTER TABLE orders ALTER twice SET NOT NULL", RETYPE, "constraint orders_twice_not_null on it"),
        (TWICE + "CREATE MATERIALIZED VIEW kept AS SELECT twice FROM orders", RETYPE, "before generated column twice"),
        (TWICE + "CREATE FUNCTION f() RETURNS bigint BEGIN ATOMIC SELECT twice FROM orders; END", RETYPE, "function"),
        (TWICE, "ALTER TABLE orders ALTER COLUMN total TYPE text", "generated column twice on total of type text"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_again_is_refused_before_anything(
    sandbox: Sandbox, before: str, sql: str, named: str
) -> None:
    sandbox.execute(before)
    sandbox.install()

    with pytest.raises(Refused) as caught:
        sandbox.expand(sandbox.new("retype", sql))
    assert named in refusal(caught.value)


def test_a_stored_one_is_refused_with_the_way_around_it(sandbox: Sandbox) -> None:
    sandbox.execute("ALTER TABLE orders ADD twice bigint GENERATED ALWAYS AS (total * 2) STORED")
    sandbox.install()

    with pytest.raises(Refused) as caught:
        sandbox.new("retype", RETYPE)
    assert "generated column twice: it is stored, and adding it again writes every row" in refusal(caught.value)
    assert "DROP EXPRESSION keeps the values" in refusal(caught.value)

    sandbox.finish(sandbox.new("plain", "ALTER TABLE orders ALTER COLUMN twice DROP EXPRESSION"))
    changed(sandbox)
    assert sandbox.value("SELECT twice FROM orders WHERE id = 7") == 28


@pytest.mark.usefixtures("knows_virtual")
@pytest.mark.parametrize(
    ("meanwhile", "named"),
    [
        ("ALTER TABLE orders ADD other bigint GENERATED ALWAYS AS (total + 1) VIRTUAL", "generated column other"),
        ("ALTER TABLE orders DROP twice", "generated column twice"),
        ("ALTER TABLE orders DROP CONSTRAINT orders_fee_check; ALTER TABLE orders ALTER twice SET EXPRESSION AS (id)",
         "generated column twice"),
        ("COMMENT ON COLUMN orders.twice IS 'changed'", "generated column twice"),
        ("COMMENT ON COLUMN orders.twice IS NULL", "COMMENT ON COLUMN public.orders.twice IS 'double'"),
        ("REVOKE SELECT (twice) ON orders FROM PUBLIC", "GRANT SELECT (twice) ON public.orders TO PUBLIC"),
    ],
)  # fmt: skip
def test_what_changed_since_it_was_planned_stands_against_contract(
    sandbox: Sandbox, meanwhile: str, named: str
) -> None:
    sandbox.execute(TWICE + "COMMENT ON COLUMN orders.twice IS 'double'; GRANT SELECT (twice) ON orders TO PUBLIC")
    migration = filled(sandbox)
    sandbox.execute(meanwhile)

    with pytest.raises(Refused, match="since it was planned") as caught:
        sandbox.contract(migration, offline=OFFLINE)
    assert named in refusal(caught.value)


@pytest.mark.usefixtures("knows_virtual")
@pytest.mark.parametrize(
    "other",
    [
        "ALTER TABLE orders DROP COLUMN twice",
        "COMMENT ON COLUMN orders.twice IS 'changed'",
        "GRANT SELECT (twice) ON orders TO PUBLIC",
    ],
)
def test_it_is_not_changed_beside_the_change_of_type(sandbox: Sandbox, other: str) -> None:
    sandbox.execute(TWICE)
    sandbox.install()
    with pytest.raises(Refused, match=re.escape('"twice" of table "public.orders" is computed from "total"')):
        sandbox.new("both", f"{RETYPE}; {other}")

    first = sandbox.new("retype", RETYPE)
    sandbox.expand(first)
    second = sandbox.new("change", other)
    with pytest.raises(Refused) as caught:
        sandbox.expand(second)
    assert f"migrator contract {first.id}" in refusal(caught.value)
    sandbox.backfill(first)
    sandbox.contract(first, offline=OFFLINE)
    sandbox.finish(second)


@pytest.mark.usefixtures("knows_virtual")
def test_a_policy_on_it_is_not_changed_while_the_change_of_type_is_pending(sandbox: Sandbox) -> None:
    sandbox.execute(TWICE + "CREATE POLICY low ON orders USING (twice < 100)")
    sandbox.install()
    first = sandbox.new("retype", RETYPE)
    sandbox.expand(first)
    second = sandbox.new("policy", "DROP POLICY low ON orders")
    sandbox.expand(second)
    sandbox.backfill(first)
    with pytest.raises(OutOfOrder):
        sandbox.contract(second, offline=OFFLINE)
    sandbox.contract(first, offline=OFFLINE)
    sandbox.contract(second, offline=OFFLINE)
