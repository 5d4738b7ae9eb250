"""A database with a ledger, services and a migration, as the tests of the gate need it."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from migrator import embedded
from migrator.config import GateSettings, IgnoredRole, Project, ServiceSettings, Settings, SourceSettings
from migrator.gate.gate import Gate
from migrator.ledger import services, state
from migrator.ledger.install import ensure_installed
from migrator.ledger.state import GateState, MigrationRecord, State
from migrator.model.events import Event
from migrator.model.evidence import Direction
from migrator.model.plan import Migration, ServiceRequirement
from migrator.postgres.connect import Database
from migrator.postgres.session import Session

HEARTBEAT = SourceSettings(kind="heartbeat")
SESSIONS = SourceSettings(kind="sessions")
WEB = ServiceSettings(name="web", ttl="3s")


def wait_for(fact: Callable[[], Any], *, timeout_s: float = 15.0, what: str = "") -> Any:
    """Poll for a fact; its value when it is true."""
    deadline = time.monotonic() + timeout_s
    while not (value := fact()):
        assert time.monotonic() < deadline, f"did not happen: {what or fact}"
        time.sleep(0.02)
    return value


@dataclass
class World:
    url: str
    database: Database
    session: Session
    events: list[Event] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)

    def configure(
        self, *listed: ServiceSettings, lock_timeout: str = "500ms", lock_budget: str = "5s", **gate: Any
    ) -> Gate:
        """List services and get a gate; defaults: no soak, heartbeat only, one proof."""
        defaults: dict[str, Any] = {
            "soak": "0s",
            "min_independent": 1,
            "source": (HEARTBEAT,),
            "drain_timeout": "1s",
            "service": listed,
        }
        self.settings = Settings(
            lock_timeout=lock_timeout, lock_budget=lock_budget, gate=GateSettings(**{**defaults, **gate})
        )
        made = Gate(self.database, Project(self.settings, Path(), None), "tester@test", self.events.append)
        made.sync_services(self.session)
        return made

    def expanded(
        self, level: int = 42, *, state_: State = State.BACKFILLED, requires: dict[str, int] | None = None
    ) -> Migration:
        """A migration that is expanded, and its ceiling raised."""
        overrides = {name: ServiceRequirement(wanted, "because") for name, wanted in (requires or {}).items()}
        migration = Migration(f"2026_{level}", level, "rename users.name", requires=overrides)
        state.register(self.session, "default", migration)
        state.set_state(self.session, "default", migration.id, State.EXPANDED)
        state.set_state(self.session, "default", migration.id, state_)
        with self.session.transaction():
            services.lock(self.session, "default")
            services.raise_ceiling(self.session, "default", level)
        return migration

    def record(self, migration: Migration) -> MigrationRecord:
        found = state.find(self.session, "default", migration.id)
        assert found is not None
        return found

    def gate_state(self, migration: Migration) -> GateState:
        return self.record(migration).gate

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, autocommit=True, row_factory=namedtuple_row, **options)

    def beat(
        self,
        service: str = "web",
        instance: str = "web-1",
        level: int = 42,
        *,
        boot: str = "boot",
        version: str = "1",
        on: psycopg.Connection[Any] | None = None,
    ) -> Any:
        """One heartbeat, on a connection of its own unless one is given."""
        statement = "SELECT ok, min_level, ttl_s, epoch, why FROM migrator.beat(%s, %s, %s, %s, %s)"
        with contextlib.nullcontext(on) if on is not None else self.connect() as connection:
            return connection.execute(statement, (service, instance, boot, level, version)).fetchone()

    def bye(
        self,
        service: str = "web",
        instance: str = "web-1",
        *,
        boot: str = "boot",
        on: psycopg.Connection[Any] | None = None,
    ) -> bool:
        with contextlib.nullcontext(on) if on is not None else self.connect() as connection:
            row = connection.execute("SELECT migrator.bye(%s, %s, %s)", (service, instance, boot)).fetchone()
            return bool(row[0])

    def age(self, instance: str = "web-1", seconds: float = 600) -> None:
        """Pretend that an instance beat so long ago."""
        self.session.execute(
            "UPDATE migrator.instance SET first_beat = first_beat - ago, last_beat = last_beat - ago,"
            " expires_at = expires_at - ago, ended_at = ended_at - ago"
            " FROM make_interval(secs => %(seconds)s) AS ago WHERE instance = %(instance)s",
            {"seconds": seconds, "instance": instance},
        )

    def instance(self, instance: str = "web-1") -> Any:
        return self.session.maybe(
            "SELECT * FROM migrator.instance WHERE instance = %(instance)s", {"instance": instance}
        )

    def table(self) -> None:
        self.session.execute("CREATE TABLE users (id int PRIMARY KEY, legacy text, name text)")
        self.session.execute("INSERT INTO users VALUES (1, 'a', 'a')")
        self.session.execute("GRANT SELECT ON users TO PUBLIC")

    def has_column(self, column: str = "legacy") -> bool:
        row = self.session.maybe(
            "SELECT FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = %(column)s AND NOT attisdropped",
            {"column": column},
        )
        return row is not None

    def contract(
        self,
        gate: Gate,
        migration: Migration,
        *,
        direction: Direction = Direction.CONTRACT,
        wait_s: float = 0.0,
        offline: str | None = None,
        work: Callable[[Callable[[str], None]], None] | None = None,
    ) -> None:
        """Go through the gate and drop ``users.legacy``."""
        gate.pass_through(
            self.session,
            migration,
            direction,
            work or (lambda execute: execute("ALTER TABLE users DROP COLUMN legacy")),
            wait_s=wait_s,
            offline=offline,
            hold_runner=contextlib.nullcontext,
        )


@contextlib.contextmanager
def open_world(url: str) -> Iterator[World]:
    database = Database(url, command="test")
    with database.connect("test") as session:
        ensure_installed(session)
        yield World(url, database, session)


@contextlib.contextmanager
def role(session: Session, *, attributes: str = "LOGIN", name: str | None = None) -> Iterator[str]:
    """A role of a unique name, dropped at the end together with its sessions."""
    name = name or f"role_{secrets.token_hex(4)}"
    session.execute(f'CREATE ROLE "{name}" {attributes}')
    try:
        yield name
    finally:
        session.query(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %(name)s", {"name": name}
        )
        session.execute(f'DROP OWNED BY "{name}"')
        session.execute(f'DROP ROLE "{name}"')


@contextlib.contextmanager
def own_server(**settings: str) -> Iterator[embedded.Server]:
    """A server for one test alone, of the version the tests run on."""
    wish = os.environ.get("MIGRATOR_TEST_POSTGRES")
    major = int(wish) if wish else max(found.major for found in embedded.installations())
    with embedded.start(major=major, settings={**embedded.FAST, **settings}) as server:
        yield server


@contextlib.contextmanager
def streaming_standby(primary: embedded.Server) -> Iterator[str]:
    """URL of a standby made from a copy of a primary that is stopped for it."""
    folder = primary.log.parent / "standby"
    primary.stop()
    primary._account.run(["cp", "-a", str(primary.data_dir), str(folder)])
    primary._account.run(["touch", str(folder / "standby.signal")])
    primary.start()
    options = (
        f"-c listen_addresses= -c unix_socket_directories={primary.log.parent} -c port=5499 -c max_connections=200"
        f" -c primary_conninfo='user=postgres host={primary.log.parent} port=5432'"
    )
    control = [str(primary._bin / "pg_ctl"), "-D", str(folder), "-w", "-l", f"{folder}.log"]
    primary._account.run([*control, "-o", options, "start"], log=Path(f"{folder}.log"))
    try:
        yield primary.url() + "&port=5499"
    finally:
        primary._account.run([*control, "-m", "immediate", "stop"])


__all__ = [
    "HEARTBEAT",
    "SESSIONS",
    "WEB",
    "IgnoredRole",
    "World",
    "open_world",
    "own_server",
    "role",
    "streaming_standby",
    "wait_for",
]
