"""DO blocks that only keep a statement from failing where its work is done already."""

from __future__ import annotations

import pytest

from migrator.sql.guarded import unguarded
from migrator.sql.parser import parse_script


def inside(sql: str) -> list[tuple[str, int]]:
    return [(each.text, each.line) for each in unguarded(parse_script(sql)).statements]


def test_what_passes_over_a_duplicate_is_the_statement_inside():
    sql = """SELECT 1;
DO $$ BEGIN
  CREATE TYPE mood AS ENUM ('a');
EXCEPTION
  WHEN duplicate_object THEN null;
END $$;
SELECT 2"""

    assert inside(sql) == [("SELECT 1", 1), ("CREATE TYPE mood AS ENUM ('a')", 3), ("SELECT 2", 7)]


@pytest.mark.parametrize(
    ("body", "statement"),
    [
        (
            (
                "IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'c') THEN"
                " ALTER TABLE t ADD CONSTRAINT c CHECK (x > 0); END IF;"
            ),
            "ALTER TABLE t ADD CONSTRAINT c CHECK (x > 0)",
        ),
        (
            (
                "IF EXISTS (SELECT FROM information_schema.columns WHERE table_name = 't' AND column_name = 'x') THEN"
                " ALTER TABLE t DROP COLUMN x; END IF;"
            ),
            "ALTER TABLE t DROP COLUMN x",
        ),
        (
            "ALTER TABLE t ADD x int; EXCEPTION WHEN duplicate_column OR duplicate_table THEN RAISE NOTICE 'there';",
            "ALTER TABLE t ADD x int",
        ),
        (
            (
                "IF EXISTS (SELECT FROM information_schema.columns WHERE table_name = 't' AND column_name = 'x') THEN"
                ' ALTER TABLE t RENAME COLUMN "x" TO y; END IF;'
            ),
            'ALTER TABLE t RENAME COLUMN "x" TO y',
        ),
        ("DROP TYPE mood; EXCEPTION WHEN undefined_object THEN null;", "DROP TYPE mood"),
    ],
)
def test_guards_of_every_form(body: str, statement: str):
    assert inside(f"DO $do$ BEGIN {body} END $do$") == [(statement, 1)]


@pytest.mark.parametrize(
    "body",
    [
        "IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'app') THEN CREATE TABLE t (id int); END IF;",
        "IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'app') THEN CREATE TABLE t (id int); END IF;",
        "IF NOT EXISTS (SELECT 1 FROM settings WHERE name = 't') THEN CREATE TABLE t (id int); END IF;",
        "IF now() > '2030-01-01' THEN CREATE TABLE t (id int); END IF;",
        (
            "IF NOT EXISTS (SELECT FROM pg_class WHERE relname = 't') THEN CREATE TABLE t (id int);"
            " ELSE DROP TABLE t; END IF;"
        ),
        "CREATE TABLE t (id int); EXCEPTION WHEN OTHERS THEN null;",
        "CREATE TABLE t (id int); EXCEPTION WHEN duplicate_table THEN DROP TABLE t;",
        "CREATE TABLE t (id int); EXCEPTION WHEN duplicate_table THEN RAISE EXCEPTION 'there';",
        "DROP TABLE t; EXCEPTION WHEN duplicate_table THEN null;",
        "FOR i IN 1..2 LOOP CREATE TABLE t (id int); END LOOP;",
        "EXECUTE 'CREATE TABLE t (id int)';",
        "UPDATE t SET x = found;",
        "BROKEN",
    ],
)
def test_what_does_anything_else_stays_a_block(body: str):
    sql = f"DO $$ BEGIN {body} END $$"

    assert inside(sql) == [(sql, 1)]


@pytest.mark.parametrize(
    "sql",
    [
        "-- migrator: phase = contract\nDO $$ BEGIN CREATE TYPE mood AS ENUM ('a'); END $$",
        "DO LANGUAGE plperl $$ spi_exec_query('CREATE TABLE t ()') $$",
    ],
)
def test_a_directive_and_another_language_are_left_alone(sql: str):
    assert [each.kind for each in unguarded(parse_script(sql)).statements] == ["do_stmt"]
