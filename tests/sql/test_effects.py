"""What a statement locks, scans and rewrites, compared with what the server really does."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from migrator.model.locks import LockMode
from migrator.model.plan import Effects
from migrator.postgres.connect import Database
from migrator.postgres.session import ServerError, Session
from migrator.sql.compose import qualified
from migrator.sql.effects import default_may_be_volatile, effects_of
from migrator.sql.parser import parse_script, unwrap

SCHEMA = """
CREATE TABLE parent (id int PRIMARY KEY, code int, UNIQUE (code));
CREATE TABLE t (id int PRIMARY KEY, a int, b text, "Odd name" int, p int REFERENCES parent,
    CONSTRAINT positive CHECK (a > 0));
ALTER TABLE t ADD CONSTRAINT unchecked CHECK (a < 1000) NOT VALID;
CREATE INDEX t_a ON t (a);
CREATE UNIQUE INDEX t_b ON t (b);
CREATE TABLE other (id int PRIMARY KEY, t_id int);
INSERT INTO parent VALUES (1, 1);
INSERT INTO t SELECT n, n, n::text, n, 1 FROM generate_series(1, 10) AS n;
INSERT INTO other VALUES (1, 1);
CREATE VIEW v AS SELECT id, a FROM t;
CREATE MATERIALIZED VIEW m AS SELECT id, a FROM t;
CREATE UNIQUE INDEX m_id ON m (id);
CREATE TABLE part (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE part_2 (id int, at date);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touching BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();
CREATE POLICY mine ON t USING (true);
CREATE RULE quiet AS ON DELETE TO other DO INSTEAD NOTHING;
CREATE SEQUENCE counter;
CREATE SCHEMA elsewhere;
CREATE PUBLICATION published;
CREATE TYPE mood AS ENUM ('good');
CREATE STATISTICS t_stat ON a, b FROM t;
"""

TRANSACTIONAL = [
    "ALTER TABLE t ADD COLUMN c int",
    "ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 3",
    "ALTER TABLE t ADD COLUMN c timestamptz DEFAULT now()",
    "ALTER TABLE t ADD COLUMN c timestamptz DEFAULT clock_timestamp()",
    "ALTER TABLE t ADD COLUMN c uuid DEFAULT gen_random_uuid()",
    "ALTER TABLE t ADD COLUMN c serial",
    "ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS IDENTITY",
    "ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS (a * 2) STORED",
    "ALTER TABLE t ADD COLUMN c int UNIQUE",
    "ALTER TABLE t ADD COLUMN c int CHECK (c > 0)",
    "ALTER TABLE t ADD COLUMN c int REFERENCES parent",
    "ALTER TABLE t ADD COLUMN c int REFERENCES parent (code), ADD COLUMN d int",
    "ALTER TABLE t DROP COLUMN b",
    "ALTER TABLE t ALTER COLUMN a SET DEFAULT 1",
    "ALTER TABLE t ALTER COLUMN a DROP DEFAULT",
    "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
    "ALTER TABLE t ALTER COLUMN b DROP NOT NULL, ALTER COLUMN b SET DEFAULT 'x'",
    "ALTER TABLE t ALTER COLUMN b SET STATISTICS 10",
    "ALTER TABLE t ALTER COLUMN b SET (n_distinct = 5)",
    "ALTER TABLE t ALTER COLUMN b SET STORAGE EXTERNAL",
    "ALTER TABLE t ALTER COLUMN p TYPE bigint",
    'ALTER TABLE t ALTER COLUMN "Odd name" TYPE text',
    "ALTER TABLE t ADD CONSTRAINT c CHECK (a <> 77)",
    "ALTER TABLE t ADD CONSTRAINT c CHECK (a <> 77) NOT VALID",
    "ALTER TABLE t VALIDATE CONSTRAINT unchecked",
    "ALTER TABLE t DROP CONSTRAINT positive",
    "ALTER TABLE t DROP CONSTRAINT t_p_fkey",
    "ALTER TABLE other ADD CONSTRAINT c FOREIGN KEY (t_id) REFERENCES t",
    "ALTER TABLE other ADD CONSTRAINT c FOREIGN KEY (t_id) REFERENCES t NOT VALID",
    "ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)",
    "ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX t_b",
    "ALTER TABLE t RENAME COLUMN a TO z",
    "ALTER TABLE t RENAME TO z",
    "ALTER TABLE t RENAME CONSTRAINT positive TO above_zero",
    "ALTER TABLE t SET (fillfactor = 70)",
    "ALTER TABLE t SET SCHEMA elsewhere",
    "ALTER TABLE t RESET (fillfactor)",
    "ALTER TABLE t SET (autovacuum_enabled = false)",
    "ALTER TABLE t SET UNLOGGED",
    "ALTER TABLE t CLUSTER ON t_a",
    "ALTER TABLE t DISABLE TRIGGER touching",
    "ALTER TABLE t ENABLE ALWAYS TRIGGER touching",
    "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE t REPLICA IDENTITY FULL",
    "ALTER TABLE t OWNER TO CURRENT_USER",
    'ALTER TABLE public.t RENAME "Odd name" TO odd',
    "ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
    "ALTER TABLE part DETACH PARTITION part_1",
    "ALTER INDEX t_a RENAME TO t_aa",
    "ALTER VIEW v RENAME TO w",
    "CREATE TABLE c (id int)",
    "CREATE TABLE c (id int REFERENCES t, code int REFERENCES parent (code))",
    "CREATE TABLE c PARTITION OF part FOR VALUES FROM ('2026-05-01') TO ('2026-06-01')",
    "CREATE TABLE c () INHERITS (t)",
    "CREATE INDEX i ON t (a)",
    "CREATE UNIQUE INDEX ON public.t (a)",
    "CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION touch()",
    "CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING",
    "CREATE POLICY c ON t USING (a > 0)",
    "ALTER POLICY mine ON t USING (a > 0)",
    "CREATE STATISTICS c ON a, id FROM t",
    "CREATE VIEW c AS SELECT 1 AS one",
    "CREATE OR REPLACE VIEW v AS SELECT id, a FROM t",
    "DROP TABLE other",
    "DROP TABLE t CASCADE",
    "DROP INDEX t_a",
    "DROP VIEW v",
    "DROP MATERIALIZED VIEW m",
    "DROP TRIGGER touching ON t",
    "DROP POLICY mine ON t",
    "DROP RULE quiet ON other",
    "DROP SEQUENCE counter",
    "TRUNCATE other",
    "INSERT INTO t (id, a) VALUES (77, 1)",
    "UPDATE t SET a = 2 WHERE id = 1",
    "DELETE FROM t WHERE id = 1",
    "SELECT a FROM t JOIN other ON other.t_id = t.id",
    "LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE",
    "LOCK TABLE t",
    "ANALYZE t",
    "REINDEX TABLE t",
    "REINDEX INDEX t_a",
    "CLUSTER t USING t_a",
    "REFRESH MATERIALIZED VIEW m",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
    "COMMENT ON COLUMN t.a IS 'x'",
    "COMMENT ON TABLE t IS 'x'",
    "GRANT SELECT ON t TO PUBLIC",
    "CREATE TYPE c AS ENUM ('x')",
    "ALTER TYPE mood ADD VALUE 'bad'",
    "CREATE FUNCTION c() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "COPY other FROM PROGRAM 'true'",
    "CREATE TABLE c AS SELECT * FROM t",
    "INSERT INTO other SELECT id, a FROM t WHERE false",
    "UPDATE t SET a = o.id FROM other o WHERE o.t_id = t.id",
    "DELETE FROM t USING other o WHERE o.t_id = t.id",
    "WITH gone AS (DELETE FROM parent WHERE id = 9 RETURNING id) SELECT * FROM gone",
    "WITH x AS (SELECT * FROM t) SELECT * FROM x",
    "SELECT * FROM t FOR UPDATE",
    "ALTER SEQUENCE counter RESTART",
    "ALTER TABLE t ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY",
    "CREATE MATERIALIZED VIEW c AS SELECT * FROM t",
    "CREATE PUBLICATION c FOR TABLE t, other",
    "ALTER PUBLICATION published ADD TABLE t",
    "COMMENT ON INDEX t_a IS 'x'",
    "COPY t TO PROGRAM 'cat >/dev/null'",
    "COPY (SELECT a FROM t) TO PROGRAM 'cat >/dev/null'",
    "CREATE TABLE c AS SELECT id FROM t FOR UPDATE",
    "ALTER TABLE t ALTER COLUMN b TYPE varchar",
    "ALTER INDEX t_a SET (fillfactor = 70)",
    "MERGE INTO t USING other o ON o.t_id = t.id WHEN MATCHED THEN DELETE",
]

INDEXES = {"t_a", "t_b", "t_pkey", "parent_pkey", "parent_code_key", "other_pkey", "m_id"}

NOT_IN_THE_TREE = {
    # Only the catalog knows the other end of a constraint, what depends on a table, and the table of an index.
    "ALTER TABLE t ALTER COLUMN p TYPE bigint": {"parent": LockMode.ACCESS_EXCLUSIVE},
    "ALTER TABLE t DROP CONSTRAINT t_p_fkey": {"parent": LockMode.ACCESS_EXCLUSIVE},
    "DROP TABLE t CASCADE": {
        "parent": LockMode.ACCESS_EXCLUSIVE, "v": LockMode.ACCESS_EXCLUSIVE, "m": LockMode.ACCESS_EXCLUSIVE,
    },
    "DROP INDEX t_a": {"t": LockMode.ACCESS_EXCLUSIVE},
    "REINDEX INDEX t_a": {"t": LockMode.SHARE},
}  # fmt: skip
"""Locks that the statement alone does not show; preflight and the catalog do."""

STRONGER_THAN_TAKEN = {
    # See effects.py: what is taken is SHARE on the table and ACCESS EXCLUSIVE on its indexes.
    "REINDEX TABLE t": {"t": LockMode.SHARE},
}

ONLY_IN_THE_WORSE_CASE = {
    # The catalog could tell that a text without a limit stays as it is.
    "ALTER TABLE t ALTER COLUMN b TYPE varchar",
}


def effects(sql: str) -> Effects:
    (statement,) = parse_script(sql).statements
    return effects_of(statement)


@pytest.fixture(scope="module")
def prepared(postgres_server, postgres_admin) -> Iterator[Session]:
    """A session on a database with the schema above; every test rolls back."""
    name = f"effects_{secrets.token_hex(4)}"
    postgres_admin.execute(f"CREATE DATABASE {name}")
    with Database(postgres_server.url(name)).connect("test") as session:
        session.execute(SCHEMA)
        yield session
    postgres_admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@dataclass(frozen=True)
class Observed:
    locks: dict[str, LockMode]
    rewritten: set[str]
    scanned: set[str]


def observe(session: Session, sql: str) -> Observed:
    """What the server does for a statement, seen from inside its transaction, which is rolled back."""
    state = (
        "SELECT c.oid::bigint AS oid, relname, relkind::text, relfilenode::bigint AS file,"
        " coalesce(pg_stat_get_xact_numscans(c.oid), 0) AS scans"
        " FROM pg_class c WHERE relnamespace = 'public'::regnamespace"
    )
    session.execute("BEGIN")
    try:
        before = {row.oid: row for row in session.query(state)}
        session.execute(sql)
        locks = session.query(
            "SELECT relation::bigint AS oid, replace(mode, 'Lock', '') AS mode FROM pg_locks"
            " WHERE pid = pg_backend_pid() AND locktype = 'relation'"
        )
        after = {row.oid: row for row in session.query(state.partition(" WHERE")[0])}
    finally:
        session.execute("ROLLBACK")
    by_name = {mode.title.replace(" ", "").lower(): mode for mode in LockMode}
    held: dict[str, LockMode] = {}
    for lock in locks:
        if lock.oid in before and (before[lock.oid].relkind not in "iI" or "INDEX" in sql):
            name = str(qualified(None, before[lock.oid].relname))
            held[name] = max(by_name[lock.mode.lower()], held.get(name, LockMode.NONE))
    tables = [oid for oid, row in before.items() if row.relkind in "rm" and oid in after]
    return Observed(
        held,
        {before[oid].relname for oid in tables if after[oid].file != before[oid].file},
        {before[oid].relname for oid in tables if after[oid].scans > before[oid].scans},
    )


def strong(locks: dict[str, LockMode]) -> dict[str, LockMode]:
    """Those that not every reader or writer takes."""
    return {name: mode for name, mode in locks.items() if mode >= LockMode.SHARE_UPDATE_EXCLUSIVE}


@pytest.mark.parametrize("sql", TRANSACTIONAL)
def test_the_locks_are_those_the_server_takes(prepared: Session, sql: str):
    if sql.startswith("MERGE") and prepared.server_version < 15:
        pytest.skip("MERGE came with PostgreSQL 15")
    really = observe(prepared, sql).locks

    said = {lock.relation.removeprefix("public."): lock.mode for lock in effects(sql).locks}
    taken_indexes = {name for name in really if name not in said and name in INDEXES}
    expected = {name: mode for name, mode in really.items() if name not in taken_indexes}
    for name in NOT_IN_THE_TREE.get(sql, ()):
        assert expected.pop(name) == NOT_IN_THE_TREE[sql][name]
    expected |= {name: said[name] for name in STRONGER_THAN_TAKEN.get(sql, ())}
    assert strong(said) == strong(expected)
    # Of weaker ones the strongest, which says whether rows are written.
    weak = max(expected.values(), default=LockMode.NONE)
    assert weak <= LockMode.ACCESS_SHARE or max(said.values()) >= weak


NEWER = [
    (16, "", "ALTER TABLE t ALTER COLUMN b SET STORAGE DEFAULT"),
    (17, "", "ALTER TABLE part SET ACCESS METHOD DEFAULT"),
    (17, "", "ALTER TABLE part SET ACCESS METHOD heap"),
    (17, "ALTER TABLE t ADD g int GENERATED ALWAYS AS (a) STORED", "ALTER TABLE t ALTER g SET EXPRESSION AS (id)"),
    (17, "", "MERGE INTO t USING other o ON t.id = o.id WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING t.id"),
    (18, "", "ALTER TABLE t ADD CONSTRAINT n NOT NULL a"),
    (18, "", "ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID"),
    (18, "ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID", "ALTER TABLE t VALIDATE CONSTRAINT n"),
    (18, "ALTER TABLE t ADD CONSTRAINT n NOT NULL a", "ALTER TABLE t ALTER CONSTRAINT n NO INHERIT"),
    (18, "ALTER TABLE t ADD CONSTRAINT n NOT NULL a NO INHERIT", "ALTER TABLE t ALTER CONSTRAINT n INHERIT"),
    (18, "", "ALTER TABLE t ADD CONSTRAINT n CHECK (a > 1) NOT ENFORCED"),
    (18, "", "ALTER TABLE t ADD COLUMN c int CHECK (c > 1) NOT ENFORCED"),
    (18, "", "ALTER TABLE t ADD COLUMN c int CHECK (c > 1) NOT ENFORCED CHECK (c > 2)"),
    (18, "", "ALTER TABLE t ADD COLUMN g int GENERATED ALWAYS AS (a + 1) VIRTUAL"),
    (18, "", "ALTER TABLE t ADD COLUMN g int GENERATED ALWAYS AS (a + 1)"),
    (18, "", "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES parent NOT ENFORCED"),
    (18, "", "ALTER TABLE t ADD COLUMN f int REFERENCES parent NOT ENFORCED"),
    (18, "", "ALTER TABLE t ALTER CONSTRAINT t_p_fkey NOT ENFORCED"),
    (18, "ALTER TABLE t ALTER CONSTRAINT t_p_fkey NOT ENFORCED", "ALTER TABLE t ALTER CONSTRAINT t_p_fkey ENFORCED"),
    (18, "", "CREATE TABLE booked (room int4range, at tsrange, PRIMARY KEY (room, at WITHOUT OVERLAPS))"),
    (
        18,
        "CREATE TABLE booked (r int4range, d tsrange, UNIQUE (r, d WITHOUT OVERLAPS)); CREATE TABLE b (LIKE booked)",
        "ALTER TABLE b ADD FOREIGN KEY (r, PERIOD d) REFERENCES booked (r, PERIOD d)",
    ),
]  # fmt: skip
"""Oldest version that knows the syntax, what has to be there before, and the statement."""

ALSO_THE_OTHER_TABLE = "ALTER CONSTRAINT t_p_fkey"
"""Only the catalog knows the other end of a constraint, which is locked as well."""


@pytest.mark.parametrize(("version", "before", "sql"), NEWER)
def test_newer_syntax_does_what_is_said_of_it(session: Session, version: int, before: str, sql: str):
    if session.server_version < version:
        pytest.skip(f"the syntax came with PostgreSQL {version}")
    session.execute(SCHEMA)
    for statement in filter(None, before.split("; ")):
        session.execute(statement)

    really, said = observe(session, sql), effects(sql)

    locks = {name: mode for name, mode in really.locks.items() if name not in INDEXES}
    if ALSO_THE_OTHER_TABLE in sql:
        locks.pop("parent", None)
    said_locks = {lock.relation: lock.mode for lock in said.locks}
    assert strong(said_locks) == strong(locks)
    assert (said.rewrites_table and sql not in NOT_REWRITTEN) == bool(really.rewritten)
    if not said.rewrites_table and sql.startswith("ALTER"):
        assert said.scans_table == bool(really.scanned)


NOT_REWRITTEN = {
    # The catalog knows that a partitioned table has no rows of its own: rule LK018 looks there.
    "ALTER TABLE part SET ACCESS METHOD DEFAULT",
    "ALTER TABLE part SET ACCESS METHOD heap",
}


@pytest.mark.parametrize("sql", [sql for sql in TRANSACTIONAL if sql.startswith(("ALTER", "CREATE", "CLUSTER"))])
def test_scans_and_rewrites_are_those_the_server_makes(prepared: Session, sql: str):
    really, said = observe(prepared, sql), effects(sql)

    if sql in ONLY_IN_THE_WORSE_CASE:
        assert not really.rewritten
        assert said.rewrites_table
        return
    assert said.rewrites_table == bool(really.rewritten), really.rewritten
    if not said.rewrites_table and not sql.startswith(("CREATE TABLE", "CREATE MATERIALIZED VIEW")):
        assert said.scans_table == bool(really.scanned), really.scanned


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX CONCURRENTLY i ON t (a)",
        "DROP INDEX CONCURRENTLY t_a",
        "REINDEX TABLE CONCURRENTLY t",
        "REINDEX SCHEMA public",
        "ALTER TABLE part DETACH PARTITION part_1 CONCURRENTLY",
        "VACUUM t",
        "VACUUM FULL t",
    ],
)
def test_what_may_not_run_in_a_transaction_is_known(prepared: Session, sql: str):
    assert not effects(sql).transactional
    prepared.execute("BEGIN")
    try:
        with pytest.raises(ServerError) as refused:
            prepared.execute(sql)
    finally:
        prepared.execute("ROLLBACK")
    assert refused.value.sqlstate == "25001"


@pytest.mark.parametrize("sql", TRANSACTIONAL)
def test_the_rest_may_run_in_a_transaction(sql: str):
    assert effects(sql).transactional


@pytest.mark.parametrize(
    ("sql", "mode", "relation"),
    [
        ("CREATE INDEX CONCURRENTLY i ON t (a)", LockMode.SHARE_UPDATE_EXCLUSIVE, "t"),
        ("DROP INDEX CONCURRENTLY t_a", LockMode.SHARE_UPDATE_EXCLUSIVE, "t_a"),
        ("VACUUM FULL t", LockMode.ACCESS_EXCLUSIVE, "t"),
        ("VACUUM t", LockMode.SHARE_UPDATE_EXCLUSIVE, "t"),
        ("VACUUM (FULL off) t", LockMode.SHARE_UPDATE_EXCLUSIVE, "t"),
        ("VACUUM (FULL 1) t", LockMode.ACCESS_EXCLUSIVE, "t"),
        ("REINDEX (CONCURRENTLY false) TABLE t", LockMode.ACCESS_EXCLUSIVE, "t"),
        ("ALTER INDEX t_a SET TABLESPACE fast", LockMode.ACCESS_EXCLUSIVE, "t_a"),
        ("ALTER INDEX part_at ATTACH PARTITION part_1_at", LockMode.ACCESS_EXCLUSIVE, "part_1_at"),
        ("ALTER TABLE part DETACH PARTITION part_1 CONCURRENTLY", LockMode.ACCESS_EXCLUSIVE, "part_1"),
        ("ALTER TABLE ONLY my.t ADD c int", LockMode.ACCESS_EXCLUSIVE, "my.t"),
        ('ALTER TABLE "My"."T" ADD c int', LockMode.ACCESS_EXCLUSIVE, '"My"."T"'),
    ],
)
def test_locks_of_what_cannot_be_observed_in_a_transaction(sql: str, mode: LockMode, relation: str):
    assert (effects(sql).strongest, effects(sql).relation) == (mode, relation)


def test_a_common_table_expression_is_no_table():
    locks = effects("WITH x AS (SELECT a FROM t) SELECT a FROM x, public.x").locks

    assert {lock.relation for lock in locks} == {"t", "public.x"}


@pytest.mark.parametrize(
    ("default", "volatile"),
    [
        ("1", False), ("'x'::text", False), ("now()", False), ("CURRENT_TIMESTAMP", False), ("NULL", False),
        ("ARRAY[1, 2]", False), ("pg_catalog.now()", False), ("current_setting('x.y')", False), ("1 + 2", False),
        ("random()", True), ("clock_timestamp()", True), ("gen_random_uuid()", True), ("nextval('s')", True),
        ("lower(my_function())", True), ("now() + random() * interval '1 day'", True),
    ],
)  # fmt: skip
def test_volatile_defaults(default: str, volatile: bool):
    node = parse_script(f"SELECT {default}").statements[0].node

    assert default_may_be_volatile(unwrap(node.target_list[0]).val) is volatile
