"""What the tests of the backfill share: a ledger, migrations made of SQL, and a thread that runs the engine."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from migrator import embedded
from migrator.backfill import engine
from migrator.backfill.progress import BackfillStatus, progress
from migrator.config import BackfillSettings
from migrator.ledger import install, state
from migrator.model.events import Event, Note
from migrator.model.plan import Migration, Phase, Step
from migrator.postgres.connect import Database
from migrator.postgres.session import Session

DEADLINE_S = 60.0


def wait_for(fact: Callable[[], Any], what: str = "") -> Any:
    """The first true answer of ``fact``."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if answer := fact():
            return answer
        time.sleep(0.01)
    raise AssertionError(f"not within {DEADLINE_S} s: {what or fact}")


def make_migration(*statements: str, verify: str | None = None, id: str = "20260101T000000_test") -> Migration:  # noqa: A002
    steps = tuple(
        Step(f"fill_{number}", sql, Phase.BACKFILL, None, verify=verify, line=3, at="m/backfill.sql:3")
        for number, sql in enumerate(statements, 1)
    )
    return Migration(id=id, level=1, title="test", steps=steps)


@dataclass
class Run:
    """The engine on a thread of its own."""

    thread: threading.Thread
    stop: threading.Event
    events: list[Event]
    outcome: list[Any]

    def result(self) -> bool:
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive(), self.events[-5:]
        (outcome,) = self.outcome
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    @property
    def notes(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Note)]


@dataclass
class Bench:
    """A database with a ledger in it."""

    database: Database
    session: Session
    project: str = "default"
    wait_for = staticmethod(wait_for)
    runs: list[Run] = field(default_factory=list)

    def register(self, *statements: str, verify: str | None = None) -> Migration:
        migration = make_migration(*statements, verify=verify)
        state.register(self.session, self.project, migration)
        return migration

    def start(
        self, migration: Migration, on_event: Callable[[Event], None] = lambda event: None, **settings: Any
    ) -> Run:
        stop, events, outcome = threading.Event(), [], []

        def listen(event: Event) -> None:
            events.append(event)
            on_event(event)

        def work() -> None:
            try:
                outcome.append(
                    engine.run(
                        self.database,
                        BackfillSettings(**settings),
                        self.project,
                        migration,
                        listen,
                        stop.is_set,
                    )
                )
            except BaseException as error:  # noqa: BLE001 - handed to the test
                outcome.append(error)

        run = Run(threading.Thread(target=work, daemon=True), stop, events, outcome)
        self.runs.append(run)
        run.thread.start()
        return run

    def run(self, migration: Migration, **settings: Any) -> Run:
        """To its end; must be done."""
        run = self.start(migration, **settings)
        assert run.result() is True
        return run

    def progress(self, migration: Migration) -> BackfillStatus:
        status = progress(self.session, self.project, migration.id)
        assert status is not None
        return status

    def make_table(self, rows: int, name: str = "t", *, trigger: bool = False) -> None:
        """``c`` shall be ``'x' || s``; the trigger is the one-way form of the expand phase."""
        self.session.execute(
            f"CREATE TABLE {name} (id int PRIMARY KEY, s text NOT NULL, other int NOT NULL DEFAULT 0, c text)"
        )
        self.session.execute(
            f"INSERT INTO {name} (id, s) SELECT g, repeat('v', 40) || g FROM generate_series(1, {rows}) g"
        )
        if trigger:
            self.session.execute(
                "CREATE FUNCTION sync() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN NEW.c := 'x' || NEW.s; RETURN NEW; END $$"
            )
            self.session.execute(
                f"CREATE TRIGGER zz_sync BEFORE INSERT OR UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION sync()"
            )

    def count(self, condition: str, table: str = "t") -> int:
        return int(self.session.one(f"SELECT count(*) AS n FROM {table} WHERE {condition}").n)


@pytest.fixture
def bench(database: Database, session: Session) -> Iterator[Bench]:
    install.ensure_installed(session)
    bench = Bench(database, session)
    yield bench
    for run in bench.runs:
        run.stop.set()
        run.thread.join(DEADLINE_S)


@pytest.fixture
def own_server(postgres_server: embedded.Server) -> Iterator[embedded.Server]:
    """A server of this test alone, to crash it."""
    with embedded.start(major=postgres_server.major, settings=embedded.FAST) as server:
        yield server


@pytest.fixture
def bench_on_own_server(own_server: embedded.Server) -> Iterator[Bench]:
    database = Database(own_server.url(), command="test")
    with database.connect("test") as session:
        install.ensure_installed(session)
        bench = Bench(database, session)
        yield bench
        for run in bench.runs:
            run.stop.set()
            run.thread.join(DEADLINE_S)


@pytest.fixture
def role(session, postgres_admin):
    """A role without any privilege, and a session as it."""
    name = f"role_{secrets.token_hex(4)}"
    postgres_admin.execute(f"CREATE ROLE {name} LOGIN")
    yield name
    session.execute(f"DROP OWNED BY {name}")
    postgres_admin.execute(f"DROP ROLE {name}")


@pytest.fixture
def as_role(database_url, role):
    with Database(database_url.replace("postgres@", f"{role}@", 1)).connect("test") as session:
        yield session


@pytest.fixture(scope="session")
def template_database(ledger_database: str) -> str:
    return ledger_database
