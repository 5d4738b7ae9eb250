"""A renamed table under both names: privileges, policies, defaults and identity are those of the one table."""

from __future__ import annotations

import psycopg
import pytest

from migrator.client import application_name
from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

SETUP = """
CREATE TABLE people (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner text NOT NULL DEFAULT current_user, email text UNIQUE,
    shout text GENERATED ALWAYS AS (upper(email)) STORED
);
INSERT INTO people (owner, email) VALUES ('someone else', 'a@example.com');
"""
RENAME = "ALTER TABLE people RENAME TO users"
OFFLINE = "nobody is connected in this test"


@pytest.fixture
def role(sandbox: Sandbox):
    """A role of an application that owns nothing."""
    name = sandbox.value("SELECT 'app_' || current_database()")
    sandbox.execute(f'CREATE ROLE "{name}" LOGIN')
    yield name
    sandbox.execute(f'DROP OWNED BY "{name}"; DROP ROLE "{name}"')


def as_role(sandbox: Sandbox, role: str, statement: str) -> list[tuple]:
    with psycopg.connect(sandbox.url, autocommit=True) as connection:
        connection.execute(f'SET ROLE "{role}"')
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_a_role_may_do_under_the_new_name_what_it_may_under_the_old_one(sandbox: Sandbox, role: str) -> None:
    sandbox.execute(SETUP + f'GRANT SELECT, INSERT ON people TO "{role}"; GRANT UPDATE (email) ON people TO "{role}"')
    sandbox.install()
    migration = sandbox.new("rename", RENAME)
    sandbox.expand(migration)

    ((new_id, owner, shout),) = as_role(
        sandbox,
        role,
        "INSERT INTO users (email) VALUES ('b@example.com') ON CONFLICT (email) DO NOTHING RETURNING id, owner, shout",
    )
    as_role(sandbox, role, f"UPDATE users SET email = 'c@example.com' WHERE id = {new_id}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role(sandbox, role, "DELETE FROM users")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role(sandbox, role, "UPDATE users SET owner = 'me'")

    assert (new_id, owner, shout) == (2, role, "B@EXAMPLE.COM")
    assert sandbox.rows("SELECT email FROM people ORDER BY id") == [("a@example.com",), ("c@example.com",)]
    sandbox.contract(migration, offline=OFFLINE)
    assert as_role(sandbox, role, "SELECT count(*) FROM users") == [(2,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role(sandbox, role, "DELETE FROM users")


def test_policies_hold_under_the_new_name(sandbox: Sandbox, role: str) -> None:
    sandbox.execute(
        SETUP
        + "ALTER TABLE people ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON people USING (owner = current_user);"
        f'GRANT ALL ON people TO "{role}"'
    )
    sandbox.install()
    if sandbox.session.server_version < 15:
        with pytest.raises(Refused, match="has row security"):
            sandbox.new("rename", RENAME)
        return
    sandbox.expand(sandbox.new("rename", RENAME))

    as_role(sandbox, role, "INSERT INTO users (email) VALUES ('b@example.com')")

    assert as_role(sandbox, role, "SELECT email FROM users") == [("b@example.com",)]
    assert as_role(sandbox, role, "UPDATE users SET email = 'x' RETURNING id") == [(2,)]
    assert sandbox.value("SELECT count(*) FROM people") == 2


def test_a_prepared_statement_of_new_code_goes_on_over_the_swap(sandbox: Sandbox) -> None:
    sandbox.configure({"name": "web", "ttl": "3s"}, gate={"soak": "300ms"})
    sandbox.execute(SETUP)
    sandbox.install()
    migration = sandbox.new("rename", RENAME)
    sandbox.expand(migration)
    name = application_name("web", level=migration.level, version="2")
    with psycopg.connect(sandbox.url, autocommit=True, prepare_threshold=1, application_name=name) as connection:
        before = [connection.execute("SELECT * FROM users WHERE id = %s", [1]).fetchone() for _ in range(3)]
        sandbox.beat(level=migration.level)
        sandbox.contract(migration, wait_s=5)
        after = connection.execute("SELECT * FROM users WHERE id = %s", [1]).fetchone()

    assert {*before, after} == {before[0]}


def test_what_mentions_the_table_and_what_stands_on_the_view_is_told(sandbox: Sandbox) -> None:
    sandbox.execute(
        SETUP + "CREATE FUNCTION head_count() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM people';"
        "CREATE FUNCTION other() RETURNS int LANGUAGE sql AS 'SELECT 1 AS people_known'"
    )
    sandbox.install()
    migration = sandbox.new("rename", RENAME)
    sandbox.expand(migration)
    sandbox.execute("CREATE VIEW adults AS SELECT id FROM users")

    (note,) = [note for note in sandbox.notes() if "mentions people" in note]
    assert "function public.head_count mentions people: if it is this table, it must use users before contract" in note
    with pytest.raises(Refused, match="which contract drops, is used by other objects"):
        sandbox.contract(migration, offline=OFFLINE)


@pytest.mark.parametrize("table", ["people", "notes"])
@pytest.mark.parametrize(
    ("names", "then"),
    [
        ("UPDATE people SET email = email || '!' WHERE id = 1", "UPDATE users SET email = email || '!' WHERE id = 1"),
        ('PERFORM FROM public."people"', "PERFORM FROM public.users"),
        ("INSERT INTO /* all */ People (email) SELECT NULL", "INSERT INTO users (email) SELECT NULL"),
    ],
)
def test_triggers_that_name_the_table_stop_contract_until_they_do_not(
    sandbox: Sandbox, table: str, names: str, then: str
) -> None:
    body = (
        "LANGUAGE plpgsql AS $$ BEGIN IF pg_trigger_depth() = 1 THEN {}; END IF; -- from people\n RETURN NULL; END $$"
    )
    sandbox.execute(
        f"{SETUP}CREATE TABLE notes (n int); CREATE FUNCTION named() RETURNS trigger {body.format(names)};"
        f"CREATE TRIGGER named AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION named()"
    )
    sandbox.install()
    migration = sandbox.new("rename", RENAME)
    sandbox.expand(migration)
    with pytest.raises(Refused, match="is named by functions of triggers") as caught:
        sandbox.contract(migration, offline=OFFLINE)
    assert "public.named" in refusal(caught.value)

    sandbox.execute(f"CREATE OR REPLACE FUNCTION named() RETURNS trigger {body.format(then)}")
    write = f"INSERT INTO {table} DEFAULT VALUES".replace("people", "users")
    sandbox.execute(write)
    sandbox.contract(migration, offline=OFFLINE)
    sandbox.execute(write)


def test_a_trigger_that_names_a_table_of_another_schema_is_let_be(sandbox: Sandbox) -> None:
    sandbox.execute(
        f"{SETUP}CREATE SCHEMA app; CREATE TABLE app.people (n int); CREATE TABLE people_of_old (n int);"
        "CREATE FUNCTION named() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE people int; BEGIN"
        " INSERT INTO app.people VALUES (1); INSERT INTO people_of_old SELECT n AS people FROM app.people; people := 1;"
        " RETURN NULL; END $$;"
        "CREATE TRIGGER named AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION named()"
    )
    migration = sandbox.new("rename", RENAME)
    sandbox.finish(migration)
    sandbox.execute("INSERT INTO users DEFAULT VALUES")
