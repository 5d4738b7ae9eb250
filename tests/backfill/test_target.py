from __future__ import annotations

import pytest

from migrator.backfill import described, target
from migrator.backfill.passes import MANY, Parting
from migrator.backfill.reading import read_step
from migrator.backfill.segments import Span
from migrator.backfill.statements import LeafName
from migrator.errors import Refused
from migrator.model.plan import Phase, Step

FILL = "UPDATE t SET c = 'x' || s WHERE c IS NULL"


def read(sql=FILL, verify=None):
    return read_step(Step("fill", sql, Phase.BACKFILL, None, verify=verify, line=3, at="m/backfill.sql:3"))


def refusal(session, sql=FILL, verify=None):
    statement = read(sql, verify)
    with pytest.raises(Refused) as refused:
        found = target.prepare(session, statement)
        for leaf in target.leaves(session, found):
            target.check_accepted(session, statement, leaf.name)
    assert refused.value.at == "m/backfill.sql:3"
    return refused.value


def test_missing_table_and_column(session):
    assert "table t does not exist" in refusal(session).message
    session.execute("CREATE TABLE t (s text)")
    assert 'column "c" of public.t does not exist' in refusal(session).message


@pytest.mark.parametrize(
    ("ddl", "reason"),
    [
        ("CREATE VIEW t AS SELECT 1 AS s, 2 AS c", "is a view"),
        ("CREATE MATERIALIZED VIEW t AS SELECT 1 AS s, 2 AS c", "is a materialized view"),
        ("CREATE TABLE t (s text, c text) PARTITION BY LIST (c)", "partition key"),
        (
            "CREATE TABLE t (s text, c text); CREATE RULE r AS ON UPDATE TO t DO INSTEAD NOTHING",
            "has a rule ON UPDATE",
        ),
    ],
)
def test_what_cannot_be_swept_is_refused(session, ddl, reason):
    session.execute(ddl)
    assert reason in refusal(session).message


def test_expressions_that_do_not_type_check_are_found_beforehand(session):
    session.execute("CREATE TABLE t (s int, c int)")
    assert "operator does not exist" in refusal(session, "UPDATE t SET c = 1 WHERE c || 1 IS NULL AND c->1 > 2").message
    assert "does not exist" in refusal(session, "UPDATE t SET c = nothing(s) WHERE c IS NULL").message
    assert 'column "d" does not exist' in refusal(session, "UPDATE t SET c = 1 WHERE c IS NULL", "d").message


def test_volatile_functions_in_conditions_are_refused(session):
    session.execute("CREATE TABLE t (s text, c text)")
    session.execute("CREATE FUNCTION is_wrong(t) RETURNS bool LANGUAGE sql AS 'SELECT $1.c IS NULL'")
    assert "volatile" in refusal(session, "UPDATE t SET c = s WHERE is_wrong(t)").message
    session.execute("ALTER FUNCTION is_wrong STABLE")
    assert target.prepare(session, read("UPDATE t SET c = s WHERE is_wrong(t)"))


def test_missing_privileges_are_named_with_what_they_are_on(session, as_role, role):
    session.execute("CREATE SCHEMA app")
    session.execute("CREATE TABLE app.t (s text, c text)")
    sql = FILL.replace("UPDATE t", "UPDATE app.t")
    assert f'role "{role}" lacks USAGE on SCHEMA app' in refusal(as_role, sql).message
    session.execute(f"GRANT USAGE ON SCHEMA app TO {role}")
    assert f'role "{role}" lacks SELECT on app.t' in refusal(as_role, sql).message
    session.execute(f"GRANT SELECT ON app.t TO {role}")
    lacking = refusal(as_role, sql)
    assert f'role "{role}" lacks UPDATE on app.t' in lacking.message
    assert lacking.hint == f"GRANT UPDATE (c) ON app.t TO {role}"
    session.execute(lacking.hint)
    statement = read(sql)
    target.check_accepted(as_role, statement, target.prepare(as_role, statement).name)


def test_row_level_security_that_would_hide_rows_is_refused(session, as_role, role):
    session.execute("CREATE TABLE t (s text, c text)")
    session.execute(f"GRANT SELECT, UPDATE ON t TO {role}")
    session.execute("ALTER TABLE t ENABLE ROW LEVEL SECURITY")
    assert target.prepare(session, read())
    assert "row-level security of public.t hides rows" in refusal(as_role).message


def test_the_table_is_found_as_the_statement_would_find_it(session):
    session.execute("CREATE SCHEMA a")
    session.execute('CREATE TABLE a."T" (s text, c text)')
    session.execute("SET search_path = a")
    found = target.prepare(session, read('UPDATE "T" SET c = s WHERE c IS NULL'))
    assert found.name == LeafName("a", "T")


def test_a_batch_is_read_by_a_tid_range_scan(session):
    session.execute("CREATE TABLE t AS SELECT g::text AS s, NULL::text AS c FROM generate_series(1, 50000) g")
    sql = read().fill(LeafName("public", "t"), Span.of_blocks(3, 7))
    plan = "\n".join(row[0] for row in session.query(f"EXPLAIN {sql}"))
    assert "Tid Range Scan" in plan
    free = read().fill_free(LeafName("public", "t"), Span.of_blocks(3, 7), key=False)
    plan = "\n".join(row[0] for row in session.query(f"EXPLAIN {free}"))
    assert "Seq Scan" not in plan


def test_a_row_is_described_by_its_key_and_place(session):
    session.execute('CREATE TABLE t (a int, "B c" text, PRIMARY KEY ("B c", a))')
    session.execute("INSERT INTO t VALUES (1, 'x')")
    leaf = target.leaf(session, ("a",), "public.t")
    assert leaf.sets_key
    assert described.describe_row(session, leaf, "(0,1)") == "B c = x, a = 1 (ctid (0,1))"
    assert described.describe_row(session, leaf, "(0,2)") == "ctid (0,2)"
    assert target.leaf(session, (), "public.gone") is None


@pytest.mark.parametrize(
    ("key", "filled", "parting"),
    [
        ("id bigint PRIMARY KEY", "g", Parting("id", 1)),
        ('"1 %s" smallint PRIMARY KEY', "g - 20000", Parting("1 %s", 1)),
        ("id int PRIMARY KEY", "g * 16", Parting("id", 16)),
        ("a int, id int, PRIMARY KEY (a, id)", "1, g", Parting("id", 1)),
        ("id int PRIMARY KEY", "hashint4(g)", None),
        ("id text PRIMARY KEY", "g", None),
        ("id int", "g", None),
    ],
)
def test_rows_are_parted_by_a_key_that_counts_up(session, key, filled, parting):
    session.execute(f"CREATE TABLE t ({key}, s text DEFAULT repeat('s', 60), c text)")
    session.execute(f"INSERT INTO t SELECT {filled} FROM generate_series(1, 30000) g")
    session.execute("CREATE INDEX ON t (s)")
    swept = target.prepare(session, read())
    (found,) = target.leaves(session, swept)
    assert target.leaf(session, ("c",), "public.t").passes > 1
    assert target.parting(session, swept, found) == parting
    parts = [
        session.one(read().count_wrong(found.name, Span.of_blocks(0, 50, part, MANY, parting))).rows
        for part in range(MANY)
    ]
    assert sum(parts) == session.one(read().count_wrong(found.name, Span.of_blocks(0, 50))).rows
    if parting:
        assert max(parts) - min(parts) <= 50
    batch = read().fill(found.name, Span.of_blocks(0, 9, 1, MANY, parting))
    assert "Tid Range Scan" in "\n".join(row[0] for row in session.query(f"EXPLAIN {batch}"))
