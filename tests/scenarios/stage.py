"""One application in two versions, each on a connection of its own, and a migration that is moved on by hand."""

from __future__ import annotations

import contextlib
import re
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
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
    """One session of one version, autocommit; connected at its first statement.

    Attributes:
        repeats: tries again what fails by a deadlock, as whoever writes beside others does.
    """

    url: str
    user: str | None = None
    prepares: bool = False
    repeats: bool = False
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
        begun = self.connection.info.transaction_status is not TransactionStatus.IDLE
        while True:
            try:
                cursor = self.connection.execute(statement)
                return cursor.fetchall() if cursor.description else []
            except psycopg.errors.DeadlockDetected:
                if begun or not self.repeats:
                    raise
                self.connection.rollback()

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
    clients: list[Client] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.old, self.new = self.client(), self.client()

    @property
    def offline(self) -> str | None:
        """Why the gate needs no evidence: nobody is there who could give it."""
        return None if self.crowds and self.crowds.run() else OFFLINE

    def setup(self, script: str) -> None:
        """Objects and rows from before all migrations, and the ledger."""
        self.sandbox.execute(script)
        self.configure()
        self.sandbox.install()

    def configure(self, **settings: str) -> None:
        """Settings, beside the service that a crowd is, which may be in the way for long where processors are few."""
        services = [{"name": SERVICE, "ttl": "1h"}] * bool(self.crowds)
        self.sandbox.configure(*services, **{"lock_budget": "2min", **settings})

    def plan(self, sql: str, title: str = "change") -> Migration:
        return self.sandbox.new(title, sql)

    def expand(self, sql: str, title: str = "change") -> Migration:
        """A migration that is planned and expanded."""
        before, after = self.known(), self.known(sql)
        migration = self.plan(sql, title)
        self.bring(migration, before, after)
        return migration

    def expand_planned(self, migration: Migration) -> None:
        """A migration whose shape plain SQL does not make: new code knows the tables that all its steps make."""
        after = self.known(";\n".join(step.sql for phase in _FORWARD for step in migration.phase(phase)))
        self.bring(migration, self.known(), after)

    def bring(self, migration: Migration, before: Statements | None, after: Statements | None) -> None:
        """Expand, after it was undone once among the crowds of both versions."""
        if self.crowds:
            assert before is not None, "what old code sends is not known"
            assert after is not None, "what new code sends is not known"
            self.crowds.learn(migration.level - 1, before)
            self.crowds.learn(migration.level, after)
            self.crowds.enter(migration.level - 1)
            self.there_and_back(migration)
            if not migration.phase(Phase.BACKFILL) and not migration.phase(Phase.CONTRACT):
                self.interrupt(migration, Phase.EXPAND)
        self.expand_again(migration)

    def expand_again(self, migration: Migration) -> None:
        """Expand what is rolled back, or was never expanded; new code comes."""
        self.sandbox.expand(migration)
        if self.crowds:
            self.crowds.enter(migration.level)
            self.crowds.work()

    def known(self, sql: str = "") -> Statements | None:
        """What code sends that knows the tables as they are, or as plain SQL makes them."""
        return statements(self.sandbox, sql) if self.crowds else None

    def there_and_back(self, migration: Migration) -> None:
        """Expand, and undo it while old code runs; new code was there meanwhile."""
        before = self.sandbox.snapshot()
        with self.kept(migration.level - 1):
            self.expand_again(migration)
            self.roll_back(migration, yes=True)
        assert self.sandbox.snapshot() == before
        self.sandbox.events.clear()

    def backfill(self, migration: Migration) -> None:
        """The data is moved, by a second run among a crowd: the first one is killed."""
        if self.crowds:
            self.killed(1, BATCH, "backfill", migration.id)
        self.sandbox.backfill(migration)

    def contract(self, migration: Migration) -> None:
        """The data is moved, old code leaves, the old shape goes."""
        self.backfill(migration)
        self.depart(migration)
        with self.kept(migration.level):
            if self.crowds and self.crowds.run(least=migration.level):
                self.interrupt(migration, Phase.CONTRACT)
            self.sandbox.contract(migration, wait_s=10, offline=self.offline)
        self.go_on()

    @contextlib.contextmanager
    def kept(self, level: int) -> Iterator[None]:
        """Rows that code of a level reads are the same afterwards; one that holds NULL may be filled."""
        before = self.crowds.seen(level) if self.crowds else None
        yield
        if self.crowds and before is not None:
            lost = before - self.crowds.seen(level)
            assert not lost, f"code of level {level} does not find any more: {lost}"

    def depart(self, migration: Migration) -> None:
        """Whoever is in the way of a contract leaves; of a crowd, each version has written everything once more."""
        self.part()
        if self.crowds:
            self.crowds.work()
            self.crowds.leave(below=migration.level)

    def go_on(self) -> None:
        """Whoever is there can do all it did."""
        if self.crowds:
            self.crowds.work()
            assert not (failures := self.crowds.failures()), "\n".join(failures[:5])

    def interrupt(self, migration: Migration, phase: Phase) -> None:
        """A run that is killed at the second change of the schema, or the only one."""
        changes = sum(bool(re.match(DDL, step.sql)) for step in migration.phase(phase))
        assert self.killed(min(2, changes), DDL, phase.value, migration.id) == (changes > 0)

    def killed(self, number: int, match: str, *command: str) -> bool:
        """Whether a run was killed before so many statements of a sort were sent; it may not come to that."""
        process = self.sandbox.process(*command, MIGRATOR_KILL_AT=str(number), MIGRATOR_KILL_MATCH=match)
        output, _ = process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGKILL), output
        return process.returncode != 0

    def all_of(self, sql: str, title: str = "change") -> Migration:
        """A migration from its text to its contract."""
        migration = self.expand(sql, title)
        self.contract(migration)
        return migration

    def roll_back(self, migration: Migration, *, yes: bool = False) -> None:
        """New code leaves, and what expand and backfill did is undone."""
        self.part()
        if self.crowds:
            self.crowds.leave(least=migration.level)
        with self.kept(migration.level - 1):
            self.sandbox.rollback(migration, wait_s=10, offline=self.offline, yes=yes)
        self.go_on()

    def refused(self, sql: str) -> str:
        """All that is said against a change, before anything is touched."""
        before = self.sandbox.snapshot()
        with pytest.raises(Refused) as caught:
            self.plan(sql)
        assert self.sandbox.snapshot() == before
        return refusal(caught.value)

    def contract_refused(self, migration: Migration, error: type[MigratorError] = Refused) -> str:
        """All that is said against a contract, which changed nothing: of a crowd, both versions go on."""
        self.backfill(migration)
        self.depart(migration)
        before = self.sandbox.snapshot()
        with pytest.raises(error) as caught:
            self.sandbox.contract(migration, wait_s=10, offline=self.offline)
        assert self.sandbox.snapshot() == before
        if self.crowds and self.crowds.run():
            self.crowds.enter(migration.level - 1)
        self.go_on()
        return refusal(caught.value)

    def role(self) -> str:
        """A role that owns nothing; dropped at the end."""
        name = f"app_{secrets.token_hex(4)}"
        self.sandbox.execute(f"CREATE ROLE {name} LOGIN")
        self.roles.append(name)
        return name

    def client(self, user: str | None = None, *, prepares: bool = False) -> Client:
        """One more session."""
        self.clients.append(Client(self.sandbox.url, user, prepares, repeats=self.crowds is not None))
        return self.clients[-1]

    def leave(self) -> None:
        """Nobody is connected."""
        if self.crowds:
            self.crowds.leave()
            assert not (failures := self.crowds.failures()), "\n".join(failures[:5])
        self.part()

    def part(self) -> None:
        """The clients of the scenario leave."""
        for client in self.clients:
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
