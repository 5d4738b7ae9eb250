"""One contract on a real server, with an outside world that acts between any two statements of it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from migrator.config import Project, ServiceSettings
from migrator.errors import GateBlocked, GateUnknown, GateWaiting, MigratorError
from migrator.gate.gate import Gate
from migrator.ledger import decisions, services
from migrator.ledger.state import GateState
from migrator.model.events import ignore
from migrator.model.evidence import Direction
from migrator.model.plan import Migration
from migrator.postgres.session import ConnectionLost, Session
from tests.gate.world import World
from tests.support.pause_points import Actor, Killed, PausingDatabase, Script, other_timeline

FIRST_LEVEL = 10
WEB = ServiceSettings(name="web", ttl="60s")
BEAT = "SELECT ok FROM migrator.beat('web', %s, %s, %s, '1')"


@dataclass
class Client:
    """An application process that keeps the protocol: no query before an accepted beat, none after a refused one."""

    actor: Actor
    name: str
    boot: str = ""
    running: bool = False
    failures: list[str] = field(default_factory=list)
    answers: list[bool] = field(default_factory=list)

    def start(self, connection: psycopg.Connection[Any], level: int, table: str) -> None:
        if self.running:
            return
        self.boot = secrets.token_hex(8)
        self.beat(connection, level)
        self.running = self.answers[-1]
        self.use(connection, table)

    def beat(self, connection: psycopg.Connection[Any], level: int) -> None:
        row = connection.execute(BEAT, (self.name, self.boot, level)).fetchone()
        self.answers.append(bool(row and row.ok))

    def use(self, connection: psycopg.Connection[Any], table: str) -> None:
        if not self.running:
            return
        try:
            connection.execute(f"SELECT legacy FROM {table}").fetchall()
        except psycopg.Error as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    def stop(self, connection: psycopg.Connection[Any]) -> None:
        """Bye after the last query."""
        if self.running:
            connection.execute("SELECT migrator.bye('web', %s, %s)", (self.name, self.boot))
            self.running = False


Order = Callable[["Stage", Gate, Session], None]


class Stage:
    """A database where one contract after the other is played, each of a table of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.gate = world.configure(WEB, drain_timeout="50ms", fence_lease="60s", lock_budget="1s")
        self.old, self.new, self.outside = (Actor(world.url) for _ in range(3))
        self.observer = world.connect()
        self.level = FIRST_LEVEL
        self.services = 0
        self.prepare()

    def prepare(self) -> None:
        """A table, a migration that drops one of its columns, new code that runs, nothing else."""
        self.level += 1
        self.table = f"t{self.level}"
        self.world.session.execute(f"CREATE TABLE {self.table} AS SELECT 1 AS id, 'x' AS legacy")
        self.migration: Migration = self.world.expanded(self.level)
        self.world.session.execute("DELETE FROM migrator.instance")
        assert self.world.beat(instance="steady", boot=str(self.level), level=self.level, on=self.observer).ok
        self.client = Client(self.old, f"old-{self.level}")
        self.newcomer = Client(self.new, f"new-{self.level}")

    # What may happen between two statements

    def old_starts(self, script: Script) -> None:
        """It stays until somebody waits for it in vain."""
        level, table, client = self.level - 1, self.table, self.client
        self._settle(self.old, lambda connection: client.start(connection, level, table))

    def old_comes_and_goes(self, script: Script) -> None:
        level, table, client = self.level - 1, self.table, self.client

        def all_of_it(connection: psycopg.Connection[Any]) -> None:
            client.start(connection, level, table)
            client.use(connection, table)
            client.stop(connection)

        self._settle(self.old, all_of_it)

    def old_beats_and_queries(self, script: Script) -> None:
        level, table, client = self.level - 1, self.table, self.client

        def both(connection: psycopg.Connection[Any]) -> None:
            if client.running:
                client.beat(connection, level)
                client.use(connection, table)

        self._settle(self.old, both)

    def old_leaves(self, script: Script) -> None:
        self._settle(self.old, self.client.stop)

    def new_starts(self, script: Script) -> None:
        level, client = self.level, self.newcomer

        def start(connection: psycopg.Connection[Any]) -> None:
            client.boot = secrets.token_hex(8)
            client.beat(connection, level)

        self._settle(self.new, start)

    def service_appears(self, script: Script) -> None:
        """One nobody has a proof about."""
        self.services += 1
        added = ServiceSettings(name=f"etl{self.level}_{self.services}")
        self._settle(self.outside, lambda connection: services.sync(Session(connection), "default", (added,)))

    def failover(self, script: Script) -> None:
        script.server = other_timeline

    def failover_loses_the_fence(self, script: Script) -> None:
        """The new primary never saw the fence's commit, and lets old code in."""
        script.server = other_timeline
        forget = (
            "UPDATE migrator.migration SET gate = 'none', fence_at = NULL, fence_deadline = NULL"
            " WHERE id = %s AND gate IN ('fenced', 'quarantined', 'confirmed')"
        )
        self._settle(self.outside, lambda connection: connection.execute(forget, (self.migration.id,)))
        self.old_starts(script)

    def operator_aborts(self, script: Script) -> None:
        def abort(connection: psycopg.Connection[Any]) -> None:
            with contextlib.suppress(MigratorError):
                self.gate.abort(Session(connection), self.migration.id, "an operator says so")

        self._settle(self.outside, abort)

    def connection_breaks(self, script: Script) -> None:
        self.observer.execute("SELECT pg_terminate_backend(%s, 5000)", (self.tool_pid,))

    def tool_is_killed(self, script: Script) -> None:
        script.kill()

    def _settle(self, actor: Actor, work: Callable[[psycopg.Connection[Any]], Any]) -> None:
        self.futures.append(future := actor.later(work))
        actor.settle(future, self.observer)

    # The play

    def play(self, happenings: Mapping[int, Callable[[Script], None]], order: Order | None = None) -> int:
        """A contract during which things happen; how many statements it took. Checks what must hold afterwards.

        Args:
            happenings: by the number of the statement they come before.
            order: what to do instead of passing the gate.
        """
        self.futures: list[Future[Any]] = []

        def act(number: int, _: str) -> None:
            if happening := happenings.get(number):
                happening(script)

        script = Script(act)
        tool = PausingDatabase(self.world.url, command="test", script=script)
        gate = Gate(tool, Project(self.world.settings, Path(), None), "tester@test", ignore)
        script.busy = True
        session = tool.connect("contract")
        self.tool_pid = session.pid
        script.busy = False
        error: BaseException | None = None
        try:
            (order or Stage.contract)(self, gate, session)
        except (GateBlocked, GateUnknown, GateWaiting, ConnectionLost, Killed) as caught:
            error = caught
        finally:
            script.busy = True
            session.close()
        for future in self.futures:
            future.result(timeout=10)
        # Whoever was let in goes on using what it was let in for.
        self.old.later(lambda connection: self.client.use(connection, self.table)).result(timeout=10)
        self.check(error, killed=script.dead)
        self.converge()
        return len(script.statements)

    def contract(self, gate: Gate, session: Session) -> None:
        """The gate's order."""
        gate.pass_through(
            session,
            self.migration,
            Direction.CONTRACT,
            lambda execute: execute(self.drop),
            wait_s=0,
            offline=None,
            hold_runner=contextlib.nullcontext,
        )

    @property
    def drop(self) -> str:
        return f"ALTER TABLE {self.table} DROP COLUMN legacy"

    def check(self, error: BaseException | None, *, killed: bool) -> None:
        """The invariants, after the tool ended in whatever way."""
        record = self.world.record(self.migration)
        applied = record.gate is GateState.APPLIED
        assert self.client.failures == [], f"I1, after {error!r}"
        assert all(self.newcomer.answers), "new code is never refused"
        assert applied is not self.has_column(), "the drop and its record are one"
        if error is None:
            assert applied
        said = [row for row in self.decisions() if row.kind == "contract" and row.verdict == "APPLIED"]
        assert len(said) == applied, "I6"
        if applied:
            overlapping = self.world.session.query(
                "SELECT i.instance FROM migrator.instance AS i WHERE i.level < %(level)s"
                " AND i.first_beat < %(at)s AND coalesce(i.ended_at, 'infinity') > %(at)s",
                {"level": self.level, "at": record.applied_at},
            )
            assert overlapping == [], "I3"
            assert not self.probe(), "I2"
            return
        if killed:
            self.gate.abort(self.world.session, self.migration.id, "the tool was killed")
            record = self.world.record(self.migration)
        assert record.gate in (GateState.NONE, GateState.SOAKING, GateState.ABORTED), f"I9, after {error!r}"
        assert record.fence_at is None
        assert self.probe(), f"I9: old code may start again, after {error!r}"
        floor = self.world.session.one("SELECT min(min_level) AS level FROM migrator.service WHERE service = 'web'")
        assert floor.level < self.level, "I5"

    def converge(self) -> None:
        """I8: the same command again, once old code has left and every service is known to be gone, goes through."""
        self.world.session.execute(
            "UPDATE migrator.service SET retired_at = now(), retired_why = 'it was a test' WHERE service LIKE 'etl%'"
        )
        self.old.later(self.client.stop).result(timeout=10)
        if self.world.record(self.migration).gate is not GateState.APPLIED:
            self.contract(self.gate, self.world.session)
        assert not self.has_column()
        assert not self.probe()
        self.prepare()

    def probe(self) -> bool:
        """Whether old code may start; it leaves again at once."""
        boot = secrets.token_hex(8)
        ok: bool = self.world.beat(instance="probe", boot=boot, level=self.level - 1, on=self.observer).ok
        if ok:
            self.world.bye(instance="probe", boot=boot, on=self.observer)
        return ok

    def has_column(self) -> bool:
        row = self.world.session.maybe(
            "SELECT FROM pg_attribute WHERE attrelid = %(table)s::regclass AND attname = 'legacy' AND NOT attisdropped",
            {"table": self.table},
        )
        return row is not None

    def decisions(self) -> list[decisions.Decision]:
        return decisions.recent(self.world.session, "default", self.migration.id)

    def close(self) -> None:
        for actor in (self.old, self.new, self.outside):
            actor.close()
        self.observer.close()


@contextlib.contextmanager
def stage_of(world: World) -> Iterator[Stage]:
    stage = Stage(world)
    try:
        yield stage
    finally:
        stage.close()
