"""S21 to S25, S27: what goes and what is called otherwise."""

from __future__ import annotations

import pytest

from tests.scenarios.stage import Stage


def test_s21_rules_over_several_columns_hold_until_contract(stage: Stage) -> None:
    """A dropped CHECK, UNIQUE and foreign key bind both versions until contract; what else is on the columns stays."""
    stage.setup(
        "CREATE TABLE parents (a int, b int, PRIMARY KEY (a, b)); INSERT INTO parents VALUES (1, 1);"
        "CREATE TABLE sales (id serial, price int NOT NULL DEFAULT 5, discount int, a int, b int,"
        " CONSTRAINT sane CHECK (discount = 0 OR price > 0), CONSTRAINT one UNIQUE (price, discount),"
        " CONSTRAINT pair FOREIGN KEY (a, b) REFERENCES parents, CONSTRAINT low CHECK (discount < 100));"
        "COMMENT ON COLUMN sales.price IS 'in cents'; INSERT INTO sales (price, discount) VALUES (1, 1)"
    )
    migration = stage.expand(
        "ALTER TABLE sales DROP CONSTRAINT sane; ALTER TABLE sales DROP CONSTRAINT one;"
        "ALTER TABLE sales DROP CONSTRAINT pair"
    )
    rows = {"(0, 1, 1, 1)": "23514", "(1, 1, 1, 1)": "23505", "(7, 7, 9, 9)": "23503"}
    for client in (stage.old, stage.new):
        for row, code in rows.items():
            assert client.fails(f"INSERT INTO sales (price, discount, a, b) VALUES {row}") == code
    stage.contract(migration)
    for row in rows:
        assert stage.new.fails(f"INSERT INTO sales (price, discount, a, b) VALUES {row}") == ""
    assert stage.new.fails("INSERT INTO sales (discount) VALUES (100)") == "23514"
    assert stage.new.fails("INSERT INTO sales (price) VALUES (NULL)") == "23502"
    assert stage.new.value("INSERT INTO sales (id) VALUES (99) RETURNING price") == 5
    assert stage.sandbox.value("SELECT col_description('sales'::regclass, 2)") == "in cents"


def test_s22_old_code_finds_a_stand_in_in_a_dropped_column(stage: Stage) -> None:
    """Rows of new code hold ``down`` where old code looks, one value for all; rollback leaves the column as it was."""
    stage.setup(
        'CREATE TABLE "order" (id serial PRIMARY KEY, "select" text NOT NULL, email text);'
        'INSERT INTO "order" ("select") VALUES (\'Foo\')'
    )
    before = stage.sandbox.snapshot()
    assert "names a column" in stage.refused(
        '-- migrator: down = upper(email)\nALTER TABLE "order" DROP COLUMN "select"'
    )
    migration = stage.expand('-- migrator: down = \'UNKNOWN\'\nALTER TABLE "order" DROP COLUMN "select"')
    stage.new.run("INSERT INTO \"order\" (email) VALUES ('foo@example.com')")
    stage.old.run("INSERT INTO \"order\" (\"select\", email) VALUES ('Bar', 'bar@example.com')")
    assert stage.old.run('SELECT "select" FROM "order" ORDER BY id') == [("Foo",), ("UNKNOWN",), ("Bar",)]
    stage.roll_back(migration)
    assert stage.sandbox.snapshot() == before
    assert stage.old.run('SELECT "select" FROM "order" ORDER BY id') == [("Foo",), ("UNKNOWN",), ("Bar",)]
    stage.expand_again(migration)
    stage.contract(migration)
    assert stage.rows('SELECT email FROM "order" ORDER BY id') == [(None,), ("foo@example.com",), ("bar@example.com",)]


def test_s22_a_stand_in_computed_from_another_column_is_a_merge(stage: Stage) -> None:
    """Where old code needs a value computed from other columns, merge_columns keeps both sides in step."""
    stage.setup(
        "CREATE TABLE users (id serial PRIMARY KEY, name text, email text);"
        "INSERT INTO users (name, email) VALUES ('Bar', 'bar@example.com')"
    )
    migration = stage.expand(
        "-- migrator: up = email || '/' || name\n"
        "-- migrator: down = upper(split_part(contact, '/', 1)), split_part(contact, '/', 1)\n"
        "ALTER TABLE users ADD COLUMN contact text, DROP COLUMN name, DROP COLUMN email"
    )
    stage.new.run("INSERT INTO users (contact) VALUES ('foo@example.com/')")
    assert stage.old.run("SELECT name, email FROM users ORDER BY id") == [
        ("Bar", "bar@example.com"), ("FOO@EXAMPLE.COM", "foo@example.com"),
    ]  # fmt: skip
    stage.contract(migration)
    assert stage.rows("SELECT contact FROM users ORDER BY id") == [("bar@example.com/Bar",), ("foo@example.com/",)]


def test_s23_a_renamed_column_and_a_renamed_key(stage: Stage) -> None:
    """Each version uses its name, serial keys too; the column takes its new name at contract only."""
    stage.setup(
        "CREATE TABLE users (id serial PRIMARY KEY, username text NOT NULL); INSERT INTO users (username) VALUES ('a')"
    )
    migration = stage.expand("ALTER TABLE users RENAME username TO name; ALTER TABLE users RENAME id TO user_id")
    assert stage.old.value("INSERT INTO users (username) VALUES ('b') RETURNING id") == 2
    assert stage.new.value("INSERT INTO users (name) VALUES ('c') RETURNING user_id") == 3
    stage.new.run("UPDATE users SET name = 'B' WHERE user_id = 2")
    stage.old.run("UPDATE users SET username = 'C' WHERE id = 3")
    assert stage.old.run("SELECT id, username FROM users ORDER BY id") == [(1, "a"), (2, "B"), (3, "C")]
    assert stage.new.run("SELECT user_id, name FROM users WHERE name <> 'a' ORDER BY user_id") == [(2, "B"), (3, "C")]
    stage.contract(migration)
    assert stage.new.run("SELECT * FROM users ORDER BY user_id") == [(1, "a"), (2, "B"), (3, "C")]
    assert stage.new.value("INSERT INTO users (name) VALUES ('d') RETURNING user_id") == 4


def test_s23_a_renamed_table_has_its_other_changes_in_migrations_of_their_own(stage: Stage) -> None:
    """A table, its column, and any other change: refused as one migration, each in turn leads to the same shape."""
    stage.setup(
        "CREATE TABLE persons (id serial PRIMARY KEY, name text, nick text, age int, tag text DEFAULT 't', old int);"
        "INSERT INTO persons (name) VALUES ('first')"
    )
    table, column = "ALTER TABLE persons RENAME TO people", "ALTER TABLE people RENAME name TO full_name"
    assert "beside other changes" in stage.refused(f"{table}; {column.replace('people', 'persons')}")
    migration = stage.expand(table)
    stage.old.run("INSERT INTO persons (name, age) VALUES ('by old', 7)")
    stage.new.run("INSERT INTO people (name, age, nick) VALUES ('by new', 7, 'n')")
    stage.contract(migration)
    migration = stage.expand(column)
    stage.old.run("UPDATE people SET name = 'again' WHERE name = 'by old'")
    assert stage.new.value("SELECT count(*) FROM people WHERE full_name = 'again'") == 1
    stage.contract(migration)
    stage.all_of(
        "ALTER TABLE people ALTER age TYPE bigint; ALTER TABLE people ALTER tag DROP DEFAULT;"
        "ALTER TABLE people DROP COLUMN old; -- migrator: fill = 'x'\nALTER TABLE people ALTER nick SET NOT NULL"
    )
    assert stage.rows("SELECT * FROM people ORDER BY id") == [
        (1, "first", "x", "t", None), (2, "again", "x", "t", 7), (3, "by new", "n", "t", 7),
    ]  # fmt: skip
    assert stage.sandbox.leftovers() == []


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("ALTER TABLE users RENAME name TO a; ALTER TABLE users RENAME a TO b", 'column "a"'),
        ("ALTER TABLE users RENAME name TO nick; ALTER TABLE users DROP COLUMN nick", 'column "nick"'),
        ("DROP TABLE users; CREATE TABLE users (id int)", "exists already"),
    ],
)
def test_s24_one_object_changed_twice_in_a_migration_is_refused(stage: Stage, sql: str, reason: str) -> None:
    """Renamed twice, renamed and dropped, dropped and created: refused with what to write."""
    stage.setup("CREATE TABLE users (id int PRIMARY KEY, name text)")
    assert reason in stage.refused(sql)


def test_s24_several_objects_are_undone_in_reverse(stage: Stage) -> None:
    """A table with its index, a view on it and a column of a new type come together and go together."""
    stage.setup("CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (0, 'z')")
    before = stage.sandbox.snapshot()
    migration = stage.expand(
        "CREATE TYPE mood AS ENUM ('glad'); ALTER TABLE users ADD COLUMN mood mood;"
        "CREATE TABLE notes (id int PRIMARY KEY, user_id int REFERENCES users); CREATE UNIQUE INDEX ON notes (user_id);"
        "CREATE VIEW v AS SELECT user_id FROM notes; CREATE INDEX by_name ON users (name)"
    )
    assert stage.new.fails("INSERT INTO users VALUES (1, 'a', 'glad'); INSERT INTO notes VALUES (1, 1)") == ""
    assert stage.new.fails("INSERT INTO notes VALUES (2, 1)") == "23505"
    stage.roll_back(migration, yes=True)
    assert stage.sandbox.snapshot() == before
    assert stage.old.run("SELECT * FROM users ORDER BY id") == [(0, "z"), (1, "a")]


def test_s25_a_dropped_table_is_there_for_old_code_until_contract(stage: Stage) -> None:
    """Old code reads and writes it to the end; rollback has nothing to bring back, contract removes it."""
    stage.setup(
        "CREATE TABLE users (id int); INSERT INTO users VALUES (1);"
        "CREATE TABLE notes (id int); INSERT INTO notes VALUES (1)"
    )
    migration = stage.expand("DROP TABLE users")
    stage.old.run("INSERT INTO users VALUES (2)")
    stage.roll_back(migration)
    assert stage.old.run("SELECT id FROM users ORDER BY id") == [(1,), (2,)]
    stage.expand_again(migration)
    stage.old.run("UPDATE users SET id = 3 WHERE id = 2")
    stage.contract(migration)
    assert stage.new.fails("SELECT FROM users") == "42P01"


def test_s27_a_constraint_is_renamed_at_contract_and_rows_get_another_identity(stage: Stage) -> None:
    """ON CONFLICT ON CONSTRAINT of old code works until contract; REPLICA IDENTITY is set at once."""
    stage.setup("CREATE TABLE users (id int CONSTRAINT key PRIMARY KEY, n int); INSERT INTO users VALUES (0, 0)")
    identity = "SELECT relreplident::text FROM pg_class WHERE oid = 'users'::regclass"
    migration = stage.expand(
        "ALTER TABLE users RENAME CONSTRAINT key TO users_key;ALTER TABLE users REPLICA IDENTITY FULL"
    )
    upsert = "INSERT INTO users VALUES (1, 1) ON CONFLICT ON CONSTRAINT {} DO UPDATE SET n = users.n + 1"
    assert stage.old.fails(upsert.format("key")) == ""
    assert stage.sandbox.value(identity) == "f"
    stage.roll_back(migration)
    assert stage.sandbox.value(identity) == "d"
    stage.expand_again(migration)
    stage.contract(migration)
    assert stage.new.fails(upsert.format("users_key")) == ""
    assert stage.rows("SELECT * FROM users ORDER BY id") == [(0, 0), (1, 2)]
