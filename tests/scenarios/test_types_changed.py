"""S9, S10, S18: a column of another type under the same name. Until contract there is one column, the old one."""

from __future__ import annotations

from tests.lifecycle.harness import unplaced_lines
from tests.scenarios.stage import Stage


def test_s09_text_becomes_integer(stage: Stage) -> None:
    """Both versions write the old type until contract and find each other's values; then the column is an integer."""
    stage.setup(
        "CREATE TABLE reviews (id serial PRIMARY KEY, rating text NOT NULL DEFAULT '0');"
        "INSERT INTO reviews (rating) VALUES ('7')"
    )
    migration = stage.plan("ALTER TABLE reviews ALTER rating TYPE integer USING rating::integer")
    stage.expand_planned(migration)
    assert stage.new.value("INSERT INTO reviews (rating) VALUES (5) RETURNING rating") == "5"
    stage.old.run("INSERT INTO reviews (rating) VALUES ('8')")
    stage.old.run("INSERT INTO reviews DEFAULT VALUES")
    assert stage.old.run("SELECT rating FROM reviews ORDER BY id") == [("7",), ("5",), ("8",), ("0",)]
    assert stage.new.run("SELECT rating::integer FROM reviews ORDER BY id") == [(7,), (5,), (8,), (0,)]
    stage.contract(migration)
    stage.new.run("INSERT INTO reviews (rating) VALUES (3)")
    stage.new.run("INSERT INTO reviews DEFAULT VALUES")
    assert stage.rows("SELECT rating FROM reviews ORDER BY id") == [(7,), (5,), (8,), (0,), (3,), (0,)]
    assert stage.rows("SELECT attname FROM pg_attribute WHERE attrelid = 'reviews'::regclass AND attnum > 0"
                      " AND NOT attisdropped ORDER BY attnum") == [("id",), ("rating",)]  # fmt: skip


def test_s10_what_hangs_on_the_column_comes_along(stage: Stage) -> None:
    """Key, default, CHECK, unique, NOT NULL and comment follow, under names that need quoting; else it is refused."""
    stage.setup(
        'CREATE TABLE "Users" ("Id" int PRIMARY KEY); INSERT INTO "Users" VALUES (1), (2);'
        'CREATE TABLE "Posts" ("Id" int PRIMARY KEY, "userId" int NOT NULL DEFAULT 1 CONSTRAINT one UNIQUE'
        ' CONSTRAINT above CHECK ("userId" > 0) CONSTRAINT "by" REFERENCES "Users", mark text DEFAULT \'none\');'
        'COMMENT ON COLUMN "Posts"."userId" IS \'who\'; INSERT INTO "Posts" VALUES (1, 1)'
    )
    assert 'invalid input syntax for type integer: "none"' in stage.refused(
        'ALTER TABLE "Posts" ALTER mark TYPE integer USING mark::integer'
    )
    sql = 'ALTER TABLE "Posts" ALTER "userId" TYPE bigint'
    after = stage.sandbox.shape_after(sql)
    migration = stage.expand(sql)
    stage.old.run('INSERT INTO "Posts" VALUES (2, 2)')
    stage.contract(migration)
    assert unplaced_lines(stage.sandbox.snapshot()) == unplaced_lines(after)
    insert = 'INSERT INTO "Posts" ("Id", "userId") VALUES (3, {})'
    for value, code in (("DEFAULT", "23505"), ("3", "23503"), ("0", "23514"), ("NULL", "23502")):
        assert stage.new.fails(insert.format(value)) == code
    assert stage.sandbox.value("""SELECT col_description('"Posts"'::regclass, attnum) FROM pg_attribute"""
                               """ WHERE attrelid = '"Posts"'::regclass AND attname = 'userId'""") == "who"  # fmt: skip


def test_s18_a_key_becomes_bigint(stage: Stage) -> None:
    """Large ids are an error for both versions until contract and fit after it; a rollback leaves the key too."""
    stage.setup(
        "CREATE TABLE users (id serial PRIMARY KEY, n int); INSERT INTO users (n) VALUES (1);"
        "CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b)); INSERT INTO pairs VALUES (1, 1)"
    )
    before = stage.sandbox.snapshot()
    migration = stage.expand("ALTER TABLE users ALTER id TYPE bigint; ALTER TABLE pairs ALTER b TYPE bigint")
    for client in (stage.old, stage.new):
        assert client.fails("INSERT INTO users (id) VALUES (31474836471)") == "22003"
        assert client.fails("INSERT INTO pairs VALUES (1, 31474836471)") == "22003"
    stage.roll_back(migration)
    assert stage.sandbox.snapshot() == before
    stage.expand_again(migration)
    stage.contract(migration)
    assert stage.new.fails("INSERT INTO users (id) VALUES (31474836471)") == ""
    assert stage.new.fails("INSERT INTO pairs VALUES (1, 31474836471)") == ""
    assert stage.new.fails("INSERT INTO pairs VALUES (1, 1)") == "23505"
    assert stage.rows("SELECT conname::text FROM pg_constraint WHERE contype = 'p' AND conrelid = 'users'::regclass"
                      ) == [("users_pkey",)]  # fmt: skip
