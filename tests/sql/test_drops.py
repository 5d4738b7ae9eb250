from __future__ import annotations

import pytest

from migrator.sql.drops import Dropped, drops_of

CASES = [
    ("ALTER TABLE a.t DROP COLUMN x, DROP COLUMN IF EXISTS y", {"a.t.x", "a.t.y"}),
    ("DROP TABLE a.t, u", {"a.t", "u"}),
    ("DROP VIEW v; DROP MATERIALIZED VIEW m", {"v", "m"}),
    ("ALTER TABLE t RENAME COLUMN x TO y", {"t.x"}),
    ("ALTER TABLE t RENAME TO u", {"t"}),
    ("ALTER TABLE t SET SCHEMA b", {"t"}),
    ('ALTER TABLE "T" DROP COLUMN "X.y"', {"T.X.y"}),
    # The contract of a renamed column: the copy goes, and the old column takes its name.
    ("ALTER TABLE t DROP COLUMN new; ALTER TABLE t RENAME COLUMN old TO new", {"t.old"}),
    ("DROP VIEW v; CREATE VIEW v AS SELECT 1", set()),
    ("ALTER TABLE t DROP COLUMN x; ALTER TABLE t ADD COLUMN x int", set()),
    ("ALTER TABLE t DROP COLUMN x; DROP TABLE t", {"t"}),
    ("DROP INDEX i; DROP TRIGGER g ON t; ALTER TABLE t DROP CONSTRAINT c", set()),
    ("ALTER TABLE t ALTER COLUMN x TYPE bigint", set()),
    ("", set()),
]


@pytest.mark.parametrize(("script", "gone"), CASES)
def test_what_a_script_takes_away(script: str, gone: set[str]) -> None:
    assert {str(thing) for thing in drops_of(script).things} == gone


def test_relations_and_columns_are_told_apart() -> None:
    drops = drops_of("DROP TABLE b.t; ALTER TABLE u DROP COLUMN x")
    assert drops.relations == (Dropped("b", "t"),)
    assert drops.columns == (Dropped(None, "u", "x"),)


def test_functions_that_go_are_named() -> None:
    assert drops_of("DROP FUNCTION a.f(int), g; DROP PROCEDURE p").functions == {("a", "f"), (None, "g"), (None, "p")}


@pytest.mark.parametrize("script", ["DROP SCHEMA old CASCADE", "DO $$ BEGIN END $$"])
def test_what_the_text_does_not_tell_is_unclear(script: str) -> None:
    drops = drops_of(script)
    assert drops.unclear
    assert drops
