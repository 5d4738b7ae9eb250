"""What a rollback finds when the contract of another migration has run since its expand."""

from __future__ import annotations

import pytest

from migrator.errors import OutOfOrder
from migrator.model.plan import Migration
from tests.support.sandbox import Sandbox, refusal

THERE = """
CREATE SCHEMA shop; CREATE SCHEMA depot;
CREATE TABLE shop.t (k int PRIMARY KEY, a text, n int);
CREATE TABLE other (k int PRIMARY KEY);
CREATE VIEW seen AS SELECT k, a FROM shop.t
"""
OFFLINE = "nobody is connected"


def pending(sandbox: Sandbox, *sqls: str) -> list[Migration]:
    sandbox.execute(THERE)
    migrations = []
    for sql in sqls:
        migrations.append(sandbox.new("change", sql))
        sandbox.expand(migrations[-1])
        sandbox.backfill(migrations[-1])
    return migrations


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        (
            "ALTER TABLE shop.t RENAME a TO b",
            "-- migrator: phase = expand\nCREATE OR REPLACE VIEW seen AS SELECT k, a, n FROM shop.t",
            'column "a" of shop.t',
        ),
        (
            "ALTER SCHEMA shop RENAME TO store",
            "CREATE FUNCTION shop.one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            'schema "shop"',
        ),
    ],
)
def test_a_rollback_that_names_what_another_contract_renamed_is_refused_before_it_begins(
    sandbox: Sandbox, first: str, second: str, what: str
) -> None:
    """The steps before the one that fails would be undone, and then there would be no way on."""
    earlier, later = pending(sandbox, first, f"{second}; CREATE INDEX other_k ON other (k)")
    sandbox.contract(earlier, offline=OFFLINE)
    shape, state = sandbox.snapshot(), sandbox.state(later)
    with pytest.raises(OutOfOrder, match="too late to roll back") as error:
        sandbox.rollback(later, offline=OFFLINE, yes=True)
    assert f"names {what}, which contract of {earlier.id} took away or renamed" in refusal(error.value)
    assert (sandbox.snapshot(), sandbox.state(later)) == (shape, state)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ALTER TABLE shop.t RENAME a TO b", "ALTER TABLE shop.t ADD c int"),
        ("ALTER TABLE shop.t RENAME a TO b", "CREATE INDEX a ON shop.t (n)"),
        ("ALTER TABLE shop.t RENAME a TO b", "COMMENT ON TABLE shop.t IS 'a'"),
        ("ALTER SCHEMA shop RENAME TO store", "ALTER TABLE other ADD shop int"),
        ("ALTER TABLE other RENAME TO another", "CREATE VIEW shop.other AS SELECT k FROM shop.t"),
    ],
)
def test_a_rollback_of_what_another_contract_left_alone_goes_on(sandbox: Sandbox, first: str, second: str) -> None:
    earlier, later = pending(sandbox, first, second)
    sandbox.contract(earlier, offline=OFFLINE)
    shape = sandbox.snapshot()
    sandbox.rollback(later, offline=OFFLINE, yes=True)
    assert sandbox.snapshot() < shape or second.startswith("COMMENT")
    assert sandbox.state(later) == "rolled_back"


def test_what_was_written_after_a_contract_is_undone_by_the_names_of_then(sandbox: Sandbox) -> None:
    (renaming,) = pending(sandbox, "ALTER TABLE shop.t RENAME a TO b")
    sandbox.contract(renaming, offline=OFFLINE)
    sandbox.finish(sandbox.new("another a", "ALTER TABLE shop.t ADD a int"))
    shape = sandbox.snapshot()
    later = sandbox.new("widen", "ALTER TABLE shop.t RENAME a TO c")
    sandbox.expand(later)
    sandbox.rollback(later, offline=OFFLINE)
    assert sandbox.snapshot() == shape


def test_below_a_migration_that_is_contracted_there_is_no_way_back(sandbox: Sandbox) -> None:
    """Who is sent to roll back another one that stays would come back empty-handed."""
    renaming, stays, _ = pending(
        sandbox,
        "ALTER TABLE shop.t RENAME a TO b",
        "ALTER TABLE other DROP CONSTRAINT other_pkey",
        "ALTER TABLE shop.t ADD c int",
    )
    sandbox.contract(stays, offline=OFFLINE)
    outcome = sandbox.command("rollback", renaming.id, "--offline", OFFLINE)
    assert outcome.code == 5
    assert f"{stays.id} has a higher level and is contracted" in outcome.err
    assert "cannot be undone any more" in outcome.err
    assert "migrator rollback" not in outcome.err
    sandbox.contract(renaming, offline=OFFLINE)


def test_an_index_that_went_with_its_column_is_looked_for_before_a_rollback_begins(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, a text); CREATE INDEX t_a ON t (a)")
    earlier = sandbox.new("dropped", "ALTER TABLE t DROP COLUMN a")
    later = sandbox.new("filled", "ALTER INDEX t_a SET (fillfactor = 70); CREATE INDEX t_k ON t (k)")
    sandbox.expand(earlier)
    sandbox.expand(later)
    sandbox.contract(earlier, offline=OFFLINE)
    shape, state = sandbox.snapshot(), sandbox.state(later)

    with pytest.raises(OutOfOrder, match='alters index "t_a", which is not there any more'):
        sandbox.rollback(later, offline=OFFLINE, yes=True)

    assert (sandbox.snapshot(), sandbox.state(later)) == (shape, state)
