"""A primary key takes the place of another one: at once, with the foreign keys that rely on it, or it is refused."""

from __future__ import annotations

import re

import pytest

from migrator.errors import MigratorError, Refused
from tests.support.sandbox import Sandbox, refusal, wait_for
from tests.support.tablespaces import TABLESPACE

OFFLINE = "nobody is connected in this test"
BOOKINGS = """
    CREATE TABLE bookings (id int PRIMARY KEY, tenant int NOT NULL, number int NOT NULL, note text, other int);
    INSERT INTO bookings SELECT g, g % 7, g, 'n' || g, g FROM generate_series(1, 100) AS g;
"""
DROP, KEY = "ALTER TABLE bookings DROP CONSTRAINT bookings_pkey", "PRIMARY KEY (tenant, number)"
SQL = f"{DROP}, ADD {KEY}"


@pytest.fixture
def bookings(sandbox: Sandbox) -> Sandbox:
    sandbox.execute(BOOKINGS)
    return sandbox


@pytest.mark.parametrize(
    "sql",
    [
        SQL,
        f"ALTER TABLE bookings ADD {KEY}, DROP CONSTRAINT bookings_pkey",
        f"{DROP}; ALTER TABLE bookings ADD {KEY}",
        f"{DROP}; ALTER TABLE bookings ADD CONSTRAINT by_number {KEY} INCLUDE (note) WITH (fillfactor = 70)",
        f"{DROP}, ADD {KEY} DEFERRABLE INITIALLY DEFERRED",
        f"{DROP}, ADD {KEY} USING INDEX TABLESPACE {TABLESPACE}",
        f"{DROP}, ADD PRIMARY KEY (id) INCLUDE (tenant)",
        f"ALTER TABLE bookings ALTER other SET NOT NULL; {DROP}, ADD PRIMARY KEY (other)",
        f"ALTER TABLE bookings ADD COLUMN key int GENERATED ALWAYS AS IDENTITY; {DROP}, ADD PRIMARY KEY (key)",
        f"ALTER TABLE bookings ADD COLUMN key uuid NOT NULL DEFAULT gen_random_uuid(); {DROP}, ADD PRIMARY KEY (key)",
        f"ALTER TABLE bookings ADD COLUMN key int NOT NULL DEFAULT 7; {DROP}, ADD PRIMARY KEY (key, id)",
        f"ALTER TABLE bookings ADD CONSTRAINT one UNIQUE (id); {SQL}",
    ],
)
def test_the_shape_is_what_the_plain_sql_makes(bookings: Sandbox, sql: str) -> None:
    after = bookings.shape_after(sql)
    bookings.install()
    before = bookings.snapshot()
    migration = bookings.new("key", sql)
    bookings.expand(migration)
    bookings.rollback(migration, offline=OFFLINE, yes=True)
    assert bookings.snapshot() == before
    bookings.expand(migration)
    bookings.backfill(migration)
    assert bookings.value("SELECT conkey FROM pg_constraint WHERE conname = 'bookings_pkey'") == [1]
    bookings.contract(migration, offline=OFFLINE)
    assert bookings.snapshot() == after
    assert bookings.leftovers() == []


KEYS = {
    "plain": "CREATE TABLE lines (booking int CONSTRAINT line_of REFERENCES bookings ON DELETE CASCADE);"
    "COMMENT ON CONSTRAINT line_of ON lines IS 'whose';",
    "not valid": "CREATE TABLE lines (booking int); INSERT INTO lines VALUES (-1);"
    "ALTER TABLE lines ADD CONSTRAINT line_of FOREIGN KEY (booking) REFERENCES bookings NOT VALID;",
    "deferrable": "CREATE TABLE lines (booking int CONSTRAINT line_of REFERENCES bookings"
    " DEFERRABLE INITIALLY DEFERRED);",
    "of itself": "ALTER TABLE bookings ADD CONSTRAINT line_of FOREIGN KEY (other) REFERENCES bookings;",
    "of two tables": "CREATE TABLE lines (booking int CONSTRAINT line_of REFERENCES bookings);"
    "CREATE SCHEMA far; CREATE TABLE far.lines (a int DEFAULT 7 REFERENCES public.bookings ON DELETE SET DEFAULT);",
    "of a partition": "CREATE TABLE lines (booking int) PARTITION BY LIST (booking);"
    "CREATE TABLE lines_1 PARTITION OF lines DEFAULT;"
    "ALTER TABLE lines_1 ADD CONSTRAINT line_of FOREIGN KEY (booking) REFERENCES bookings;",
}


@pytest.mark.parametrize("name", KEYS)
def test_foreign_keys_go_on_with_another_key_over_the_same_columns(bookings: Sandbox, name: str) -> None:
    bookings.execute(KEYS[name])
    bookings.install()
    before = bookings.snapshot()
    migration = bookings.new("key", f"ALTER TABLE bookings ADD CONSTRAINT one UNIQUE (id); {SQL}")
    bookings.expand(migration)
    bookings.contract(migration, offline=OFFLINE)
    pointing = {line for line in before if "line_of" in line or "lines_a_fkey" in line}
    assert pointing
    assert pointing <= bookings.snapshot()
    served = "SELECT DISTINCT conindid::regclass::text FROM pg_constraint WHERE confrelid = 'bookings'::regclass"
    assert bookings.rows(served) == [("one",)]
    comment = "SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE conname = 'line_of'"
    assert bookings.value(comment) == ("whose" if name == "plain" else None)


def test_a_foreign_key_that_relies_on_another_key_already_is_left_alone(bookings: Sandbox) -> None:
    bookings.execute(
        "ALTER TABLE bookings ADD CONSTRAINT one UNIQUE (number);"
        "CREATE TABLE lines (n int REFERENCES bookings (number))"
    )
    bookings.install()
    migration = bookings.new("key", SQL)
    assert [step.id for step in migration.steps] == ["index-bookings_pkey", "change-bookings_pkey"]


def test_a_key_that_serves_nobody_any_more_goes_and_one_that_does_stays(bookings: Sandbox) -> None:
    bookings.execute(
        "CREATE TABLE lines (n int REFERENCES bookings); ALTER TABLE bookings ADD CONSTRAINT one UNIQUE (id);"
        "ALTER TABLE bookings ADD CONSTRAINT two UNIQUE (id)"
    )
    bookings.install()
    migration = bookings.new("one", "ALTER TABLE bookings DROP CONSTRAINT one")
    bookings.finish(migration)
    bookings.finish(bookings.new("key", SQL))
    with pytest.raises(Refused, match='foreign keys rely on constraint "two"'):
        bookings.new("two", "ALTER TABLE bookings DROP CONSTRAINT two")


def test_a_foreign_key_is_served_by_the_new_key_over_the_same_columns(bookings: Sandbox) -> None:
    bookings.execute(
        "CREATE TABLE pairs (a int, b int, n int, PRIMARY KEY (a, b)); INSERT INTO pairs VALUES (1, 2);"
        "CREATE TABLE lines (x int, y int, CONSTRAINT line_of FOREIGN KEY (x, y) REFERENCES pairs)"
    )
    bookings.install()
    migration = bookings.new("key", "ALTER TABLE pairs DROP CONSTRAINT pairs_pkey, ADD PRIMARY KEY (b, a) INCLUDE (n)")
    bookings.expand(migration)
    bookings.contract(migration, offline=OFFLINE)
    assert bookings.value("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'line_of'") == (
        "FOREIGN KEY (x, y) REFERENCES pairs(a, b)"
    )


PARTITIONED = """
    CREATE TABLE events (id int NOT NULL, at int NOT NULL, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
    CREATE TABLE "Events ""2" PARTITION OF events FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id);
    CREATE TABLE events_2a PARTITION OF "Events ""2" DEFAULT;
    CREATE UNIQUE INDEX mine ON events_1 (at, id);
    INSERT INTO events SELECT g, g, 'n' || g FROM generate_series(0, 19) AS g;
"""


@pytest.mark.parametrize(
    "added", ["PRIMARY KEY (at, id)", "PRIMARY KEY (at, id) INCLUDE (note) DEFERRABLE", "PRIMARY KEY (at)"]
)
def test_of_a_partitioned_table_each_partition_gets_its_own(sandbox: Sandbox, added: str) -> None:
    if added == "PRIMARY KEY (at)":
        sandbox.execute(PARTITIONED.replace("PARTITION BY LIST (id)", "PARTITION BY LIST (at)"))
    else:
        sandbox.execute(PARTITIONED)
    sql = f"ALTER TABLE events DROP CONSTRAINT events_pkey; ALTER TABLE events ADD {added}"
    after = sandbox.shape_after(sql)
    sandbox.install()
    migration = sandbox.new("key", sql)
    sandbox.expand(migration)
    sandbox.execute("CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM (20) TO (30); DROP TABLE events_3")
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.snapshot() == after
    assert sandbox.leftovers() == []


def test_what_was_planned_without_a_database_is_refused_before_anything_where_the_table_needs_more(
    sandbox: Sandbox,
) -> None:
    sandbox.execute(PARTITIONED + BOOKINGS + "CREATE TABLE lines (booking int REFERENCES bookings)")
    sandbox.execute("ALTER TABLE bookings ADD CONSTRAINT one UNIQUE (id)")
    sandbox.install()
    events = "ALTER TABLE events DROP CONSTRAINT events_pkey, ADD PRIMARY KEY (at, id)"
    for sql, said in ((events, "as that of an ordinary table"), (SQL, "was made or changed since it was planned")):
        before = sandbox.snapshot()
        with pytest.raises(Refused, match=said):
            sandbox.expand(sandbox.new("blind", sql, blind=True))
        assert sandbox.snapshot() == before


def test_foreign_keys_to_a_partitioned_table_go_on_with_another_key(sandbox: Sandbox) -> None:
    sandbox.execute(
        f"{PARTITIONED} CREATE TABLE notes (e int, a int, CONSTRAINT of FOREIGN KEY (e, a) REFERENCES events)"
    )
    sandbox.execute("INSERT INTO notes SELECT id, at FROM events")
    sandbox.install()
    migration = sandbox.new(
        "key",
        "ALTER TABLE events ADD CONSTRAINT one UNIQUE (id, at);"
        "ALTER TABLE events DROP CONSTRAINT events_pkey, ADD PRIMARY KEY (at, id) INCLUDE (note)",
    )
    sandbox.expand(migration)
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.rows("SELECT convalidated FROM pg_constraint WHERE conname = 'of'") == [(True,)]
    for broken in ("INSERT INTO notes VALUES (99, 99)", "DELETE FROM events WHERE id = 3"):
        with pytest.raises(MigratorError, match="violates foreign key"):
            sandbox.execute(broken)


def test_foreign_keys_of_partitioned_tables_are_carried_where_the_server_can(bookings: Sandbox) -> None:
    bookings.execute(
        "CREATE TABLE lines (booking int CONSTRAINT line_of REFERENCES bookings) PARTITION BY LIST (booking);"
        "CREATE TABLE lines_1 PARTITION OF lines DEFAULT; INSERT INTO lines SELECT id FROM bookings"
    )
    bookings.install()
    before = bookings.snapshot()
    sql = f"ALTER TABLE bookings ADD CONSTRAINT one UNIQUE (id); {SQL}"
    if bookings.session.server_version < 18:
        with pytest.raises(Refused, match="adds none NOT VALID there"):
            bookings.new("key", sql)
        return
    migration = bookings.new("key", sql)
    bookings.expand(migration)
    bookings.contract(migration, offline=OFFLINE)
    assert {line for line in before if "line_of" in line} <= bookings.snapshot()


KEYLESS = (
    "CREATE TABLE events (at int, note text); INSERT INTO events SELECT g, 'n' || g FROM generate_series(1, 30) AS g;"
)
DIVIDED = KEYLESS.replace(
    "; INSERT",
    " PARTITION BY RANGE (at); CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);"
    "CREATE TABLE events_2 PARTITION OF events DEFAULT; INSERT",
)


@pytest.mark.parametrize(
    ("setup", "sql"),
    [
        (
            KEYLESS,
            "ALTER TABLE events ADD id bigint GENERATED ALWAYS AS IDENTITY, ADD PRIMARY KEY (id)",
        ),
        (KEYLESS, "ALTER TABLE events ALTER at SET NOT NULL; ALTER TABLE events ADD PRIMARY KEY (at)"),
        (
            DIVIDED,
            "ALTER TABLE events ADD id bigserial; ALTER TABLE events ALTER at SET NOT NULL, ADD PRIMARY KEY (id, at)",
        ),
        (
            DIVIDED + "ALTER TABLE events ALTER at SET NOT NULL; ALTER TABLE events ADD PRIMARY KEY (at);",
            "ALTER TABLE events ADD id int NOT NULL DEFAULT 5, DROP CONSTRAINT events_pkey, ADD PRIMARY KEY (id, at)",
        ),
    ],
    ids=["identity", "not null", "serial on partitions", "another key on partitions"],
)
def test_a_column_and_the_key_over_it_are_one_migration(sandbox: Sandbox, setup: str, sql: str) -> None:
    sandbox.execute(setup)
    after = sandbox.shape_after(sql)
    sandbox.install()
    sandbox.finish(sandbox.new("key", sql))
    assert sandbox.snapshot() == after
    assert sandbox.leftovers() == []


def test_a_partition_whose_replica_identity_is_its_key_by_name_is_refused(sandbox: Sandbox) -> None:
    sandbox.execute(PARTITIONED + "ALTER TABLE events_1 REPLICA IDENTITY USING INDEX events_1_pkey")
    sandbox.install()
    for sql in ("", ", ADD PRIMARY KEY (at, id)"):
        with pytest.raises(Refused, match="is relied on by other objects") as caught:
            sandbox.new("key", f"ALTER TABLE events DROP CONSTRAINT events_pkey{sql}")
        assert "replica identity of table public.events_1" in refusal(caught.value)


def test_a_foreign_key_over_a_period_is_refused(sandbox: Sandbox) -> None:
    if sandbox.session.server_version < 18:
        pytest.skip("WITHOUT OVERLAPS came with PostgreSQL 18")
    sandbox.execute(
        "CREATE EXTENSION btree_gist; CREATE TABLE rooms (n int, at int4range, PRIMARY KEY (n, at WITHOUT OVERLAPS));"
        "CREATE TABLE stays (n int, at int4range, FOREIGN KEY (n, PERIOD at) REFERENCES rooms (n, PERIOD at))"
    )
    sandbox.install()
    with pytest.raises(Refused, match="is over a PERIOD"):
        sandbox.new("key", "ALTER TABLE rooms DROP CONSTRAINT rooms_pkey, ADD PRIMARY KEY (at, n)")


def test_other_changes_of_its_columns_may_come_along(bookings: Sandbox) -> None:
    sql = f"{SQL}; COMMENT ON COLUMN bookings.number IS 'of the tenant'; ALTER TABLE bookings ADD CHECK (number > 0)"
    after = bookings.shape_after(sql)
    bookings.install()
    bookings.finish(bookings.new("key", sql))
    assert bookings.snapshot() == after


UPSERTING = (
    "CREATE FUNCTION put() RETURNS void LANGUAGE sql BEGIN ATOMIC"
    " INSERT INTO bookings VALUES (1, 1, 1) ON CONFLICT ON CONSTRAINT bookings_pkey DO NOTHING; END;"
)


@pytest.mark.parametrize(
    ("more", "sql", "said"),
    [
        (
            "CREATE TABLE lines (booking int REFERENCES bookings);",
            SQL,
            "ADD UNIQUE (id), before it in the same migration",
        ),
        (
            "CREATE TABLE lines (booking int REFERENCES bookings);",
            f"ALTER TABLE bookings ADD UNIQUE (id) DEFERRABLE; {SQL}",
            "no other key than bookings_pkey is over these columns",
        ),
        ("CREATE VIEW seen AS SELECT id, note FROM bookings GROUP BY id;", SQL, "view public.seen"),
        (
            UPSERTING,
            SQL,
            "function public.put()",
        ),
        ("", f"{DROP}, ADD PRIMARY KEY (other)", "ALTER COLUMN other SET NOT NULL, before it in the same migration"),
        ("ALTER TABLE bookings REPLICA IDENTITY USING INDEX bookings_pkey;", SQL, "REPLICA IDENTITY DEFAULT"),
        ("CREATE PUBLICATION sent FOR TABLE bookings;", f"{SQL} DEFERRABLE", "every UPDATE and DELETE of table"),
        ("ALTER TABLE bookings ADD CONSTRAINT by_n CHECK (number > 0);", f"{DROP}, ADD CONSTRAINT by_n {KEY}", "by_n"),
        ("CREATE INDEX by_n ON bookings (other);", f"{DROP}, ADD CONSTRAINT by_n {KEY}", "by_n"),
        ("", f"{DROP} CASCADE, ADD {KEY}", "CASCADE would drop objects that are not named"),
    ],
)
def test_what_would_fail_or_lose_something_is_refused_before_anything(
    bookings: Sandbox, more: str, sql: str, said: str
) -> None:
    bookings.execute(more)
    bookings.install()
    with pytest.raises(Refused) as caught:
        bookings.new("key", sql)
    assert said in refusal(caught.value)


@pytest.mark.parametrize("name", ["bookings_pkey", "by_number"])
def test_a_comment_in_the_same_migration_is_on_the_new_key(bookings: Sandbox, name: str) -> None:
    bookings.execute("COMMENT ON CONSTRAINT bookings_pkey ON bookings IS 'the old one'")
    bookings.install()
    sql = f"{DROP}, ADD CONSTRAINT {name} {KEY}; COMMENT ON CONSTRAINT {name} ON bookings IS 'the new one'"
    bookings.finish(bookings.new("key", sql))
    comments = "SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE conrelid = 'bookings'::regclass"
    assert bookings.rows(f"{comments} AND contype = 'p'") == [("the new one",)]


def test_a_column_list_without_the_new_key_is_refused(bookings: Sandbox) -> None:
    if bookings.session.server_version < 15:
        pytest.skip("column lists came with PostgreSQL 15")
    publication = "CREATE PUBLICATION sent FOR TABLE bookings (id, note)"
    bookings.install()
    for before, sql in (("", f"{publication}; {SQL}"), ("", f"{SQL}; {publication}"), (publication, SQL)):
        bookings.execute(before)
        with pytest.raises(Refused, match="every UPDATE and DELETE") as caught:
            bookings.new("key", sql)
        assert "publication sent sends them without number, tenant of the replica identity" in refusal(caught.value)


def test_the_replica_identity_may_be_set_in_the_same_migration(bookings: Sandbox) -> None:
    bookings.execute(
        "ALTER TABLE bookings REPLICA IDENTITY USING INDEX bookings_pkey; CREATE PUBLICATION sent FOR TABLE bookings"
    )
    bookings.install()
    migration = bookings.new("key", f"ALTER TABLE bookings REPLICA IDENTITY DEFAULT; {SQL}")
    bookings.expand(migration)
    bookings.contract(migration, offline=OFFLINE)
    bookings.execute("UPDATE bookings SET note = 'x' WHERE id = 1")


@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [
        ("CREATE VIEW seen AS SELECT id, note FROM bookings GROUP BY id", "view public.seen"),
        (
            "CREATE TABLE more (booking int CONSTRAINT more_of REFERENCES bookings)",
            "was made or changed since it was planned",
        ),
        ("ALTER TABLE lines RENAME COLUMN booking TO about", "was made or changed since it was planned"),
        ("ALTER TABLE lines DROP CONSTRAINT line_of", "is gone since it was planned, and would come back"),
        ("ALTER TABLE bookings RENAME CONSTRAINT bookings_pkey TO other_name", "is not the primary key"),
        ("ALTER TABLE bookings REPLICA IDENTITY USING INDEX bookings_pkey", "REPLICA IDENTITY DEFAULT"),
        ("ALTER TABLE bookings ALTER number DROP NOT NULL", 'column "number" of table "public.bookings" may be NULL'),
        ("INSERT INTO bookings VALUES (200, 7 % 7, 7), (201, 0, 7)", "1 value of (tenant, number)"),
    ],
)
def test_what_came_since_expand_stops_contract_before_anything_is_gone(
    bookings: Sandbox, meanwhile: str, said: str
) -> None:
    bookings.execute("CREATE TABLE lines (booking int CONSTRAINT line_of REFERENCES bookings)")
    bookings.install()
    migration = bookings.new("key", f"ALTER TABLE bookings ADD CONSTRAINT one UNIQUE (id); {SQL}")
    bookings.expand(migration)
    bookings.execute(meanwhile)
    before = bookings.snapshot()
    with pytest.raises(Refused) as caught:
        bookings.contract(migration, offline=OFFLINE)
    assert said in refusal(caught.value)
    assert bookings.snapshot() == before
    bookings.rollback(migration, offline=OFFLINE)


@pytest.mark.parametrize("number", range(1, 6))
def test_a_run_that_is_killed_at_any_statement_goes_on(bookings: Sandbox, number: int) -> None:
    bookings.execute(
        "ALTER TABLE bookings ADD CONSTRAINT one UNIQUE (id);"
        "CREATE TABLE lines (booking int CONSTRAINT line_of REFERENCES bookings (id))"
    )
    bookings.install()
    migration = bookings.new("key", SQL)
    bookings.expand(migration)
    before = {line for line in bookings.snapshot() if "line_of" in line}
    process = bookings.process(
        "contract", migration.id, "--offline", OFFLINE,
        MIGRATOR_KILL_AT=str(number), MIGRATOR_KILL_MATCH="CREATE UNIQUE INDEX|ALTER TABLE",
    )  # fmt: skip
    process.communicate(timeout=60)
    assert process.returncode == -9
    assert bookings.value("SELECT count(*) FROM pg_index WHERE indrelid = 'bookings'::regclass AND indisprimary") == 1
    assert before <= {line.replace(" NOT VALID", "") for line in bookings.snapshot()}
    wait_for(lambda: bookings.command("contract", migration.id, "--offline", OFFLINE).code == 0, "contract")
    assert bookings.value("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'bookings_pkey'") == KEY
    assert before <= bookings.snapshot()
    assert bookings.leftovers() == []


@pytest.mark.parametrize("number", range(1, 4))
def test_a_run_on_partitions_that_is_killed_at_any_statement_goes_on(sandbox: Sandbox, number: int) -> None:
    sandbox.execute(PARTITIONED)
    sql = "ALTER TABLE events DROP CONSTRAINT events_pkey, ADD PRIMARY KEY (at, id)"
    after = sandbox.shape_after(sql)
    sandbox.install()
    migration = sandbox.new("key", sql)
    sandbox.expand(migration)
    process = sandbox.process(
        "contract", migration.id, "--offline", OFFLINE,
        MIGRATOR_KILL_AT=str(number), MIGRATOR_KILL_MATCH=r"CREATE UNIQUE INDEX|\ADO\b",
    )  # fmt: skip
    process.communicate(timeout=60)
    assert process.returncode == -9
    keys = "SELECT count(*) FROM pg_constraint WHERE contype = 'p' AND conrelid::regclass::text ~* 'events'"
    assert sandbox.value(keys) == 4
    wait_for(lambda: sandbox.command("contract", migration.id, "--offline", OFFLINE).code == 0, "contract")
    assert sandbox.snapshot() == after
    assert sandbox.leftovers() == []


@pytest.mark.parametrize(
    "other",
    [
        "ALTER TABLE bookings RENAME COLUMN id TO key",
        "ALTER TABLE lines RENAME COLUMN booking TO about",
        "ALTER TABLE lines ALTER booking TYPE bigint",
        "ALTER TABLE lines RENAME TO rows",
        "ALTER TABLE lines RENAME CONSTRAINT line_of TO other_name",
        "DROP TABLE lines",
        "ALTER TABLE more ADD FOREIGN KEY (booking) REFERENCES bookings",
    ],
)
def test_what_changes_a_foreign_key_that_is_carried_comes_before_or_after_it(bookings: Sandbox, other: str) -> None:
    bookings.execute(
        "CREATE TABLE lines (booking int CONSTRAINT line_of REFERENCES bookings); CREATE TABLE more (booking int);"
        "ALTER TABLE bookings ADD CONSTRAINT one UNIQUE (id)"
    )
    bookings.install()
    for sql in (f"{SQL}; {other}", f"{other}; {SQL}"):
        with pytest.raises(Refused) as caught:
            bookings.new("together", sql)
        assert re.search("write two migrations|in a migration after this one", refusal(caught.value))
    key, beside = bookings.new("key", SQL), bookings.new("beside", other)
    for first, second in ((key, beside), (beside, key)):
        bookings.expand(first)
        with pytest.raises(MigratorError) as waits:
            bookings.expand(second)
        assert "contract it first" in refusal(waits.value)
        bookings.rollback(first, offline=OFFLINE, yes=True)
