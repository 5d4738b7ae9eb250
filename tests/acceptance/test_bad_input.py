"""Mistakes get a clear error, the exit code of the contract and one JSON document, and change nothing."""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from migrator import embedded
from migrator.postgres.session import Session
from tests.acceptance.conftest import USERS, Outcome, Shell
from tests.support.snapshot import snapshot

RENAME = "ALTER TABLE users RENAME COLUMN name TO full_name"
Refusal = Callable[..., Outcome]


@pytest.fixture
def refusal(users: Shell, session: Session) -> Refusal:
    """Runs a command that must be refused with this exit code; the database and the ledger stay as they were."""

    def ledger() -> list[object]:
        if session.one("SELECT to_regclass('migrator.migration') AS made").made is None:
            return []
        return session.query("SELECT id, state, gate, error FROM migrator.migration ORDER BY id")

    def run(code: int, *arguments: str, stdin: str = "", **environment: str) -> Outcome:
        before = (snapshot(session), ledger(), contents(users.folder))
        outcome = users.run(*arguments, "--json", stdin=stdin, **environment)
        assert outcome.code == code, outcome
        document = outcome.document
        assert document["schema_version"] == 1
        assert set(document["error"]) == {"exit_code", "message", "detail", "hint", "at"}
        assert document["error"]["exit_code"] == code
        assert outcome.err.startswith(f"error: {document['error']['message']}\n"), outcome.err
        assert (snapshot(session), ledger(), contents(users.folder)) == before
        return outcome

    return run


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def role(postgres_admin: psycopg.Connection, session: Session) -> Iterator[str]:
    """A role without any rights of its own."""
    name = f"weak_{secrets.token_hex(4)}"
    postgres_admin.execute(f"CREATE ROLE {name} LOGIN")
    yield name
    session.execute(f"DROP OWNED BY {name}")
    postgres_admin.execute(f"DROP ROLE {name}")


def as_role(url: str, role: str) -> str:
    weak = url.replace("postgres@", f"{role}@", 1)
    if weak == url:
        pytest.skip("the server of MIGRATOR_TEST_DATABASE_URL asks for passwords")
    return weak


# The database cannot be reached or used.


@pytest.mark.parametrize("command", ["expand", "backfill", "contract", "advance", "status"])
def test_no_database_is_named(users, refusal, command):
    users.new("rename", RENAME)

    refused = refusal(2, command, DATABASE_URL="")

    assert f'"migrator {command}" needs a database, and the environment names none' in refused.err
    assert "export DATABASE_URL=postgresql://" in refused.err


@pytest.mark.parametrize("command", [["new", "x", "--sql", RENAME], ["plan"], ["expand"], ["status"]])
def test_a_server_that_cannot_be_reached(users, refusal, command):
    users.new("rename", RENAME)

    refused = refusal(3, *command, DATABASE_URL=f"postgresql://postgres:s3cret@/x?host={users.folder}")

    assert refused.err.startswith("error: the database cannot be reached\n")
    assert "HINT: check host and port in DATABASE_URL" in refused.err
    assert "s3cret" not in refused.err + refused.out


def test_a_database_that_does_not_exist(users, refusal):
    users.new("rename", RENAME)

    refused = refusal(3, "expand", DATABASE_URL=re.sub(r"/test_[0-9a-f]+", "/nowhere", users.url))

    assert 'database "nowhere" does not exist' in refused.err


def test_a_url_that_is_none(users, refusal):
    users.new("rename", RENAME)

    refused = refusal(2, "expand", DATABASE_URL="postgresql//user:s3cret@host/x")

    assert "the database URL cannot be read" in refused.err
    assert "s3cret" not in refused.err + refused.out


def test_a_wrong_password(tmp_path: Path, own_server: embedded.Server):
    shell = Shell(tmp_path, own_server.url())
    shell.configure("")
    with psycopg.connect(own_server.url(), autocommit=True) as connection:
        connection.execute(USERS)
        connection.execute("CREATE ROLE careful LOGIN SUPERUSER PASSWORD 'right'")
        rules = own_server.data_dir / "pg_hba.conf"
        rules.write_text(f"local all careful scram-sha-256\n{rules.read_text()}")
        connection.execute("SELECT pg_reload_conf()")
    shell.new("rename", RENAME)

    def url(credentials: str) -> str:
        return own_server.url().replace("postgres@", f"{credentials}@", 1)

    for credentials in ("careful:wr0ng", "careful"):
        refused = shell.run("expand", "--json", DATABASE_URL=url(credentials))
        assert refused.code == 3, refused
        assert refused.document["error"]["exit_code"] == 3
        assert refused.err.startswith("error: the database refused the connection\n") or "no password" in refused.err
        assert "HINT: check the user and password in DATABASE_URL, PGPASSWORD or .pgpass" in refused.err
        assert "wr0ng" not in refused.err + refused.out
    with psycopg.connect(own_server.url()) as connection:
        assert connection.execute("SELECT to_regnamespace('migrator')").fetchone() == (None,)
    shell.ok("expand", DATABASE_URL=url("careful:right"))


def test_a_role_that_does_not_exist(users, refusal):
    users.new("rename", RENAME)

    refused = refusal(3, "expand", DATABASE_URL=as_role(users.url, "nobody_here"))

    assert "nobody_here" in refused.err


# The role may not do it.


def test_a_role_that_may_not_make_the_ledger(users, refusal, role):
    users.new("rename", RENAME)

    refused = refusal(3, "expand", DATABASE_URL=as_role(users.url, role))

    assert f'role "{role}" cannot install the ledger: it has no CREATE privilege on database "test_' in refused.err
    assert re.search(rf"HINT: as an owner: GRANT CREATE ON DATABASE test_\w+ TO {role}", refused.err)


def test_a_role_that_may_only_read(users, refusal, role, postgres_admin):
    users.new("rename", RENAME)
    postgres_admin.execute(f"GRANT CREATE ON DATABASE {users.url.split('/')[3].split('?')[0]} TO {role}")
    postgres_admin.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")

    refused = refusal(3, "expand", DATABASE_URL=as_role(users.url, role))

    assert f'role "{role}" cannot install the ledger: its transactions are read-only' in refused.err
    assert f"HINT: as an owner: ALTER ROLE {role} RESET default_transaction_read_only" in refused.err


def test_a_role_that_may_make_the_ledger_but_does_not_own_the_table(users, refusal, role, session):
    users.new("rename", RENAME)
    session.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    session.execute(f"GRANT CREATE ON DATABASE {session.one('SELECT current_database() AS name').name} TO {role}")

    refused = refusal(1, "expand", DATABASE_URL=as_role(users.url, role))

    assert "this role may not run the migration" in refused.err
    assert f'role "{role}" does not own table public.users, which belongs to "postgres"' in refused.err
    assert f'role "{role}" has no CREATE privilege on schema "public"' in refused.err
    assert "HINT: run it as the role that owns the tables, or as a member of it" in refused.err


def test_a_role_that_may_not_write_the_ledger_of_another(users, refusal, role):
    users.new("first", "CREATE TABLE t (a int)")
    users.ok("expand")
    users.new("rename", RENAME)

    refused = refusal(3, "expand", DATABASE_URL=as_role(users.url, role))

    assert f'role "{role}" may not read the ledger, which belongs to role "postgres"' in refused.err
    assert f"HINT: connect as postgres, or as an owner: GRANT postgres TO {role}" in refused.err


# The configuration is wrong.


@pytest.mark.parametrize(
    "command", [["new", "x", "--sql", RENAME], ["lint"], ["status"], ["expand"], ["plan"], ["init"]]
)
def test_an_unknown_key_names_the_nearest(users, refusal, command):
    users.configure('lock_timout = "1s"\n')

    refused = refusal(2, *command)

    assert 'unknown key "lock_timout"' in refused.err
    assert 'HINT: did you mean "lock_timeout"?' in refused.err
    assert f"at: {users.folder}/migrator.toml" in refused.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[gate]\nsaok = '1min'", 'did you mean "soak"?'),
        ("lock_timeout = 500", "lock_timeout"),
        ("lock_timeout = 'soon'", "an integer with ms, s, min, h or d"),
        ("lock_timeout = ", "migrator.toml is not valid TOML"),
    ],
)
def test_a_value_that_does_not_fit(users, refusal, text, words):
    users.configure(text)

    assert words in refusal(2, "expand").err


# The SQL is wrong.


def test_a_syntax_error_shows_line_column_and_caret(users, refusal):
    refused = refusal(1, "new", "broken", "--sql", "ALTER TABLE users\n  RENAM COLUMN name TO full_name")

    assert 'syntax error at or near "RENAM"' in refused.err
    assert "  at: --sql:2:3\n" in refused.err
    lines = refused.err.splitlines()
    (caret,) = [number for number, line in enumerate(lines) if line.strip() == "^"]
    assert lines[caret - 1][lines[caret].index("^") :].startswith("RENAM")


def test_a_syntax_error_on_standard_input_and_in_a_file_names_it(users, refusal):
    assert "  at: <stdin>:1:7\n" in refusal(1, "new", "x", "--file", "-", stdin="ALTER TABL users").err
    (users.folder / "change.sql").write_text("\nALTER TABL users")
    assert "  at: change.sql:2:7\n" in refusal(1, "new", "x", "--file", "change.sql").err


def test_a_syntax_error_in_a_phase_file_is_found_before_anything_runs(users, refusal):
    folder = users.new("rename", RENAME)
    with (folder / "expand.sql").open("a") as file:
        file.write("\n-- step: broken\nALTER TABEL users ADD x int;\n")

    refused = refusal(1, "expand")

    assert re.search(r"at: .*/expand\.sql:\d+:7\n", refused.err)
    assert 'syntax error at or near "TABEL"' in refused.err


def test_a_table_that_does_not_exist_names_the_nearest(users, refusal):
    refused = refusal(1, "new", "rename", "--sql", "ALTER TABLE userz RENAME COLUMN name TO full_name")

    assert 'table "public.userz" does not exist' in refused.err
    assert "HINT: did you mean public.users?" in refused.err
    assert "  at: --sql:1\n" in refused.err


def test_a_table_in_a_hand_written_file_that_does_not_exist_names_the_nearest(users, refusal):
    folder = users.folder / "migrations" / "20260101T000000_x"
    folder.mkdir(parents=True)
    (folder / "migration.toml").write_text('id = "20260101T000000_x"\nlevel = 1\n')
    (folder / "expand.sql").write_text("ALTER TABLE users ADD a int;\nALTER TABLE userz ADD a int;\n")

    refused = refusal(1, "expand")

    assert "expand.sql:2: relation userz does not exist; is it public.users?" in refused.err
    assert "may not run the migration" not in refused.err


def test_a_schema_that_went_after_the_files_were_written(users, refusal, session):
    session.execute("CREATE SCHEMA away")
    users.new("move", "ALTER TABLE users SET SCHEMA away")
    session.execute("DROP SCHEMA away")

    refused = refusal(1, "expand")

    assert 'schema "away" does not exist' in refused.err
    assert "hint: correct the files, unless it is the wrong database or search_path" in refused.err
    assert "may not run the migration" not in refused.err


def test_a_column_that_does_not_exist_lists_those_there_are(users, refusal):
    refused = refusal(1, "new", "rename", "--sql", "ALTER TABLE users RENAME COLUMN nam TO full_name")

    assert 'column "nam" of table "public.users" does not exist' in refused.err
    assert 'DETAIL: columns: "id", "name"' in refused.err


@pytest.mark.parametrize(
    "statement",
    [
        "VACUUM FULL users",
        "CLUSTER users USING users_pkey",
        "DROP COLLATION c",
        "ALTER TABLE users SET UNLOGGED",
        "TRUNCATE users",
    ],
)
def test_what_cannot_be_split_safely_is_refused_with_its_line(users, refusal, statement):
    refused = refusal(1, "new", "x", "--sql", f"CREATE TABLE t (id int);\n\n{statement}")

    assert "this statement cannot be split safely" in refused.err
    assert "at: --sql:3\n" in refused.err


# The folders are wrong.


def test_an_empty_migrations_folder_is_no_error(users):
    (users.folder / "migrations").mkdir()

    for command in ("expand", "backfill", "contract", "advance", "status", "plan"):
        users.ok(command)


def test_a_missing_migrations_folder_says_how_to_make_one(users, refusal):
    assert 'HINT: "migrator init" makes one' in refusal(2, "expand").err


def test_an_empty_migration_folder(users, refusal):
    (users.folder / "migrations" / "20260101T000000_x").mkdir(parents=True)

    refused = refusal(2, "expand")

    assert "migrations/20260101T000000_x has no migration.toml" in refused.err


def test_a_folder_without_phase_files(users, refusal):
    folder = users.new("rename", RENAME)
    for file in folder.glob("*.sql"):
        file.unlink()

    assert f"migrations/{folder.name} has no phase file" in refusal(2, "expand").err


def test_an_unknown_key_of_a_manifest_names_the_nearest(users, refusal):
    folder = users.new("rename", RENAME)
    manifest = folder / "migration.toml"
    manifest.write_text(manifest.read_text().replace("title =", "titel ="))

    refused = refusal(2, "expand")

    assert 'unknown key "titel"' in refused.err
    assert 'HINT: did you mean "title"?' in refused.err


@pytest.mark.parametrize("phase", ["expand", "rollback"])
def test_a_file_edited_after_it_ran_is_refused_with_a_diff(users, refusal, phase):
    folder = users.new("rename", RENAME)
    users.ok("expand")
    with (folder / f"{phase}.sql").open("a") as file:
        file.write("\n-- step: more\nALTER TABLE public.users ADD COLUMN more int;\n")

    for command in ("expand", "backfill", "contract", "rollback"):
        refused = refusal(15, command, folder.name)
        assert f"{phase}.sql of {folder.name} was changed after it was put to use" in refused.err
        assert "+ALTER TABLE public.users ADD COLUMN more int;" in refused.err


def test_a_file_deleted_after_it_ran_is_refused(users, refusal):
    folder = users.new("rename", RENAME)
    users.ok("expand")
    (folder / "rollback.sql").unlink()

    assert "rollback.sql" in refusal(15, "rollback", folder.name).err


def test_two_folders_with_one_level_name_both_and_one_can_be_moved_up(users, refusal):
    first = users.new("first", "CREATE TABLE a (id int PRIMARY KEY)")
    second = users.new("second", "CREATE TABLE b (id int PRIMARY KEY)")
    manifest = second / "migration.toml"
    manifest.write_text(re.sub(r"^level = \d+", "level = 1", manifest.read_text(), flags=re.MULTILINE))

    refused = refusal(2, "expand")

    assert "two migrations have level 1" in refused.err
    assert first.name in refused.err
    assert second.name in refused.err
    assert f'HINT: move the later one up: "migrator renumber {second.name}"' in refused.err

    users.ok("renumber", second.name)
    assert re.search(r"^level = 2$", manifest.read_text(), flags=re.MULTILINE)
    users.ok("expand")


def test_two_folders_with_one_id(users, refusal):
    folder = users.new("rename", RENAME)
    copy = folder.with_name("20260101T000000_copy")
    shutil.copytree(folder, copy)

    refused = refusal(2, "expand")

    assert f'the id "{folder.name}" is not the name of its folder "{copy.name}"' in refused.err


# The command line is wrong.


def test_a_target_that_fits_nothing_lists_what_there_is(users, refusal):
    folder = users.new("rename", RENAME)

    refused = refusal(2, "expand", "1999")

    assert 'no migration fits "1999"' in refused.err
    assert folder.name in refused.err


@pytest.mark.parametrize("command", ["plan", "expand", "backfill", "contract", "rollback", "status"])
def test_an_empty_target_does_not_mean_some_migration(users, refusal, command):
    users.new("rename", RENAME)

    assert "TARGET is empty" in refusal(2, command, "").err


def test_an_unknown_option_names_itself(users, refusal):
    assert "--fast" in refusal(2, "expand", "--fast").err


def test_an_unknown_command_names_the_nearest(users, refusal):
    refused = refusal(2, "expnad")

    assert refused.err.splitlines()[:2] == [
        'error: there is no command "expnad"',
        '  HINT: did you mean "migrator expand"?',
    ]


@pytest.mark.parametrize("command", [["backfill"], ["contract", "--offline", "x"]])
def test_a_phase_before_its_time(users, refusal, command):
    folder = users.new("rename", RENAME)

    assert 'HINT: run "migrator expand" first' in refusal(5, command[0], folder.name, *command[1:]).err


def test_the_installed_program_does_the_same(users):
    program = Path(sys.executable).with_name("migrator")
    result = subprocess.run([program, "expnad"], capture_output=True, text=True, cwd=users.folder)

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == 'error: there is no command "expnad"\n  HINT: did you mean "migrator expand"?\n'
