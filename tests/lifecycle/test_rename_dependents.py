"""Renaming a column that others use: what is copied, what survives, what is refused before it breaks."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from migrator.errors import Refused
from migrator.model.plan import Migration
from tests.support.sandbox import Sandbox

RENAME = "ALTER TABLE t RENAME COLUMN zz TO yy"
OFFLINE = "nobody is connected"

INDEXES = (
    "CREATE INDEX i ON t (zz)",
    "CREATE INDEX i ON t (n, zz DESC NULLS LAST)",
    "CREATE INDEX i ON t (lower(zz))",
    "CREATE INDEX i ON t ((zz || 'zz'), n) WHERE zz <> 'zz' AND n > 0",
    "CREATE INDEX i ON t (n) INCLUDE (zz)",
    "CREATE INDEX i ON t (zz) INCLUDE (n, k)",
    "CREATE INDEX i ON t (n) WHERE zz IS NOT NULL",
    "CREATE INDEX i ON t (zz text_pattern_ops)",
    'CREATE INDEX i ON t (zz COLLATE "POSIX")',
    "CREATE INDEX i ON t USING hash (zz) WITH (fillfactor = 70)",
    "CREATE INDEX i ON t USING gin (to_tsvector('simple', zz)) WITH (fastupdate = off)",
    "CREATE INDEX i ON t USING brin (zz) WITH (pages_per_range = 8)",
    "CREATE INDEX i ON t ((CASE WHEN zz = 'x' THEN 1 ELSE k END))",
    "CREATE UNIQUE INDEX i ON t (zz, k)",
    "CREATE UNIQUE INDEX i ON t (k, lower(zz)) WHERE n > 0",
    "CREATE UNIQUE INDEX i ON t ((zz::varchar(3)), k)",
    'CREATE INDEX "select" ON t (zz)',
    f'CREATE INDEX "{"i" * 63}" ON t (zz)',
)


@pytest.fixture
def table(sandbox: Sandbox) -> Sandbox:
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, n int, zz text)")
    sandbox.execute("INSERT INTO t SELECT g, g, 's' || g FROM generate_series(1, 300) AS g")
    return sandbox


def expanded(sandbox: Sandbox, sql: str = RENAME) -> Migration:
    migration = sandbox.new("rename t.zz", sql)
    sandbox.expand(migration)
    return migration


def finish(sandbox: Sandbox, migration: Migration) -> None:
    sandbox.backfill(migration)
    sandbox.contract(migration, offline=OFFLINE)


def definitions(sandbox: Sandbox, column: str) -> set[str]:
    """Indexes that mention a column, their names taken out."""
    return {
        re.sub(r'INDEX ("[^"]*"|\w+) ON', "INDEX … ON", definition)
        for (definition,) in sandbox.rows(
            "SELECT pg_get_indexdef(i.indexrelid) FROM pg_index AS i WHERE i.indrelid = 't'::regclass AND i.indisvalid"
        )
        if re.search(rf"\b{column}\b(?!'::text)", definition)
    }


def test_every_index_gets_a_copy_that_is_like_it(table: Sandbox) -> None:
    for number, statement in enumerate(INDEXES):
        table.execute(re.sub(r"INDEX i ON", f"INDEX i{number} ON", statement))
    if table.session.server_version >= 15:
        table.execute("CREATE UNIQUE INDEX nulls ON t (zz, n) NULLS NOT DISTINCT")
    before = definitions(table, "zz")
    wanted = table.shape_after(RENAME)
    migration = expanded(table)
    copies = definitions(table, "yy")
    assert definitions(table, "zz") == before
    assert copies == {re.sub(r"\bzz\b(?!'::text)", "yy", definition) for definition in before}
    finish(table, migration)
    assert table.snapshot() == wanted


def test_new_code_finds_rows_by_an_index(table: Sandbox) -> None:
    table.execute("CREATE INDEX i ON t (lower(zz))")
    expanded(table)
    table.execute("SET enable_seqscan = off")
    for name in ("zz", "yy"):
        plan = "\n".join(row[0] for row in table.rows(f"EXPLAIN SELECT k FROM t WHERE lower({name}) = 's7'"))
        assert "Index" in plan, plan


def test_an_index_over_two_renamed_columns_gets_one_copy_over_both(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, a int, b int, UNIQUE (a, b))")
    both = "ALTER TABLE t RENAME a TO c; ALTER TABLE t RENAME b TO d"
    wanted = sandbox.shape_after(both)
    migration = expanded(sandbox, both)
    for k in (1, 2):
        sandbox.execute(f"INSERT INTO t (k, c, d) VALUES ({k}, 1, 1) ON CONFLICT (c, d) DO UPDATE SET k = excluded.k")
    sandbox.execute("INSERT INTO t (k, a, b) VALUES (3, 1, 1) ON CONFLICT (a, b) DO UPDATE SET k = excluded.k")
    assert sandbox.rows("SELECT * FROM t") == [(3, 1, 1, 1, 1)]
    finish(sandbox, migration)
    assert sandbox.snapshot() == wanted


def test_a_deferrable_key_may_still_be_violated_within_a_transaction(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, zz int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    sandbox.execute("INSERT INTO t SELECT g, g FROM generate_series(1, 5) AS g")
    wanted = sandbox.shape_after(RENAME)
    migration = expanded(sandbox)
    for name in ("zz", "yy"):
        sandbox.execute(f"UPDATE t SET {name} = {name} + 1")
    with psycopg.connect(sandbox.url, autocommit=True) as client, pytest.raises(psycopg.errors.UniqueViolation):
        client.execute("INSERT INTO t (k, yy) VALUES (9, 5)")
    finish(sandbox, migration)
    assert sandbox.snapshot() == wanted


def test_keys_and_conditions_stay_on_the_column(sandbox: Sandbox) -> None:
    sandbox.execute(
        "CREATE TABLE parent (id text PRIMARY KEY); INSERT INTO parent VALUES ('p'), ('q');"
        "CREATE TABLE t (k bigserial, zz text NOT NULL DEFAULT 'p' PRIMARY KEY CONSTRAINT short CHECK (length(zz) < 9)"
        " REFERENCES parent);"
        "CREATE TABLE child (t text REFERENCES t (zz) ON UPDATE CASCADE);"
        "CREATE STATISTICS s ON k, zz FROM t; COMMENT ON COLUMN t.zz IS 'important';"
        "ALTER TABLE t ALTER zz SET STATISTICS 500;"
        "INSERT INTO t DEFAULT VALUES; INSERT INTO child VALUES ('p')"
    )
    wanted = sandbox.shape_after(RENAME)
    migration = expanded(sandbox)
    sandbox.execute("UPDATE t SET yy = 'q'")
    assert sandbox.rows("SELECT t FROM child") == [("q",)]
    with psycopg.connect(sandbox.url, autocommit=True) as client:
        for value, error in (
            ("'none'", psycopg.errors.ForeignKeyViolation),
            ("'far too long'", psycopg.errors.CheckViolation),
            ("NULL", psycopg.errors.NotNullViolation),
            ("'q'", psycopg.errors.UniqueViolation),
        ):
            for name in ("zz", "yy"):
                with pytest.raises(error):
                    client.execute(f"INSERT INTO t ({name}) VALUES ({value})")
    finish(sandbox, migration)
    assert sandbox.snapshot() == wanted
    assert sandbox.value("SELECT col_description('t'::regclass, 2)") == "important"
    assert (
        sandbox.value("SELECT attstattarget::int FROM pg_attribute WHERE attname = 'yy' AND attrelid = 't'::regclass")
        == 500
    )
    assert sandbox.value("SELECT count(*) FROM pg_statistic_ext WHERE stxrelid = 't'::regclass") == 1


def test_a_view_goes_on_with_its_own_names(table: Sandbox) -> None:
    table.execute("CREATE VIEW v AS SELECT k, zz AS shown FROM t WHERE zz <> 's1'")
    table.execute("CREATE MATERIALIZED VIEW m AS SELECT zz FROM t")
    table.execute("ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (zz <> 's2')")
    wanted = table.shape_after(RENAME)
    migration = expanded(table)
    assert any("view public.v goes on to work" in note for note in table.notes())
    table.execute("UPDATE t SET yy = 'new' WHERE k = 3")
    assert table.value("SELECT shown FROM v WHERE k = 3") == "new"
    finish(table, migration)
    assert table.value("SELECT shown FROM v WHERE k = 3") == "new"
    table.execute("REFRESH MATERIALIZED VIEW m")
    assert table.snapshot() == wanted


@pytest.fixture
def roles(sandbox: Sandbox) -> Iterator[list[str]]:
    """Two roles that own nothing; dropped at the end."""
    names = [f"app_{secrets.token_hex(4)}" for _ in range(2)]
    for name in names:
        sandbox.execute(f"CREATE ROLE {name} LOGIN")
    yield names
    for name in names:
        sandbox.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def as_role(sandbox: Sandbox, role: str) -> psycopg.Connection[Any]:
    return psycopg.connect(sandbox.url, autocommit=True, user=role)


def test_an_application_that_owns_nothing_works_under_both_names_at_once(table: Sandbox, roles: list[str]) -> None:
    app, narrow = roles
    table.execute(
        "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;"
        "ALTER TABLE t ADD UNIQUE (zz);"
        f"GRANT SELECT, INSERT, UPDATE ON t TO {app};"
        f"GRANT SELECT (k, zz), INSERT (k, zz), UPDATE (zz) ON t TO {narrow}; GRANT REFERENCES (zz) ON t TO PUBLIC"
    )
    wanted = table.shape_after(RENAME)
    migration = expanded(table)
    for k, (role, name) in enumerate(((app, "zz"), (app, "yy"), (narrow, "zz"), (narrow, "yy")), start=1000):
        with as_role(table, role) as client:
            client.execute("SET search_path = ''")
            client.execute(f"INSERT INTO public.t (k, {name}) VALUES ({k}, 'i{k}')")
            client.execute(f"UPDATE public.t SET {name} = 'u{k}' WHERE k = {k}")
            assert client.execute(f"SELECT {name} FROM public.t WHERE k = {k}").fetchone() == (f"u{k}",)
    with as_role(table, narrow) as client, pytest.raises(psycopg.errors.InsufficientPrivilege):
        client.execute("SELECT n FROM t")
    finish(table, migration)
    assert table.snapshot() == wanted
    with as_role(table, narrow) as client:
        client.execute("UPDATE t SET yy = 'after' WHERE k = 1000")


def assert_contract_refused(sandbox: Sandbox, migration: Migration, message: str) -> None:
    """Refused with a reason, before the gate, and nothing changed."""
    before = sandbox.snapshot()
    with pytest.raises(Refused, match=message):
        sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.snapshot() == before
    assert sandbox.state(migration) == "backfilled"
    assert sandbox.record(migration).gate == "none"
    assert sandbox.value("SELECT count(*) FROM migrator.phase_file WHERE phase = 'contract'") == 0


def test_a_trigger_that_reads_the_old_name_stops_contract_until_it_does_not(table: Sandbox) -> None:
    table.execute(
        "CREATE TABLE log (line text);"
        "CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO log VALUES (OLD.zz || '>' || NEW.zz); RETURN NEW; END $$;"
        "CREATE TRIGGER audit AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION audit()"
    )
    migration = expanded(table)
    assert any("audit reads NEW.zz or OLD.zz" in note for note in table.notes())
    table.execute("UPDATE t SET yy = 'new' WHERE k = 1")
    assert table.rows("SELECT line FROM log") == [("s1>new",)]
    table.backfill(migration)
    assert_contract_refused(table, migration, "used by other objects, every write to the table would fail")
    table.execute(
        "CREATE OR REPLACE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO log SELECT coalesce(o ->> 'yy', o ->> 'zz') || '>' || coalesce(n ->> 'yy', n ->> 'zz')"
        " FROM to_jsonb(OLD) AS o, to_jsonb(NEW) AS n; RETURN NEW; END $$"
    )
    table.contract(migration, offline=OFFLINE)
    table.execute("UPDATE t SET yy = 'last' WHERE k = 1")
    assert table.rows("SELECT line FROM log ORDER BY ctid DESC LIMIT 1") == [("new>last",)]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("CREATE INDEX mine ON t (yy)", 'index "mine" was built on "yy"'),
        ("CREATE UNIQUE INDEX mine ON t (k) WHERE yy <> ''", 'index "mine" was built on "yy"'),
        ("CREATE VIEW v AS SELECT yy FROM t", "used by other objects, and contract drops this copy"),
        ("CREATE POLICY p ON t USING (yy <> '')", "used by other objects, and contract drops this copy"),
        ("CREATE PUBLICATION pub FOR TABLE t (k, yy)", "publications list columns .* that contract drops.*: yy"),
        ("ALTER TABLE t ADD CONSTRAINT mine CHECK (yy <> '')", "was given conditions"),
        ("ALTER TABLE t ADD CONSTRAINT mine UNIQUE (yy)", "was given conditions"),
        ("ALTER TABLE t ALTER yy SET NOT NULL", "was given conditions"),
        (
            "ALTER TABLE t ADD u text GENERATED ALWAYS AS (upper(yy)) STORED",
            "used by other objects, and contract drops this copy",
        ),
    ],
)
def test_what_was_built_on_the_copy_stops_contract(table: Sandbox, made: str, message: str) -> None:
    if "PUBLICATION" in made and table.session.server_version < 15:
        pytest.skip("publications have column lists from PostgreSQL 15 on")
    migration = expanded(table)
    table.backfill(migration)
    table.execute(made)
    assert_contract_refused(table, migration, message)


def test_an_index_the_user_drops_meanwhile_goes_with_its_copy(table: Sandbox) -> None:
    table.execute("CREATE INDEX i ON t (zz)")
    migration = expanded(table)
    table.execute("DROP INDEX i")
    finish(table, migration)
    assert table.leftovers() == []


@pytest.mark.parametrize(
    ("setup", "message"),
    [
        ("CREATE TABLE p (k int, zz text); CREATE TABLE t () INHERITS (p)", "inheritance"),
        ("CREATE TABLE t (k int, zz text, yy text)", "exists already"),
        ("CREATE TABLE t (k int)", 'column "zz"'),
        ("CREATE TABLE t (k int, zz text); ALTER TABLE t FORCE ROW LEVEL SECURITY", "row security"),
        ("CREATE VIEW t AS SELECT 1 AS k, '' AS zz", "view"),
    ],
)
def test_what_cannot_be_mirrored_is_refused(sandbox: Sandbox, setup: str, message: str) -> None:
    sandbox.execute(setup)
    with pytest.raises(Refused, match=message):
        sandbox.new("rename t.zz", RENAME)


@pytest.mark.parametrize("name", ['quo"te', "x y", "größe", "Order"])
def test_a_trigger_that_reads_a_name_that_is_quoted_stops_contract(sandbox: Sandbox, name: str) -> None:
    column = '"' + name.replace('"', '""') + '"'
    sandbox.execute(
        f"CREATE TABLE odd (k int PRIMARY KEY, {column} text); INSERT INTO odd VALUES (1, 'x');"
        f"CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.{column} := NEW.{column};"
        " RETURN NEW; END $$; CREATE TRIGGER seen BEFORE UPDATE ON odd FOR EACH ROW EXECUTE FUNCTION seen()"
    )
    sandbox.install()
    migration = sandbox.new("rename", f"ALTER TABLE odd RENAME COLUMN {column} TO plain")
    sandbox.expand(migration)
    sandbox.backfill(migration)

    with pytest.raises(Refused, match="every write to the table would fail"):
        sandbox.contract(migration, offline=OFFLINE)
