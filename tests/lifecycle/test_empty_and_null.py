"""Tables without a row, and with NULL wherever it may be: every phase has nothing to do, and does it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.support.sandbox import Sandbox

OFFLINE = "nobody is connected in this test"


@dataclass(frozen=True)
class Change:
    """A change of tables as they are made by ``setup``.

    Attributes:
        nulls: rows that are NULL wherever they may be.
        naive: the same change as the server would do it.
        seen: what is left of ``nulls``, all of it, in one query.
        rows: what that must come to.
    """

    setup: str
    nulls: str
    sql: str
    seen: str
    rows: list[tuple[object, ...]]
    naive: str


FAST = (
    "ALTER TABLE t SET TABLESPACE fast; ALTER MATERIALIZED VIEW v SET TABLESPACE fast;ALTER INDEX i SET TABLESPACE fast"
)
CHANGES = {
    "split_column": Change(
        "CREATE TABLE t (id int PRIMARY KEY, a text)",
        "INSERT INTO t VALUES (1, NULL), (2, NULL)",
        "-- migrator: up = split_part(a, ' ', 1), split_part(a, ' ', 2)\n-- migrator: down = b || ' ' || c\n"
        "ALTER TABLE t ADD COLUMN b text, ADD COLUMN c text, DROP COLUMN a",
        "SELECT id, b, c FROM t ORDER BY id",
        [(1, None, None), (2, None, None)],
        "ALTER TABLE t ADD COLUMN b text, ADD COLUMN c text, DROP COLUMN a",
    ),
    "merge_columns": Change(
        "CREATE TABLE t (id int PRIMARY KEY, a text, b int)",
        "INSERT INTO t VALUES (1, NULL, NULL), (2, NULL, NULL)",
        "-- migrator: up = a || b::text\n-- migrator: down = left(c, 1), substr(c, 2)::int\n"
        "ALTER TABLE t ADD COLUMN c text, DROP COLUMN a, DROP COLUMN b",
        "SELECT id, c FROM t ORDER BY id",
        [(1, None), (2, None)],
        "ALTER TABLE t ADD COLUMN c text, DROP COLUMN a, DROP COLUMN b",
    ),
    "merge_columns that makes something of NULL": Change(
        "CREATE TABLE t (id int PRIMARY KEY, a text, b text)",
        "INSERT INTO t VALUES (1, NULL, NULL), (2, NULL, 'x')",
        "-- migrator: up = concat_ws('+', a, b)\n"
        "-- migrator: down = nullif(split_part(c, '+', 1), ''), nullif(split_part(c, '+', 2), '')\n"
        "ALTER TABLE t ADD COLUMN c text, DROP COLUMN a, DROP COLUMN b",
        "SELECT id, c FROM t ORDER BY id",
        [(1, ""), (2, "x")],
        "ALTER TABLE t ADD COLUMN c text, DROP COLUMN a, DROP COLUMN b",
    ),
    "move_column": Change(
        "CREATE TABLE t (id int PRIMARY KEY, a text, b json); CREATE TABLE u (t_id int UNIQUE REFERENCES t, m int)",
        "INSERT INTO t VALUES (1), (2), (3); INSERT INTO u VALUES (1), (2), (NULL), (NULL)",
        "-- migrator: to = u (t_id)\nALTER TABLE t DROP COLUMN a, DROP COLUMN b",
        "SELECT t_id, a, b::text, m FROM u ORDER BY t_id",
        [(1, None, None, None), (2, None, None, None), *[(None, None, None, None)] * 2],
        "ALTER TABLE u ADD COLUMN a text, ADD COLUMN b json; ALTER TABLE t DROP COLUMN a, DROP COLUMN b",
    ),
    "move_column to many": Change(
        "CREATE TABLE t (id int PRIMARY KEY, a text, b json);"
        "CREATE TABLE u (id int PRIMARY KEY, t_id int REFERENCES t, m int)",
        "INSERT INTO t VALUES (1), (2), (3); INSERT INTO u VALUES (1, 1), (2, 1), (3, NULL), (4, 2)",
        "-- migrator: to = u (t_id)\n-- migrator: many = true\nALTER TABLE t DROP COLUMN a, DROP COLUMN b",
        "SELECT id, t_id, a, b::text FROM u ORDER BY id",
        [(1, 1, None, None), (2, 1, None, None), (3, None, None, None), (4, 2, None, None)],
        "ALTER TABLE u ADD COLUMN a text, ADD COLUMN b json; ALTER TABLE t DROP COLUMN a, DROP COLUMN b",
    ),
    "move_column to the chosen one": Change(
        "CREATE TABLE t (id int PRIMARY KEY, a text, b json);"
        "CREATE TABLE u (id int PRIMARY KEY, t_id int REFERENCES t, m bool); CREATE UNIQUE INDEX ON u (t_id) WHERE m",
        "INSERT INTO t VALUES (1), (2), (3); INSERT INTO u VALUES (1, 1, true), (2, 1, NULL), (3, NULL, true)",
        "-- migrator: to = u (t_id)\n-- migrator: where = m\nALTER TABLE t DROP COLUMN a, DROP COLUMN b",
        "SELECT id, t_id, a, b::text FROM u ORDER BY id",
        [(1, 1, None, None), (2, 1, None, None), (3, None, None, None)],
        "ALTER TABLE u ADD COLUMN a text, ADD COLUMN b json; ALTER TABLE t DROP COLUMN a, DROP COLUMN b",
    ),
    "split_table": Change(
        "CREATE TABLE t (id int PRIMARY KEY, a text, b json)",
        "INSERT INTO t VALUES (1), (2)",
        "-- migrator: from = t\n"
        "CREATE TABLE u (id int PRIMARY KEY REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE, a text, b json)",
        "SELECT id, a, b::text FROM u ORDER BY id",
        [(1, None, None), (2, None, None)],
        "CREATE TABLE u (id int PRIMARY KEY REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE, a text, b json);"
        "ALTER TABLE t DROP COLUMN a, DROP COLUMN b",
    ),
    "unnest_column": Change(
        "CREATE TABLE t (id int PRIMARY KEY, a int[])",
        "INSERT INTO t VALUES (1, NULL), (2, '{}')",
        "-- migrator: unnest = t (a)\nCREATE TABLE u (t_id int REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE,"
        " x int, PRIMARY KEY (t_id, x))",
        "SELECT id, (SELECT count(*) FROM u WHERE t_id = id) AS rows FROM t ORDER BY id",
        [(1, 0), (2, 0)],
        "CREATE TABLE u (t_id int REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE, x int, PRIMARY KEY (t_id, x));"
        "ALTER TABLE t DROP COLUMN a",
    ),
    "extract_junction": Change(
        "CREATE TABLE t (id int PRIMARY KEY, a int, b json)",
        "INSERT INTO t VALUES (1), (2)",
        "-- migrator: extract = t (a, b AS c)\nCREATE TABLE u (t_id int REFERENCES t ON DELETE CASCADE"
        " ON UPDATE CASCADE, a int, c json, PRIMARY KEY (t_id, a))",
        "SELECT id, (SELECT count(*) FROM u WHERE t_id = id) AS rows FROM t ORDER BY id",
        [(1, 0), (2, 0)],
        "CREATE TABLE u (t_id int REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE, a int, c json,"
        " PRIMARY KEY (t_id, a)); ALTER TABLE t DROP COLUMN a, DROP COLUMN b",
    ),
    "merge_tables": Change(
        "CREATE TABLE t (id int PRIMARY KEY, m int);"
        "CREATE TABLE u (id int PRIMARY KEY REFERENCES t ON DELETE CASCADE, a text, b json)",
        "INSERT INTO t VALUES (1), (2), (3); INSERT INTO u VALUES (1), (2)",
        "-- migrator: into = t\nDROP TABLE u",
        "SELECT id, a, b::text FROM t ORDER BY id",
        [(1, None, None), (2, None, None), (3, None, None)],
        "ALTER TABLE t ADD COLUMN a text, ADD COLUMN b json; DROP TABLE u",
    ),
    **{
        f"partition_table by {by} {bound}": Change(
            "CREATE TABLE t (a int, b text)",
            "INSERT INTO t VALUES (NULL, NULL), (NULL, NULL)",
            f"-- migrator: partition = p {bound}\nCREATE TABLE t (LIKE t) PARTITION BY {by}",
            "SELECT a, b, tableoid::regclass::text FROM t",
            [(None, None, "p")] * 2,
            f"ALTER TABLE t RENAME TO p; CREATE TABLE t (LIKE p) PARTITION BY {by};"
            f"ALTER TABLE t ATTACH PARTITION p {bound}",
        )
        for by, bound in (
            ("LIST (a)", "FOR VALUES IN (NULL)"),
            ("LIST (b)", "FOR VALUES IN ('x', NULL)"),
            ("LIST (a)", "DEFAULT"),
            ("RANGE (a)", "DEFAULT"),
            ("RANGE (a, b)", "DEFAULT"),
        )
    },
    **{
        f"replace_materialized_view at {phase}": Change(
            "CREATE TABLE t (a int, b text); CREATE MATERIALIZED VIEW v AS SELECT a, b FROM t; CREATE INDEX ON v (a)",
            "INSERT INTO t VALUES (NULL, NULL); REFRESH MATERIALIZED VIEW v",
            f"-- migrator: phase = {phase}\nCREATE MATERIALIZED VIEW v AS SELECT a, b, 1 / a AS c FROM t",
            "SELECT a, b, c FROM v",
            [(None, None, None)],
            "DROP MATERIALIZED VIEW v; CREATE MATERIALIZED VIEW v AS SELECT a, b, 1 / a AS c FROM t;"
            "CREATE INDEX ON v (a)",
        )
        for phase in ("expand", "contract")
    },
    "set_tablespace": Change(
        "CREATE TABLE t (a int, b text); CREATE MATERIALIZED VIEW v AS SELECT a FROM t; CREATE INDEX i ON t (a)",
        "INSERT INTO t VALUES (NULL, NULL)",
        FAST,
        "SELECT a, b FROM t",
        [(None, None)],
        FAST,
    ),
}


@pytest.mark.parametrize("filled", [False, True], ids=["no row", "NULL"])
@pytest.mark.parametrize("name", CHANGES)
def test_the_whole_life(sandbox: Sandbox, name: str, filled: bool) -> None:
    change = CHANGES[name]
    sandbox.execute(change.setup)
    if filled:
        sandbox.execute(change.nulls)
    sandbox.install()
    before, wanted = sandbox.snapshot(), sandbox.shape_after(change.naive)
    migration = sandbox.new("change", change.sql)
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.rollback(migration, offline=OFFLINE)
    assert sandbox.snapshot() == before
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.snapshot() == wanted
    assert sandbox.rows(change.seen) == (change.rows if filled else [])
    assert sandbox.leftovers() == []
