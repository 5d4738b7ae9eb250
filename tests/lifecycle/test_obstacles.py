"""Rows that would make contract or rollback fail are counted before the gate: nothing changes, and it goes on later."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from migrator.model.plan import Migration
from tests.support.sandbox import Sandbox, refusal

SETUP = (
    "CREATE TABLE customers (id bigint PRIMARY KEY); INSERT INTO customers VALUES (1);"
    "CREATE TABLE orders (id bigint NOT NULL, customer_id bigint, number text, state text NOT NULL DEFAULT 'new');"
)
OFFLINE = "nobody is connected in this test"


def expanded(sandbox: Sandbox, sql: str, rows: str) -> Migration:
    sandbox.execute(SETUP + f"INSERT INTO orders (id, customer_id, number) VALUES {rows}")
    sandbox.install()
    migration = sandbox.new("tighten", sql)
    assert sandbox.expand(migration)
    return migration


@pytest.mark.parametrize(
    ("sql", "rows", "problem", "repair"),
    [
        (
            "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers",
            "(1, 1, 'a'), (2, 2, 'b'), (3, NULL, 'c'), (4, 4, 'd')",
            "2 rows of public.orders point to no row of public.customers",
            "DELETE FROM orders WHERE customer_id > 1",
        ),
        (
            "ALTER TABLE orders ADD UNIQUE (number)",
            "(1, 1, 'a'), (2, 1, 'a'), (3, 1, NULL), (4, 1, NULL)",
            "1 value of (number) in public.orders occurs more than once",
            "DELETE FROM orders WHERE id = 2",
        ),
        (
            "ALTER TABLE orders ADD PRIMARY KEY (id)",
            "(1, 1, 'a'), (1, 1, 'b')",
            "1 value of (id) in public.orders occurs more than once",
            "DELETE FROM orders WHERE number = 'b'",
        ),
        (
            "ALTER TABLE orders ADD CHECK (number <> '')",
            "(1, 1, ''), (2, 1, NULL)",
            "1 row of public.orders violates CHECK (number <> '')",
            "DELETE FROM orders WHERE number = ''",
        ),
    ],
)
def test_contract_is_refused_until_they_are_repaired(
    sandbox: Sandbox, sql: str, rows: str, problem: str, repair: str
) -> None:
    migration = expanded(sandbox, sql, rows)
    before = sandbox.snapshot()

    with pytest.raises(Refused) as caught:
        sandbox.contract(migration, offline=OFFLINE)
    assert problem in refusal(caught.value)
    assert sandbox.state(migration) == "expanded"
    assert sandbox.snapshot() == before
    sandbox.execute(repair)
    sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.state(migration) == "contracted"
    assert sandbox.leftovers() == []


def test_rollback_is_refused_while_a_row_holds_the_null_it_would_forbid(sandbox: Sandbox) -> None:
    migration = expanded(
        sandbox, "-- migrator: phase = expand\nALTER TABLE orders ALTER state DROP NOT NULL", "(1, 1, 'a')"
    )
    sandbox.execute("UPDATE orders SET state = NULL")

    with pytest.raises(Refused, match=r"1 row of public\.orders holds NULL in state"):
        sandbox.rollback(migration, yes=True, offline=OFFLINE)
    assert sandbox.state(migration) == "complete"
    sandbox.execute("UPDATE orders SET state = 'new'")
    sandbox.rollback(migration, offline=OFFLINE)

    assert sandbox.value(
        "SELECT attnotnull FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'state'"
    )
    assert sandbox.leftovers() == []


@pytest.mark.parametrize("what", ["TRIGGER touch ON t", "VIEW seen", "TABLE other", "CONSTRAINT filled"])
def test_what_somebody_dropped_meanwhile_stops_contract_before_anything_is_gone(sandbox: Sandbox, what: str) -> None:
    drop = f"ALTER TABLE t DROP {what}" if what.startswith("CONSTRAINT") else f"DROP {what}"
    sandbox.execute(
        "CREATE TABLE t (k int PRIMARY KEY, a text CONSTRAINT filled CHECK (a <> '')); INSERT INTO t VALUES (1, 'x');"
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;"
        "CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();"
        "CREATE TABLE other (k int); INSERT INTO other VALUES (1); CREATE VIEW seen AS SELECT k FROM t"
    )
    before = sandbox.snapshot()
    sandbox.install()
    migration = sandbox.new("both", f"ALTER TABLE t DROP COLUMN a; {drop}" if "filled" not in drop else drop)
    sandbox.expand(migration)
    sandbox.execute(drop)
    left = sandbox.snapshot()

    with pytest.raises(Refused, match=r"is gone already|does not exist"):
        sandbox.contract(migration, offline=OFFLINE)

    assert sandbox.snapshot() == left != before
    sandbox.rollback(migration, offline=OFFLINE)
    assert sandbox.snapshot() == left


@pytest.mark.parametrize("fires", ["UPDATE OF a ON t", "UPDATE ON t FOR EACH ROW WHEN (OLD.a IS DISTINCT FROM NEW.a)"])
@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE t DROP COLUMN a",
        (
            "-- migrator: up = split_part(a, ' ', 1), split_part(a, ' ', 2)\n-- migrator: down = b || ' ' || c\n"
            "ALTER TABLE t ADD COLUMN b text, ADD COLUMN c text, DROP COLUMN a"
        ),
        "-- migrator: to = u\nALTER TABLE t DROP COLUMN a",
    ],
    ids=["drop", "split", "move"],
)
def test_a_trigger_that_names_a_column_that_goes_is_refused_when_planned(
    sandbox: Sandbox, sql: str, fires: str
) -> None:
    each_row = "" if "EACH ROW" in fires else " FOR EACH ROW"
    sandbox.execute(
        "CREATE TABLE t (k int PRIMARY KEY, a text); CREATE TABLE u (k int PRIMARY KEY REFERENCES t);"
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;"
        f"CREATE TRIGGER touch BEFORE {fires}{each_row} EXECUTE FUNCTION touch()"
    )

    with pytest.raises(Refused, match="is used by other objects") as caught:
        sandbox.new("gone", sql)

    assert "trigger touch" in refusal(caught.value)
    sandbox.execute("DROP TRIGGER touch ON t")
    sandbox.finish(sandbox.new("gone", sql))
