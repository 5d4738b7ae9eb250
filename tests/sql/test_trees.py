"""Every message below another is met, parents first, and conditions come down to what they are made of."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.sql.parser import leaves, parse_expression, parse_script, pb, walk

STATEMENTS = (
    "CREATE VIEW v AS SELECT id, coalesce(total, 0) AS total FROM t WHERE created_at > now() ORDER BY 1",
    "WITH a AS (SELECT 1) SELECT CASE WHEN b THEN c END, (SELECT x FROM y) FROM a JOIN b ON a.x = b.y FOR UPDATE",
    "CREATE TABLE t (a numeric(4, 2) CHECK (a > 0 AND b IS NOT NULL), b int REFERENCES u (a) ON DELETE CASCADE)",
)


def below(message: Any) -> list[Any]:
    """As ``walk``, said in the plainest way."""
    if isinstance(message, pb.Node):
        kind = message.WhichOneof("node")
        return below(getattr(message, kind)) if kind else []
    found = [message]
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in value if field.is_repeated else [value]:
                found += below(each)
    return found


@pytest.mark.parametrize("sql", STATEMENTS)
def test_every_message_is_met_once_and_parents_first(sql: str):
    (statement,) = parse_script(sql).statements

    assert list(walk(statement.node)) == below(statement.node)


def test_a_condition_comes_down_to_columns_constants_and_calls_in_order():
    expression = parse_expression("NOT (a > 1 AND b IS NULL) OR lower(c) = d")

    assert [kind for kind, _ in leaves(expression)] == [
        "column_ref",
        "a_const",
        "column_ref",
        "func_call",
        "column_ref",
    ]


@pytest.mark.parametrize(
    "sql", ["", "  ;\n; ", "SELECT 1", "\n\n SELECT\n 1 ;\tSELECT 2\n;\f\n  DROP TABLE t", ";;SELECT 1;;"]
)
def test_statements_have_the_same_places_whether_a_comment_stands_behind_them_or_not(sql: str):
    bare, commented = parse_script(sql, first_line=7), parse_script(f"{sql}\n;-- größe", first_line=7)

    assert bare.statements == commented.statements
