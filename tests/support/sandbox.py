"""A project of its own on a database of its own, and what a test does with the tool there."""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from migrator import cli, config
from migrator.authoring import new
from migrator.errors import MigratorError
from migrator.execution import phases
from migrator.execution.run import Run
from migrator.ledger import state
from migrator.ledger.install import ensure_installed
from migrator.ledger.state import MigrationRecord
from migrator.model.events import Event, Note, StepDone, StepRetried
from migrator.model.plan import Migration, Phase
from migrator.planning.folders import load_all
from migrator.postgres.connect import Database
from migrator.postgres.session import Session
from migrator.sql.parser import parse_script
from tests.support import forked
from tests.support.snapshot import leftovers, snapshot

SERVICE = {"name": "web", "ttl": "1h"}
"""A service whose one beat is good for the whole test."""


def wait_for(fact: Callable[[], Any], what: str = "", *, timeout_s: float = 30.0) -> Any:
    """The first true answer of ``fact``."""
    deadline = time.monotonic() + timeout_s
    while not (answer := fact()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what or fact}"
        time.sleep(0.005)
    return answer


@dataclass(frozen=True)
class Outcome:
    """What a command came to."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Sandbox:
    """A folder with a configuration and migrations, and a database.

    Attributes:
        session: superuser, recognised by the gate as one of the tool's own.
        events: what the runs of this sandbox told.
    """

    root: Path
    url: str
    session: Session
    events: list[Event] = field(default_factory=list)
    processes: list[forked.ForkedProcess] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return Database(self.url, command="test")

    def configure(self, *services: Mapping[str, Any], gate: Mapping[str, Any] | None = None, **settings: Any) -> None:
        """Write migrator.toml. Defaults: no soak, short locks, a small budget."""
        settings = {"lock_timeout": "500ms", "lock_budget": "20s", **settings}
        gate = {"soak": "0s", "drain_timeout": "2s", **(gate or {})}
        lines = [f"{key} = {_toml(value)}" for key, value in settings.items()]
        lines += ["[gate]", *(f"{key} = {_toml(value)}" for key, value in gate.items())]
        for service in services:
            lines += ["[[gate.service]]", *(f"{key} = {_toml(value)}" for key, value in service.items())]
        (self.root / "migrator.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def install(self) -> None:
        """The ledger with the configured services, as the first expand would leave it, so that old code can beat."""
        ensure_installed(self.session)
        self.run().gate.sync_services(self.session)

    def new(self, title: str, sql: str, *, blind: bool = False) -> Migration:
        """Write a migration; ``blind``: without a database to look at."""
        folder = self.root / "migrations"
        existing = load_all(folder) if folder.exists() else []
        written = new.create(
            title,
            parse_script(sql, "--sql"),
            folder=folder,
            existing=existing,
            project="default",
            session=None if blind else self.session,
            now=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=len(existing)),
        )
        return written.migration

    def write(self, name: str, manifest: str = "", **files: str) -> Migration:
        """A folder written by hand: phase files by name."""
        folder = self.root / "migrations" / name
        folder.mkdir(parents=True, exist_ok=True)
        level = 1 + max((each.level for each in self.migrations() if each.id != name), default=0)
        if "level" not in manifest:
            manifest = f"level = {level}\n{manifest}"
        (folder / "migration.toml").write_text(f'id = "{name}"\n{manifest}\n', encoding="utf-8")
        for phase, text in files.items():
            (folder / f"{phase}.sql").write_text(text, encoding="utf-8")
        return next(each for each in self.migrations() if each.id == name)

    def migrations(self) -> list[Migration]:
        folder = self.root / "migrations"
        complete = folder.is_dir() and all((each / "migration.toml").exists() for each in folder.iterdir())
        return load_all(folder) if complete else []

    def run(self, *, url: str | None = None, listener: Callable[[Event], None] | None = None) -> Run:
        project = config.load(self.root, {})
        database = Database(url or self.url, command="test")
        return Run(database, project, self.migrations(), "tester@test", "test", listener or self.events.append)

    def expand(self, migration: Migration) -> bool:
        return phases.expand(self.run(), migration)

    def backfill(self, migration: Migration) -> None:
        phases.backfill(self.run(), migration, lambda: False)

    def contract(self, migration: Migration, *, wait_s: float = 0.0, offline: str | None = None) -> None:
        phases.contract(self.run(), migration, wait_s=wait_s, offline=offline)

    def rollback(
        self, migration: Migration, *, wait_s: float = 0.0, offline: str | None = None, yes: bool = False
    ) -> None:
        phases.rollback(self.run(), migration, wait_s=wait_s, offline=offline, yes=yes)

    def finish(self, migration: Migration) -> None:
        """Expand, backfill, contract while nobody is connected."""
        self.expand(migration)
        self.backfill(migration)
        self.contract(migration, offline="nobody is connected in this test")

    def record(self, migration: Migration) -> MigrationRecord:
        found = state.find(self.session, "default", migration.id)
        assert found is not None, f"{migration.id} is not in the ledger"
        return found

    def state(self, migration: Migration) -> str:
        return self.record(migration).state.value

    def beat(self, *, level: int, instance: str = "web-1", service: str = "web") -> bool:
        """One heartbeat of a process that then only pretends to run."""
        row = self.session.one(
            "SELECT ok, why FROM migrator.beat(%(service)s, %(instance)s, 'boot', %(level)s, 'test')",
            {"service": service, "instance": instance, "level": level},
        )
        return bool(row.ok)

    def bye(self, *, instance: str = "web-1", service: str = "web") -> None:
        self.session.query(
            "SELECT migrator.bye(%(service)s, %(instance)s, 'boot')", {"service": service, "instance": instance}
        )

    def command(self, *arguments: str, url: str | None = None) -> Outcome:
        """Run a command as ``migrator`` would, in this process."""
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.root),
            _environment(DATABASE_URL=url or self.url),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = cli.run(arguments)
        return Outcome(code, out.getvalue(), err.getvalue())

    def process(self, *arguments: str, **environment: str) -> forked.ForkedProcess:
        """Run a command as a process of its own; see ``kill_at.py`` for what the environment may ask of it."""
        process = forked.command().start(
            *arguments,
            folder=self.root,
            environment={**os.environ, "DATABASE_URL": self.url, **environment},
        )
        self.processes.append(process)
        return process

    def execute(self, script: str) -> None:
        """Run statements, separated by semicolons."""
        self.session.execute(script)

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.session.query(query, parameters or None)]

    def value(self, query: str, **parameters: Any) -> Any:
        ((answer,),) = self.rows(query, **parameters)
        return answer

    def snapshot(self) -> frozenset[str]:
        return snapshot(self.session)

    def shape_after(self, sql: str) -> frozenset[str]:
        """What the schema would be had the SQL simply been run."""
        self.session.execute("BEGIN")
        try:
            self.session.execute(sql)
            return snapshot(self.session)
        finally:
            self.session.execute("ROLLBACK")

    def leftovers(self) -> list[str]:
        return leftovers(self.session)

    def notes(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Note)]

    def retried(self) -> list[StepRetried]:
        return [event for event in self.events if isinstance(event, StepRetried)]

    def ran(self, phase: Phase) -> list[str]:
        """Steps that were run, not passed over."""
        return [
            event.step
            for event in self.events
            if isinstance(event, StepDone) and event.phase == phase.value and not event.skipped
        ]


def refusal(error: MigratorError) -> str:
    """Everything an error says."""
    return error.render()


@contextlib.contextmanager
def open_sandbox(root: Path, url: str) -> Iterator[Sandbox]:
    with Database(url, command="test").connect("test") as session:
        sandbox = Sandbox(root, url, session)
        sandbox.configure()
        try:
            yield sandbox
        finally:
            for process in sandbox.processes:
                process.kill()
                if process.stdout and not process.stdout.closed:
                    process.communicate()
            sandbox.session.close()


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
