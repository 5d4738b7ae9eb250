"""Where a clause ends."""

from __future__ import annotations

import pytest

from migrator.lint.clauses import clause_end


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
