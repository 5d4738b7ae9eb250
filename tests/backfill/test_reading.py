from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.backfill.reading import read_step
from migrator.backfill.segments import Place, Span
from migrator.backfill.statements import LeafName
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
        ("UPDATE t SET c = u.x FROM u\nWHERE t.id = u.id AND u.c IS NULL", 'does not mention "c"', 8),
        ("UPDATE t SET c = u.x\nFROM u, t AS z WHERE t.c IS NULL", 'FROM reads "t" itself', 8),
        ("UPDATE t SET c = u.x FROM (SELECT * FROM u LIMIT 3) AS u WHERE t.c IS NULL", "LIMIT", 7),
        ("UPDATE t SET c = u.x FROM u TABLESAMPLE SYSTEM (5) WHERE t.c IS NULL", "TABLESAMPLE", 7),
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
        ("INSERT INTO n (id) SELECT id FROM t", "no ON CONFLICT", 7),
        ("INSERT INTO n (id) VALUES (1) ON CONFLICT (id) DO NOTHING", "VALUES reads no table", 7),
        ("INSERT INTO n DEFAULT VALUES", "VALUES reads no table", 7),
        ("INSERT INTO n (id) SELECT 1 ON CONFLICT (id) DO NOTHING", "reads no table", 7),
        ("INSERT INTO n (id) SELECT id FROM t ON CONFLICT DO NOTHING", "does not name columns", 7),
        ("INSERT INTO n (id) SELECT id FROM t ON CONFLICT (lower(id)) DO NOTHING", "does not name columns", 7),
        ("INSERT INTO n (id) SELECT id FROM t ON CONFLICT ON CONSTRAINT n_pkey DO NOTHING", "does not name", 7),
        ("INSERT INTO n (id) SELECT id FROM t ON CONFLICT (id) WHERE id > 1 DO NOTHING", "does not name columns", 7),
        ("INSERT INTO n SELECT id FROM t ON CONFLICT (id) DO NOTHING", "which value is for which column", 7),
        ("INSERT INTO n (id, c) SELECT t.* FROM t ON CONFLICT (id) DO NOTHING", "which value is for which column", 7),
        ("INSERT INTO n (c) SELECT s FROM t ON CONFLICT (id) DO NOTHING", 'names "id", which it does not insert', 7),
        ("INSERT INTO n (id, c) SELECT id, s FROM t ON CONFLICT (id) DO UPDATE SET c = n.c || 'x'", "EXCLUDED.c", 7),
        (
            "INSERT INTO n (id, c) SELECT id, s FROM t\nON CONFLICT (id) DO UPDATE SET c = EXCLUDED.c\nWHERE n.c = ''",
            "DO UPDATE has a WHERE",
            9,
        ),
        ("INSERT INTO n (id) SELECT id FROM n AS m ON CONFLICT (id) DO NOTHING", 'reads "n" itself', 7),
        ("INSERT INTO n (id) SELECT t.id FROM t,\nt AS u ON CONFLICT (id) DO NOTHING", 'FROM reads "t" itself', 8),
        ("INSERT INTO n (id) SELECT DISTINCT id FROM t ON CONFLICT (id) DO NOTHING", "DISTINCT", 7),
        ("INSERT INTO n (id, c) SELECT id, 1 FROM t GROUP BY id ON CONFLICT (id) DO NOTHING", "GROUP BY", 7),
        ("INSERT INTO n (id) SELECT\nmax(id) FROM t ON CONFLICT (id) DO NOTHING", "max()", 8),
        ("INSERT INTO n (id) SELECT row_number() OVER () FROM t ON CONFLICT (id) DO NOTHING", "window", 7),
        ("INSERT INTO n (id) SELECT id FROM t ORDER BY id ON CONFLICT (id) DO NOTHING", "ORDER BY", 7),
        ("INSERT INTO n (id) SELECT id FROM t LIMIT 5 ON CONFLICT (id) DO NOTHING", "LIMIT", 7),
        ("INSERT INTO n (id) SELECT id FROM t UNION SELECT id FROM u ON CONFLICT (id) DO NOTHING", "UNION", 7),
        ("INSERT INTO n (id) SELECT id FROM t FOR UPDATE ON CONFLICT (id) DO NOTHING", "locks rows", 7),
        ("INSERT INTO n (id) SELECT id FROM t ON CONFLICT (id) DO NOTHING RETURNING id", "RETURNING", 7),
        ("WITH w AS (SELECT 1) INSERT INTO n (id) SELECT id FROM t ON CONFLICT (id) DO NOTHING", "WITH", 7),
        ("INSERT INTO n (id) SELECT u.id FROM t RIGHT JOIN u USING (id) ON CONFLICT (id) DO NOTHING", "RIGHT", 7),
        ("INSERT INTO n (id) SELECT id FROM (SELECT 1 AS id) AS t ON CONFLICT (id) DO NOTHING", "begin with a", 7),
        ("INSERT INTO n (id) SELECT b FROM t AS t (b) ON CONFLICT (id) DO NOTHING", "other names", 7),
        ("INSERT INTO n (id) SELECT id FROM t WHERE\nrandom() < 0.5 ON CONFLICT (id) DO NOTHING", "random()", 8),
        ("INSERT INTO n (id) SELECT\nrandom() FROM t ON CONFLICT (id) DO NOTHING", "random()", 8),
        ("DELETE FROM t WHERE c IS NULL", "DELETE", 7),
        ("SELECT f(id) FROM t", "SELECT", 7),
        ("MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN UPDATE SET c = 1", "MERGE", 7),
        ("TRUNCATE t", "only UPDATE and INSERT", 7),
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


WITHOUT = replace(SPAN, without=(("(1,2)", "77"),))
LEFT_OUT = "CASE WHEN t.ctid = '(1,2)'::tid AND t.xmin = '77'::xid THEN false ELSE "
FROM_OTHERS = "UPDATE t SET c = u.x FROM u WHERE u.id = t.u AND t.c IS DISTINCT FROM u.x"
MOVE = "INSERT INTO n (id, c) SELECT id, s FROM app.t WHERE app.t.s > '' ON CONFLICT (id) DO UPDATE SET c = EXCLUDED.c"


def test_rows_are_locked_before_an_update_that_reads_other_tables():
    found = "(SELECT u.x FROM u WHERE u.id = t.u)"
    for sql in (FROM_OTHERS, f"UPDATE t SET c = {found} WHERE c IS DISTINCT FROM {found}"):
        statement = read(sql)
        assert "FOR NO KEY UPDATE) UPDATE ONLY" in statement.fill(LEAF, SPAN)
        assert statement.fill_and_check(LEAF, SPAN).startswith(
            "WITH done AS (WITH migrator_free AS MATERIALIZED (SELECT"
        )


def test_rows_of_an_update_from_others_are_counted_once_however_many_rows_they_match():
    statement = read(FROM_OTHERS)
    exists = "EXISTS (SELECT FROM u WHERE u.id = t.u AND t.c IS DISTINCT FROM u.x)"
    assert statement.count_wrong(LEAF, SPAN).endswith(f"AND {exists}")
    assert statement.count_candidates(LEAF, SPAN) == statement.count_wrong(LEAF, SPAN)
    free = statement.fill_free(LEAF, SPAN, key=False)
    assert f"{exists} FOR NO KEY UPDATE SKIP LOCKED) UPDATE ONLY" in free
    assert "SET c = u.x FROM u, migrator_free WHERE" in free


def test_tables_stay_joined_where_rows_are_left_out():
    sql = read(FROM_OTHERS).fill(LEAF, WITHOUT)
    assert sql.endswith(
        f"AND (u.id = t.u AND {LEFT_OUT}t.c IS DISTINCT FROM u.x END) AND t.ctid = migrator_free.migrator_row"
    )
    assert sql.count(LEFT_OUT) == 2


def test_a_column_of_another_table_is_no_mention():
    assert read("UPDATE t SET c = 1 WHERE c IS NULL AND EXISTS (SELECT FROM u WHERE u.c = 1)").columns == ("c",)
    with pytest.raises(Refused, match="does not mention"):
        read("UPDATE t SET c = 1 WHERE EXISTS (SELECT FROM u WHERE u.c = t.a)")


def test_rows_that_are_moved_are_locked_and_those_that_are_there_left_out():
    there = (
        "NOT EXISTS (SELECT FROM (SELECT id AS migrator_1, c AS migrator_2 FROM n) migrator_into"
        " WHERE migrator_into.migrator_1 = id AND migrator_into.migrator_2 IS NOT DISTINCT FROM s)"
    )
    start = (
        'INSERT INTO n (id, c) SELECT id, s FROM ONLY parts."Leaf 1" t'
        f" WHERE t.ctid >= '(0,0)'::tid AND t.ctid < '(64,0)'::tid AND (t.s > '' AND {there}) FOR SHARE OF t"
    )
    end = " ON CONFLICT (id) DO UPDATE SET c = excluded.c"
    statement = read(MOVE)
    assert (statement.schema, statement.table, statement.into) == ("app", "t", "n")
    assert statement.fill(LEAF, SPAN) == start + end
    assert statement.fill_free(LEAF, SPAN, key=False) == f"{start} SKIP LOCKED{end}"
    assert f"{LEFT_OUT}t.s > '' AND NOT EXISTS" in statement.fill(LEAF, WITHOUT)
    assert statement.count_wrong(LEAF, SPAN).startswith("SELECT count(*) AS rows FROM ONLY")


def test_verify_says_what_is_missing_where_on_conflict_does_not():
    sql = "INSERT INTO n SELECT * FROM t JOIN u USING (id) ON CONFLICT DO NOTHING"
    statement = read(sql, verify="NOT EXISTS (SELECT FROM n WHERE n.k = t.id)")
    assert statement.fill(LEAF, SPAN).endswith(
        "AND NOT EXISTS (SELECT FROM n WHERE n.k = t.id) FOR SHARE OF t ON CONFLICT DO NOTHING"
    )
    with pytest.raises(Refused, match='a subquery reads "t" itself'):
        read(sql, verify="NOT EXISTS (SELECT FROM t)")
