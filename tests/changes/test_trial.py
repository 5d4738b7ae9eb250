"""What the server would refuse at a step, maybe at contract weeks later, is refused before anything is touched."""

from __future__ import annotations

import pytest

from migrator.planning import planner
from migrator.planning.objections import objections as asked_of_server
from migrator.postgres.catalog import objection_to, read_schema
from migrator.postgres.session import Session
from migrator.sql.actions import actions_of, objects_in
from migrator.sql.parser import parse_script
from tests.changes.plans import MIGRATION, changes
from tests.support.snapshot import snapshot

SETUP = """
    CREATE TABLE customers (id integer PRIMARY KEY, name text, age integer, data json, email varchar(9) UNIQUE);
    CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer, total numeric, during int4range, seen boolean,
        customer_key varchar(9), parent_id integer);
    CREATE TABLE visits (id integer, day date) PARTITION BY RANGE (day);
    CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE FUNCTION once() RETURNS integer LANGUAGE sql AS 'SELECT 1';
"""


def objections(session: Session, sql: str) -> list[str]:
    names = [name for action in actions_of(parse_script(sql)) for name in objects_in(action)]
    schema = read_schema(session, names)
    found = changes(sql, schema)
    planner.check(found, migration=MIGRATION, level=7, schema=schema)
    expressions = planner.expressions_of(found, migration=MIGRATION, level=7, schema=schema)
    return [
        refused.message
        for refused in asked_of_server(
            expressions, lambda each: objection_to(session, each.query, each.search_path, each.sample, each.trial)
        )
    ]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("ALTER TABLE customers ADD CONSTRAINT c CHECK (missing(age) > 1)", "function missing(integer) does not exist"),
        ("ALTER TABLE customers ADD CONSTRAINT c CHECK (age)", "must be type boolean"),
        ("ALTER TABLE customers ADD CONSTRAINT c CHECK (name > 5)", "operator does not exist: text > integer"),
        ("ALTER TABLE customers ADD CONSTRAINT c UNIQUE (data)", "no default operator class"),
        ("ALTER TABLE orders ADD CONSTRAINT c EXCLUDE USING gist (seen WITH =)", "no default operator class"),
        ("CREATE INDEX c ON customers (data)", "no default operator class"),
        ("CREATE INDEX c ON customers ((now() - name::timestamp))", "must be marked IMMUTABLE"),
        ("CREATE INDEX c ON customers (missing)", 'column "missing" does not exist'),
        ("CREATE INDEX c ON customers (name) WHERE missing", 'column "missing" does not exist'),
        ("CREATE INDEX c ON customers (name) WITH (missing = 1)", 'unrecognized parameter "missing"'),
        (
            "ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (total) REFERENCES customers (id)",
            "are of incompatible types: numeric and integer",
        ),
        (
            "ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (customer_id) REFERENCES customers (email)",
            "are of incompatible types",
        ),
        ("CREATE TABLE t (id missing)", 'type "missing" does not exist'),
        ("CREATE TABLE t (id int DEFAULT missing())", "function missing() does not exist"),
        ("CREATE TABLE t (id int, id int)", 'column "id" specified more than once'),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT missing()'", "function missing() does not exist"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGI'", "syntax error"),
        ("CREATE OR REPLACE FUNCTION once() RETURNS int LANGUAGE sql AS 'SELECT missing()'", "does not exist"),
        (
            (
                "-- migrator: phase = expand\nCREATE TRIGGER c BEFORE UPDATE ON orders FOR EACH ROW WHEN (missing)"
                " EXECUTE FUNCTION leave()"
            ),
            'column "missing" does not exist',
        ),
        (
            (
                "-- migrator: phase = contract\nCREATE TRIGGER c BEFORE UPDATE ON orders FOR EACH ROW"
                " EXECUTE FUNCTION once()"
            ),
            "must return type trigger",
        ),
        ("CREATE SEQUENCE s MINVALUE 10 MAXVALUE 5", "must be less than MAXVALUE"),
        ("ALTER TABLE orders SET (fillfactor = 700)", "out of bounds"),
        ("ALTER TABLE orders ADD COLUMN c text COMPRESSION missing", "invalid compression method"),
        ('ALTER TABLE orders ADD COLUMN c text COLLATE "missing"', 'collation "missing"'),
        ("ALTER TABLE orders ADD COLUMN c text CHECK (c > 5)", "operator does not exist: text > integer"),
        ("ALTER TABLE orders ADD COLUMN c json UNIQUE", "no default operator class"),
        ("ALTER TABLE orders ADD COLUMN c text REFERENCES customers", "are of incompatible types: text and integer"),
        ("ALTER TABLE orders ADD COLUMN c json; ALTER TABLE orders ADD UNIQUE (c)", "no default operator class"),
    ],
)
def test_what_the_server_does_not_take_is_refused_and_leaves_no_trace(session: Session, sql: str, reason: str):
    session.execute(SETUP)
    before = snapshot(session)

    (said,) = objections(session, sql)

    assert "the server does not accept" in said
    assert reason in said
    assert snapshot(session) == before


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE customers ADD CONSTRAINT c CHECK (customers.age > 1)",
        "ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (parent_id) REFERENCES orders ON DELETE SET NULL",
        "ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (customer_id) REFERENCES customers DEFERRABLE",
        "ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (customer_key) REFERENCES customers (email) MATCH FULL",
        "ALTER TABLE orders ADD CONSTRAINT c EXCLUDE USING gist (during WITH &&) WHERE (seen)",
        "ALTER TABLE orders ADD UNIQUE (total) INCLUDE (seen) DEFERRABLE",
        "CREATE UNIQUE INDEX c ON customers (lower(customers.name)) INCLUDE (age) WHERE customers.age > 1",
        (
            "CREATE TABLE t (id bigserial PRIMARY KEY, c int REFERENCES customers DEFERRABLE NOT NULL,"
            " o int, FOREIGN KEY (o) REFERENCES orders DEFERRABLE, CHECK (t.o > c),"
            " n int GENERATED ALWAYS AS (o + 1) STORED UNIQUE)"
        ),
        "CREATE UNLOGGED TABLE t (LIKE customers INCLUDING ALL)",
        "CREATE TABLE t (id int, d date) PARTITION BY RANGE (d)",
        "CREATE FUNCTION f(a customers) RETURNS SETOF orders LANGUAGE sql AS 'SELECT * FROM orders'",
        "CREATE SEQUENCE s AS smallint START 5 OWNED BY orders.id",
        "CREATE TYPE mood AS ENUM ('glad'); CREATE TABLE t (m mood); CREATE INDEX i ON t (m)",
        (
            "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a';"
            " ALTER TABLE customers ADD CONSTRAINT c CHECK (f(age) > 1)"
        ),
        (
            "-- migrator: phase = expand\nCREATE TRIGGER c AFTER UPDATE ON orders REFERENCING NEW TABLE AS n"
            " FOR EACH STATEMENT EXECUTE FUNCTION leave()"
        ),
        "ALTER TABLE orders SET (toast.autovacuum_enabled = false)",
        "ALTER TABLE orders ADD COLUMN c text; CREATE INDEX i ON orders (c)",
        'ALTER TABLE orders ADD COLUMN c text COMPRESSION pglz COLLATE "C"',
        "ALTER TABLE orders ADD COLUMN c int REFERENCES customers UNIQUE CHECK (c > total)",
        "ALTER TABLE visits ADD COLUMN c int; ALTER TABLE visits ADD UNIQUE (c, day)",
        "ALTER TABLE visits ADD COLUMN c int; CREATE UNIQUE INDEX i ON visits (c, day)",
        "ALTER TABLE orders ADD COLUMN c text COLLATE \"C\" CHECK (c > 'a'), ADD COLUMN d int CHECK (length(c) > d)",
    ],
)
def test_what_the_server_takes_is_not_objected_to(session: Session, sql: str):
    session.execute(SETUP)
    before = snapshot(session)

    assert objections(session, sql) == []

    assert snapshot(session) == before
    session.execute(sql)


def test_what_the_server_does_not_do_with_generated_columns_is_found(session: Session):
    if session.server_version < 18:
        pytest.skip("virtual generated columns came with PostgreSQL 18")
    session.execute("CREATE TABLE t (id int, n int GENERATED ALWAYS AS (id + 1) VIRTUAL)")

    (said,) = objections(session, "CREATE INDEX c ON t (n)")

    assert "not supported" in said
