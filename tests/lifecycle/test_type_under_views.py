"""Views, policies and triggers that name a column are as before once a column of another type has taken its place."""

from __future__ import annotations

import secrets

import psycopg
import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

OFFLINE = "nobody is connected in this test"
TABLE = """
    CREATE TABLE orders (id integer PRIMARY KEY, total integer, note varchar(20) COLLATE "C", tags text[]);
    INSERT INTO orders SELECT g, g * 2, 'n' || g, ARRAY['a'] FROM generate_series(1, 40) AS g;
"""
RETYPE = "ALTER TABLE orders ALTER COLUMN total TYPE bigint"

ABOUT_VIEWS = """
    SELECT c.relname, c.reloptions, c.relowner::regrole::text, coalesce(c.relacl, acldefault('r', c.relowner))::text,
        obj_description(c.oid, 'pg_class'),
        pg_get_viewdef(c.oid), a.attname, a.attacl::text, col_description(c.oid, a.attnum), a.attcollation,
        pg_get_expr(d.adbin, d.adrelid)
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
    LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relkind = 'v' AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname, a.attnum
"""


def changed(sandbox: Sandbox, sql: str = RETYPE) -> None:
    sandbox.install()
    migration = sandbox.new("retype", sql)
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.leftovers() == []


def test_views_keep_everything_but_the_type(sandbox: Sandbox) -> None:
    owner, reader = (f"{what}_{secrets.token_hex(3)}" for what in ("owner", "reader"))
    sandbox.execute(TABLE + f"CREATE ROLE {owner}; CREATE ROLE {reader}; GRANT ALL ON orders TO {owner};")
    sandbox.execute(f"""
        GRANT CREATE ON SCHEMA public TO {owner};
        CREATE VIEW "The Orders" WITH (security_barrier=true, check_option=local) AS
            SELECT total AS "Sum", id, note, tags, ARRAY[total] AS sums, note COLLATE "POSIX" AS other
            FROM orders WHERE total > 3;
        CREATE VIEW by_key AS SELECT o.*, count(*) AS n FROM orders AS o GROUP BY o.id;
        CREATE VIEW together AS
            SELECT b.id, t."Sum" + b.total AS sum FROM by_key AS b JOIN "The Orders" AS t USING (id);
        CREATE VIEW beside AS SELECT id, note FROM orders;
        CREATE VIEW of_nothing AS SELECT FROM orders WHERE total > 0;
        ALTER VIEW "The Orders" OWNER TO {owner};
        GRANT SELECT ON "The Orders" TO {reader} WITH GRANT OPTION;
        GRANT UPDATE ("Sum", id), SELECT (note) ON "The Orders" TO {reader};
        ALTER VIEW "The Orders" ALTER note SET DEFAULT 'none';
        COMMENT ON VIEW together IS 'of two'; COMMENT ON COLUMN together.sum IS 'of both';
        ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {reader};
    """)
    before = sandbox.rows(ABOUT_VIEWS)
    untouched = sandbox.value("SELECT 'beside'::regclass::oid")
    try:
        changed(sandbox)

        assert sandbox.rows(ABOUT_VIEWS) == before
        assert sandbox.value("SELECT 'beside'::regclass::oid") == untouched
        assert sandbox.value("""SELECT pg_typeof("Sum")::text FROM "The Orders" LIMIT 1""") == "bigint"
        assert sandbox.value("SELECT sum FROM together WHERE id = 9") == 36
        sandbox.execute('INSERT INTO "The Orders" ("Sum", id) VALUES (9000000000, 99)')
        assert sandbox.value("SELECT note FROM orders WHERE total = 9000000000") == "none"
    finally:
        sandbox.execute(f"DROP OWNED BY {owner}, {reader} CASCADE; DROP ROLE {owner}, {reader}")


@pytest.mark.parametrize("kind", ["note TYPE varchar(40)", "note TYPE text"])
def test_in_place_a_view_is_no_obstacle_either(sandbox: Sandbox, kind: str) -> None:
    sandbox.execute(TABLE + "CREATE VIEW notes AS SELECT id, note FROM orders; GRANT SELECT ON notes TO PUBLIC;")
    before = sandbox.rows(ABOUT_VIEWS)
    file = sandbox.value("SELECT pg_relation_filenode('orders')")
    changed(sandbox, f'ALTER TABLE orders ALTER COLUMN {kind} COLLATE "C"')

    assert sandbox.rows(ABOUT_VIEWS) == before
    assert sandbox.value("SELECT pg_relation_filenode('orders')") == file
    assert sandbox.value("SELECT note FROM notes WHERE id = 7") == "n7"


def test_a_policy_and_a_trigger_have_their_condition_again(sandbox: Sandbox) -> None:
    sandbox.execute(TABLE)
    sandbox.execute("""
        CREATE TABLE seen (id integer, total bigint);
        CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO seen VALUES (NEW.id, NEW.total); RETURN NULL; END';
        CREATE TRIGGER on_total AFTER UPDATE OF total ON orders FOR EACH ROW
            WHEN (OLD.total IS DISTINCT FROM NEW.total) EXECUTE FUNCTION see();
        CREATE CONSTRAINT TRIGGER off AFTER INSERT OR UPDATE OF total, id ON orders DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION see();
        ALTER TABLE orders DISABLE TRIGGER off;
        COMMENT ON TRIGGER on_total ON orders IS 'who sees';
        ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
        CREATE POLICY low ON orders AS RESTRICTIVE FOR SELECT USING (total < 50);
        CREATE POLICY added ON orders FOR INSERT WITH CHECK (total > 0 AND EXISTS (
            SELECT FROM seen WHERE seen.id = orders.total));
        COMMENT ON POLICY low ON orders IS 'for now';
    """)
    about = (
        "SELECT tgname::text, pg_get_triggerdef(oid), tgenabled::text, obj_description(oid, 'pg_trigger')"
        " FROM pg_trigger WHERE tgrelid = 'orders'::regclass UNION ALL"
        " SELECT polname::text, concat(polpermissive, polcmd, polroles, pg_get_expr(polqual, polrelid),"
        " pg_get_expr(polwithcheck, polrelid)), '', obj_description(oid, 'pg_policy') FROM pg_policy ORDER BY 1"
    )
    before = sandbox.rows(about)
    changed(sandbox)

    assert sandbox.rows(about) == before
    sandbox.execute("UPDATE orders SET total = 7000000000 WHERE id = 3; UPDATE orders SET note = 'x' WHERE id = 4")
    assert sandbox.rows("SELECT id, total FROM seen") == [(3, 7000000000)]


@pytest.mark.parametrize(
    ("beside", "named"),
    [
        (("CREATE VIEW v AS SELECT total FROM orders; CREATE FUNCTION f() RETURNS SETOF v LANGUAGE sql AS"
          " 'SELECT * FROM v'"), "function public.f()"),
        ("CREATE VIEW v AS SELECT total FROM orders; CREATE TABLE kept (one v)", "column one of table public.kept"),
        ("CREATE VIEW v AS SELECT total, id FROM orders; CREATE RULE r AS ON INSERT TO v DO INSTEAD NOTHING", "rule r"),
        (("CREATE VIEW v AS SELECT total, id FROM orders; CREATE TABLE o (a int);"
          "CREATE RULE round AS ON INSERT TO orders DO ALSO INSERT INTO o SELECT total FROM v"),
         "rule round on table public.orders"),
        (("CREATE VIEW v AS SELECT total, id FROM orders; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
          " 'BEGIN RETURN NEW; END'; CREATE TRIGGER t INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION f()"),
         "trigger t"),
        (("CREATE TABLE other (a int); ALTER TABLE other ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON other"
          " USING (a IN (SELECT total FROM orders))"), "policy p on public.other"),
        ("ALTER TABLE orders ADD twice int GENERATED ALWAYS AS (total * 2) STORED", "generated column twice"),
    ],
)  # fmt: skip
def test_what_is_not_carried_over_is_refused_before_anything(sandbox: Sandbox, beside: str, named: str) -> None:
    sandbox.execute(TABLE + beside)
    sandbox.install()

    with pytest.raises(Refused) as caught:
        sandbox.new("retype", RETYPE)
    assert named in refusal(caught.value)


@pytest.mark.parametrize(
    ("beside", "sql", "named"),
    [
        ("CREATE VIEW v AS SELECT total FROM orders UNION SELECT 1", "total TYPE text", "view public.v"),
        ("CREATE VIEW v AS SELECT total FROM orders; CREATE VIEW w AS SELECT sum(total) FROM v", "total TYPE text",
         "view public.w"),
        ("ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON orders USING (total > 5)",
         "total TYPE boolean USING total > 0", "policy p"),
        (("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t"
          " BEFORE UPDATE ON orders FOR EACH ROW WHEN (NEW.total > 3) EXECUTE FUNCTION f()"),
         "total TYPE boolean USING total > 0", "trigger t"),
    ],
)  # fmt: skip
def test_what_cannot_be_given_back_over_the_new_type_is_found_before_anything(
    sandbox: Sandbox, beside: str, sql: str, named: str
) -> None:
    sandbox.execute(TABLE + beside)
    sandbox.install()

    with pytest.raises(Refused) as caught:
        sandbox.new("retype", f"ALTER TABLE orders ALTER COLUMN {sql}")
    assert f"{named} on total of type" in refusal(caught.value)


@pytest.mark.parametrize(
    ("since", "named"),
    [
        ("CREATE VIEW late AS SELECT total FROM orders", "view public.late"),
        ("CREATE OR REPLACE VIEW v AS SELECT id, total FROM orders WHERE id > 1", "view public.v"),
        ("ALTER VIEW v SET (security_barrier)", "view public.v"),
        ("ALTER POLICY p ON orders USING (total > 6)", "policy p"),
        ("ALTER TABLE orders DISABLE TRIGGER t", "trigger t"),
        ("DROP TRIGGER t ON orders", "trigger t"),
        ("DROP POLICY p ON orders", "policy p"),
        ("DROP VIEW w", "view public.w"),
    ],
)
@pytest.mark.parametrize("sql", [RETYPE, "ALTER TABLE orders ALTER COLUMN note TYPE varchar(30)"])
def test_what_changed_since_it_was_planned_stands_against_contract(
    sandbox: Sandbox, sql: str, since: str, named: str
) -> None:
    column = "total" if sql == RETYPE else "note"
    sandbox.execute(TABLE)
    sandbox.execute(
        "CREATE VIEW v AS SELECT id, total FROM orders; CREATE VIEW w AS SELECT * FROM v;"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t"
        " BEFORE UPDATE OF total ON orders FOR EACH ROW EXECUTE FUNCTION f();"
        "ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON orders USING (total > 5)".replace(
            "total > 5", "total > 5" if column == "total" else "note > '5'"
        ).replace("total FROM", f"{column} FROM").replace("OF total", f"OF {column}")
    )  # fmt: skip
    since = since.replace("total > 6", "total > 6" if column == "total" else "note > '6'").replace(
        "total FROM", f"{column} FROM"
    )
    sandbox.install()
    migration = sandbox.new("retype", sql.replace("varchar(30)", 'varchar(30) COLLATE "C"'))
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.execute(since)

    with pytest.raises(Refused) as caught:
        sandbox.contract(migration, offline=OFFLINE)
    assert named in refusal(caught.value)
    assert "plan" in refusal(caught.value)
    sandbox.rollback(migration, offline=OFFLINE)
    sandbox.contract(_anew(sandbox, sql), offline=OFFLINE)


def _anew(sandbox: Sandbox, sql: str):  # type: ignore[no-untyped-def]
    migration = sandbox.new("again", sql.replace("varchar(30)", 'varchar(30) COLLATE "C"'))
    sandbox.expand(migration)
    sandbox.backfill(migration)
    return migration


@pytest.mark.parametrize(("column", "type_name"), [("total", "bigint"), ("note", 'varchar(40) COLLATE "C"')])
def test_a_session_that_has_fired_a_trigger_goes_on_after_contract(
    sandbox: Sandbox, column: str, type_name: str
) -> None:
    sandbox.execute(
        TABLE + "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql COST 7.5 AS"
        f" 'BEGIN IF NEW.{column} IS DISTINCT FROM OLD.{column} THEN NEW.tags := NULL; END IF; RETURN NEW; END';"
        "CREATE TRIGGER look BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION look();"
    )
    sandbox.configure({"name": "web"}, gate={"soak": "0s"})
    sandbox.install()
    migration = sandbox.new("retype", f"ALTER TABLE orders ALTER COLUMN {column} TYPE {type_name}")
    name = f"web/2/{migration.level}"
    with psycopg.connect(sandbox.url, autocommit=True, prepare_threshold=None, application_name=name) as session:
        session.execute(f"UPDATE orders SET {column} = {column} WHERE id = 1")
        sandbox.expand(migration)
        sandbox.backfill(migration)
        sandbox.beat(level=migration.level)
        sandbox.contract(migration, wait_s=10)
        session.execute(f"UPDATE orders SET {column} = '5' WHERE id = 2")
        assert session.execute(f"SELECT {column}::text, tags FROM orders WHERE id = 2").fetchone() == ("5", None)
    assert sandbox.value("SELECT procost FROM pg_proc WHERE proname = 'look'") == 7.5
