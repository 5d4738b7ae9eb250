from __future__ import annotations

import pytest

from migrator.backfill.segments import Place, Span
from migrator.backfill.statements import LeafName, read_step
from migrator.errors import Refused
from migrator.model.plan import Phase, Step

LEAF = LeafName("parts", "Leaf 1")
SPAN = Span.of_blocks(0, 64)


def read(sql, verify=None):
    return read_step(Step("fill", sql, Phase.BACKFILL, None, verify=verify, line=7, at="m/backfill.sql:7"))


def test_range_is_added_and_the_leaf_stands_behind_the_tables_name():
    statement = read("UPDATE app.t SET c = app.t.a || '%' WHERE t.c IS NULL OR a")
    assert statement.fill(LEAF, SPAN) == (
        "UPDATE ONLY parts.\"Leaf 1\" t SET c = t.a || '%' "
        "WHERE t.ctid >= '(0,0)'::tid AND t.ctid < '(64,0)'::tid AND (t.c IS NULL OR a)"
    )


def test_an_alias_of_the_author_is_kept():
    sql = read('UPDATE "T" AS "Q" SET c = "Q".a WHERE "Q".c IS NULL').fill(LEAF, Span(Place(3, 4), Place(3, 5)))
    assert sql == (
        'UPDATE ONLY parts."Leaf 1" "Q" SET c = "Q".a '
        'WHERE "Q".ctid >= \'(3,4)\'::tid AND "Q".ctid < \'(3,5)\'::tid AND "Q".c IS NULL'
    )


def test_free_rows_are_locked_and_updated_in_one_statement():
    sql = read("UPDATE t SET c = a WHERE c IS NULL").fill_free(LEAF, SPAN, key=False)
    assert sql.startswith("WITH migrator_free AS MATERIALIZED (SELECT t.ctid AS migrator_row FROM ONLY")
    assert "FOR NO KEY UPDATE SKIP LOCKED) UPDATE ONLY" in sql
    assert sql.endswith("AND c IS NULL AND t.ctid = migrator_free.migrator_row")
    assert "FOR UPDATE SKIP LOCKED" in read("UPDATE t SET c = a WHERE c IS NULL").fill_free(LEAF, SPAN, key=True)


def test_verify_counts_its_own_condition_else_that_of_the_statement():
    assert "c IS NULL" in read("UPDATE t SET c = a WHERE c IS NULL").count_wrong(LEAF, SPAN)
    sql = read("UPDATE t SET c = a WHERE c IS NULL", verify="t.c <> t.a OR c IS NULL").count_wrong(LEAF, SPAN)
    assert sql.endswith("AND (t.c <> t.a OR c IS NULL)")


def test_verify_narrows_a_condition_that_stays_true():
    statement = read("UPDATE t SET c = upper(a) WHERE a IS NOT NULL", verify="c IS DISTINCT FROM upper(a)")
    assert "(a IS NOT NULL AND c IS DISTINCT FROM upper(a))" in statement.fill(LEAF, SPAN)


def test_subqueries_over_other_tables_and_several_columns_are_kept():
    sql = read("UPDATE t SET (c, d) = (SELECT x, y FROM u WHERE u.id = t.id LIMIT 1) WHERE c IS NULL").fill(LEAF, SPAN)
    assert "SET (c, d) = (SELECT x, y FROM u WHERE u.id = t.id LIMIT 1)" in sql


def test_the_whole_row_counts_as_a_mention():
    assert read("UPDATE t SET c = 1 WHERE is_wrong(t)").columns == ("c",)


@pytest.mark.parametrize(
    ("sql", "reason", "line"),
    [
        ("UPDATE t SET c = 1", "has no WHERE", 7),
        ("UPDATE t SET c = u.x\nFROM u\nWHERE c IS NULL", "UPDATE … FROM", 8),
        ("WITH u AS (SELECT 1) UPDATE t SET c = 1 WHERE c IS NULL", "WITH", 7),
        ("UPDATE t SET c = 1 WHERE c IS NULL RETURNING c", "RETURNING", 7),
        ("UPDATE t SET c = 1 WHERE CURRENT OF cur", "cursor", 7),
        ("UPDATE t SET c = 1\nWHERE a\n  IS NULL", 'does not mention "c"', 9),
        ("UPDATE t SET c = 1\nWHERE c IS NULL AND\nrandom() < 0.5", "random()", 9),
        ("UPDATE t SET c = (SELECT max(c)\nFROM t AS u) WHERE c IS NULL", 'reads "t" itself', 8),
        ("UPDATE a.t SET c = (SELECT max(c) FROM t) WHERE c IS NULL", 'reads "t" itself', 7),
        ("UPDATE t SET c = 1 WHERE c IS NULL AND a IN (SELECT a FROM u LIMIT 5)", "LIMIT", 7),
        ("UPDATE t SET c = (SELECT a FROM u WHERE u.id = t.id FOR UPDATE) WHERE c IS NULL", "locks rows", 7),
        ("UPDATE t SET c = $1 WHERE c IS NULL", "parameter", 7),
        ("UPDATE t SET c = 1 WHERE c IS NULL; UPDATE t SET d = 1 WHERE d IS NULL", "this one has 2", 7),
        ("-- nothing", "this one has 0", 7),
        ("INSERT INTO u SELECT * FROM t", "INSERT", 7),
        ("DELETE FROM t WHERE c IS NULL", "DELETE", 7),
        ("SELECT f(id) FROM t", "SELECT", 7),
        ("MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN UPDATE SET c = 1", "MERGE", 7),
        ("TRUNCATE t", "only UPDATE", 7),
    ],
)
def test_what_cannot_be_batched_is_refused_with_reason_and_line(sql, reason, line):
    with pytest.raises(Refused) as refused:
        read(sql)
    assert reason in refused.value.message
    assert refused.value.at == f"m/backfill.sql:{line}"


def test_broken_verify_is_refused():
    with pytest.raises(Refused, match="verify condition does not parse"):
        read("UPDATE t SET c = 1 WHERE c IS NULL", verify="c IS")
