"""B1, B5, B7, B9 to B25: where tools of this sort lose data or break clients."""

from __future__ import annotations

import re
import threading

import psycopg
import pytest

from migrator.model.plan import Phase
from tests.lifecycle.harness import unplaced_lines
from tests.scenarios.stage import Stage
from tests.support.sandbox import wait_for

RENAME = "ALTER TABLE users RENAME name TO full_name"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("CAST(rating AS integer", "syntax error"),
        ("no_such(rating)", "function no_such(text) does not exist"),
        ("rating + 1", "operator does not exist: text + integer"),
        ("(SELECT 1)", "query"),
        ("random_column::integer", 'column "random_column"'),
    ],
)
def test_b01_an_expression_that_cannot_work_is_refused_before_anything(
    stage: Stage, expression: str, reason: str
) -> None:
    """Syntax, unknown function, wrong type, query, unknown column: refused with the reason, and nothing is touched."""
    stage.setup("CREATE TABLE reviews (id int PRIMARY KEY, rating text); INSERT INTO reviews VALUES (1, '5')")
    assert reason in stage.refused(f"ALTER TABLE reviews ALTER rating TYPE integer USING {expression}").replace(
        "\n", " "
    )


@pytest.mark.parametrize(
    ("sql", "begin", "wanted"),
    [
        (RENAME, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM others", "full_name = name"),
        ("CREATE INDEX by_name ON users (name)", "BEGIN; UPDATE users SET name = name WHERE id = 0", "name LIKE '_%'"),
    ],
    ids=["a snapshot", "a writer"],
)
def test_b05_b07_a_transaction_that_stays_open_makes_no_client_fail(
    stage: Stage, sql: str, begin: str, wanted: str
) -> None:
    """Building an index waits for it while old code writes duplicates and all else as before; then it is valid."""
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY, name text UNIQUE); INSERT INTO users VALUES (0, '-'), (1, 'a');"
        "CREATE TABLE others (id int)"
    )
    migration = stage.expand(sql)
    stage.roll_back(migration)
    with psycopg.connect(stage.sandbox.url) as open_:
        open_.execute(begin)
        expanding = threading.Thread(target=stage.sandbox.expand, args=(migration,))
        expanding.start()
        waits = (
            "SELECT count(*) FROM pg_stat_progress_create_index JOIN pg_stat_activity USING (pid)"
            " WHERE wait_event_type = 'Lock' AND pg_stat_activity.datname = current_database()"
        )
        wait_for(lambda: stage.sandbox.value(waits), "the build waits")
        stage.old.run("SET lock_timeout = '2s'")
        for number in range(2, 30):
            stage.old.run(f"INSERT INTO users (id, name) VALUES ({number}, 'n{number}')")
            stage.old.run(f"UPDATE users SET name = 'm{number}' WHERE id = {number}")
        assert stage.old.fails("INSERT INTO users (id, name) VALUES (99, 'a')") == "23505"
        open_.rollback()
    expanding.join(30)
    stage.expand_again(migration)
    stage.backfill(migration)
    assert stage.sandbox.value(f"SELECT count(*) FROM users WHERE {wanted} OR name IN ('-', 'a')") == 30
    assert stage.sandbox.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0
    if migration.phase(Phase.CONTRACT):
        stage.contract(migration)


def test_b09_which_version_writes_is_no_matter_of_the_search_path(stage: Stage) -> None:
    """Any search_path, SET LOCAL, and one session for both versions in turn: each write is under both names."""
    stage.setup('CREATE SCHEMA v2; CREATE SCHEMA "V-3"; CREATE TABLE users (id serial PRIMARY KEY, name text)')
    migration = stage.expand(RENAME)
    pooled = stage.client()
    for path in ("v2, public", '"V-3", public', '"$user", public', "''"):
        for column in ("name", "full_name"):
            pooled.run(f"SET search_path = {path}")
            pooled.run(f"INSERT INTO public.users ({column}) VALUES ('{column} {len(path)}')")
            pooled.run("DISCARD ALL")
            pooled.run(
                f"BEGIN; SET LOCAL search_path = {path}; UPDATE public.users SET {column} = {column} || '!'; COMMIT"
            )
    assert stage.rows("SELECT count(*) FROM users WHERE name = full_name") == [(8,)]
    assert stage.sandbox.value("SELECT name FROM users WHERE id = 1") == "name 10!!!!!!!!"
    stage.contract(migration)
    assert stage.sandbox.value("SELECT full_name FROM users WHERE id = 1") == "name 10!!!!!!!!"


def test_b10_an_update_of_something_else_leaves_what_new_code_wrote(stage: Stage) -> None:
    """What the old shape holds in part only (57 as '5') survives old code that updates another column."""
    stage.setup("CREATE TABLE reviews (id int PRIMARY KEY, n int, rating text); INSERT INTO reviews VALUES (1, 0, '5')")
    migration = stage.expand(
        "-- migrator: up = rating::int * 10, 'of 100'\n-- migrator: down = left(score::text, 1)\n"
        "ALTER TABLE reviews ADD COLUMN score int, ADD COLUMN scale text, DROP COLUMN rating"
    )
    stage.backfill(migration)
    stage.new.run("UPDATE reviews SET score = 57")
    stage.old.run("UPDATE reviews SET n = 1")
    assert stage.old.run("SELECT n, rating, score FROM reviews") == [(1, "5", 57)]
    stage.old.run("UPDATE reviews SET rating = rating")
    assert stage.new.value("SELECT score FROM reviews") == 57
    stage.old.run("UPDATE reviews SET rating = '6'")
    assert stage.new.value("SELECT score FROM reviews") == 60
    stage.new.run("UPDATE reviews SET score = 63")
    stage.contract(migration)
    assert stage.rows("SELECT score FROM reviews") == [(63,)]


def test_b11_a_key_that_is_generated_always(stage: Stage) -> None:
    """Rows with such a key are filled, and as bigint it goes on where it stood, with its sequence."""
    stage.setup(
        "CREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 2) PRIMARY KEY,"
        " name text NOT NULL);"
        "INSERT INTO users (name) VALUES ('a'), ('b')"
    )
    migration = stage.expand(
        "-- migrator: fill = upper(name)\nALTER TABLE users ADD COLUMN shout text NOT NULL;"
        "ALTER TABLE users ALTER id TYPE bigint"
    )
    assert stage.old.value("INSERT INTO users (name) VALUES ('c') RETURNING id") == 9
    stage.contract(migration)
    assert stage.new.run("INSERT INTO users (name, shout) VALUES ('d', 'D') RETURNING id, pg_typeof(id)::text") == [
        (11, "bigint")
    ]
    assert stage.new.fails("INSERT INTO users (id, name, shout) VALUES (1, 'e', 'E')") == "428C9"
    assert stage.rows("SELECT id, shout FROM users ORDER BY id") == [(5, "A"), (7, "B"), (9, "C"), (11, "D")]


def test_b12_a_stored_generated_column_is_in_nobodys_way(stage: Stage) -> None:
    """Tables with one are backfilled, and it follows what is written under either name."""
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY, name text,"
        " shout text GENERATED ALWAYS AS (upper(name)) STORED, n int);"
        "INSERT INTO users (id, name) VALUES (1, 'a')"
    )
    migration = stage.expand(f"{RENAME}; -- migrator: fill = 0\nALTER TABLE users ALTER n SET NOT NULL")
    stage.new.run("INSERT INTO users (id, full_name) VALUES (2, 'b')")
    stage.contract(migration)
    assert stage.rows("SELECT * FROM users ORDER BY id") == [(1, "a", "A", 0), (2, "b", "B", 0)]


def test_b13_a_partitioned_table_is_served_or_refused_at_once(stage: Stage) -> None:
    """What can be done on every partition is done; what cannot is refused before anything changes."""
    stage.setup(
        "CREATE TABLE events (id int, at int, note text) PARTITION BY RANGE (at);"
        "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20);"
        "INSERT INTO events SELECT g, g, NULL FROM generate_series(0, 19) AS g"
    )
    for sql in (
        "ALTER TABLE events RENAME at TO since",
        "ALTER TABLE events DROP COLUMN at",
    ):
        assert "partition" in stage.refused(sql), sql
    migration = stage.expand(
        "-- migrator: fill = at\nALTER TABLE events ADD COLUMN n int NOT NULL;"
        "-- migrator: fill = 'none'\nALTER TABLE events ALTER note SET NOT NULL;"
        "ALTER TABLE events ALTER id TYPE bigint; CREATE INDEX by_n ON events (n)"
    )
    stage.old.run("INSERT INTO events VALUES (20, 9, 'old'); UPDATE events SET id = 21, at = 19 WHERE id = 20")
    stage.new.run("UPDATE events SET n = 100 WHERE id = 21")
    stage.contract(migration)
    assert stage.rows("SELECT count(*), sum(id), sum(n), min(pg_typeof(id)::text) FROM events WHERE note <> ''") == [
        (21, 211, 290, "bigint")
    ]
    assert stage.rows(
        "SELECT indexrelid::regclass::text, indisvalid FROM pg_index"
        " WHERE indrelid::regclass::text LIKE 'events%' ORDER BY 1"
    ) == [("by_n", True), ("events_1_n_idx", True), ("events_2_n_idx", True)]


@pytest.mark.parametrize(
    ("name", "dependent"),
    [
        ("seen", "CREATE VIEW seen AS SELECT name FROM users"),
        ("kept", "CREATE MATERIALIZED VIEW kept AS SELECT name FROM users"),
        ("own", "CREATE POLICY own ON users USING (name = current_user)"),
        ("sent", "CREATE PUBLICATION sent FOR TABLE users WHERE (name <> '') WITH (publish = 'insert')"),
    ],
)
def test_b14_what_depends_on_a_column_that_goes_is_refused_at_the_start(
    stage: Stage, name: str, dependent: str
) -> None:
    """View, materialized view, policy, publication row filter: found when it is planned, and by expand."""
    if "PUBLICATION" in dependent and stage.sandbox.session.server_version < 15:
        pytest.skip("publications have row filters from PostgreSQL 15 on")
    stage.setup("CREATE TABLE users (id int PRIMARY KEY, name text)")
    retype = "ALTER TABLE users ALTER name TYPE int USING name::int"
    planned = stage.plan("ALTER TABLE users DROP COLUMN name")
    stage.sandbox.execute(dependent)
    if name == "own":  # the others are made anew when the type changes
        assert re.search(rf"\b{name}\b", stage.refused(retype))
    assert re.search(rf"\b{name}\b", stage.refused("ALTER TABLE users DROP COLUMN name"))
    before = stage.sandbox.snapshot()
    assert stage.sandbox.command("expand", planned.id).code == 1
    assert stage.sandbox.snapshot() == before


def test_b15_a_key_is_changed_with_all_that_points_to_it(stage: Stage) -> None:
    """int becomes bigint, here and in the columns that point here, of the same table as well."""
    stage.setup(
        "CREATE TABLE orders (id int PRIMARY KEY, parent int REFERENCES orders ON DELETE SET NULL);"
        "CREATE TABLE lines (id int PRIMARY KEY, order_id int NOT NULL CONSTRAINT line_of REFERENCES orders);"
        "INSERT INTO orders SELECT g, g FROM generate_series(1, 9) AS g; INSERT INTO lines SELECT id, id FROM orders"
    )
    sql = (
        "ALTER TABLE orders ALTER id TYPE bigint; ALTER TABLE orders ALTER parent TYPE bigint;"
        "ALTER TABLE lines ALTER order_id TYPE bigint"
    )
    after = stage.sandbox.shape_after(sql)
    migration = stage.expand(sql)
    stage.old.run("INSERT INTO orders VALUES (10, 1); INSERT INTO lines VALUES (10, 10)")
    stage.contract(migration)
    assert unplaced_lines(stage.sandbox.snapshot()) == unplaced_lines(after)
    stage.new.run("INSERT INTO orders VALUES (3000000000, 10); INSERT INTO lines VALUES (11, 3000000000)")
    assert stage.new.fails("DELETE FROM orders WHERE id = 3000000000") == "23503"
    assert stage.sandbox.value("SELECT count(*) FROM lines JOIN orders ON orders.id = order_id") == 11


def test_b16_b17_keys_keep_names_that_are_not_the_usual_ones(stage: Stage) -> None:
    """A key called pk_r stays pk_r, and two tables have their columns ``email`` made unique in one migration."""
    stage.setup(
        "CREATE TABLE r (id int CONSTRAINT pk_r PRIMARY KEY, email text); CREATE TABLE s (id int, email text);"
        "INSERT INTO r VALUES (1, 'a'); INSERT INTO s VALUES (1, 'a'), (2, 'b')"
    )
    sql = "ALTER TABLE r ALTER id TYPE bigint; ALTER TABLE r ADD UNIQUE (email); ALTER TABLE s ADD UNIQUE (email)"
    after = stage.sandbox.shape_after(sql)
    stage.all_of(sql)
    assert unplaced_lines(stage.sandbox.snapshot()) == unplaced_lines(after)
    assert "index pk_r: CREATE UNIQUE INDEX pk_r ON public.r USING btree (id)" in stage.sandbox.snapshot()


def test_b18_names_that_need_quotes_and_those_that_leave_no_room_for_more(stage: Stage) -> None:
    """Upper case, reserved words, a quote inside, and 63 bytes, twice alike in the first 62 of them."""
    long = "n" * 62
    stage.setup(
        f'CREATE TABLE "Select" ("from" int PRIMARY KEY, "camelCase" text UNIQUE, {long}a int, {long}b int);'
        "INSERT INTO \"Select\" VALUES (1, 'a', 1, 2), (2, 'b', 2, 3)"
    )
    sql = (
        'ALTER TABLE "Select" RENAME "camelCase" TO "where \'""";'
        f'ALTER TABLE "Select" ALTER {long}a TYPE bigint; ALTER TABLE "Select" RENAME {long}b TO "{long}B"'
    )
    after = stage.sandbox.shape_after(sql)
    migration = stage.expand(sql)
    stage.old.run(f'UPDATE "Select" SET "camelCase" = \'c\', {long}a = 4, {long}b = 5 WHERE "from" = 1')
    stage.new.run(f'UPDATE "Select" SET "where \'""" = \'d\', {long}a = 6, "{long}B" = 7 WHERE "from" = 2')
    assert stage.old.run('SELECT * FROM "Select" ORDER BY 1')[1][:4] == (2, "d", 6, 7)
    stage.contract(migration)
    assert unplaced_lines(stage.sandbox.snapshot()) == unplaced_lines(after)
    columns = f'"where \'""", {long}a, "{long}B"'
    assert stage.rows(f'SELECT {columns} FROM "Select" ORDER BY "from"') == [("c", 4, 5), ("d", 6, 7)]


def test_b19_b20_conditions_indexes_and_keys_survive_a_type_change_word_for_word(stage: Stage) -> None:
    """Names within names and literals, expressions, predicates, INCLUDE, order, operator class, deferrable keys."""
    stage.setup(
        "CREATE TABLE lists (list_price int, price int, PRIMARY KEY (price, list_price));"
        "CREATE TABLE goods (id int PRIMARY KEY, price int, list_price int, old_price_note text, note text,"
        " CONSTRAINT c CHECK (price <= list_price AND old_price_note <> 'price' AND note <> 'list_price = price'),"
        " CONSTRAINT f FOREIGN KEY (price, list_price) REFERENCES lists DEFERRABLE INITIALLY DEFERRED);"
        "CREATE INDEX i1 ON goods ((price * 2), id DESC NULLS LAST) INCLUDE (note);"
        "CREATE INDEX i2 ON goods (note text_pattern_ops) WHERE price > 5 AND note <> 'price';"
        "CREATE INDEX i3 ON goods (list_price, price, id); CREATE UNIQUE INDEX i4 ON goods (lower(note), price)"
        " WITH (fillfactor = 60); CREATE INDEX i5 ON goods USING brin (price) WITH (pages_per_range = 4);"
        "INSERT INTO lists SELECT g + 1, g FROM generate_series(1, 9) AS g;"
        "INSERT INTO goods SELECT g, g, g + 1, '-', 'n' || g FROM generate_series(1, 9) AS g"
    )
    sql = "ALTER TABLE goods ALTER price TYPE bigint"
    after = stage.sandbox.shape_after(sql)
    stage.all_of(sql)
    assert unplaced_lines(stage.sandbox.snapshot()) == unplaced_lines(after)


def test_b21_the_backfill_fires_triggers_of_the_user_and_says_so(stage: Stage) -> None:
    """updated_at and audit triggers fire for each row that is filled, once; a note names them when it is planned."""
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY, name text, touched boolean);"
        "CREATE TABLE audit (id int, who text);"
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := true;"
        " INSERT INTO audit VALUES (NEW.id, current_setting(''application_name'')); RETURN NEW; END';"
        "CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();"
        "INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 2000) AS g"
    )
    migration = stage.expand(RENAME)
    assert any("trigger touch fires on every row the backfill fills" in note for note in stage.sandbox.notes())
    stage.backfill(migration)
    stage.backfill(migration)
    ((fired, rows),) = stage.rows("SELECT count(*), count(DISTINCT id) FROM audit WHERE who LIKE 'migrator/%'")
    # What the crowd has filled is not filled again.
    assert 0 < fired == rows <= 2000
    assert stage.crowds or rows == 2000
    assert stage.sandbox.value("SELECT count(*) FROM users WHERE touched") == 2000
    stage.contract(migration)


def test_b21_a_condition_keeps_a_trigger_of_the_user_from_the_backfill(stage: Stage) -> None:
    """WHEN on the application_name tells the backfill from everybody else, old and new code."""
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY, name text); CREATE TABLE audit (id int, who text);"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN"
        " INSERT INTO audit VALUES (NEW.id, current_setting(''application_name'')); RETURN NEW; END';"
        "CREATE TRIGGER note AFTER UPDATE ON users FOR EACH ROW"
        " WHEN (current_setting('application_name') NOT LIKE 'migrator/%') EXECUTE FUNCTION note();"
        "INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 2000) AS g"
    )
    migration = stage.expand(RENAME)
    stage.backfill(migration)
    assert stage.sandbox.value("SELECT count(*) FROM users WHERE full_name IS NULL") == 0
    assert stage.rows("SELECT id FROM audit WHERE who LIKE 'migrator/%' OR who = ''") == []
    stage.old.run("UPDATE users SET name = 'x' WHERE id = 1")
    stage.new.run("UPDATE users SET full_name = 'y' WHERE id = 2")
    assert stage.rows("SELECT id FROM audit WHERE who = '' ORDER BY id") == [(1,), (2,)]
    stage.contract(migration)


def test_b22_columns_stay_in_their_places(stage: Stage) -> None:
    """A renamed column keeps its place; one of another type becomes the last, and the author is told."""
    stage.setup("CREATE TABLE t (e int, f text, g int, h int); INSERT INTO t VALUES (1, 'a', 1, 1), (2, 'b', 2, 2)")
    stage.all_of("ALTER TABLE t RENAME f TO ff")
    migration = stage.expand("ALTER TABLE t ALTER g TYPE bigint")
    assert any("g becomes the last column of t" in note for note in stage.sandbox.notes())
    stage.contract(migration)
    columns = (
        "SELECT attname::text FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    assert stage.rows(f"{columns} ORDER BY attnum") == [("e",), ("ff",), ("h",), ("g",)]


def test_b23_an_application_that_owns_nothing_works_in_both_shapes_at_once(stage: Stage) -> None:
    """A role with rights on the table alone has them under the new name, before the backfill and after contract."""
    role = stage.role()
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'a');"
        f"GRANT SELECT, INSERT, UPDATE ON users TO {role}"
    )
    migration = stage.expand(RENAME)
    client = stage.client(role)
    client.run("INSERT INTO users (id, name) VALUES (2, 'b'); UPDATE users SET full_name = 'c' WHERE id = 1")
    assert client.run("SELECT id, name, full_name FROM users ORDER BY id") == [(1, "c", "c"), (2, "b", "b")]
    stage.contract(migration)
    client.run("INSERT INTO users (id, full_name) VALUES (3, 'd')")
    assert client.run("SELECT * FROM users ORDER BY id") == [(1, "c"), (2, "b"), (3, "d")]


def test_b24_a_function_of_the_tables_schema_works_for_every_client(stage: Stage) -> None:
    """What a fill names is found whatever the search_path of who writes; what only some find is refused."""
    stage.setup(
        "CREATE SCHEMA app; CREATE TABLE app.users (id serial PRIMARY KEY, name text NOT NULL);"
        "CREATE FUNCTION app.shout(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.upper(t)';"
        "INSERT INTO app.users (name) VALUES ('a')"
    )
    change = "-- migrator: fill = {}(name)\nALTER TABLE app.users ADD COLUMN loud text NOT NULL"
    assert "write the schema before them" in stage.refused(change.format("shout"))
    migration = stage.expand(change.format("app.shout"))
    stage.old.run("SET search_path = ''")
    stage.old.run("INSERT INTO app.users (name) VALUES ('b')")
    stage.contract(migration)
    assert stage.rows("SELECT loud FROM app.users ORDER BY id") == [("A",), ("B",)]


def test_b25_no_step_that_looks_at_every_row_makes_writes_wait(stage: Stage) -> None:
    """A key with foreign keys in both directions, NOT NULL, CHECK and unique: scans are apart from blocking locks."""
    stage.setup(
        "CREATE TABLE a (id int PRIMARY KEY, parent int REFERENCES a, n int NOT NULL CHECK (n > 0), u int UNIQUE);"
        "CREATE TABLE b (a int REFERENCES a, n int);"
        "INSERT INTO a SELECT g, g, g, g FROM generate_series(1, 9) AS g; INSERT INTO b SELECT id, n FROM a"
    )
    migration = stage.expand(
        "ALTER TABLE a ALTER id TYPE bigint; ALTER TABLE a ALTER n TYPE bigint; ALTER TABLE a ALTER u TYPE bigint;"
        "ALTER TABLE b ALTER n SET NOT NULL"
    )
    scanning = [step for step in migration.steps if not step.effects.brief and step.phase is not Phase.BACKFILL]
    assert len(scanning) >= 5
    assert [step.sql for step in scanning if step.effects.strongest.blocks_writes] == []
    stage.contract(migration)
    assert stage.rows("SELECT count(*), sum(b.n) FROM a JOIN b ON b.a = a.id AND parent = id") == [(9, 45)]
