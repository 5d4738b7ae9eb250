"""What would make every UPDATE and DELETE of a published table fail is refused, and it is true that it would."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

TABLES = (
    "CREATE TABLE t (k int PRIMARY KEY, a text NOT NULL, b text NOT NULL DEFAULT 'b'); INSERT INTO t VALUES (1, 'a');"
    "CREATE UNIQUE INDEX t_a ON t (a); CREATE UNIQUE INDEX t_b ON t (k, b); CREATE SCHEMA s;"
)
PARTS = "CREATE TABLE q (k int NOT NULL, a text) PARTITION BY RANGE (k); CREATE TABLE q_1 (k int NOT NULL, a text);"
STORED = "ALTER TABLE t ADD g text GENERATED ALWAYS AS (b) STORED NOT NULL;"
ATTACH = "ALTER TABLE q ATTACH PARTITION q_1 FOR VALUES FROM (0) TO (100)"
BY_A = "ALTER TABLE t REPLICA IDENTITY USING INDEX t_a;"
BY_B = "ALTER TABLE t REPLICA IDENTITY USING INDEX t_b;"
FULL = "ALTER TABLE t REPLICA IDENTITY FULL;"


@pytest.mark.parametrize(
    ("since", "before", "sql", "why"),
    [
        (14, "CREATE PUBLICATION p FOR TABLE t", "ALTER TABLE t DROP CONSTRAINT t_pkey", "has no replica identity"),
        (14, "CREATE PUBLICATION p FOR ALL TABLES", "ALTER TABLE t DROP CONSTRAINT t_pkey", "has no replica identity"),
        (14, BY_A + "CREATE PUBLICATION p FOR TABLE t", "DROP INDEX t_a", "has no replica identity"),
        (14, BY_A + "CREATE PUBLICATION p FOR TABLE t", "ALTER TABLE t DROP COLUMN a", "has no replica identity"),
        (14, PARTS + "CREATE PUBLICATION p FOR TABLE q", ATTACH, "publication p sends them"),
        (15, "CREATE PUBLICATION p FOR TABLES IN SCHEMA s; ALTER TABLE t DROP CONSTRAINT t_pkey",
         "ALTER TABLE t SET SCHEMA s", "has no replica identity"),
        (15, "CREATE PUBLICATION p FOR TABLE t (k, a)", BY_B, "publication p sends them without b"),
        (15, "CREATE PUBLICATION p FOR TABLE t (k, a, b)", FULL, "with a column list"),
        (15, BY_A + "CREATE PUBLICATION p FOR TABLE t WHERE (a <> '')", BY_B, "a row filter says so that reads a"),
        (18, STORED + FULL, "CREATE PUBLICATION p FOR ALL TABLES", "generated columns that are not published, g"),
        (18, STORED + FULL, "CREATE PUBLICATION p FOR TABLES IN SCHEMA public", "not published, g"),
        (18, STORED + "CREATE UNIQUE INDEX t_g ON t (k, g); ALTER TABLE t REPLICA IDENTITY USING INDEX t_g",
         "CREATE PUBLICATION p FOR ALL TABLES", "WITH (publish_generated_columns = stored)"),
        (18, STORED + "CREATE PUBLICATION p FOR TABLE t", FULL, "publication p sends them without g"),
    ],
)  # fmt: skip
def test_what_makes_updates_fail_is_refused(sandbox: Sandbox, since: int, before: str, sql: str, why: str) -> None:
    if sandbox.session.server_version < since:
        pytest.skip(f"PostgreSQL {since} has it")
    sandbox.execute(TABLES + before)
    with pytest.raises(Refused, match=r"every UPDATE and DELETE of .* would fail") as error:
        sandbox.new("published", sql)
    assert why in refusal(error.value)
    sandbox.execute(sql)
    table = sandbox.value("SELECT coalesce(to_regclass('public.t'), to_regclass('s.t'))::text")
    with pytest.raises(Exception, match="cannot update table"):
        sandbox.execute("UPDATE q SET a = 'x'" if sql == ATTACH else f"UPDATE {table} SET k = k")


def test_what_leaves_updates_alone_is_not(sandbox: Sandbox) -> None:
    inserts = "CREATE PUBLICATION i FOR TABLE t, q WITH (publish = 'insert');"
    sandbox.execute(f"{TABLES} {PARTS} {inserts} CREATE PUBLICATION p FOR TABLE t")
    for sql in (BY_B, FULL, "DROP INDEX t_a", ATTACH):
        sandbox.expand(sandbox.new("published", sql))
        sandbox.execute("UPDATE t SET k = k")


def test_a_publication_since_expand_stops_the_contract(sandbox: Sandbox) -> None:
    sandbox.execute(TABLES)
    dropping = sandbox.new("drop", "ALTER TABLE t DROP CONSTRAINT t_pkey")
    sandbox.expand(dropping)
    sandbox.execute("CREATE PUBLICATION p FOR TABLE t")
    with pytest.raises(Refused, match="UPDATE and DELETE") as error:
        sandbox.contract(dropping, offline="nobody is connected")
    assert "ALTER TABLE public.t REPLICA IDENTITY" in refusal(error.value)
    sandbox.execute(FULL)
    sandbox.contract(dropping, offline="nobody is connected")
    sandbox.execute("UPDATE t SET k = k")


def test_a_column_by_which_rows_are_found_stays_not_null(sandbox: Sandbox) -> None:
    sandbox.execute(TABLES + BY_A)
    with pytest.raises(Refused, match='is in index "t_a", by which logical replication finds rows: never NULL'):
        sandbox.new("loosen", "ALTER TABLE t ALTER a DROP NOT NULL")


def test_generated_columns_that_are_sent_may_be_in_the_identity(sandbox: Sandbox) -> None:
    sends = " WITH (publish_generated_columns = stored)" if sandbox.session.server_version >= 18 else ""
    sandbox.execute(TABLES + STORED + FULL)
    sandbox.finish(sandbox.new("all", f"CREATE PUBLICATION p FOR ALL TABLES{sends}"))
    sandbox.execute(f"CREATE PUBLICATION more{sends}")
    sandbox.finish(sandbox.new("more", "ALTER PUBLICATION more ADD TABLE t"))
    sandbox.execute("UPDATE t SET b = 'x'")
