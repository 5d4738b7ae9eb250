"""Where a clause starts and ends."""

from __future__ import annotations

import pytest

from migrator.lint.clauses import clause_end, naming_clause


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("ADD a int, DROP b", "ADD a int"),
        ("ADD a numeric(10, 2) , DROP b", "ADD a numeric(10, 2)"),
        ("CHECK (a IN ('x', 'y')), DROP b", "CHECK (a IN ('x', 'y'))"),
        ("DEFAULT 'it''s, so', DROP b", "DEFAULT 'it''s, so'"),
        ('ADD "a, b" int, DROP b', 'ADD "a, b" int'),
        ("DEFAULT $t$a, 'b$t$, DROP b", "DEFAULT $t$a, 'b$t$"),
        ("ADD a -- one, two\n int, DROP b", "ADD a -- one, two\n int"),
        ("ADD a /* , */ int, DROP b", "ADD a /* , */ int"),
        ("DEFAULT ARRAY[1, 2], DROP b", "DEFAULT ARRAY[1, 2]"),
        ("a int) PARTITION BY", "a int"),
        ("a int  \n", "a int"),
        ("a int; SELECT 1", "a int"),
    ],
)
def test_a_clause_ends_at_a_comma_of_its_own_level(text: str, clause: str):
    assert text[: clause_end(text, 0)] == clause


@pytest.mark.parametrize(
    ("text", "name", "clause"),
    [
        ("ALTER TABLE t DROP COLUMN a", "a", "DROP COLUMN a"),
        ("ALTER TABLE a DROP a", "a", "DROP a"),
        ("ALTER TABLE t DROP COLUMN ab, drop\n\tcolumn if exists A", "a", "drop\n\tcolumn if exists A"),
        ('ALTER TABLE t ALTER "a ""b""" SET NOT NULL', 'a "b"', 'ALTER "a ""b""" SET NOT NULL'),
        ("ALTER TABLE t VALIDATE CONSTRAINT größe", "größe", "VALIDATE CONSTRAINT größe"),
        ("ALTER TABLE t ADD COLUMN a€ int, ADD COLUMN a int", "a", "ADD COLUMN a int"),
        ("ALTER TABLE t RENAME COLUMN a TO b", "b", "TO b"),
        ("ALTER TABLE t DROP COLUMN drop_it, DROP COLUMN it", "it", "DROP COLUMN it"),
        ("ALTER TABLE t DROP COLUMN a$1", "a", None),
    ],
)
def test_a_clause_is_found_by_the_name_behind_its_keyword(text: str, name: str, clause: str | None):
    start = naming_clause(text, name)
    assert (None if start is None else text[start:]) == clause
