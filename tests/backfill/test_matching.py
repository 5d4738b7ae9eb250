from __future__ import annotations

import pytest

from migrator.backfill.matching import Facts
from migrator.backfill.reading import read_step
from migrator.model.plan import Phase, Step

TABLES = {
    "t": Facts(frozenset({"id", "u", "k", "c", "d"}), (frozenset({"id"}),)),
    "u": Facts(frozenset({"id", "x", "v"}), (frozenset({"id"}),)),
    "v": Facts(frozenset({"vid", "a", "b", "y"}), (frozenset({"vid"}), frozenset({"a", "b"}))),
}


def of_several(sql):
    statement = read_step(Step("fill", sql, Phase.BACKFILL, None, line=1, at="m/backfill.sql:1"))
    return statement.of_several(lambda table: TABLES.get(table.relname, Facts(frozenset(), is_open=True)))


@pytest.mark.parametrize(
    "source",
    [
        "u AS o WHERE o.id = t.u",
        "u AS o WHERE t.u = o.id AND o.v > 3",
        "u AS o WHERE o.id = coalesce(t.u, 7) + 1",
        "u AS o WHERE o.id = 5",
        "app.u AS o WHERE x = 'a' AND o.id = t.k",
        "u JOIN v AS o ON o.vid = u.v WHERE u.id = t.u",
        "u LEFT JOIN v AS o ON o.vid = u.v WHERE u.id = t.u",
        "u, v AS o WHERE u.id = t.u AND o.a = u.v AND o.b = t.k",
        "v, u AS o WHERE y = t.u AND v.vid = t.k AND o.id = v.y",
        "(SELECT k, max(x) AS x FROM w GROUP BY k) AS o WHERE o.k = t.k",
        "(SELECT k, max(x) AS x FROM w GROUP BY 1) AS o WHERE o.k = t.k",
        "(SELECT lower(k), max(x) FROM w GROUP BY lower(k)) AS o (l, x) WHERE o.l = t.k",
        "(SELECT DISTINCT ON (k) k, x FROM w ORDER BY k, at) AS o WHERE o.k = t.k",
        "(SELECT DISTINCT k, x FROM w) AS o WHERE o.k = t.k AND o.x = t.u",
        "(VALUES ('a', 1), ('b', 1)) AS o (k, x) WHERE o.k = t.k",
    ],
)
def test_one_row_at_most_is_found_by_a_key(source):
    assert of_several(f"UPDATE t SET c = o.x FROM {source} AND t.c IS DISTINCT FROM o.x") is None


@pytest.mark.parametrize(
    "source",
    [
        "u AS o WHERE o.v = t.u",
        "u AS o WHERE o.id >= t.u",
        "u AS o WHERE o.id = t.u OR t.k = 1",
        "u AS o WHERE o.id = o.v",
        "u AS o WHERE o.id = (SELECT max(u) FROM z)",
        "u AS o WHERE o.id = ANY (ARRAY[t.u, t.k])",
        "u AS o WHERE abs(o.id) = t.u",
        "u AS o (x, id) WHERE o.id = t.u",
        "v AS o WHERE o.a = t.u",
        "unknown AS o WHERE o.id = t.u",
        "u CROSS JOIN v AS o WHERE u.id = t.u",
        "u LEFT JOIN v AS o ON u.id = o.y AND o.vid > 1 WHERE u.id = t.u",
        "v LEFT JOIN u AS o ON v.vid = t.k AND o.id = v.y WHERE v.y = t.u",
        "u FULL JOIN v AS o ON o.vid = u.v WHERE u.id = t.u",
        "generate_series(1, 3) AS o (x) WHERE o.x > t.u",
        "(SELECT k, x FROM w) AS o WHERE o.k = t.k",
        "(SELECT lower(k) AS k, max(x) AS x FROM w GROUP BY k) AS o WHERE o.k = t.k",
        "(SELECT k, max(x) AS x FROM w GROUP BY k, l) AS o WHERE o.k = t.k",
        "(SELECT k, unnest(array_agg(x)) AS x FROM w GROUP BY k) AS o WHERE o.k = t.k",
        "(SELECT k, max(x) AS x FROM w GROUP BY ROLLUP (k)) AS o WHERE o.k = t.k",
        "(SELECT k, x FROM w UNION SELECT k, y FROM w) AS o WHERE o.k = t.k",
        "(VALUES ('a', 1), ('a', 2)) AS o (k, x) WHERE o.k = t.k",
        "(VALUES (1, 1), (1.0, 2)) AS o (k, x) WHERE o.k = t.u",
    ],
)
def test_what_is_not_shown_to_be_one_row_may_be_several(source):
    where = source if "WHERE" not in source else source.replace("WHERE ", "WHERE (", 1) + ")"
    found = of_several(f"UPDATE t SET c = o.x FROM {where} AND t.c IS DISTINCT FROM o.x")
    assert found in {"o", "v"}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("true", None),
        ("t.k", None),
        ("(SELECT y FROM v WHERE v.vid = t.k)", None),
        ("o.x", "o"),
        ("x", "o"),
        ("o", "o"),
        ("(o.*)::text", "o"),
        ("(SELECT y FROM v WHERE v.vid = o.x)", "o"),
    ],
)
def test_it_does_not_matter_for_a_value_that_comes_from_elsewhere(value, found):
    assert of_several(f"UPDATE t SET c = {value} FROM u AS o WHERE o.v = t.u AND t.c IS NULL") == found
    assert of_several(f"UPDATE t SET (c, d) = ({value}, 1) FROM u AS o WHERE o.v = t.u AND t.c IS NULL") == found


@pytest.mark.parametrize(
    ("source", "value", "found"),
    [
        ("unnest(t.d) WHERE true", "unnest", "unnest"),
        ("unnest(t.d) WHERE true", "unnest.unnest", "unnest"),
        ("json_each(t.d) AS o WHERE true", "key", "o"),
        ("(SELECT * FROM w) AS o WHERE true", "y", "o"),
        ("(SELECT max(y) FROM w GROUP BY z) AS o WHERE true", "max", "o"),
        ("(SELECT * FROM w) AS o WHERE true", "k", None),
        ("some_view WHERE true", "y", "some_view"),
    ],
)
def test_a_name_that_nothing_else_has_may_be_a_column_of_what_is_not_known(source, value, found):
    assert of_several(f"UPDATE t SET c = {value} FROM {source} AND t.c IS NULL") == found
