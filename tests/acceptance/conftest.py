"""A project folder and a database, and the program as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import forked

USERS = """
CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL);
INSERT INTO users SELECT n, 'name ' || n FROM generate_series(1, 500) AS n;
"""


@dataclass(frozen=True)
class Outcome:
    """What a run printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """stdout as the one JSON document it must be."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Runs the program in a folder, with a database in DATABASE_URL."""

    folder: Path
    url: str

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> Outcome:
        answer = forked.command().run(
            *arguments, folder=self.folder, url=self.url, environment=environment, stdin=stdin
        )
        assert "Traceback" not in answer.err, answer.err
        return Outcome(answer.code, answer.out, answer.err)

    def ok(self, *arguments: str, **environment: str) -> Outcome:
        """A run that must succeed."""
        outcome = self.run(*arguments, **environment)
        assert outcome.code == 0, outcome
        return outcome

    def configure(self, text: str) -> None:
        (self.folder / "migrator.toml").write_text(text, encoding="utf-8")

    def new(self, title: str, sql: str, **environment: str) -> Path:
        """A migration folder written by ``migrator new``."""
        before = set(self.migrations())
        self.ok("new", title, "--sql", sql, **environment)
        (made,) = set(self.migrations()) - before
        return made

    def migrations(self) -> list[Path]:
        folder = self.folder / "migrations"
        return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.exists() else []


@pytest.fixture
def shell(tmp_path: Path, database_url: str) -> Shell:
    """A project without services; contract needs --offline there."""
    shell = Shell(tmp_path, database_url)
    shell.configure("")
    return shell


@pytest.fixture
def users(shell: Shell, sql: psycopg.Connection) -> Shell:
    """The same, with a table ``users``."""
    sql.execute(USERS)
    return shell


@pytest.fixture
def sql(database_url: str) -> Iterator[psycopg.Connection]:
    """A look at the database from outside."""
    with psycopg.connect(database_url, autocommit=True, application_name="web/1.0/0") as connection:
        yield connection
