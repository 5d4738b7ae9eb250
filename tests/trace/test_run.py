"""Files run as they commit, and what each statement locks, rewrites, builds and scans is seen."""

from __future__ import annotations

import pytest

from migrator.model.plan import Phase
from migrator.model.trace import Outcome
from migrator.trace.scratch import Scratch
from tests.trace.tracing import last_file, locks, phase_file, trace

SHOP = """
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE orders (
    id bigint PRIMARY KEY, customer_id int, code varchar(20), amount int, state text CHECK (state IN ('new', 'sent'))
);
CREATE INDEX orders_amount ON orders (amount);
CREATE TABLE events (day date NOT NULL, what text) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE MATERIALIZED VIEW totals AS SELECT id, name FROM customers;
CREATE UNIQUE INDEX ON totals (id);
"""


def test_locks_rewrites_builds_and_scans_are_seen(scratch: Scratch):
    traced = trace(
        scratch,
        SHOP,
        """ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();
        CREATE INDEX ON orders (code);
        ALTER TABLE orders ALTER COLUMN code SET NOT NULL;
        ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers;
        ALTER TABLE orders ALTER COLUMN code TYPE varchar(40);
        CREATE INDEX ON events (what);
        REFRESH MATERIALIZED VIEW totals;
        UPDATE orders SET amount = 1;
        COMMENT ON TABLE orders IS 'x';
        CREATE TABLE fresh (id int);
        ALTER TABLE fresh ADD COLUMN a int;""",
    )
    seen = last_file(traced)

    assert [(locks(each), each.rewritten, each.built) for each in seen] == [
        ({"orders": "ACCESS EXCLUSIVE"}, ("orders",), ("orders",)),
        ({"orders": "SHARE"}, (), ("orders",)),
        ({"orders": "ACCESS EXCLUSIVE"}, (), ()),
        ({"customers": "SHARE ROW EXCLUSIVE", "orders": "SHARE ROW EXCLUSIVE"}, (), ()),
        ({"orders": "ACCESS EXCLUSIVE"}, (), ()),
        ({"events": "SHARE", "events_1": "SHARE", "events_rest": "SHARE"}, (), ("events_1", "events_rest")),
        ({"totals": "ACCESS EXCLUSIVE", "customers": "ACCESS SHARE"}, ("totals",), ("totals",)),
        ({"orders": "ROW EXCLUSIVE"}, (), ()),
        ({"orders": "SHARE UPDATE EXCLUSIVE"}, (), ()),
        ({}, (), ()),
        ({}, (), ()),
    ]
    assert {each.outcome for each in seen} == {Outcome.TRACED}
    assert [n for n, each in enumerate(seen) if "orders" in each.scanned] == [0, 1, 2, 3, 7]


def test_statements_that_run_outside_a_transaction_are_watched(scratch: Scratch):
    seen = last_file(
        trace(
            scratch,
            SHOP,
            """CREATE INDEX CONCURRENTLY orders_code ON orders (code);
            REINDEX INDEX CONCURRENTLY orders_code;
            DROP INDEX CONCURRENTLY orders_code;
            VACUUM orders;
            VACUUM FULL orders;""",
        )
    )

    assert [(locks(each), each.rewritten, each.built, each.transactional) for each in seen] == [
        ({"orders": "SHARE UPDATE EXCLUSIVE"}, (), ("orders",), False),
        ({"orders": "SHARE UPDATE EXCLUSIVE"}, (), ("orders",), False),
        ({"orders": "SHARE UPDATE EXCLUSIVE"}, (), (), False),
        ({"orders": "SHARE UPDATE EXCLUSIVE"}, (), (), False),
        ({"orders": "ACCESS EXCLUSIVE"}, ("orders",), ("orders",), False),
    ]


def test_a_transaction_of_the_file_is_one_transaction(scratch: Scratch):
    traced = trace(
        scratch,
        SHOP,
        """BEGIN ISOLATION LEVEL SERIALIZABLE;
        SET LOCAL lock_timeout = '1s';
        ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID;
        ALTER TABLE orders VALIDATE CONSTRAINT positive;
        COMMIT;
        BEGIN; DROP TABLE customers CASCADE; ROLLBACK;
        SELECT count(*) FROM customers;
        BEGIN; CREATE INDEX CONCURRENTLY i ON orders (code); COMMIT;""",
    )
    seen = {each.statement.split()[-1] if each.line < 6 else each.statement[:10]: each for each in last_file(traced)}

    assert locks(seen["VALID"]) == {"orders": "ACCESS EXCLUSIVE"}
    assert locks(seen["positive"]) == {}  # held already
    assert seen["positive"].scanned == ("orders",)
    assert seen["SELECT cou"].outcome is Outcome.TRACED
    assert (seen["CREATE IND"].outcome, seen["CREATE IND"].sqlstate) == (Outcome.FAILED, "25001")


def test_what_did_not_run_is_not_traced_and_never_clean(scratch: Scratch):
    seen = last_file(
        trace(
            scratch,
            "CREATE TABLE a (id int)",
            """ALTER TABLE missing ADD COLUMN x int;
            COPY a FROM PROGRAM 'touch /tmp/never';
            COPY a FROM STDIN;
            COPY a TO '/tmp/never';
            CREATE DATABASE other;
            DO $$ BEGIN EXECUTE 'COPY a FROM PROGRAM ''touch /tmp/never'''; END $$;
            ALTER TABLE a ADD COLUMN x int;""",
        )
    )

    assert [each.outcome for each in seen] == [
        Outcome.FAILED,
        *[Outcome.SKIPPED] * 4,
        Outcome.FAILED,
        Outcome.TRACED,
    ]
    assert (seen[0].sqlstate, seen[5].sqlstate) == ("42P01", "42501")
    assert all(each.reason for each in seen[:-1])


def test_what_rows_stand_against_is_said_and_tried_without_them(scratch: Scratch):
    (added, later) = last_file(
        trace(
            scratch,
            SHOP,
            "ALTER TABLE orders ADD COLUMN z int NOT NULL; ALTER TABLE orders ALTER COLUMN z SET DEFAULT 1;",
        )
    )

    assert (added.outcome, added.sqlstate) == (Outcome.TRACED, "23502")
    assert "contains null values" in added.reason
    assert (later.outcome, later.reason) == (Outcome.TRACED, "")


def test_phases_run_in_groups_and_a_rollback_is_followed_by_going_forward_again(scratch: Scratch):
    traced = trace(
        scratch,
        SHOP,
        phase_file(
            "m1",
            Phase.EXPAND,
            "-- step: a transaction=g\nALTER TABLE orders ADD COLUMN note text;\n"
            "-- step: b transaction=g\nALTER TABLE orders ALTER COLUMN note SET DEFAULT '';\n"
            "-- step: c transaction=none\nCREATE INDEX CONCURRENTLY orders_note ON orders (note);\n",
        ),
        phase_file("m1", Phase.ROLLBACK, "-- step: a transaction=none\nALTER TABLE orders DROP COLUMN note;"),
        phase_file("m1", Phase.CONTRACT, "-- step: a transaction=none\nALTER TABLE orders DROP COLUMN note;"),
    )
    after_shop = [each for each in traced.statements if each.file.startswith("m1")]

    assert [each.outcome for each in after_shop] == [Outcome.TRACED] * 5
    assert locks(after_shop[1]) == {}  # held since the first of its group
    assert not after_shop[2].transactional


def test_a_base_is_loaded_and_not_judged(scratch: Scratch):
    traced = trace(
        scratch,
        "ALTER TABLE users ADD COLUMN a int;",
        base="CREATE TABLE users (id int); ALTER TABLE users OWNER TO shop_owner; ALTER TABLE gone ADD COLUMN a int;"
        "SELECT pg_catalog.set_config('search_path', '', false);",
    )

    assert [each.file for each in traced.statements] == ["1.sql"]
    assert locks(traced.statements[0]) == {"users": "ACCESS EXCLUSIVE"}
    assert [each.reason for each in traced.base_failures] == ['relation "gone" does not exist']


@pytest.mark.parametrize(
    "columns",
    [
        "id int PRIMARY KEY, at timestamptz NOT NULL, on_day date, tags text[], doc jsonb, raw bytea, ip inet",
        "code char(3), price numeric(6, 2), small smallint, big bigint, real_ real, span int4range, days daterange",
        "state mood NOT NULL, email address UNIQUE, id uuid PRIMARY KEY",
        "state text NOT NULL CHECK (state IN ('open', 'closed')), n int CHECK (n >= 100)",
        "id serial, always int GENERATED ALWAYS AS IDENTITY, twice int GENERATED ALWAYS AS (id * 2) STORED",
    ],
)
def test_tables_get_rows(scratch: Scratch, columns: str):
    traced = trace(
        scratch,
        "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN address AS text CHECK (VALUE LIKE '%@%');"
        f"CREATE TABLE t ({columns.replace('email address', 'email text')});",
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM t) THEN RAISE EXCEPTION 'empty'; END IF; END $$;",
    )

    assert traced.statements[-1].reason == ""


def test_partitions_get_rows_within_their_bounds(scratch: Scratch):
    traced = trace(
        scratch,
        """CREATE TABLE e (day date NOT NULL, kind text NOT NULL) PARTITION BY RANGE (day);
        CREATE TABLE e_1 PARTITION OF e FOR VALUES FROM ('2025-01-01') TO ('2025-02-01') PARTITION BY LIST (kind);
        CREATE TABLE e_1_a PARTITION OF e_1 FOR VALUES IN ('a', 'b');
        CREATE TABLE e_2 PARTITION OF e FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');""",
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM e_2) THEN RAISE EXCEPTION 'empty'; END IF; END $$;",
    )

    assert traced.statements[-1].reason == ""
