from __future__ import annotations

import pytest

from migrator.sql.normalising import normalised


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT a FROM t WHERE b = 'secret' AND c = $1", "SELECT a FROM t WHERE b = $2 AND c = $1"),
        ("SELECT now() - interval '1 day'", "SELECT now() - CAST($1 AS interval)"),
        ("SELECT timestamp with time zone 'x'", "SELECT CAST($1 AS timestamp with time zone)"),
        ("SELECT interval '7' day, 'secret'", "SELECT interval '' day, ''"),
        ("SELEC 'sec''ret'", "SELEC ''"),
    ],
)
def test_no_constant_stays(sql: str, text: str) -> None:
    assert normalised(sql)[1] == text


def test_what_differs_in_constants_and_in_how_many_there_are_has_one_name() -> None:
    same = [
        normalised(sql)[0]
        for sql in (
            "SELECT a FROM t WHERE b IN ($1)",
            "SELECT a FROM t WHERE b IN ($1, $2)",
            "select a from t where b in (7)",
        )
    ]
    assert len(set(same)) == 1
    assert normalised("SELECT a FROM t WHERE c IN ($1)")[0] not in same
