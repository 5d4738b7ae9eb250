"""kill -9 of ``migrator expand`` on revisions, before every statement of ours and of Alembic's; run again it converges.

What a kill leaves depends on what was committed, so one before every commit comes first; between two commits it must
make no difference, which one statement at random shows each time, and ``make chaos`` at all of them.
"""

from __future__ import annotations

import contextlib
import random
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrator.postgres.connect import Database
from migrator.postgres.session import Session
from tests.execution.test_kill_points import CHANGES, SEED, Range, kill_at_statements
from tests.integrations.alembic.conftest import CREATE, RENAME, make_shop
from tests.support.forked import Answer, ForkedCommand, command
from tests.support.sandbox import wait_for
from tests.support.snapshot import snapshot

ADD = 'phased.later()\nop.add_column("users", sa.Column("age", sa.Integer))\nop.execute("UPDATE users SET age = 1")'
CONTRACT = 'op.execute("ALTER TABLE users ADD CHECK (age > 0)")'
SEVERAL = (
    "with phased.together():\n"
    '    phased.create_enum("mood", labels=("ok", "sad"))\n'
    '    phased.add_column("users", "mood", "public.mood")\n'
    '    phased.add_check("users", "positive", "CHECK (id > 0)")'
)
BY_ITSELF = 'phased.create_index("users", "i", "CREATE INDEX CONCURRENTLY i ON public.users (id)")'


@pytest.fixture
def folder(tmp_path: Path, database_url: str, session: Session, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A project whose first revision ran, with four more to come; the name of its database."""
    shop = make_shop(tmp_path / "shop", database_url, session, monkeypatch)
    environment = shop.root / "history/env.py"
    asked = "config.set_main_option('sqlalchemy.url', os.environ['DATABASE_URL'].replace('://', '+psycopg://'))"
    text = environment.read_text().replace("target_metadata = None", f"target_metadata = None\nimport os\n{asked}")
    environment.write_text(text.replace("'+psycopg://')", "'+psycopg://').replace('%', '%%')"))
    shop.revision("a1", CREATE, "pass")
    monkeypatch.setenv("DATABASE_URL", database_url)
    shop.upgrade()
    session.execute("INSERT INTO users VALUES (1, 'Ada')")
    shop.revision("a2", RENAME, after="a1")
    shop.revision("a3", ADD, after="a2", contract=CONTRACT)
    shop.revision("a4", BY_ITSELF, after="a3")
    shop.revision("a5", SEVERAL, after="a4")
    name = session.one("SELECT current_database()::text AS name").name
    session.close()
    return shop.root, name


@dataclass(frozen=True)
class Kills:
    """A folder and a database in the state before the run, of which every kill gets a copy."""

    root: Path
    origin: str
    server: Any
    admin: psycopg.Connection[Any]
    forked: ForkedCommand
    target: tuple[str, ...] = ()

    def run(self, url: str, **more: Any) -> Answer:
        return self.forked.run("expand", *self.target, folder=self.root, url=url, **more)

    def again(self, url: str) -> Answer:
        """Until the server has noticed that the killed process is gone."""
        return wait_for(lambda: (said := self.run(url)).code != 14 and said, "the killed run is gone", timeout_s=30)

    @contextlib.contextmanager
    def copied(self) -> Iterator[str]:
        copy = f"copy_{secrets.token_hex(5)}"
        self.admin.execute(f"CREATE DATABASE {copy} TEMPLATE {self.origin}")
        try:
            Range.settle(self.server.url(copy))
            yield self.server.url(copy)
        finally:
            self.admin.execute(f"DROP DATABASE {copy} WITH (FORCE)")

    @staticmethod
    def outcome(url: str) -> object:
        with Database(url).connect("test") as session:
            states = session.query("SELECT id, level, state, error FROM migrator.migration ORDER BY id")
            rows = session.query("SELECT * FROM users ORDER BY id")
            version = session.one("SELECT version_num AS v FROM alembic_version").v
            return [tuple(each) for each in states], [tuple(each) for each in rows], version, snapshot(session)

    def undisturbed(self, **counted: Any) -> tuple[object, int]:
        """What a run comes to that nobody kills, and how many statements it sends."""
        with self.copied() as url:
            answer = self.run(url, **counted)
            assert answer.code == 0, answer.output
            return self.outcome(url), answer.statements

    def at(self, number: int, expected: object, **counted: Any) -> None:
        """Kill before a statement; old code works, and the same command comes to the same."""
        with self.copied() as url:
            answer = self.run(url, kill_at=number, **counted)
            if answer.code == 0 and answer.statements < number:
                return  # this run waited less than the one that nobody killed
            assert answer.code == -signal.SIGKILL, answer.output
            with psycopg.connect(url) as old:
                old.execute("SELECT name FROM users")
                old.execute("INSERT INTO users (id, name) VALUES (9, 'old code')")
                old.rollback()
            answer = self.again(url)
            assert answer.code == 0, (number, answer.output)
            assert self.outcome(url) == expected, number


@pytest.fixture
def kills(folder: tuple[Path, str], postgres_server: Any, postgres_admin: psycopg.Connection[Any]) -> Kills:
    return Kills(*folder, postgres_server, postgres_admin, command())


@pytest.mark.chaos
@pytest.mark.timeout(0)
def test_killed_before_every_commit_and_run_again_it_converges(kills: Kills):
    assert kill_at_statements(kills, match=CHANGES, commits_only=True) > 20


@pytest.mark.chaos
@pytest.mark.timeout(0)
def test_killed_before_any_statement_at_all(kills: Kills):
    assert kill_at_statements(kills) > 200


def test_killed_at_some_statement_of_one_revision(kills: Kills):
    print("seed", SEED)
    one = replace(kills, target=("a2",))
    expected, statements = one.undisturbed()
    assert statements > 100
    one.at(random.Random(SEED).randint(1, statements), expected)
