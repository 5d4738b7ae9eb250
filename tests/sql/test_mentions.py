from __future__ import annotations

import pytest

from migrator.sql.mentions import mentions, temporary_tables
from migrator.sql.parser import parse_script

CASES = [
    # statement; table: reads, writes, possible, every column
    ("SELECT u.a, b FROM users AS u WHERE c = $1 ORDER BY b", {"users": ("a b c", "", "", False)}),
    ("SELECT a FROM s.users", {"s.users": ("a", "", "", False)}),
    ("SELECT count(*) AS n FROM t GROUP BY x ORDER BY n", {"t": ("x", "", "n", False)}),
    ("SELECT * FROM a JOIN b USING (k)", {"a": ("", "", "k", True), "b": ("", "", "k", True)}),
    ("SELECT a.* FROM a, b WHERE b.x", {"a": ("", "", "", True), "b": ("x", "", "", False)}),
    ("SELECT x FROM a, b", {"a": ("", "", "x", False), "b": ("", "", "x", False)}),
    ("SELECT u FROM users AS u", {"users": ("", "", "u", True)}),
    ("SELECT (r).x FROM t AS r", {"t": ("", "", "r", True)}),
    ("WITH q AS (SELECT x FROM t) SELECT q.y FROM q", {"t": ("", "", "x", False)}),
    ("SELECT x.v FROM t, LATERAL f(t.a) AS x", {"t": ("a", "", "", False)}),
    ("SELECT a FROM t WHERE EXISTS (SELECT FROM u WHERE u.t_id = t.id)",
     {"t": ("id", "", "a", False), "u": ("t_id", "", "a", False)}),
    ("SELECT c.relname FROM pg_class AS c JOIN t ON t.x = c.oid", {"t": ("x", "", "", False)}),
    ("SELECT ctid FROM t", {"t": ("", "", "", False)}),
    ("INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET b = excluded.b RETURNING id",
     {"t": ("b id k", "a b", "", False)}),
    ("INSERT INTO t VALUES ($1)", {"t": ("", "", "", True)}),
    ("INSERT INTO t DEFAULT VALUES", {"t": ("", "", "", False)}),
    ("UPDATE t SET a = u.b FROM u WHERE t.id = u.id", {"t": ("id", "a", "", False), "u": ("b id", "", "", False)}),
    ("DELETE FROM t WHERE a IN ($1, $2)", {"t": ("a", "", "", False)}),
    ("COPY t (a, b) FROM STDIN", {"t": ("", "a b", "", False)}),
    ("COPY t TO STDOUT", {"t": ("", "", "", True)}),
    ("MERGE INTO t USING s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)",
     {"t": ("id", "id", "", False), "s": ("id", "", "", False)}),
    ("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v",
     {"t": ("id", "v", "", False), "s": ("id v", "", "", False)}),
    ("TRUNCATE t", {"t": ("", "", "", False)}),
    ("DECLARE c CURSOR FOR SELECT a FROM t", {"t": ("a", "", "", False)}),
    ("EXPLAIN ANALYZE SELECT a FROM t", {"t": ("a", "", "", False)}),
    ("PREPARE p AS SELECT a FROM t", {"t": ("a", "", "", False)}),
    ("CREATE TABLE u AS SELECT * FROM t", {"t": ("", "", "", True)}),
    ("SET search_path = x", {}),
    ("CREATE TABLE t (a int)", {}),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_what_a_statement_names(sql: str, expected: dict[str, tuple[str, str, str, bool]]) -> None:
    (statement,) = parse_script(sql).statements
    found = {
        ".".join(filter(None, (each.schema, each.relation))): (
            " ".join(sorted(each.reads)),
            " ".join(sorted(each.writes)),
            " ".join(sorted(each.possible)),
            each.every,
        )
        for each in mentions(statement.kind, statement.node)
    }
    assert found == expected


def test_temporary_tables_are_known() -> None:
    script = parse_script(
        "CREATE TEMP TABLE a (x int); CREATE TEMP TABLE b AS SELECT 1; SELECT 1 INTO TEMP c; CREATE TABLE d (x int)"
    )
    assert [temporary_tables(each.node) for each in script.statements] == [{"a"}, {"b"}, {"c"}, set()]
