"""What speaks against a migration is found before its first statement, all of it at once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

OFFLINE = "nobody is connected"
RENAME = "ALTER TABLE t RENAME COLUMN a TO b"


@pytest.fixture
def table(sandbox: Sandbox) -> Sandbox:
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'x')")
    return sandbox


@pytest.fixture
def role(sandbox: Sandbox) -> Iterator[str]:
    name = f"limited_{secrets.token_hex(4)}"
    sandbox.execute(f"CREATE ROLE {name} LOGIN")
    yield name
    sandbox.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


def url_of(sandbox: Sandbox, role: str) -> str:
    parts = urlsplit(sandbox.url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role}@{host}").geturl()


def assert_untouched(sandbox: Sandbox, shape: frozenset[str]) -> None:
    assert sandbox.snapshot() == shape
    if not sandbox.value("SELECT to_regclass('migrator.migration') IS NULL"):
        begun = "state NOT IN ('expanded', 'backfilled', 'complete', 'contracted')"
        assert sandbox.rows(f"SELECT id, state FROM migrator.migration WHERE {begun}") == []


def test_two_pending_migrations_of_one_column_are_refused_with_the_one_to_contract(table: Sandbox) -> None:
    first = table.new("first", "-- migrator: fill = ''\nALTER TABLE t ALTER a SET NOT NULL")
    table.expand(first)
    second = table.new("second", "ALTER TABLE t DROP COLUMN a")
    shape = table.snapshot()
    with pytest.raises(Refused, match=r"changes public\.t\.a too, and is not contracted") as error:
        table.expand(second)
    assert f"migrator contract {first.id}" in refusal(error.value)
    assert_untouched(table, shape)
    table.backfill(first)
    table.contract(first, offline=OFFLINE)
    second = table.new("second again", "-- migrator: down = ''\nALTER TABLE t DROP COLUMN a")
    table.expand(second)


def test_a_column_cannot_get_two_new_names_at_once(table: Sandbox) -> None:
    """Contract of one takes away the old name, which the triggers of the other read and write."""
    first = table.new("first", "ALTER TABLE t RENAME COLUMN a TO b")
    second = table.new("second", "ALTER TABLE t RENAME COLUMN a TO c")
    table.expand(first)
    shape = table.snapshot()
    with pytest.raises(Refused, match=r"changes public\.t\.a too, and is not contracted") as error:
        table.expand(second)
    assert f"migrator contract {first.id}" in refusal(error.value)
    assert_untouched(table, shape)


def test_pending_migrations_of_different_columns_do_not_meet(table: Sandbox) -> None:
    table.execute("ALTER TABLE t ADD n int")
    first = table.new("first", RENAME)
    second = table.new("second", "-- migrator: fill = 0\nALTER TABLE t ALTER n SET NOT NULL")
    for migration in (first, second):
        table.expand(migration)
    for migration in (second, first):
        table.backfill(migration)
        table.contract(migration, offline=OFFLINE)
    assert {line for line in table.snapshot() if line.startswith("column")} == {
        "column 1 t.k: integer NOT NULL",
        "column 2 t.b: text",
        "column 3 t.n: integer NOT NULL",
    }


def test_a_level_that_is_not_above_those_expanded_is_refused(table: Sandbox) -> None:
    late = table.new("late", RENAME)
    table.execute("CREATE TABLE u (k int)")
    table.expand(table.new("early", "ALTER TABLE u ADD a int"))
    shape = table.snapshot()
    with pytest.raises(Refused, match="level 1 is not above level 2") as error:
        table.expand(late)
    assert "migrator renumber" in refusal(error.value)
    assert_untouched(table, shape)
    # Nothing went wrong with the migration itself: it is not even in the ledger.
    assert table.rows("SELECT id FROM migrator.migration WHERE level = 1") == []


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ("ALTER TABLE t ALTER a TYPE varchar(9)", "public.t, column a: was text, is character varying(9)"),
        ("ALTER TABLE t ALTER a SET NOT NULL", "public.t, column a: was text, is text NOT NULL"),
        ("ALTER TABLE t ALTER a SET DEFAULT 'd'", "is text DEFAULT 'd'::text"),
        ("CREATE INDEX t_a ON t (a)", "public.t, index t_a: was absent, is CREATE INDEX t_a ON public.t"),
        ("ALTER TABLE t DROP a", 'column "a" of table "public.t" does not exist'),
        ("ALTER TABLE t ADD b text", 'column "b" of table "public.t" exists already'),
        ("ALTER TABLE t RENAME TO moved", "public.t"),
    ],
)
def test_a_database_that_is_not_as_planned_is_refused_with_the_difference(
    table: Sandbox, changed: str, difference: str
) -> None:
    migration = table.new("rename", RENAME)
    table.execute(changed)
    shape = table.snapshot()
    with pytest.raises(Refused) as error:
        table.expand(migration)
    assert difference in refusal(error.value)
    assert_untouched(table, shape)


def test_what_has_nothing_to_do_with_the_plan_may_differ(table: Sandbox) -> None:
    migration = table.new("rename", RENAME)
    table.execute("ALTER TABLE t ADD other int; CREATE INDEX ON t (other); CREATE TABLE u (a int)")
    table.expand(migration)


def test_a_plan_made_without_a_database_copies_the_type_when_it_runs(table: Sandbox) -> None:
    table.execute('ALTER TABLE t ALTER a TYPE varchar(7) COLLATE "POSIX"')
    wanted = table.shape_after(RENAME)
    migration = table.new("rename", RENAME, blind=True)
    table.expand(migration)
    assert 'column 3 t.b: character varying(7) COLLATE "POSIX"' in table.snapshot()
    table.backfill(migration)
    table.contract(migration, offline=OFFLINE)
    assert table.snapshot() == wanted


def test_a_plan_made_without_a_database_that_lacks_copies_of_indexes_is_refreshed(table: Sandbox) -> None:
    migration = table.new("rename", RENAME, blind=True)
    table.execute("CREATE UNIQUE INDEX t_a ON t (a)")
    shape = table.snapshot()
    with pytest.raises(Refused, match="lacks what this one needs") as error:
        table.expand(migration)
    assert f"migrator new --refresh {migration.id}" in refusal(error.value)
    assert_untouched(table, shape)
    assert table.command("new", "--refresh", migration.id).code == 0
    (migration,) = table.migrations()
    table.finish(migration)
    assert "index t_a: CREATE UNIQUE INDEX t_a ON public.t USING btree (b)" in table.snapshot()


def test_a_plan_that_lacks_a_default_is_refused_too(table: Sandbox) -> None:
    migration = table.new("rename", RENAME, blind=True)
    table.execute("ALTER TABLE t ALTER a SET DEFAULT 'd'")
    with pytest.raises(Refused, match="lacks what this one needs"):
        table.expand(migration)


def test_refreshing_an_edited_file_is_refused(table: Sandbox) -> None:
    migration = table.new("rename", RENAME, blind=True)
    path = Path(migration.folder) / "expand.sql"
    path.write_text(path.read_text(encoding="utf-8") + "-- mine\n", encoding="utf-8")
    outcome = table.command("new", "--refresh", migration.id)
    assert outcome.code == 1
    assert "expand.sql" in outcome.err
    assert path.read_text(encoding="utf-8").endswith("-- mine\n")


def test_a_table_that_is_not_there_is_named_with_the_nearest(table: Sandbox) -> None:
    migration = table.write("20260101T000000_by_hand", expand="-- step: s transaction=s\nALTER TABLE tt ADD x int;\n")
    table.execute("ALTER TABLE t RENAME TO tts")
    with pytest.raises(Refused) as error:
        table.expand(migration)
    assert "relation tt does not exist; is it public.tts?" in refusal(error.value)
    assert f"{migration.folder}/expand.sql:2" in refusal(error.value)


def test_a_backfill_that_cannot_be_batched_is_refused_before_the_expand(table: Sandbox) -> None:
    migration = table.write(
        "20260101T000000_by_hand",
        expand="-- step: s transaction=s\nALTER TABLE t ADD b text;\n",
        backfill="-- step: fill\nUPDATE t SET b = a;\n",
    )
    shape = table.snapshot()
    with pytest.raises(Refused, match="cannot be run in batches: it has no WHERE") as error:
        table.expand(migration)
    assert f"{migration.folder}/backfill.sql:2" in refusal(error.value)
    assert_untouched(table, shape)


def test_a_type_of_another_role_is_refused_before_anything_runs(table: Sandbox, role: str) -> None:
    table.install()
    table.execute(
        f"GRANT USAGE, CREATE ON SCHEMA public TO {role}; GRANT USAGE ON SCHEMA migrator TO {role};"
        f"GRANT ALL ON ALL TABLES IN SCHEMA migrator TO {role};"
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA migrator TO {role}; CREATE TYPE mood AS ENUM ('glad')"
    )
    table.new("two", "CREATE TABLE v (k int); ALTER TYPE mood ADD VALUE 'calm'")
    shape = table.snapshot()
    outcome = table.command("expand", url=url_of(table, role))
    assert outcome.code == 1
    assert f'role "{role}" does not own public.mood, which belongs to "postgres"' in outcome.err
    assert_untouched(table, shape)


@pytest.mark.parametrize("sql", ["ALTER SCHEMA shop RENAME TO sales", "DROP SCHEMA shop"])
def test_a_schema_of_another_role_is_refused_before_anything_runs(table: Sandbox, role: str, sql: str) -> None:
    """Only contract needs it."""
    table.install()
    name = table.value("SELECT quote_ident(current_database())")
    table.execute(
        f"GRANT USAGE ON SCHEMA migrator TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA migrator TO {role};"
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA migrator TO {role}; CREATE SCHEMA shop;"
        f"GRANT USAGE, CREATE ON SCHEMA shop TO {role}; GRANT CREATE ON DATABASE {name} TO {role}"
    )
    if "RENAME" in sql:
        table.execute("CREATE TABLE shop.items (id int)")
    table.new("schema", sql)
    shape = table.snapshot()
    outcome = table.command("expand", url=url_of(table, role))
    assert outcome.code == 1
    assert f'role "{role}" does not own schema shop, which belongs to "postgres"' in outcome.err
    assert_untouched(table, shape)


def test_views_of_a_role_that_may_not_read_their_tables_are_not_made(table: Sandbox, role: str) -> None:
    table.install()
    name = table.value("SELECT quote_ident(current_database())")
    table.execute(
        f"GRANT USAGE ON SCHEMA migrator TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA migrator TO {role};"
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA migrator TO {role}; CREATE SCHEMA shop AUTHORIZATION {role};"
        f"CREATE TABLE shop.items (id int); GRANT CREATE ON DATABASE {name} TO {role}"
    )
    table.new("schema", "ALTER SCHEMA shop RENAME TO sales")
    shape = table.snapshot()
    outcome = table.command("expand", url=url_of(table, role))
    if table.session.server_version >= 15:
        assert outcome.code == 0
        assert table.rows("SELECT id FROM sales.items") == []
        return
    assert outcome.code == 1
    assert '1 relation in schema "shop" belongs to roles of which this one is no member' in outcome.err
    assert_untouched(table, shape)


def test_missing_privileges_are_named_all_at_once(table: Sandbox, role: str) -> None:
    table.install()
    table.execute(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC;"  # the default before PostgreSQL 15 grants it
        f"GRANT USAGE ON SCHEMA public, migrator TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA migrator TO {role};"
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA migrator TO {role};"
        "CREATE SCHEMA closed; CREATE TABLE closed.u (k int)"
    )
    migration = table.new("two", f"{RENAME}; CREATE TABLE closed.v (k int)")
    shape = table.snapshot()
    outcome = table.command("expand", url=url_of(table, role))
    assert outcome.code == 1
    for missing in (
        f'role "{role}" does not own table public.t, which belongs to "postgres"',
        f'role "{role}" has no CREATE privilege on schema "public"',
        f'role "{role}" has no CREATE privilege on schema "closed"',
    ):
        assert missing in outcome.err
    assert_untouched(table, shape)
    table.execute(
        f"ALTER TABLE t OWNER TO {role}; GRANT CREATE ON SCHEMA public, closed TO {role};"
        f"GRANT USAGE ON SCHEMA closed TO {role}"
    )
    assert table.command("expand", url=url_of(table, role)).code == 0, migration.id


def test_a_rule_that_keeps_the_backfill_from_starting_stops_expand(table: Sandbox) -> None:
    migration = table.new("rename", RENAME)
    table.execute("CREATE RULE loud AS ON UPDATE TO t DO ALSO NOTIFY t")
    shape = table.snapshot()

    outcome = table.command("expand", migration.id)

    assert outcome.code == 1
    assert "public.t has a rule ON UPDATE" in outcome.err
    assert_untouched(table, shape)
    table.execute("DROP RULE loud ON t")
    assert table.command("expand", migration.id).code == 0


def test_privileges_that_the_role_may_not_pass_on_are_no_silent_warning(table: Sandbox, role: str) -> None:
    table.install()
    table.execute(
        "CREATE SEQUENCE s; CREATE SCHEMA a; CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';"
        f"GRANT USAGE ON SCHEMA public, migrator TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA migrator TO {role};"
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA migrator TO {role};"
        f"GRANT SELECT ON t TO {role}; GRANT USAGE ON SEQUENCE s TO {role}; GRANT USAGE ON SCHEMA a TO {role}"
    )
    grants = [
        "SELECT (k) ON t",
        "SELECT ON t",
        "USAGE ON SEQUENCE s",
        "USAGE ON SCHEMA a",
        "EXECUTE ON FUNCTION f(int)",
    ]
    for number, grant in enumerate(grants):
        table.new(f"grant {number}", f"GRANT {grant} TO pg_monitor")
        shape = table.snapshot()

        outcome = table.command("expand", url=url_of(table, role))

        assert outcome.code == 1, grant
        assert "1 privilege on " in outcome.err
        assert "is not for this role to grant or to revoke" in outcome.err
        assert_untouched(table, shape)
        table.execute(f"GRANT {grant} TO {role} WITH GRANT OPTION")
        assert table.command("expand", url=url_of(table, role)).code == 0, grant
    table.execute(f"DROP OWNED BY {role} CASCADE")


def test_a_role_that_may_not_install_the_ledger_is_told_what_it_lacks(table: Sandbox, role: str) -> None:
    table.new("rename", RENAME)
    outcome = table.command("expand", url=url_of(table, role))
    assert outcome.code == 3
    assert f"GRANT CREATE ON DATABASE {table.value('SELECT current_database()')} TO {role}" in outcome.err


def test_a_role_that_may_not_write_the_ledger_is_told_whose_it_is(table: Sandbox, role: str) -> None:
    table.install()
    table.new("rename", RENAME)
    outcome = table.command("expand", url=url_of(table, role))
    assert outcome.code == 3
    assert 'belongs to role "postgres"' in outcome.err


def test_a_read_only_role_is_told_so(table: Sandbox, role: str) -> None:
    table.execute(f"ALTER TABLE t OWNER TO {role}; GRANT CREATE ON SCHEMA public TO {role}")
    table.execute(f"GRANT CREATE ON DATABASE {table.value('SELECT current_database()')} TO {role}")
    table.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    table.new("rename", RENAME)
    shape = table.snapshot()
    for command in ("expand", "expand --dry-run", "advance"):
        outcome = table.command(*command.split(), url=url_of(table, role))
        assert outcome.code in (1, 3), command
        assert "read-only" in outcome.err
    assert_untouched(table, shape)


def test_an_owner_without_superuser_runs_the_whole_story(table: Sandbox, role: str) -> None:
    table.execute(
        f"ALTER TABLE t OWNER TO {role}; GRANT CREATE ON SCHEMA public TO {role};"
        f"GRANT CREATE ON DATABASE {table.value('SELECT current_database()')} TO {role};"
        f"GRANT pg_read_all_stats TO {role}"
    )
    table.execute("CREATE UNIQUE INDEX t_a ON t (a)")
    table.new("rename", RENAME)
    url = url_of(table, role)
    for command in (("expand",), ("backfill",), ("contract", "--offline", OFFLINE)):
        outcome = table.command(*command, url=url)
        # The sandbox itself is connected, as a superuser that is no member of the project.
        assert outcome.code == 0, outcome.err
    assert "column 2 t.b: text" in table.snapshot()


def test_every_reason_is_given_at_once(table: Sandbox) -> None:
    pending = table.new("pending", "-- migrator: fill = ''\nALTER TABLE t ALTER a SET NOT NULL")
    table.expand(pending)
    second = table.new("second", "ALTER TABLE t DROP COLUMN a")
    table.execute("CREATE VIEW v AS SELECT a FROM t; ALTER TABLE t ALTER a SET DEFAULT 'x'")
    with pytest.raises(Refused, match="reasons speak against it") as error:
        table.expand(second)
    text = refusal(error.value)
    assert "too, and is not contracted" in text
    assert "view public.v" in text


def test_a_role_may_fill_and_replace_a_materialized_view_of_tables_it_only_reads(table: Sandbox, role: str) -> None:
    url, database = url_of(table, role), table.value("SELECT quote_ident(current_database())")
    table.execute(
        f"GRANT CREATE ON SCHEMA public TO {role}; GRANT CREATE ON DATABASE {database} TO {role};"
        f"GRANT pg_read_all_stats TO {role}"
    )
    table.new("make", "CREATE MATERIALIZED VIEW seen AS SELECT k, a FROM t; CREATE UNIQUE INDEX seen_k ON seen (k)")

    refused = table.command("expand", url=url)
    assert refused.code == 1
    assert "permission denied for table t" in refused.err

    table.execute(f"GRANT SELECT ON t TO {role}")
    assert table.command("expand", url=url).code == 0
    table.new("more", "-- migrator: phase = contract\nCREATE MATERIALIZED VIEW seen AS SELECT k, 1 AS one FROM t")
    assert table.command("expand", url=url).code == 0
    assert table.command("contract", "--offline", OFFLINE, "--yes", url=url).code == 0
    assert table.rows("SELECT one, (SELECT pg_get_userbyid(relowner) = %(role)s FROM pg_class WHERE relname = 'seen')"
        " AS is_owner FROM seen", role=role) == [(1, True)]  # fmt: skip


def test_expand_knows_the_tables_it_makes(sandbox: Sandbox) -> None:
    migration = sandbox.new("seeded", "CREATE TABLE n (id int PRIMARY KEY, a text); INSERT INTO n VALUES (1, 'x')")

    sandbox.finish(migration)

    assert sandbox.rows("SELECT id, a FROM n") == [(1, "x")]
