"""Two pending migrations that are about one object with a name of its own: a type, a schema, a publication …"""

from __future__ import annotations

import pytest

from migrator.errors import OutOfOrder, Refused
from tests.hunt.play import unplaced
from tests.support.sandbox import Sandbox, refusal

THERE = """
CREATE TYPE mood AS ENUM ('a', 'b');
CREATE DOMAIN word AS text CONSTRAINT filled CHECK (VALUE <> '');
CREATE SCHEMA gone;
CREATE EXTENSION hstore VERSION '1.4';
CREATE TABLE t (k int PRIMARY KEY, a text, n int NOT NULL);
CREATE PUBLICATION p FOR TABLE t;
CREATE TABLE unsent (k int PRIMARY KEY);
GRANT UPDATE, SELECT (a) ON t TO pg_monitor;
CREATE TABLE parts (k int PRIMARY KEY, CONSTRAINT ruled CHECK (k > 0)) PARTITION BY RANGE (k);
CREATE TABLE part PARTITION OF parts FOR VALUES FROM (1) TO (9);
CREATE TABLE late (LIKE parts INCLUDING ALL);
CREATE VIEW seen AS SELECT k, a FROM t;
CREATE MATERIALIZED VIEW heap AS SELECT k FROM t;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER g BEFORE UPDATE OF n ON t FOR EACH ROW EXECUTE FUNCTION touch()
"""
LATE = "-- migrator: phase = contract\n"
ATTACHED = "ALTER TABLE parts ATTACH PARTITION late FOR VALUES FROM (9) TO (20)"
OFFLINE = "nobody is connected"


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ("DROP TYPE mood", "DROP TYPE mood", "type public.mood"),
        ("DROP TYPE mood", "COMMENT ON TYPE mood IS 'w'", "type public.mood"),
        (
            "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD CONSTRAINT t_pkey PRIMARY KEY (k, n)",
            "COMMENT ON CONSTRAINT t_pkey ON t IS 'w'",
            'constraint "t_pkey" of public.t',
        ),
        ("DROP TYPE mood", "ALTER TYPE mood ADD VALUE 'c'", "type public.mood"),
        (f"{LATE}ALTER TYPE mood RENAME VALUE 'a' TO 'c'", "DROP TYPE mood", "type public.mood"),
        (
            f"{LATE}ALTER TYPE mood RENAME VALUE 'a' TO 'c'",
            f"{LATE}ALTER TYPE mood RENAME VALUE 'a' TO 'd'",
            "type public.mood, value 'a'",
        ),
        ("ALTER DOMAIN word ADD CHECK (VALUE <> 'x')", "DROP DOMAIN word", "type public.word"),
        (
            "ALTER DOMAIN word DROP CONSTRAINT filled",
            "ALTER DOMAIN word DROP CONSTRAINT filled",
            'type public.word, constraint "filled"',
        ),
        ("ALTER DOMAIN word SET DEFAULT 'x'", "ALTER DOMAIN word SET DEFAULT 'y'", "type public.word, default"),
        ("ALTER DOMAIN word SET NOT NULL", "ALTER DOMAIN word DROP NOT NULL", "type public.word, not null"),
        ("DROP SCHEMA gone", "DROP SCHEMA gone", "schema gone"),
        ("DROP SCHEMA gone", "ALTER SCHEMA gone RENAME TO kept", "schema gone"),
        ("ALTER SCHEMA gone RENAME TO kept", "DROP SCHEMA gone", "schema gone"),
        ("DROP EXTENSION hstore", "DROP EXTENSION hstore", "extension hstore"),
        ("DROP EXTENSION hstore", "ALTER EXTENSION hstore UPDATE TO '1.5'", "extension hstore"),
        ("DROP PUBLICATION p", "DROP PUBLICATION p", "publication p"),
        ("DROP PUBLICATION p", "ALTER PUBLICATION p DROP TABLE t", "publication p"),
        ("ALTER PUBLICATION p DROP TABLE t", "ALTER PUBLICATION p DROP TABLE t", "publication p, public.t"),
        ("REVOKE UPDATE ON t FROM pg_monitor", "GRANT UPDATE ON t TO pg_monitor", "UPDATE"),
        ("REVOKE SELECT (a) ON t FROM pg_monitor", "GRANT SELECT ON t TO pg_monitor", "SELECT"),
        ("REVOKE UPDATE ON t FROM pg_monitor", "GRANT ALL ON t TO pg_monitor", 'pg_monitor on table "public.t"'),
        (
            "ALTER TABLE parts DETACH PARTITION part CONCURRENTLY",
            "ALTER TABLE parts DETACH PARTITION part CONCURRENTLY",
            "partition public.part",
        ),
        (
            "ALTER TABLE parts DROP CONSTRAINT ruled",
            ATTACHED,
            "constraints of public.parts",
        ),
    ],
)
def test_an_object_that_a_pending_migration_is_about_is_left_to_it(
    sandbox: Sandbox, first: str, second: str, what: str
) -> None:
    sandbox.execute(THERE)
    earlier = sandbox.new("first", first)
    sandbox.expand(earlier)
    later, before = sandbox.new("second", second), sandbox.snapshot()
    with pytest.raises(Refused) as error:
        sandbox.expand(later)
    said = refusal(error.value)
    assert f"{earlier.id} changes " in said
    assert f"{what} too, and is not contracted" in said
    assert f'contract it first: "migrator contract {earlier.id}"' in said
    assert sandbox.snapshot() == before
    sandbox.contract(earlier, offline=OFFLINE)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (f"{LATE}ALTER TYPE mood RENAME VALUE 'a' TO 'c'", f"{LATE}ALTER TYPE mood RENAME VALUE 'b' TO 'd'"),
        (f"{LATE}ALTER TYPE mood RENAME VALUE 'a' TO 'c'", "ALTER TYPE mood ADD VALUE 'e'"),
        ("ALTER DOMAIN word SET DEFAULT 'x'", "ALTER DOMAIN word ADD CHECK (VALUE <> 'y')"),
        ("REVOKE UPDATE ON t FROM pg_monitor", "GRANT INSERT ON t TO pg_monitor"),
        ("REVOKE SELECT (a) ON t FROM pg_monitor", "GRANT SELECT (k) ON t TO pg_monitor"),
        ("DROP SCHEMA gone", "CREATE SCHEMA other"),
    ],
)
def test_what_is_about_other_parts_of_an_object_is_pending_beside(sandbox: Sandbox, first: str, second: str) -> None:
    sandbox.execute(THERE)
    plain = sandbox.shape_after(f"{first}; {second}")
    earlier = sandbox.new("first", first)
    sandbox.expand(earlier)
    later = sandbox.new("second", second)
    sandbox.expand(later)
    sandbox.contract(later, offline=OFFLINE)
    sandbox.contract(earlier, offline=OFFLINE)
    assert sandbox.snapshot() == plain


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("DROP TYPE mood", "ALTER TABLE t ADD COLUMN m mood", "type public.mood, which contract of"),
        ("DROP DOMAIN word", "CREATE TABLE s (k int PRIMARY KEY, w public.word)", "type public.word, which contract"),
        ("DROP SCHEMA gone", "CREATE TABLE gone.s (k int PRIMARY KEY)", 'in schema "gone", which contract of'),
        ("DROP SCHEMA gone", "CREATE TYPE gone.e AS ENUM ('a')", 'in schema "gone", which contract of'),
        ("DROP SCHEMA gone", "ALTER TABLE unsent SET SCHEMA gone", 'in schema "gone", which contract of'),
        ("DROP SCHEMA gone", "CREATE EXTENSION citext SCHEMA gone", 'in schema "gone", which contract of'),
    ],
)
def test_nothing_is_made_of_or_in_what_contract_drops(sandbox: Sandbox, first: str, second: str, why: str) -> None:
    sandbox.execute(THERE)
    earlier = sandbox.new("first", first)
    sandbox.expand(earlier)
    later, before = sandbox.new("second", second), sandbox.snapshot()
    with pytest.raises(Refused) as error:
        sandbox.expand(later)
    assert why in refusal(error.value)
    assert f'roll that back: "migrator rollback {earlier.id}"' in refusal(error.value)
    assert sandbox.snapshot() == before
    sandbox.rollback(earlier, offline=OFFLINE, yes=True)
    sandbox.expand(later)


@pytest.mark.parametrize(
    "made",
    [
        "CREATE DOMAIN {}.short AS text",
        "CREATE TABLE {}.fresh (k int PRIMARY KEY)",
        "CREATE FUNCTION {}.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SEQUENCE {}.s",
    ],
)
def test_what_is_made_beside_a_pending_schema_renaming_is_made_under_the_old_name(sandbox: Sandbox, made: str) -> None:
    sandbox.execute("CREATE SCHEMA shop; CREATE TABLE shop.t (k int PRIMARY KEY)")
    plain = sandbox.shape_after("ALTER SCHEMA shop RENAME TO store; " + made.format("store"))
    renaming = sandbox.new("first", "ALTER SCHEMA shop RENAME TO store")
    sandbox.expand(renaming)
    with pytest.raises(Refused) as error:
        sandbox.expand(sandbox.new("second", made.format("store")))
    assert 'write "shop": it is in "store" after contract' in refusal(error.value)
    sandbox.expand(sandbox.new("third", made.format("shop")))
    sandbox.contract(renaming, offline=OFFLINE)
    assert sandbox.snapshot() == plain


def test_statistics_on_a_column_that_a_pending_migration_replaces_are_made_after_it(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, a int, b int)")
    retyping = sandbox.new("first", "ALTER TABLE t ALTER a TYPE bigint")
    sandbox.expand(retyping)
    statistics = sandbox.new(
        "second",
        "-- migrator: phase = expand\n-- migrator: undo = DROP STATISTICS s\nCREATE STATISTICS s ON b, (a + 1) FROM t",
    )
    with pytest.raises(Refused, match=r'statistics "s" names column "a" of public\.t, which contract of .* replaces'):
        sandbox.expand(statistics)
    sandbox.backfill(retyping)
    sandbox.contract(retyping, offline=OFFLINE)
    sandbox.expand(statistics)


HANGING = (
    "ALTER TABLE t ALTER n SET DEFAULT 1; CREATE POLICY o ON t USING (n > 0); CREATE STATISTICS s ON k, n FROM t;"
    "CREATE INDEX t_n ON t (n); ALTER TABLE t ADD CONSTRAINT many CHECK (n > 0) NOT VALID"
)
AGAIN = (
    "CREATE POLICY o ON t USING (n > 0);CREATE TRIGGER g BEFORE UPDATE OF n ON t FOR EACH ROW EXECUTE FUNCTION touch()"
)
RETYPED = "ALTER TABLE t ALTER n TYPE bigint"
AT_ONCE = [
    ("ALTER INDEX t_n SET (fillfactor = 70)", 'index "t_n"'),
    ("ALTER STATISTICS s SET STATISTICS 7", 'statistics "public.s"'),
    ("ALTER TABLE t VALIDATE CONSTRAINT many", 'constraint "many"'),
    ("-- migrator: phase = expand\nALTER TABLE t DISABLE TRIGGER g", 'trigger "g"'),
    ("ALTER TABLE t ENABLE ALWAYS TRIGGER g", 'trigger "g"'),
    ("COMMENT ON INDEX t_n IS 'w'", 'index "t_n"'),
    ("COMMENT ON CONSTRAINT many ON t IS 'w'", 'constraint "many"'),
    ("COMMENT ON POLICY o ON t IS 'w'", 'policy "o"'),
    ("COMMENT ON STATISTICS s IS 'w'", 'statistics "public.s"'),
]
AT_CONTRACT = [
    ("ALTER POLICY o ON t RENAME TO renamed", 'policy "o"'),
    ("ALTER TRIGGER g ON t RENAME TO renamed", 'trigger "g"'),
    ("ALTER TABLE t DISABLE TRIGGER g", 'trigger "g"'),
    ("DROP STATISTICS s", 'statistics "public.s"'),
]


@pytest.mark.parametrize(("later", "what"), AT_ONCE)
def test_what_a_pending_change_of_type_makes_anew_is_not_changed_at_once(
    sandbox: Sandbox, later: str, what: str
) -> None:
    sandbox.execute(f"{THERE}; {HANGING}")
    with pytest.raises(Refused) as error:
        sandbox.new("both", f"{later}; {RETYPED}")
    assert f'{what} is on column "n" of public.t, which gets another type:' in refusal(error.value)
    retyping = sandbox.new("first", RETYPED)
    sandbox.expand(retyping)
    changing = sandbox.new("second", later)
    with pytest.raises(Refused) as error:
        sandbox.expand(changing)
    assert f'{what} is on column "n" of public.t, which {retyping.id} gives another type' in refusal(error.value)
    for migration in (retyping, changing):
        sandbox.finish(migration)


@pytest.mark.parametrize(("later", "what"), AT_CONTRACT)
def test_what_a_pending_change_of_type_makes_anew_is_changed_after_its_contract(
    sandbox: Sandbox, later: str, what: str
) -> None:
    sandbox.execute(f"{THERE}; {HANGING}")
    wanted = sandbox.shape_after(f"DROP POLICY o ON t; DROP TRIGGER g ON t; {RETYPED};{AGAIN};{later}")
    retyping, changing = (sandbox.new(name, sql) for name, sql in (("first", RETYPED), ("second", later)))
    for migration in (retyping, changing):
        sandbox.expand(migration)
    with pytest.raises(OutOfOrder) as error:
        sandbox.contract(changing, offline=OFFLINE)
    assert f"{retyping.id} changes {what} too" in refusal(error.value)
    for migration in (retyping, changing):
        sandbox.finish(migration)
    assert unplaced(sandbox.snapshot()) == unplaced(wanted)


@pytest.mark.parametrize(("change", "what"), [*AT_CONTRACT[:3], ("ALTER POLICY o ON t USING (k > 7)", 'policy "o"')])
def test_what_a_change_of_type_makes_anew_is_not_changed_before_it_in_one_migration(
    sandbox: Sandbox, change: str, what: str
) -> None:
    sandbox.execute(f"{THERE}; {HANGING}")
    with pytest.raises(Refused) as error:
        sandbox.new("both", f"{change}; {RETYPED}")
    assert f'{what} is on column "n" of public.t, which gets another type in this migration' in refusal(error.value)


GOING = [
    ("DROP POLICY {on} ON t", 'policy "{on}"'),
    ("DROP TRIGGER {on} ON t", 'trigger "{on}"'),
    ("DROP STATISTICS {on}", 'statistics "public.{on}"'),
    ("DROP VIEW {on}", 'view "public.{on}"'),
]
ON_COLUMN = """CREATE POLICY {on} ON t USING ({column} IS NOT NULL); CREATE STATISTICS {on} ON k, {column} FROM t;
    CREATE TRIGGER {on} BEFORE UPDATE OF {column} ON t FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE VIEW {on} AS SELECT {column} FROM t"""
IN_PLACE = "ALTER TABLE t ALTER v TYPE varchar(20)"


@pytest.mark.parametrize(("column", "retyped"), [("n", RETYPED), ("v", IN_PLACE), ("m", "rename")])
@pytest.mark.parametrize(("drop", "what"), GOING)
def test_what_a_change_of_type_makes_anew_is_dropped_behind_it_and_not_before(
    sandbox: Sandbox, drop: str, what: str, column: str, retyped: str
) -> None:
    sandbox.execute(f"{THERE}; ALTER TABLE t ADD v varchar(10), ADD m mood; {ON_COLUMN.format(on='o', column=column)}")
    retyped = "ALTER TYPE mood RENAME VALUE 'b' TO 'a'" if column == "m" else retyped
    if column == "m":
        sandbox.execute(
            "DROP VIEW seen; DROP MATERIALIZED VIEW heap; DROP VIEW o; CREATE VIEW o AS SELECT k, m = m AS y FROM t"
        )
    drop, what = drop.format(on="o"), what.format(on="o")
    sandbox.install()
    with pytest.raises(Refused) as error:
        sandbox.new("before", f"{drop}; {retyped}")
    assert f'{what} is on column "{column}" of public.t, which gets another type in this' in refusal(error.value)
    assert "write it behind the change of type" in refusal(error.value)

    sandbox.finish(sandbox.new("behind", f"{retyped}; {drop}"))
    assert sandbox.leftovers() == []
    left = sandbox.rows(
        "SELECT 'policy' FROM pg_policy UNION ALL SELECT 'statistics' FROM pg_statistic_ext UNION ALL"
        " SELECT 'trigger' FROM pg_trigger WHERE tgname = 'o' UNION ALL SELECT 'view' FROM pg_class WHERE relname = 'o'"
    )
    kinds = {"policy", "statistics", "trigger", "view"}
    assert {each for (each,) in left} == kinds - {what.partition(" ")[0]}


@pytest.mark.parametrize(
    "change",
    ["ALTER POLICY o ON t USING (k > 7)", "ALTER TRIGGER o ON t RENAME TO other", "ALTER TABLE t DISABLE TRIGGER o"],
)
def test_what_is_made_anew_where_the_type_changes_in_place_is_not_changed_before_it(
    sandbox: Sandbox, change: str
) -> None:
    sandbox.execute(f"{THERE}; ALTER TABLE t ADD v varchar(10); {ON_COLUMN.format(on='o', column='v')}")
    with pytest.raises(Refused) as error:
        sandbox.new("both", f"{change}; {IN_PLACE}")
    assert 'is on column "v" of public.t, which gets another type in this' in refusal(error.value)


@pytest.mark.parametrize(
    "change",
    [
        "DROP PUBLICATION listed",
        "DROP PUBLICATION filtered",
        "ALTER PUBLICATION listed DROP TABLE q",
        "ALTER PUBLICATION other ADD TABLE q (k, n)",
        "CREATE PUBLICATION fresh FOR TABLE q WHERE (n > 5) WITH (publish = 'insert')",
    ],
)
def test_publications_that_list_a_column_are_not_changed_before_its_type(sandbox: Sandbox, change: str) -> None:
    if sandbox.value("SELECT current_setting('server_version_num')::integer") < 150000:
        pytest.skip("lists and filters came with PostgreSQL 15")
    sandbox.execute(
        "CREATE TABLE q (k int PRIMARY KEY, n int, o int); CREATE TABLE u (k int PRIMARY KEY);"
        "CREATE PUBLICATION listed FOR TABLE q (k, n); CREATE PUBLICATION other FOR TABLE u;"
        "CREATE PUBLICATION filtered FOR TABLE q WHERE (n > 0) WITH (publish = 'insert')"
    )
    sandbox.install()
    retyped = "ALTER TABLE q ALTER n TYPE bigint"
    with pytest.raises(Refused, match=r'publication ".*" (is on|names) column "n" of public\.q'):
        sandbox.new("both", f"{change}; {retyped}")

    first, second = sandbox.new("first", retyped), sandbox.new("second", change)
    sandbox.expand(first)
    is_added = "DROP" not in change
    if is_added:
        with pytest.raises(Refused, match=r'(is on|names) column "n" of public\.q, which'):
            sandbox.expand(second)
    else:
        sandbox.expand(second)
        with pytest.raises(OutOfOrder):
            sandbox.contract(second, offline=OFFLINE)
    sandbox.backfill(first)
    sandbox.contract(first, offline=OFFLINE)
    sandbox.finish(second)
    assert sandbox.leftovers() == []


def test_a_trigger_that_is_made_anew_is_not_switched_behind_the_change_of_type_either(sandbox: Sandbox) -> None:
    sandbox.execute(f"{THERE}; {HANGING}")
    with pytest.raises(Refused) as error:
        sandbox.new("both", f"{RETYPED}; ALTER TABLE t DISABLE TRIGGER g")
    assert 'trigger "g" is on column "n" of public.t' in refusal(error.value)


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("ALTER POLICY o ON t RENAME TO renamed", [("renamed", "(n > 0)", "g")]),
        ("ALTER POLICY o ON t USING (k > 7)", [("o", "(k > 7)", "g")]),
        ("ALTER TRIGGER g ON t RENAME TO renamed", [("o", "(n > 0)", "renamed")]),
    ],
)
def test_what_a_change_of_type_makes_anew_is_changed_behind_it(
    sandbox: Sandbox, change: str, left: list[tuple[str, str, str]]
) -> None:
    sandbox.execute(f"{THERE}; {HANGING}")
    migration = sandbox.new("both", f"{RETYPED}; {change}")
    for run in (sandbox.expand, sandbox.backfill):
        run(migration)
    sandbox.contract(migration, offline="nobody is connected")
    rows = sandbox.rows(
        "SELECT polname, pg_get_expr(polqual, polrelid), tgname FROM pg_policy, pg_trigger"
        " WHERE polrelid = 't'::regclass AND tgrelid = 't'::regclass AND NOT tgisinternal"
    )
    assert [tuple(row) for row in rows] == left


@pytest.mark.parametrize(
    ("earlier", "what"),
    [
        *AT_CONTRACT,
        ("DROP POLICY o ON t", 'policy "o"'),
        ("DROP TRIGGER g ON t", 'trigger "g"'),
        ("DROP VIEW of_n", 'view "public.of_n"'),
        ("ALTER POLICY o ON t USING (n > 7)", 'policy "o"'),
    ],
)
def test_a_change_of_type_waits_for_the_contract_that_changes_what_it_makes_anew(
    sandbox: Sandbox, earlier: str, what: str
) -> None:
    sandbox.execute(f"{THERE}; {HANGING}; CREATE VIEW of_n AS SELECT n FROM t")
    changing, retyping = (sandbox.new(name, sql) for name, sql in (("first", earlier), ("second", RETYPED)))
    sandbox.expand(changing)
    with pytest.raises(Refused) as error:
        sandbox.expand(retyping)
    assert f'{what} is on column "n" of public.t, and contract of {changing.id} changes or drops' in refusal(
        error.value
    )


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("DROP TYPE mood; DROP TYPE mood", "two changes of type public.mood in"),
        ("DROP TYPE mood; ALTER TABLE t ADD COLUMN m mood", "it is about type public.mood, which contract drops"),
        (
            f"{LATE}ALTER TYPE mood RENAME VALUE 'a' TO 'c';\n{LATE}ALTER TYPE mood RENAME VALUE 'a' TO 'd'",
            "two changes of type public.mood, value 'a' in",
        ),
        ("DROP SCHEMA gone; CREATE TABLE gone.s (k int PRIMARY KEY)", 'in schema "gone", which contract drops'),
        ("ALTER SCHEMA gone RENAME TO kept; CREATE SEQUENCE kept.s", 'write "gone": it is in "kept" after contract'),
        ("ALTER SCHEMA gone RENAME TO kept; DROP SCHEMA gone", "two changes of schema gone in"),
        ("DROP EXTENSION hstore; DROP EXTENSION hstore", "two changes of extension hstore in"),
        ("CREATE EXTENSION citext; CREATE EXTENSION IF NOT EXISTS citext", "two changes of extension citext in"),
        ("DROP PUBLICATION p; DROP PUBLICATION p", "two changes of publication p in"),
        ("REVOKE ALL ON t FROM pg_monitor; GRANT UPDATE ON t TO pg_monitor", "two changes of privileges of pg_monitor"),
        (
            f"ALTER TABLE parts DROP CONSTRAINT ruled; {ATTACHED}",
            "two changes of constraints of public.parts in",
        ),
        ("CREATE INDEX i ON t (a, n); ALTER TABLE t DROP COLUMN a", 'write it without "a"'),
        ("CREATE INDEX i ON t (lower(a)) WHERE n > 0; ALTER TABLE t DROP COLUMN a", 'write it without "a"'),
        (
            "CREATE OR REPLACE VIEW seen AS SELECT k AS k, a, n AS m FROM t; ALTER TABLE t ALTER k TYPE bigint",
            'view "public.seen" reads column "k" of public.t, which contract takes away or replaces',
        ),
        (
            "-- migrator: phase = expand\nDROP TRIGGER g ON t; ALTER TABLE t ALTER n TYPE bigint",
            'trigger "g" is on column "n" of public.t, which gets another type:',
        ),
        (
            f"ALTER TABLE unsent RENAME TO kept;\n{LATE}CREATE MATERIALIZED VIEW heap AS SELECT k FROM kept",
            "it is about public.kept, until contract a view that stands in for public.unsent",
        ),
    ],
)
def test_what_contract_could_not_drop_is_refused_when_it_is_planned(sandbox: Sandbox, sql: str, why: str) -> None:
    sandbox.execute(THERE)
    with pytest.raises(Refused) as error:
        sandbox.new("both", sql)
    assert why in refusal(error.value)


@pytest.mark.parametrize(
    "sql",
    [
        "GRANT ALL ON t TO pg_monitor; REVOKE DELETE ON t FROM pg_monitor",
        "CREATE PUBLICATION q FOR TABLE t; ALTER TYPE mood ADD VALUE 'c'; ALTER TYPE mood ADD VALUE 'd'",
        "CREATE INDEX i ON t (a); ALTER TABLE t DROP COLUMN a",
        "ALTER DOMAIN word SET DEFAULT 'x'; ALTER DOMAIN word SET NOT NULL",
    ],
)
def test_what_is_in_nobodys_way_is_one_migration(sandbox: Sandbox, sql: str) -> None:
    sandbox.execute(f"{THERE}; DROP VIEW seen; ALTER TABLE t ALTER n SET DEFAULT 1")
    plain = sandbox.shape_after(sql)
    migration = sandbox.new("both", sql)
    sandbox.expand(migration)
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.snapshot() == plain


@pytest.mark.parametrize(
    "made",
    [
        "CREATE MATERIALIZED VIEW heap AS SELECT k FROM {}",
        "CREATE OR REPLACE VIEW looked AS SELECT k FROM {}",
        "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(k) FROM {}; END",
    ],
)
def test_what_reads_a_renamed_table_is_made_of_its_old_name_until_contract(sandbox: Sandbox, made: str) -> None:
    sandbox.execute(
        "CREATE TABLE t (k int PRIMARY KEY, a text); CREATE MATERIALIZED VIEW heap AS SELECT k FROM t WHERE k > 1;"
        "CREATE VIEW looked AS SELECT k FROM t WHERE k > 1"
    )
    late = "" if "FUNCTION" in made else LATE
    renaming = sandbox.new("first", "ALTER TABLE t RENAME TO renamed")
    sandbox.expand(renaming)
    with pytest.raises(Refused) as error:
        sandbox.expand(sandbox.new("second", late + made.format("public.renamed")))
    assert 'write "public.t": what is made of that follows' in refusal(error.value)
    later = sandbox.new("third", late + made.format("public.t"))
    sandbox.expand(later)
    sandbox.contract(later, offline=OFFLINE)
    sandbox.contract(renaming, offline=OFFLINE)
    assert "renamed" in "".join(line for line in sandbox.snapshot() if line.startswith(("view", "function")))
