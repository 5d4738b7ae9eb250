from __future__ import annotations

from migrator.changes.extremes import extremes


def test_each_column_is_tried_at_its_edges_with_null_in_the_others():
    found = dict(extremes("a || b", {"a": "text", "b": "integer", "c": "text"}))
    assert list(found) == [
        "NULL",
        "an empty text in a",
        "a text of 1,000 letters in a",
        "2147483647 in b",
        "-2147483648 in b",
    ]
    assert found["NULL"] == "SELECT a || b FROM (SELECT CAST(NULL AS text) AS a, CAST(NULL AS integer) AS b) AS edge"
    assert "CAST('' AS text) AS a, CAST(NULL AS integer) AS b" in found["an empty text in a"]


def test_arrays_lengths_and_types_of_users():
    found = dict(extremes("f(a, b, m)", {"a": "integer[]", "b": "character varying(3)", "m": "public.mood"}))
    assert list(found) == ["NULL", "an empty array in a", "an empty text in b"]
    assert "CAST(NULL AS public.mood) AS m" in found["NULL"]


def test_an_expression_without_columns():
    assert dict(extremes("1", {"a": "text"})) == {"NULL": "SELECT 1"}
