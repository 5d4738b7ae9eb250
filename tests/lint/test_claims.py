"""The lock a finding names is the lock the server takes; what is said to rewrite, rewrites."""

from __future__ import annotations

import pytest

from migrator.model.finding import Severity
from migrator.model.locks import LockMode
from migrator.postgres.session import ServerError, Session
from migrator.sql.parser import parse_script
from tests.lint.linting import findings

SCHEMA = """
CREATE TABLE users (id bigint PRIMARY KEY, email text, name varchar(10), age int, during tsrange, at timestamp);
CREATE TABLE orders (id bigint, user_id bigint);
CREATE INDEX users_name ON users (name);
CREATE UNIQUE INDEX users_unique ON users (email);
CREATE MATERIALIZED VIEW totals AS SELECT 1 AS a;
CREATE TABLE events (a int) PARTITION BY RANGE (a);
CREATE TABLE e1 PARTITION OF events FOR VALUES FROM (1) TO (2);
CREATE TABLE e2 (a int);
CREATE DOMAIN points AS int;
CREATE TABLE pointed (p points);
ALTER TABLE users ADD CONSTRAINT late CHECK (age > 0) NOT VALID;
CREATE TABLE bills (id bigint PRIMARY KEY, user_id bigint CONSTRAINT owner REFERENCES users, total varchar DEFAULT '');
CREATE TABLE logs (a int) PARTITION BY RANGE (a);
CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (1) TO (2);
CREATE TABLE logs_rest PARTITION OF logs DEFAULT;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TYPE small AS ENUM ('good');
CREATE TABLE felt (m mood, at timestamp);
CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
CREATE POLICY own ON users USING (true);
CREATE VIEW totals_of AS SELECT id, total FROM bills;
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
"""
LOCKS = [
    ("LK001", "CREATE INDEX ON users (age)", "users"),
    ("LK003", "DROP INDEX users_name", "users"),
    ("LK004", "REINDEX INDEX users_name", "users_name"),
    ("LK005", "ALTER TABLE users ADD COLUMN b uuid DEFAULT gen_random_uuid()", "users"),
    ("LK006", "ALTER TABLE users ADD COLUMN b bigserial", "users"),
    ("LK007", "ALTER TABLE users ADD COLUMN b int GENERATED ALWAYS AS (age + 1) STORED", "users"),
    ("LK008", "ALTER TABLE users ADD COLUMN b positive", "users"),
    ("LK009", "ALTER TABLE users ADD COLUMN b int CHECK (b > 0)", "users"),
    ("LK010", "ALTER TABLE users ADD COLUMN b int UNIQUE", "users"),
    ("LK011", "ALTER TABLE users ALTER COLUMN email SET NOT NULL", "users"),
    ("LK012", "ALTER TABLE users ALTER COLUMN age TYPE bigint", "users"),
    ("LK013", "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users", "orders"),
    ("LK013", "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users", "users"),
    ("LK014", "ALTER TABLE users ADD CHECK (age > 0)", "users"),
    ("LK015", "ALTER TABLE users ADD UNIQUE (email)", "users"),
    ("LK016", "ALTER TABLE users ADD EXCLUDE USING gist (during WITH &&)", "users"),
    ("LK018", "CLUSTER users USING users_pkey", "users"),
    ("LK018", "ALTER TABLE orders SET UNLOGGED", "orders"),
    ("LK019", "UPDATE users SET age = 1", "users"),
    ("LK021", "REFRESH MATERIALIZED VIEW totals", "totals"),
    ("LK022", "ALTER TABLE events ATTACH PARTITION e2 FOR VALUES FROM (2) TO (3)", "e2"),
    ("LK023", "ALTER TABLE events DETACH PARTITION e1", "events"),
    ("LK025", "LOCK TABLE users", "users"),
    ("LK027", "ALTER DOMAIN points ADD CHECK (VALUE > 0)", "pointed"),
    ("BC001", "ALTER TABLE users DROP COLUMN age", "users"),
    ("BC002", "DROP TABLE orders", "orders"),
    ("BC003", "ALTER TABLE users RENAME COLUMN age TO years", "users"),
    ("BC004", "ALTER TABLE users RENAME TO people", "users"),
    ("DL001", "TRUNCATE users CASCADE", "users"),
    ("LK033", "ALTER TABLE bills DROP CONSTRAINT owner", "bills"),
    ("LK033", "ALTER TABLE bills DROP CONSTRAINT owner", "users"),
    ("LK035", "CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM (2) TO (3)", "logs"),
    ("LK035", "CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM (2) TO (3)", "logs_rest"),
    ("LK038", "DROP TABLE logs_1", "logs"),
    ("LK038", "DROP TABLE logs_1", "logs_rest"),
    ("BC018", "ALTER TABLE logs DETACH PARTITION logs_1", "logs"),
    ("BC019", "ALTER TABLE bills ALTER COLUMN total SET DEFAULT '1'", "bills"),
    ("BC023", "CREATE TRIGGER never BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION stop()", "users"),
    ("BC024", "CREATE RULE r AS ON DELETE TO users DO INSTEAD NOTHING", "users"),
    ("BC026", "CREATE POLICY few ON users AS RESTRICTIVE USING (true)", "users"),
    ("BC026", "ALTER POLICY own ON users USING (false)", "users"),
    ("BC026", "DROP POLICY own ON users", "users"),
    ("BC026", "ALTER TABLE users FORCE ROW LEVEL SECURITY", "users"),
    ("BC027", "ALTER DOMAIN points ADD CHECK (VALUE > 0)", "pointed"),
    ("BC032", "ALTER TABLE bills RENAME CONSTRAINT bills_pkey TO bills_key", "bills"),
    ("DL006", "ALTER TABLE felt ALTER COLUMN m TYPE small USING m::text::small", "felt"),
    ("DL007", "ALTER TABLE felt ALTER COLUMN at TYPE timestamptz", "felt"),
    (
        "DL008",
        "ALTER TABLE orders ADD CONSTRAINT o FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT VALID",
        "users",
    ),
    ("DL010", "ALTER TABLE users DISABLE TRIGGER ALL", "users"),
]
REWRITING = {"LK005", "LK006", "LK007", "LK008", "LK012", "LK018", "DL006"}


@pytest.fixture
def shop(session: Session) -> Session:
    for statement in SCHEMA.strip().split(";\n"):
        session.execute(statement.rstrip(";"))
    session.execute("INSERT INTO users (id, email) SELECT n, n::text FROM generate_series(1, 10) AS n")
    return session


def test_the_locks_are_those_that_pg_locks_shows(shop: Session):
    wrong = []
    for code, sql, relation in LOCKS:
        (finding,) = (each for each in findings(sql, earlier=SCHEMA) if each.code == code)
        taken, rewritten = _run(shop, sql, relation)
        if taken != finding.lock_mode or rewritten < (code in REWRITING):
            wrong.append((sql, finding.lock_mode, taken, rewritten))

    assert wrong == []


REFUSED = [
    ("LK028", "CREATE INDEX CONCURRENTLY i ON logs (a)"),
    ("BC021", "CREATE FUNCTION one(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT 2'; SELECT one(1)"),
    ("RB004", "CREATE OR REPLACE VIEW totals_of AS SELECT id FROM bills"),
    ("RB004", "CREATE OR REPLACE VIEW totals_of AS SELECT id, total AS sum FROM bills"),
    ("RB004", "CREATE OR REPLACE FUNCTION one(b int) RETURNS int LANGUAGE sql AS 'SELECT 1'"),
    ("RB004", "CREATE OR REPLACE FUNCTION one(a int) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'"),
    ("RB005", "ALTER TABLE bills ALTER COLUMN total TYPE text"),
    ("RB005", "ALTER TABLE bills DROP COLUMN total"),
    ("RB005", "ALTER TABLE made ALTER COLUMN a TYPE bigint"),
    ("RB005", "ALTER TABLE made DROP COLUMN b"),
    ("RB005", "ALTER TABLE made ALTER COLUMN c TYPE text"),
    ("RB006", "BEGIN; ALTER TYPE mood ADD VALUE 'calm'; INSERT INTO felt VALUES ('calm'); COMMIT"),
    ("RB012", "DROP INDEX bills_pkey"),
    ("RB014", "UPDATE users SET age = 1, age = 2 WHERE id = 1"),
    ("RB014", "INSERT INTO users (age, age) VALUES (1, 2)"),
    ("RB015", "CREATE INDEX late_bills ON felt (at) WHERE at > now()"),
]
MADE = """
CREATE FUNCTION one(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE made (a int, b int, c varchar(9), g int GENERATED ALWAYS AS (a + 1) STORED);
CREATE POLICY seen ON made USING (b > 0);
CREATE FUNCTION go_on() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER of_c BEFORE UPDATE OF c ON made FOR EACH ROW EXECUTE FUNCTION go_on();
"""


@pytest.mark.parametrize(("code", "sql"), REFUSED)
def test_what_is_said_to_be_refused_is_refused(session: Session, code: str, sql: str):
    for statement in parse_script(SCHEMA + MADE).statements:
        session.execute(statement.text)

    assert code in {each.code for each in findings(sql, earlier=SCHEMA + MADE)}
    with pytest.raises(ServerError):
        for statement in parse_script(sql).statements:
            session.execute(statement.text)


def _run(shop: Session, sql: str, relation: str) -> tuple[str, bool]:
    """The strongest lock a statement takes on a relation, and whether the relation has a new file."""
    oid, before = shop.one(f"SELECT '{relation}'::regclass::oid AS oid, pg_relation_filenode('{relation}') AS node")
    shop.execute("BEGIN")
    shop.execute(sql)
    modes = shop.query(
        f"SELECT mode FROM pg_catalog.pg_locks WHERE pid = pg_backend_pid() AND relation = {oid} AND granted"
    )
    after = shop.one(f"SELECT pg_relation_filenode({oid}) AS node").node
    shop.execute("ROLLBACK")
    by_name = {mode.name.title().replace("_", "") + "Lock": mode for mode in LockMode}
    return max(by_name[row.mode] for row in modes).title, after != before


def test_a_concurrent_statement_in_a_transaction_is_refused(shop: Session):
    with pytest.raises(ServerError) as refused, shop.transaction():
        shop.execute("CREATE INDEX CONCURRENTLY i ON users (age)")

    assert refused.value.sqlstate == "25001"


NO_REWRITE = [
    "ALTER TABLE users ADD COLUMN b timestamptz NOT NULL DEFAULT now()",
    "ALTER TABLE users ADD COLUMN b jsonb DEFAULT '{}'",
    "ALTER TABLE users ADD COLUMN b points",
    "ALTER TABLE users ALTER COLUMN name TYPE varchar(20)",
    "ALTER TABLE users ALTER COLUMN name TYPE text USING name::text",
    "ALTER TABLE users ALTER COLUMN at TYPE timestamp(6)",
]


def test_what_is_quiet_keeps_the_file_of_the_table(shop: Session):
    rewritten = [sql for sql in NO_REWRITE if _run(shop, sql, "users")[1]]
    reported = [
        sql for sql in NO_REWRITE if {each.severity for each in findings(sql, earlier=SCHEMA)} - {Severity.INFO}
    ]

    assert (rewritten, reported) == ([], [])
