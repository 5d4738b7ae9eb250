"""S1 to S6: columns that only new code knows."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.scenarios.stage import Stage

PRODUCTS = "CREATE TABLE products (id serial PRIMARY KEY, name varchar(255) UNIQUE NOT NULL);"
FILLED = "-- migrator: fill = upper(name)\nALTER TABLE products ADD COLUMN description varchar(255) NOT NULL"


def test_s01_a_value_computed_for_old_code_and_kept_for_new_code(stage: Stage) -> None:
    """New code reads what is computed for rows of old code; what it wrote itself survives contract, not rollback."""
    stage.setup(PRODUCTS + "INSERT INTO products (name) VALUES ('pear')")
    before = stage.sandbox.snapshot()
    migration = stage.expand(FILLED)
    stage.old.run("INSERT INTO products (name) VALUES ('apple')")
    assert stage.new.value("SELECT description FROM products WHERE name = 'apple'") == "APPLE"
    stage.new.run("INSERT INTO products (name, description) VALUES ('banana', 'a yellow banana')")
    assert stage.new.value("SELECT description FROM products WHERE name = 'banana'") == "a yellow banana"
    assert stage.old.value("SELECT count(*) FROM products WHERE name = 'banana'") == 1

    with pytest.raises(Refused, match="exists only in the new shape"):
        stage.roll_back(migration)
    stage.roll_back(migration, yes=True)
    assert stage.sandbox.snapshot() == before
    assert stage.sandbox.leftovers() == []

    stage.expand_again(migration)
    stage.new.run("INSERT INTO products (name, description) VALUES ('cherry', 'a red one')")
    stage.old.run("UPDATE products SET name = 'pears' WHERE name = 'pear'")
    stage.contract(migration)
    *rows, pears = stage.rows("SELECT name, description FROM products ORDER BY name")
    assert rows == [("apple", "APPLE"), ("banana", "BANANA"), ("cherry", "a red one")]
    # Filled by the first write: this one, or any of the crowd.
    assert pears in [("pears", "PEARS"), *[("pears", "PEAR")] * bool(stage.crowds)]
    assert stage.sandbox.leftovers() == []


def test_s02_rows_are_filled_whatever_their_key(stage: Stage) -> None:
    """Rows from before are filled with a text key, without any key, and with a key over two columns."""
    keys = {"a": "id text PRIMARY KEY", "b": "id text", "c": "id text, part int DEFAULT 1, PRIMARY KEY (id, part)"}
    stage.setup(
        "".join(
            f"CREATE TABLE {table} ({key}, name text);"
            f"INSERT INTO {table} (id, name) SELECT 'k' || g, 'cherries' FROM generate_series(1, 3000) AS g;"
            for table, key in keys.items()
        )
    )
    stage.all_of(
        ";".join(
            f"-- migrator: fill = upper(name)\nALTER TABLE {table} ADD COLUMN description text NOT NULL"
            for table in keys
        )
    )
    for table in keys:
        assert stage.rows(f"SELECT description, count(*) FROM {table} GROUP BY 1") == [("CHERRIES", 3000)]


def test_s03_not_null_is_filled_until_contract_and_refused_after(stage: Stage) -> None:
    """NULL of new code is replaced while old code may be there, and an error once it is gone."""
    stage.setup(PRODUCTS + "INSERT INTO products (name) VALUES ('pear')")
    migration = stage.expand(FILLED)
    assert stage.old.fails("INSERT INTO products (name) VALUES ('apple')") == ""
    assert stage.new.fails("INSERT INTO products (name, description) VALUES ('fig', NULL)") == ""
    assert stage.rows("SELECT description FROM products WHERE id > 1 ORDER BY id") == [("APPLE",), ("FIG",)]
    stage.contract(migration)
    assert stage.new.fails("INSERT INTO products (name, description) VALUES ('kiwi', NULL)") == "23502"
    assert stage.new.fails("INSERT INTO products (name) VALUES ('kiwi')") == "23502"


def test_s04_a_constant_default_costs_no_rewrite_and_keeps_null(stage: Stage) -> None:
    """Rows of old code have the default, NULL written by new code stays, and NOT NULL holds at once."""
    stage.setup("CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'Ann')")
    file = stage.file_of("users")
    stage.expand("ALTER TABLE users ADD COLUMN age int DEFAULT 0, ADD COLUMN score int NOT NULL DEFAULT 7")
    assert stage.file_of("users") == file
    stage.old.run("INSERT INTO users (id, name) VALUES (2, 'Bob')")
    stage.new.run("INSERT INTO users (id, name, age) VALUES (3, 'Cyd', NULL)")
    assert stage.rows("SELECT age, score FROM users ORDER BY id") == [(0, 7), (0, 7), (None, 7)]
    assert stage.new.fails("INSERT INTO users (id, score) VALUES (4, NULL)") == "23502"


def test_s05_a_volatile_default_fills_in_batches_without_a_rewrite(stage: Stage) -> None:
    """Every row gets a value of its own, old code's too; NULL that new code inserts after the backfill stays NULL."""
    stage.setup(
        "CREATE FUNCTION always_ten() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 10';"
        "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1)"
    )
    file = stage.file_of("users")
    migration = stage.expand("ALTER TABLE users ADD COLUMN age int DEFAULT always_ten()")
    stage.old.run("INSERT INTO users (id) VALUES (2)")
    assert stage.rows("SELECT age FROM users ORDER BY id") == [(None,), (10,)]
    stage.backfill(migration)
    stage.new.run("INSERT INTO users (id, age) VALUES (3, NULL)")
    assert stage.sandbox.state(migration) == "complete"
    assert stage.rows("SELECT age FROM users ORDER BY id") == [(10,), (10,), (None,)]
    assert stage.file_of("users") == file
    assert stage.new.value("INSERT INTO users (id) VALUES (4) RETURNING age") == 10


@pytest.mark.parametrize("inside", [True, False])
def test_s06_a_condition_on_a_new_column_binds_from_contract_on(stage: Stage, inside: bool) -> None:
    """CHECK inside ADD COLUMN, or as a change of its own after it, binds from contract on, and is validated then."""
    stage.setup("CREATE TABLE products (id int PRIMARY KEY); INSERT INTO products VALUES (0)")
    if not inside:
        stage.all_of("ALTER TABLE products ADD COLUMN d text")
    migration = stage.expand(
        "ALTER TABLE products ADD COLUMN d text CONSTRAINT long CHECK (length(d) > 3)"
        if inside
        else "ALTER TABLE products ADD CONSTRAINT long CHECK (length(d) > 3)"
    )
    assert stage.old.fails("INSERT INTO products VALUES (1, 'abc')") == ""
    assert "1 row of public.products violates" in stage.contract_refused(migration)
    stage.new.run("UPDATE products SET d = 'abcd'")
    stage.contract(migration)
    assert stage.new.fails("INSERT INTO products VALUES (2, 'abc')") == "23514"
    assert stage.sandbox.value("SELECT convalidated FROM pg_constraint WHERE conname = 'long'")


@pytest.mark.parametrize(
    "sql",
    [
        (
            "ALTER TABLE products ADD COLUMN d int; ALTER TABLE products ADD CONSTRAINT much CHECK (d > 3);"
            "ALTER TABLE products ADD UNIQUE (d); ALTER TABLE products ADD FOREIGN KEY (d) REFERENCES products"
        ),
        (
            "ALTER TABLE products ADD COLUMN d int CONSTRAINT much CHECK (d > 3) CHECK (d < 10) CHECK (d < id + 20)"
            " CHECK (d <> 5) UNIQUE REFERENCES products ON DELETE SET NULL DEFERRABLE"
        ),
    ],
    ids=["behind it", "inside"],
)
def test_s06_what_binds_a_new_column_comes_with_it_in_one_migration(stage: Stage, sql: str) -> None:
    """A column, its conditions and its keys: the column from expand on, the rest binds from contract on."""
    stage.setup("CREATE TABLE products (id int PRIMARY KEY); INSERT INTO products VALUES (1), (4)")
    before, after = stage.sandbox.snapshot(), stage.sandbox.shape_after(sql)
    migration = stage.expand(sql)
    stage.roll_back(migration, yes=True)
    assert stage.sandbox.snapshot() == before
    stage.expand_again(migration)
    assert stage.new.fails("UPDATE products SET d = 1") == ""
    assert "occurs more than once" in stage.contract_refused(migration)
    stage.sandbox.execute("UPDATE products SET d = CASE id WHEN 4 THEN 4 END")
    stage.contract(migration)
    assert stage.sandbox.snapshot() == after
    assert [stage.new.fails(f"UPDATE products SET d = {value} WHERE id = 1") for value in (1, 4, 9)] == [
        "23514",
        "23505",
        "23503",
    ]


def test_s06_a_serial_column_and_a_comment(stage: Stage) -> None:
    """A serial column numbers rows from before, of old code and of new code; a comment comes along."""
    stage.setup("CREATE TABLE products (id int PRIMARY KEY); INSERT INTO products SELECT generate_series(1, 3)")
    migration = stage.expand("ALTER TABLE products ADD COLUMN number serial;COMMENT ON COLUMN products.id IS 'key'")
    stage.old.run("INSERT INTO products VALUES (4)")
    stage.contract(migration)
    assert stage.rows("SELECT count(DISTINCT number), count(*) FROM products") == [(4, 4)]
    assert stage.new.value("INSERT INTO products VALUES (5) RETURNING number > (SELECT max(number) FROM products)")
    assert stage.sandbox.value("SELECT col_description('products'::regclass, 1)") == "key"


def test_s06_a_new_column_with_a_foreign_key(stage: Stage) -> None:
    """A column and then its foreign key: deleting the parent is refused, or takes the child along."""
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE posts (id int); CREATE TABLE notes (id int);"
        "INSERT INTO users VALUES (1), (2); INSERT INTO posts VALUES (0); INSERT INTO notes VALUES (0)"
    )
    stage.all_of("ALTER TABLE posts ADD COLUMN user_id int; ALTER TABLE notes ADD COLUMN user_id int")
    stage.all_of(
        "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users;"
        "ALTER TABLE notes ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE"
    )
    stage.new.run("INSERT INTO posts VALUES (1, 1); INSERT INTO notes VALUES (1, 2)")
    assert stage.new.fails("INSERT INTO posts VALUES (2, 9)") == "23503"
    assert stage.new.fails("DELETE FROM users WHERE id = 1") == "23503"
    assert stage.new.fails("DELETE FROM users WHERE id = 2") == ""
    assert stage.rows("SELECT * FROM notes") == [(0, None)]


@pytest.mark.parametrize("column", ["bigserial PRIMARY KEY", "int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"])
def test_s06_a_table_gets_a_column_that_is_its_key(stage: Stage, column: str) -> None:
    """PRIMARY KEY inside ADD COLUMN: rows are numbered by the backfill, and the key binds from contract on."""
    sql = f"ALTER TABLE products ADD COLUMN id {column}"
    stage.setup("CREATE TABLE products (name text); INSERT INTO products VALUES ('a'), ('b')")
    before, after = stage.sandbox.snapshot(), stage.sandbox.shape_after(sql)
    migration = stage.expand(sql)
    stage.old.run("INSERT INTO products VALUES ('c')")
    stage.roll_back(migration, yes=True)
    assert stage.sandbox.snapshot() == before
    stage.expand_again(migration)
    stage.old.run("INSERT INTO products VALUES ('d')")
    stage.contract(migration)
    assert stage.sandbox.snapshot() == after
    assert stage.rows("SELECT count(*), count(DISTINCT id) FROM products") == [(4, 4)]
    assert stage.new.fails("INSERT INTO products (name, id) SELECT 'e', id FROM products LIMIT 1") == "23505"
