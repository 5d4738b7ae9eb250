"""One application in two versions, each on a connection of its own, and a migration that is moved on by hand."""

from __future__ import annotations

import secrets
import signal
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from psycopg.rows import tuple_row

from migrator.errors import MigratorError, Refused
from migrator.model.plan import Migration, Phase
from tests.scenarios.crowd import SERVICE, Crowds, Statements, statements
from tests.support.sandbox import Sandbox, refusal

BATCH = r"\A(?s:(?:WITH|UPDATE|INSERT)\b.*\bctid\b)"
DDL = r"\A(?:CREATE|ALTER|DROP)\b"
OFFLINE = "nobody is connected in this test"
_FORWARD = (Phase.EXPAND, Phase.BACKFILL, Phase.CONTRACT)


@dataclass
class Client:
    """One session of one version, autocommit; connected at its first statement."""

    url: str
    user: str | None = None
    prepares: bool = False
    _connection: psycopg.Connection[Any] | None = None

    @property
    def connection(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            options = {} if self.user is None else {"user": self.user}
            self._connection = psycopg.connect(self.url, autocommit=True, **options)
            if not self.prepares:
                self._connection.prepare_threshold = None
        return self._connection

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a statement, or none."""
        cursor = self.connection.execute(statement)
        return cursor.fetchall() if cursor.description else []

    def value(self, statement: str) -> Any:
        ((answer,),) = self.run(statement)
        return answer

    def fails(self, statement: str) -> str:
        """The SQLSTATE of the error a statement ends with; empty: it went through, and stays."""
        try:
            self.run(statement)
        except psycopg.Error as error:
            return error.sqlstate or "lost"
        return ""

    def leave(self) -> None:
        if self._connection is not None:
            self._connection.close()


@dataclass
class Stage:
    """A database with old and new code.

    Attributes:
        old: code that was there before the migration.
        new: code of the migration's level.
        crowds: more of both, all the time; a scenario is played with kills and a rollback then, too.
    """

    sandbox: Sandbox
    crowds: Crowds | None = None
    old: Client = field(init=False)
    new: Client = field(init=False)
    extras: list[Client] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.old, self.new = Client(self.sandbox.url), Client(self.sandbox.url)

    def setup(self, script: str) -> None:
        """Objects and rows from before all migrations, and the ledger."""
        self.sandbox.execute(script)
        if self.crowds:
            self.sandbox.configure({"name": SERVICE, "ttl": "1h"})
        self.sandbox.install()

    def plan(self, sql: str, title: str = "change") -> Migration:
        return self.sandbox.new(title, sql)

    def expand(self, sql: str, title: str = "change") -> Migration:
        """A migration that is planned and expanded."""
        before, after = self.known(), self.known(sql)
        migration = self.plan(sql, title)
        if self.crowds:
            self.crowds.enter(migration.level - 1, before)
            self.there_and_back(migration)
        self.sandbox.expand(migration)
        if self.crowds:
            self.crowds.enter(migration.level, after)
            self.crowds.work()
        return migration

    def expand_planned(self, migration: Migration) -> None:
        """A migration whose shape plain SQL does not make: new code knows the tables that all its steps make."""
        after = self.known(";\n".join(step.sql for phase in _FORWARD for step in migration.phase(phase)))
        before = self.known()
        if self.crowds:
            self.crowds.enter(migration.level - 1, before)
            self.there_and_back(migration)
        self.sandbox.expand(migration)
        if self.crowds:
            assert after, "new code of this migration is not known"
            self.crowds.enter(migration.level, after)
            self.crowds.work()

    def known(self, sql: str = "") -> Statements | None:
        """What code sends that knows the tables as they are, or as plain SQL makes them."""
        return statements(self.sandbox, sql) if self.crowds else None

    def there_and_back(self, migration: Migration) -> None:
        """Expand, and undo it while old code runs."""
        self.part()
        before = self.sandbox.snapshot()
        self.sandbox.expand(migration)
        if self.sandbox.state(migration) == "expanded":
            self.sandbox.rollback(migration, yes=True)
            assert self.sandbox.snapshot() == before
        self.sandbox.events.clear()

    def contract(self, migration: Migration) -> None:
        """The data is moved, everybody leaves, the old shape goes."""
        if self.crowds:
            self.killed(1, BATCH, "backfill", migration.id)
        self.sandbox.backfill(migration)
        if not self.crowds or not self.crowds.runs(migration.level):
            self.leave()
            self.sandbox.contract(migration, offline=OFFLINE)
            return
        self.crowds.leave(below=migration.level)
        self.part()
        self.killed(2, DDL, "contract", migration.id)
        self.sandbox.contract(migration, wait_s=10)
        self.crowds.work()
        assert self.crowds.failures() == []

    def killed(self, number: int, match: str, *command: str) -> None:
        """A run that is killed before so many statements of a sort were sent, if it comes to that."""
        process = self.sandbox.process(*command, MIGRATOR_KILL_AT=str(number), MIGRATOR_KILL_MATCH=match)
        output, _ = process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGKILL), output

    def all_of(self, sql: str, title: str = "change") -> Migration:
        """A migration from its text to its contract."""
        migration = self.expand(sql, title)
        self.contract(migration)
        return migration

    def roll_back(self, migration: Migration, *, yes: bool = False) -> None:
        self.leave()
        self.sandbox.rollback(migration, offline=OFFLINE, yes=yes)

    def refused(self, sql: str) -> str:
        """All that is said against a change, before anything is touched."""
        before = self.sandbox.snapshot()
        with pytest.raises(Refused) as caught:
            self.plan(sql)
        assert self.sandbox.snapshot() == before
        return refusal(caught.value)

    def contract_refused(self, migration: Migration, error: type[MigratorError] = Refused) -> str:
        """All that is said against a contract, which changed nothing."""
        self.sandbox.backfill(migration)
        self.leave()
        before = self.sandbox.snapshot()
        with pytest.raises(error) as caught:
            self.sandbox.contract(migration, offline=OFFLINE)
        assert self.sandbox.snapshot() == before
        return refusal(caught.value)

    def role(self) -> str:
        """A role that owns nothing; dropped at the end."""
        name = f"app_{secrets.token_hex(4)}"
        self.sandbox.execute(f"CREATE ROLE {name} LOGIN")
        self.roles.append(name)
        return name

    def client(self, user: str | None = None, *, prepares: bool = False) -> Client:
        """One more session."""
        self.extras.append(Client(self.sandbox.url, user, prepares))
        return self.extras[-1]

    def leave(self) -> None:
        """Nobody is connected."""
        if self.crowds:
            self.crowds.leave()
            assert self.crowds.failures() == []
        self.part()

    def part(self) -> None:
        """The clients of the scenario leave."""
        for client in (self.old, self.new, *self.extras):
            client.leave()

    def clean_up(self) -> None:
        """Roles belong to the whole server."""
        self.leave()
        for name in self.roles:
            self.sandbox.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")

    def file_of(self, table: str) -> int:
        """Changes when the table is rewritten."""
        return int(self.sandbox.value("SELECT pg_relation_filenode(%(table)s::regclass)", table=table))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """As the superuser sees them; columns may have one name."""
        return self.sandbox.session._connection.cursor(row_factory=tuple_row).execute(query).fetchall()
