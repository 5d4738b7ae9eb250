"""What users of other linters complain about: harmless statements that are reported, harmful ones that are not.

The cases are those of the complaints listed in the research on linters, each checked on a real server there.
"""

from __future__ import annotations

import pytest

from migrator.model.plan import Phase
from tests.lint.linting import codes, findings

ON = "ALTER TABLE users ADD COLUMN a "
TYPED = "CREATE TABLE t (a {});"

HARMLESS = [
    # defaults that are not volatile
    ON + "bool NOT NULL DEFAULT true",
    ON + "int DEFAULT -1",
    ON + "text DEFAULT ''::text",
    ON + "jsonb DEFAULT '{}'",
    ON + "int[] DEFAULT '{}'::int[]",
    ON + "text[] NOT NULL DEFAULT ARRAY[]::text[]",
    ON + "timestamptz DEFAULT now()",
    ON + "timestamptz DEFAULT (now() AT TIME ZONE 'utc')",
    ON + "timestamptz DEFAULT now() - interval '1 day'",
    ON + "date DEFAULT CURRENT_DATE",
    ON + "timestamptz DEFAULT transaction_timestamp()",
    ON + "text DEFAULT CURRENT_USER",
    ON + "text DEFAULT md5('x') || lower('Y')",
    ON + "tstzrange DEFAULT tstzrange(now(), NULL)",
    ON + "uuid DEFAULT '00000000-0000-0000-0000-000000000000'",
    ON + "uuid DEFAULT uuid_nil()",
    ON + "text DEFAULT concat_ws('-', 'a', current_setting('app.tenant'))",
    ON + "int DEFAULT NULL",
    # tables that nobody uses yet
    "CREATE TABLE users (id int); CREATE UNIQUE INDEX ON users (id); ALTER TABLE users ADD CHECK (id > 0)",
    "BEGIN; CREATE TABLE users (id int); COMMIT; CREATE INDEX ON users (id); ALTER TABLE users ADD PRIMARY KEY (id)",
    "CREATE TABLE IF NOT EXISTS app.users (id int); CREATE INDEX ON app.users (id)",
    "SET search_path = app, public; CREATE TABLE users (id int); CREATE INDEX ON app.users (id)",
    "CREATE TEMP TABLE t AS SELECT 1 AS a; CREATE INDEX ON t (a); DELETE FROM t; DROP TABLE t",
    "SELECT 1 AS a INTO scratch; CREATE INDEX ON scratch (a)",
    "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a_id int); ALTER TABLE b ADD FOREIGN KEY (a_id) REFERENCES a",
    "CREATE TABLE orders (user_id bigint REFERENCES users (id))",
    "CREATE TABLE a (id int); ALTER TABLE a RENAME TO b; ALTER TABLE b RENAME id TO key; CREATE INDEX ON b (key)",
    "CREATE TABLE a (id int); ALTER TABLE a SET SCHEMA app; CREATE INDEX ON app.a (id); DROP TABLE app.a",
    "CREATE TABLE a (id int); UPDATE a SET id = 1; TRUNCATE a; CLUSTER a; LOCK TABLE a",
    "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a; CREATE UNIQUE INDEX ON m (a); REFRESH MATERIALIZED VIEW m",
    "CREATE VIEW v AS SELECT 1 AS a; ALTER VIEW v RENAME TO w; DROP VIEW w",
    # brief ones
    ON + "int",
    ON + "int REFERENCES other (id)",
    "ALTER TABLE users ADD CONSTRAINT u UNIQUE USING INDEX u_idx",
    "ALTER TABLE users VALIDATE CONSTRAINT c",
    "ALTER TABLE users ALTER COLUMN a SET STATISTICS 500, ALTER COLUMN a SET STORAGE EXTERNAL",
    "ALTER TABLE users SET (fillfactor = 70)",
    "ALTER TABLE users ALTER COLUMN a SET DEFAULT 1",
    "ALTER TABLE users RENAME CONSTRAINT a TO b",
    "ALTER INDEX a RENAME TO b",
    "COMMENT ON TABLE users IS 'people'",
    "CREATE VIEW v AS SELECT 1 AS a",
    "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "GRANT SELECT ON users TO reader",
    "CREATE SEQUENCE s; CREATE TYPE mood AS ENUM ('a')",
    "ALTER TYPE mood ADD VALUE 'b'",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
    "VACUUM ANALYZE users",
    "CREATE INDEX ON ONLY events (at)",
    # writes of some rows
    "UPDATE users SET a = 1 WHERE id = 1",
    "DELETE FROM users WHERE created_at < now() - interval '1 year'",
    "DELETE FROM users USING gone WHERE gone.id = users.id",
    "INSERT INTO settings VALUES (1, 'a') ON CONFLICT DO NOTHING",
    # transactions
    "CREATE INDEX CONCURRENTLY i ON users (a)",
    "SELECT 1; CREATE INDEX CONCURRENTLY i ON users (a); SELECT 2; DROP INDEX CONCURRENTLY j",
    "BEGIN; SELECT 1; END; CREATE INDEX CONCURRENTLY i ON users (a)",
    "START TRANSACTION ISOLATION LEVEL SERIALIZABLE; ROLLBACK; REINDEX INDEX CONCURRENTLY i",
    "BEGIN; SAVEPOINT a; ROLLBACK TO SAVEPOINT a; RELEASE a; COMMIT; DROP INDEX CONCURRENTLY i",
]


@pytest.mark.parametrize("sql", HARMLESS)
def test_harmless_statements_are_quiet(sql: str):
    assert codes(sql) == set()


KNOWN_TYPES = [
    ("varchar(10)", "varchar(20)"),
    ("varchar(10)", "varchar"),
    ("varchar(10)", "text"),
    ("text", "varchar"),
    ("varchar(10)", "text USING a::text"),
    ("varchar(10)", "varchar(20) USING a"),
    ("numeric(10, 2)", "numeric(12, 2)"),
    ("numeric(10, 2)", "numeric"),
    ("decimal(10)", "numeric(12)"),
    ("timestamp(3)", "timestamp(6)"),
    ("timestamptz(0)", "timestamptz"),
    ("interval(3)", "interval"),
    ("varbit(10)", "varbit(20)"),
    ("cidr", "inet"),
    ("int", "integer"),
    ("varchar(10)[]", "varchar[]"),
]


@pytest.mark.parametrize(("old", "new"), KNOWN_TYPES)
def test_type_changes_that_keep_the_rows_are_quiet_when_the_old_type_is_known(old: str, new: str):
    assert codes(f"ALTER TABLE t ALTER COLUMN a TYPE {new};", earlier=TYPED.format(old)) == set()


def test_the_old_type_is_known_from_add_column_and_from_the_change_before():
    earlier = "ALTER TABLE t ADD COLUMN a varchar(10); ALTER TABLE t ALTER COLUMN a TYPE varchar(20);"

    assert codes("ALTER TABLE t ALTER COLUMN a TYPE varchar(15);", earlier=earlier) == {"LK012", "BC011", "DL004"}
    assert codes("ALTER TABLE t ALTER COLUMN a TYPE varchar(25);", earlier=earlier) == set()


def test_the_old_type_survives_renames():
    earlier = TYPED.format("varchar(10)") + "ALTER TABLE t RENAME a TO b; ALTER TABLE t RENAME TO u;"

    assert codes("ALTER TABLE u ALTER COLUMN b TYPE varchar(20);", earlier=earlier) == set()


CHECK = "ALTER TABLE users ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID;"
VALIDATE = "ALTER TABLE users VALIDATE CONSTRAINT c;"
SET = "ALTER TABLE users ALTER COLUMN a SET NOT NULL;"


@pytest.mark.parametrize("pg_version", [12, 14, 18])
def test_set_not_null_after_a_validated_check_reads_nothing(pg_version: int):
    for earlier in (
        CHECK + VALIDATE,
        "CREATE TABLE users (a int CHECK (a IS NOT NULL));",
        "CREATE TABLE users (a int NOT NULL);",
    ):
        assert "LK011" not in codes(SET, earlier=earlier, pg_version=pg_version)


def test_a_check_counts_for_its_own_column_only_and_only_once_valid():
    assert "LK011" in codes(SET.replace(" a ", " b "), earlier=CHECK + VALIDATE)
    assert "LK011" in codes(SET, earlier=CHECK)
    assert "LK011" in codes(SET, earlier=CHECK.replace("a IS NOT NULL", "a IS NOT NULL OR b") + VALIDATE)
    assert "LK011" in codes(SET, earlier=CHECK + VALIDATE + "ALTER TABLE users DROP CONSTRAINT c;")


HARMFUL = [
    ("CREATE TEMP TABLE users (a int); CREATE INDEX ON public.users (a)", "LK001"),
    ("BEGIN; CREATE TABLE users (a int); ROLLBACK; CREATE INDEX ON users (a)", "LK001"),
    ("BEGIN; SAVEPOINT s; CREATE TABLE users (a int); ROLLBACK TO s; CREATE INDEX ON users (a); COMMIT", "LK001"),
    ("CREATE TABLE app.users (a int); CREATE INDEX ON other.users (a)", "LK001"),
    ("CREATE TABLE app.users (a int); CREATE INDEX ON users (a)", "LK001"),
    ("CREATE TABLE users (a int); DROP TABLE users; CREATE INDEX ON users (a)", "LK001"),
    ("BEGIN TRANSACTION; DROP INDEX CONCURRENTLY i; COMMIT", "LK002"),
    ("BEGIN; COMMIT AND CHAIN; REINDEX TABLE CONCURRENTLY t; COMMIT", "LK002"),
    ("BEGIN; ALTER TABLE events DETACH PARTITION e1 CONCURRENTLY; COMMIT", "LK002"),
    (ON + "timestamptz DEFAULT clock_timestamp()", "LK005"),
    (ON + "text DEFAULT 'a' || nextval('s')::text", "LK005"),
    (ON + "uuid DEFAULT pg_catalog.gen_random_uuid()", "LK005"),
    (ON + "uuid DEFAULT uuid_generate_v4()", "LK005"),
    (ON + "uuid DEFAULT CASE WHEN true THEN uuidv7() END", "LK005"),
    (ON + "smallserial", "LK006"),
    (ON + "int DEFAULT 1 CHECK (a > 0)", "LK009"),
    (ON + "int CONSTRAINT k PRIMARY KEY", "LK010"),
    ("ALTER TABLE t ALTER a TYPE bigint", "LK012"),
    ("ALTER TABLE t ALTER a TYPE text USING upper(a)", "LK012"),
    ("ALTER TABLE t ALTER a TYPE jsonb USING a::jsonb", "LK012"),
    ("ALTER TABLE t ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (a)", "LK015"),
    ("BEGIN; ALTER TABLE t ADD CONSTRAINT f CHECK (a > 1) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT f", "LK017"),
    ("UPDATE users SET a = 1 WHERE true", "LK019"),
    ("WITH x AS (SELECT 1) UPDATE users SET a = 1", "LK019"),
    (ON + "int NOT NULL", "BC005"),
    ("ALTER TABLE users ADD a int NOT NULL DEFAULT 1, ADD b int; ALTER TABLE users ALTER a DROP DEFAULT", "BC006"),
    ("DROP VIEW v; CREATE VIEW w AS SELECT 1 AS a", "BC002"),
    ("DROP TABLE IF EXISTS a, b", "BC002"),
    ("ALTER TABLE IF EXISTS users RENAME TO people; CREATE VIEW other AS SELECT 1 AS a", "BC004"),
    ("DROP SEQUENCE s", "BC012"),
    ("ALTER TYPE t RENAME ATTRIBUTE a TO b", "BC003"),
    ("TRUNCATE ONLY users RESTART IDENTITY", "DL001"),
    ("DROP SCHEMA app CASCADE", "DL002"),
    ("ALTER TABLE users DROP CONSTRAINT c CASCADE", "DL002"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "code"), HARMFUL)
def test_harmful_statements_are_found(sql: str, code: str):
    assert code in codes(sql)


def test_a_dump_of_a_schema_is_quiet_to_the_last_note():
    dump = (
        "\\restrict x\nSET lock_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n"
        "CREATE TABLE public.a (id bigint NOT NULL, b_id bigint);\nALTER TABLE public.a OWNER TO postgres;\n"
        "CREATE SEQUENCE public.a_id_seq;\nALTER SEQUENCE public.a_id_seq OWNER TO postgres;\n"
        "ALTER SEQUENCE public.a_id_seq OWNED BY public.a.id;\n"
        "ALTER TABLE ONLY public.a ALTER COLUMN id SET DEFAULT nextval('public.a_id_seq'::regclass);\n"
        "ALTER TABLE ONLY public.a ADD CONSTRAINT a_pkey PRIMARY KEY (id);\n"
        "CREATE VIEW public.v AS SELECT id FROM public.a;\nALTER VIEW public.v OWNER TO postgres;\n"
        "CREATE INDEX a_b ON public.a USING btree (b_id);\n"
        "ALTER TABLE ONLY public.a ADD CONSTRAINT f FOREIGN KEY (b_id) REFERENCES public.a(id);\n"
    )

    assert findings(dump) == []


def test_a_table_of_an_earlier_file_is_in_use():
    assert codes("CREATE INDEX ON users (a);", earlier="CREATE TABLE users (a int);") == {"LK001"}


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE users DROP COLUMN a;",
        "ALTER TABLE users RENAME COLUMN a TO b;",
        "DROP TABLE users;",
        "ALTER TABLE users ALTER COLUMN a DROP DEFAULT;",
    ],
)
def test_removing_is_wrong_in_expand_and_right_in_contract_and_rollback(sql: str):
    assert codes(sql, phase=Phase.EXPAND)
    assert not codes(sql, phase=Phase.CONTRACT)
    assert not codes(sql, phase=Phase.ROLLBACK)


@pytest.mark.parametrize("phase", list(Phase))
def test_locks_matter_in_every_phase(phase: Phase):
    assert "LK001" in codes("CREATE INDEX ON users (a);", phase=phase)


def test_a_backfill_is_batched_by_migrator():
    assert codes("UPDATE users SET full_name = name;", phase=Phase.BACKFILL) == set()


def test_a_trigger_that_repairs_what_old_code_writes_takes_the_edge_off():
    sql = "ALTER TABLE users ADD CONSTRAINT c CHECK (a > 0) NOT VALID;"
    trigger = "CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f();"

    def severities(text: str) -> set[str]:
        return {each.severity for each in findings(text, phase=Phase.EXPAND) if each.code == "BC008"}

    assert severities(sql) == {"error"}
    assert severities(trigger + sql) == {"warning"}


def test_work_under_a_lock_counts_from_the_lock_on():
    sql = "BEGIN; UPDATE t SET a = 1 WHERE b; ALTER TABLE users ADD COLUMN a int; COMMIT;"

    assert codes(sql) == set()
    assert codes("BEGIN; ALTER TABLE users ADD COLUMN a int; DELETE FROM t WHERE b; COMMIT;") == {"LK024"}


def test_rows_inserted_one_by_one_are_one_finding():
    inserts = "INSERT INTO a (id) VALUES (1);\nINSERT INTO a (id) VALUES (2);\nINSERT INTO b (id) VALUES (1);"

    found = findings(inserts, earlier="CREATE TABLE a (id serial); CREATE TABLE b (id serial);")

    assert [(each.code, each.line) for each in found] == [("RB009", 1), ("RB009", 3)]


def test_what_a_dropped_column_takes_along_unsaid_is_told():
    earlier = "CREATE TABLE t (a varchar(9), g text GENERATED ALWAYS AS (lower(a)) STORED);"

    told = {
        sql: next(each.why for each in findings(sql, earlier=earlier) if each.code == "RB005")
        for sql in ("ALTER TABLE t DROP COLUMN a", "ALTER TABLE t ALTER a TYPE varchar(10)")
    }

    assert ["without a word" in why for why in told.values()] == [True, False]
