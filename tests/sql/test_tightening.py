from __future__ import annotations

import pytest

from migrator.sql.tightening import tightened_by

CASES = [
    ("ALTER TABLE a.t ALTER COLUMN x SET NOT NULL", {("a", "t")}),
    ("ALTER TABLE t ALTER COLUMN x TYPE bigint", {(None, "t")}),
    ("ALTER TABLE t ADD CONSTRAINT c CHECK (x > 0) NOT VALID", {(None, "t")}),
    ("ALTER TABLE t ADD COLUMN y int UNIQUE", {(None, "t")}),
    ("CREATE UNIQUE INDEX CONCURRENTLY i ON t (x)", {(None, "t")}),
    ("CREATE POLICY p ON t USING (x)", {(None, "t")}),
    ("CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING", {(None, "t")}),
    ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", {(None, "t")}),
    ("CREATE INDEX i ON t (x)", set()),
    ("ALTER TABLE t ADD COLUMN y int DEFAULT 1", set()),
    ("ALTER TABLE t DROP COLUMN x, DROP CONSTRAINT c, ALTER COLUMN z DROP NOT NULL", set()),
    ("ALTER TABLE t RENAME COLUMN x TO y; DROP TRIGGER g ON t; DROP FUNCTION f()", set()),
    ("", set()),
]


@pytest.mark.parametrize(("script", "tables"), CASES)
def test_tables_of_which_a_script_demands_more(script: str, tables: set[tuple[str | None, str]]) -> None:
    assert set(tightened_by(script)) == tables


def test_the_statement_is_told() -> None:
    assert tightened_by("ALTER TABLE t DROP COLUMN x,\n  ALTER y SET NOT NULL") == {
        (None, "t"): "ALTER TABLE t ALTER COLUMN y SET NOT NULL"
    }
