"""kill -9 of the command at every statement of expand, contract and rollback; the same command run again converges.

A kill leaves what was committed, so it makes a difference only between which two commits it comes. The first test kills
before every COMMIT and before every statement outside a transaction that changes something, the second before every
statement there is; in random order, and as many as the seconds of MIGRATOR_CHAOS_SECONDS allow. Both are chaos: CI runs
some of the first, ``make chaos`` all of them and some of the second.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrator.postgres.connect import Database
from tests.support.forked import Answer, ForkedCommand, command
from tests.support.sandbox import SERVICE, Sandbox, open_sandbox, wait_for
from tests.support.snapshot import leftovers, snapshot
from tests.support.tablespaces import TABLESPACE

CHANGES = r"""(?ix) \A \s* (?: --[^\n]*\n \s* )*
    (?: COMMIT | INSERT | UPDATE | DELETE | WITH | CREATE | ALTER | DROP | DO | GRANT | REVOKE )
    | append_decision | pg_(?:try_)?advisory | pg_terminate_backend"""

SECONDS = float(os.environ.get("MIGRATOR_CHAOS_SECONDS", "20"))
SEED = secrets.randbits(32)


@dataclass(frozen=True)
class Scenario:
    """A migration whose phases are killed.

    Attributes:
        old, new: statements of both versions of the application.
        rows: every row that must come to the same, whenever the kill comes.
    """

    setup: str
    sql: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    rows: str


SCENARIOS = {
    "columns": Scenario(
        "CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL DEFAULT 'x' UNIQUE, age int, email text);"
        "INSERT INTO users SELECT g, 'n' || g, nullif(g % 3, 0), 'e' || g FROM generate_series(1, 200) AS g",
        """
ALTER TABLE users RENAME COLUMN name TO full_name;
-- migrator: fill = 0
ALTER TABLE users ALTER COLUMN age SET NOT NULL;
CREATE UNIQUE INDEX users_email ON users (email);
CREATE INDEX users_age ON users (age);
CREATE TABLE notes (id int PRIMARY KEY);
""",
        ("SELECT name FROM users WHERE id = 7", "INSERT INTO users (id, name, age) VALUES (-1, 'old', NULL)"),
        ("SELECT full_name FROM users WHERE id = 7", "INSERT INTO users (id, full_name, age) VALUES (-2, 'new', 0)"),
        "SELECT * FROM users WHERE id > 0 ORDER BY id",
    ),
    "a value of an enum and the name of a schema": Scenario(
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'blue');"
        "CREATE TABLE people (id int PRIMARY KEY, mood mood DEFAULT 'ok');"
        "INSERT INTO people SELECT g, CASE g % 2 WHEN 0 THEN 'blue' ELSE 'ok' END::mood"
        " FROM generate_series(1, 200) AS g;"
        "CREATE INDEX people_mood ON people (mood); CREATE TABLE calm (id int, mood mood NOT NULL);"
        "CREATE SCHEMA shop; CREATE TABLE shop.items (id serial, name text);"
        "CREATE FUNCTION shop.twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1'",
        "ALTER TYPE mood RENAME VALUE 'blue' TO 'sad'; ALTER SCHEMA shop RENAME TO sales",
        (
            "SELECT mood FROM people WHERE id = 7",
            "INSERT INTO people VALUES (-1, 'ok')",
            "INSERT INTO calm VALUES (1, 'ok')",
            "INSERT INTO shop.items (name) SELECT 'old' WHERE shop.twice(1) = 2",
        ),
        (
            "SELECT mood FROM people WHERE id = 7",
            "INSERT INTO people VALUES (-2, 'sad')",
            "INSERT INTO sales.items (name) SELECT 'new' WHERE sales.twice(1) = 2",
        ),
        "SELECT id, replace(mood::text, 'blue', 'sad') FROM people WHERE id > 0 ORDER BY id",
    ),
    "another primary key": Scenario(
        "CREATE TABLE seats (hall int, seat int, guest text, PRIMARY KEY (hall, seat));"
        "INSERT INTO seats SELECT 1, g, 'guest ' || g FROM generate_series(1, 200) AS g;"
        "CREATE TABLE meals (hall int, seat int, CONSTRAINT of FOREIGN KEY (hall, seat) REFERENCES seats);"
        "INSERT INTO meals SELECT 1, g FROM generate_series(1, 200) AS g",
        """
ALTER TABLE seats ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid();
ALTER TABLE seats ADD CONSTRAINT seats_once UNIQUE (hall, seat);
ALTER TABLE seats DROP CONSTRAINT seats_pkey, ADD PRIMARY KEY (id);
""",
        (
            "SELECT guest FROM seats WHERE hall = 1 AND seat = 7",
            "INSERT INTO seats VALUES (-1, 1) ON CONFLICT (hall, seat) DO NOTHING",
        ),
        (
            "SELECT guest FROM seats WHERE id IS NOT NULL AND hall = 1 AND seat = 7",
            "INSERT INTO seats (hall, seat) VALUES (-2, 1) ON CONFLICT (hall, seat) DO NOTHING",
            "INSERT INTO meals VALUES (1, 7)",
        ),
        "SELECT hall, seat, guest FROM seats WHERE hall > 0 ORDER BY seat",
    ),
    "move between tables": Scenario(
        "CREATE TABLE users (id int PRIMARY KEY, email text);"
        "CREATE TABLE profiles (id int PRIMARY KEY REFERENCES users ON DELETE CASCADE);"
        "INSERT INTO users SELECT g, 'e' || g FROM generate_series(1, 200) AS g;"
        "INSERT INTO profiles SELECT id FROM users",
        "-- migrator: to = profiles\nALTER TABLE users DROP COLUMN email",
        (
            "SELECT email FROM users WHERE id = 7",
            "INSERT INTO users VALUES (-1, 'old')",
            "INSERT INTO profiles (id) VALUES (-1)",
            "UPDATE users SET email = 'other'",
        ),
        (
            "SELECT email FROM profiles WHERE id = 7",
            "INSERT INTO users (id) VALUES (-2)",
            "INSERT INTO profiles (id, email) VALUES (-2, 'new')",
            "UPDATE profiles SET email = 'other'",
        ),
        "SELECT to_jsonb(p) || to_jsonb(u) FROM users AS u LEFT JOIN profiles AS p USING (id) ORDER BY id",
    ),
    "move to many": Scenario(
        "CREATE TABLE users (id int PRIMARY KEY, email text);"
        "CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users);"
        "INSERT INTO users SELECT g, 'e' || g FROM generate_series(1, 200) AS g;"
        "INSERT INTO orders SELECT g, 1 + g % 200 FROM generate_series(1, 400) AS g",
        "-- migrator: to = orders\n-- migrator: many = true\nALTER TABLE users DROP COLUMN email",
        (
            "SELECT email FROM users WHERE id = 7",
            "INSERT INTO users VALUES (-1, 'old')",
            "INSERT INTO orders (id, user_id) VALUES (-1, -1)",
            "UPDATE users SET email = 'other'",
        ),
        (
            "SELECT email FROM orders WHERE id = 7",
            "INSERT INTO users (id) VALUES (-2)",
            "INSERT INTO orders (id, user_id, email) VALUES (-2, -2, 'new')",
            "UPDATE orders SET email = 'other'",
        ),
        "SELECT to_jsonb(o) || to_jsonb(u) FROM users AS u LEFT JOIN orders AS o ON user_id = u.id ORDER BY o.id",
    ),
    "move to the chosen one": Scenario(
        "CREATE TABLE users (id int PRIMARY KEY, email text);"
        "CREATE TABLE emails (id int PRIMARY KEY, user_id int REFERENCES users, is_main boolean);"
        "CREATE UNIQUE INDEX ON emails (user_id) WHERE is_main;"
        "INSERT INTO users SELECT g, 'e' || g FROM generate_series(1, 200) AS g;"
        "INSERT INTO emails SELECT g, 1 + g % 200, g <= 200 FROM generate_series(1, 400) AS g",
        "-- migrator: to = emails\n-- migrator: where = is_main\nALTER TABLE users DROP COLUMN email",
        (
            "SELECT email FROM users WHERE id = 7",
            "INSERT INTO users VALUES (-1, 'old')",
            "INSERT INTO emails (id, user_id, is_main) VALUES (-1, -1, true), (-2, -1, false)",
            "UPDATE emails SET is_main = NOT is_main WHERE user_id = -1 AND is_main",
            "UPDATE emails SET is_main = true WHERE id = -2",
            "UPDATE users SET email = 'other'",
        ),
        (
            "SELECT email FROM emails WHERE id = 7",
            "INSERT INTO users (id) VALUES (-2)",
            "INSERT INTO emails (id, user_id, is_main, email) VALUES (-3, -2, true, 'new'), (-4, -2, false, 'own')",
            "UPDATE emails SET email = 'other'",
        ),
        "SELECT to_jsonb(e) || to_jsonb(u) FROM users AS u LEFT JOIN emails AS e ON user_id = u.id ORDER BY e.id",
    ),
    "merge of tables": Scenario(
        "CREATE TABLE users (id int PRIMARY KEY, n int);"
        "CREATE TABLE profiles (id int PRIMARY KEY REFERENCES users ON DELETE CASCADE,"
        " email text NOT NULL DEFAULT 'x');"
        "INSERT INTO users SELECT g FROM generate_series(1, 200) AS g;"
        "INSERT INTO profiles SELECT id, 'e' || id FROM users WHERE id % 3 > 0",
        "-- migrator: into = users\nDROP TABLE profiles",
        (
            "SELECT email FROM profiles WHERE id = 7",
            "INSERT INTO users (id) VALUES (-1)",
            "INSERT INTO profiles VALUES (-1, 'old')",
            "UPDATE profiles SET email = 'other'",
            "DELETE FROM profiles WHERE id = 1",
        ),
        (
            "SELECT email FROM users WHERE id = 7",
            "INSERT INTO users (id, email) VALUES (-2, 'new')",
            "UPDATE users SET email = 'other'",
            "DELETE FROM users WHERE id = 1",
        ),
        "SELECT to_jsonb(u) FROM users AS u ORDER BY id",
    ),
    "unnest": Scenario(
        "CREATE TABLE users (id int PRIMARY KEY, emails text[]);"
        "INSERT INTO users SELECT g, ARRAY['e' || g, 'x', 'x'] FROM generate_series(1, 200) AS g;"
        "CREATE TABLE addresses (email text PRIMARY KEY, id int GENERATED ALWAYS AS IDENTITY)",
        "-- migrator: unnest = users (emails)\n"
        "CREATE TABLE emails (id int REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE,"
        " email text REFERENCES addresses (email), PRIMARY KEY (id, email))",
        (
            "SELECT emails FROM users WHERE id = 7",
            "INSERT INTO users VALUES (-1, ARRAY['old'])",
            "UPDATE users SET emails = emails || 'other'::text",
            "DELETE FROM users WHERE id = 1",
        ),
        (
            "SELECT email FROM emails WHERE id = 7",
            "INSERT INTO users (id) VALUES (-2)",
            "INSERT INTO addresses (email) VALUES ('new'), ('other') ON CONFLICT DO NOTHING",
            "INSERT INTO emails VALUES (-2, 'new')",
            "UPDATE emails SET email = 'other' WHERE email = 'x'",
            "DELETE FROM emails WHERE id = 1",
        ),
        "SELECT to_jsonb(u) FROM users AS u ORDER BY id",
    ),
    **{
        f"materialized view at {phase}": Scenario(
            "CREATE TABLE users (id int PRIMARY KEY, email text); INSERT INTO users SELECT g, 'e' || g"
            " FROM generate_series(1, 200) AS g; CREATE MATERIALIZED VIEW seen AS SELECT id, email FROM users;"
            "CREATE UNIQUE INDEX seen_id ON seen (id); COMMENT ON INDEX seen_id IS 'key';"
            "GRANT SELECT ON seen TO PUBLIC",
            f"-- migrator: phase = {phase}\n"
            "CREATE MATERIALIZED VIEW seen AS SELECT id, email, upper(email) AS loud FROM users",
            ("SELECT id, email FROM seen WHERE id = 7",),
            ("SELECT id, email FROM seen WHERE id = 7",),
            "SELECT to_jsonb(seen) FROM seen ORDER BY id",
        )
        for phase in ("expand", "contract")
    },
    "tablespaces": Scenario(
        "CREATE TABLE users (id int PRIMARY KEY, email text, age int); CREATE INDEX users_email ON users (email);"
        "INSERT INTO users SELECT g, 'e' || g, g FROM generate_series(1, 200) AS g;"
        "CREATE MATERIALIZED VIEW seen AS SELECT id FROM users",
        f"ALTER TABLE users SET TABLESPACE {TABLESPACE}; ALTER INDEX users_email SET TABLESPACE {TABLESPACE};"
        f"ALTER MATERIALIZED VIEW seen SET TABLESPACE {TABLESPACE}; ALTER TABLE users DROP COLUMN age",
        ("SELECT email, age FROM users WHERE id = 7", "INSERT INTO users VALUES (-1, 'old', 1)", "SELECT FROM seen"),
        ("SELECT email FROM users WHERE id = 7", "INSERT INTO users VALUES (-2, 'new')", "SELECT FROM seen"),
        "SELECT id, email FROM users ORDER BY id",
    ),
    "partition": Scenario(
        "CREATE TABLE users (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, email text DEFAULT 'none');"
        "INSERT INTO users (email) SELECT 'e' || g FROM generate_series(1, 200) AS g; CREATE INDEX ON users (email)",
        "-- migrator: partition = users_1 FOR VALUES FROM (MINVALUE) TO (1000)\n"
        "CREATE TABLE users (LIKE users) PARTITION BY RANGE (id)",
        ("SELECT email FROM users WHERE id = 7", "INSERT INTO users (email) VALUES ('old')"),
        ("SELECT email FROM users WHERE id = 7", "INSERT INTO users (email) VALUES ('new')"),
        "SELECT * FROM users ORDER BY id",
    ),
}


def prepare_expand(sandbox: Sandbox, migration_id: str) -> None:
    """Nothing ever ran here; the ledger is not installed."""


def prepare_rollback(sandbox: Sandbox, migration_id: str) -> None:
    """Expanded and filled, and only old code runs."""
    (migration,) = sandbox.migrations()
    sandbox.expand(migration)
    sandbox.backfill(migration)
    assert sandbox.beat(level=0)


def prepare_contract(sandbox: Sandbox, migration_id: str) -> None:
    """Expanded and filled, and only new code runs."""
    (migration,) = sandbox.migrations()
    sandbox.expand(migration)
    sandbox.backfill(migration)
    assert sandbox.beat(level=1)


@dataclass(frozen=True)
class Phase:
    command: tuple[str, ...]
    prepare: Callable[[Sandbox, str], None]
    state: str
    works: tuple[str, ...]
    """Versions of the application, ``old`` or ``new``, of which one must work after the kill, whenever it comes."""


PHASES = {
    "expand": Phase(("expand",), prepare_expand, "expanded", ("old",)),
    "contract": Phase(("contract", "--yes"), prepare_contract, "contracted", ("old", "new")),
    "rollback": Phase(("rollback", "20260101T000000_all", "--yes"), prepare_rollback, "rolled_back", ("old",)),
}


@dataclass(frozen=True)
class Outcome:
    state: str
    gate: str
    shape: frozenset[str]
    left: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass
class Range:
    """A folder and a database in the state before the phase, of which every kill gets a copy."""

    folder: Path
    admin: psycopg.Connection[Any]
    url_of: Callable[[str], str]
    origin: str
    forked: ForkedCommand
    phase: Phase
    scenario: Scenario

    @contextlib.contextmanager
    def copy(self) -> Iterator[str]:
        name = f"copy_{secrets.token_hex(5)}"
        self.admin.execute(f"CREATE DATABASE {name} TEMPLATE {self.origin}")
        try:
            self.settle(self.url_of(name))
            yield self.url_of(name)
        finally:
            self.admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @staticmethod
    def settle(url: str) -> None:
        """The copy stands for the database itself: its ledger is at home there."""
        with psycopg.connect(url, autocommit=True) as connection:
            if connection.execute("SELECT to_regclass('migrator.home')").fetchone() != (None,):
                own = "(SELECT oid FROM pg_database WHERE datname = current_database())"
                connection.execute(f"UPDATE migrator.home SET database_oid = {own}")

    def run(self, url: str, **options: Any) -> Answer:
        return self.forked.run(*self.phase.command, folder=self.folder, url=url, **options)

    def undisturbed(self, **counted: Any) -> tuple[Outcome, int]:
        """What a run comes to that nobody kills, and how many statements it sends."""
        with self.copy() as url:
            answer = self.run(url, **counted)
            assert answer.code == 0, answer.output
            outcome = self.outcome(url)
            assert outcome.state == self.phase.state
            return outcome, answer.statements

    def at(self, number: int, expected: Outcome, **counted: Any) -> None:
        """Kill before a statement; one version of the code works, and the same command comes to the same."""
        with self.copy() as url:
            answer = self.run(url, kill_at=number, **counted)
            if answer.code == 0 and answer.statements < number:
                return  # this run waited less than the one that nobody killed
            assert answer.code == -signal.SIGKILL, (number, answer.output)
            assert one_version_works(url, self), number
            answer = self.again(url)
            assert answer.code == 0, (number, answer.output)
            assert self.outcome(url) == expected, number
            if number % 10 == 0:
                assert self.run(url).code == 0, "and run once more"

    def again(self, url: str) -> Answer:
        """Until the server has noticed that the killed process is gone."""
        return wait_for(
            lambda: (answer := self.run(url)).code != 14 and answer, "the lock of the killed run is free", timeout_s=10
        )

    def outcome(self, url: str) -> Outcome:
        with Database(url).connect("test") as session:
            state = session.one("SELECT state, gate, error FROM migrator.migration")
            assert state.error is None
            rows = [tuple(row) for row in session.query(self.scenario.rows)]
            # A lease whose process is gone is a note for the next runner, who removes it.
            left = tuple(line for line in leftovers(session) if not line.startswith("lease"))
            return Outcome(state.state, state.gate, snapshot(session), left, tuple(rows))


@pytest.fixture
def kills(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    database_url: str,
    postgres_server: Any,
    postgres_admin: psycopg.Connection[Any],
) -> Iterator[Range]:
    scenario, phase = SCENARIOS[request.param[0]], PHASES[request.param[1]]
    with open_sandbox(tmp_path, database_url) as sandbox:
        sandbox.configure(SERVICE)
        sandbox.execute(scenario.setup)
        phase.prepare(sandbox, sandbox.new("all", scenario.sql).id)
        origin = sandbox.value("SELECT current_database()")
    yield Range(tmp_path, postgres_admin, postgres_server.url, origin, command(), phase, scenario)
    shutil.rmtree(tmp_path)


def one_version_works(url: str, kills: Range) -> bool:
    with psycopg.connect(url) as connection:
        for version in kills.phase.works:
            with contextlib.suppress(psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable):
                with connection.transaction(force_rollback=True):
                    for statement in getattr(kills.scenario, version):
                        connection.execute(statement)
                return True
    return False


def kill_at_statements(kills: Any, **counted: Any) -> int:
    """Kill at each statement, in random order, all of them if there is time; how many there are."""
    print("seed", SEED)
    expected, statements = kills.undisturbed(**counted)
    places = list(range(1, statements + 1))
    random.Random(SEED).shuffle(places)
    ends = time.monotonic() + SECONDS
    for number in places:
        kills.at(number, expected, **counted)
        if time.monotonic() > ends:
            break
    return statements


@pytest.mark.chaos
@pytest.mark.timeout(0)
@pytest.mark.parametrize(
    "kills", [(scenario, phase) for scenario in SCENARIOS for phase in PHASES], indirect=True, ids=str
)
def test_killed_anywhere_and_run_again_it_converges(kills: Range) -> None:
    assert kill_at_statements(kills, match=CHANGES, commits_only=True) > 5


@pytest.mark.chaos
@pytest.mark.timeout(0)
@pytest.mark.parametrize("kills", [("columns", phase) for phase in PHASES], indirect=True, ids=str)
def test_killed_before_any_statement_at_all(kills: Range) -> None:
    assert kill_at_statements(kills) > 100
