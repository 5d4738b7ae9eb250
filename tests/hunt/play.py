"""One life: a schema, migrations that are expanded, filled, killed, undone and contracted, and writes between any two
statements of the tool.

``python -m tests.hunt SEED`` plays one again and tells what happens.
"""

from __future__ import annotations

import random
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
from psycopg.conninfo import make_conninfo

from migrator import config
from migrator.errors import BudgetSpent, DatabaseUnavailable, MigratorError, StatementFailed
from migrator.execution import phases
from migrator.execution.run import Run
from migrator.model.plan import Migration
from migrator.postgres.connect import Database
from tests.hunt.catalogue import draw
from tests.hunt.changes import Change
from tests.hunt.schemas import Drawer
from tests.hunt.state import State, quoted
from tests.hunt.world import Pending, World, Wrong
from tests.support.pause_points import Killed, PausingDatabase, Script
from tests.support.sandbox import SERVICE, Sandbox
from tests.support.snapshot import snapshot

SEEDED = 25


def unplaced(shape: frozenset[str]) -> Counter[str]:
    """A shape without the places of columns, and without casts of constants."""
    return Counter(map(_unplaced, shape))


def _plain(constant: re.Match[str]) -> str:
    return constant[1].strip("()")


def _unplaced(line: str) -> str:
    # Indexes on partitions have whatever names are free.
    line = re.sub(r'"t\d+_part_\d+_(?:[^"]|"")*"|\bt\d+_part_\d+_\w+', "of_a_partition", line)
    line = re.sub(r"^column \d+ ", "column ", line)
    line = re.sub(r"\(?('[^']*'|\(\d+\))(?:::[a-z]+(?: [a-z]+)*(?:\([\d,]+\))?\)?)+", _plain, line)
    line = re.sub(r"(DEFAULT) '(\d+)'", r"\1 \2", line)
    # The columns of statistics, in their order.
    line = re.sub(
        r"^(statistics .* ON )(.*)( FROM )", lambda found: found[1] + str(sorted(found[2].split(", "))) + found[3], line
    )
    # The columns of published tables, in their order.
    if not line.startswith("publication "):
        return line
    return re.sub(r"\{[^{}]*\}", lambda found: str(sorted(found[0].strip("{}").split(","))), line)


@dataclass
class Expanded:
    """A migration, and what it would have been without the tool."""

    migration: Migration
    changes: list[Change]
    before: frozenset[str] | None

    @property
    def naive(self) -> str:
        return ";".join(change.naive for change in self.changes)

    @property
    def stays(self) -> str:
        return ";".join(change.stays for change in self.changes if change.stays)


@dataclass
class Life:
    """Plays one seed.

    Attributes:
        reference: a database that gets the plain SQL.
        owner: a role that is no superuser; in some lives all is its own, and the tool runs as it.
        told: what happened, in order.
        drawn: the kinds of each migration that was expanded.
        refusals: what was refused, in which phase, for a report.
    """

    sandbox: Sandbox
    reference: psycopg.Connection[tuple[object, ...]]
    role: str
    seed: int
    url_of_reference: str
    owner: str
    told: list[str] = field(default_factory=list)
    refusals: list[tuple[str, str, str]] = field(default_factory=list)
    drawn: list[list[str]] = field(default_factory=list)
    kills: int = 0
    boots: int = 0
    sent: int = 0

    def play(self) -> None:
        # Streams of their own, so that it is the same schema and the same changes whatever the clock did.
        self.chance, self.timing = random.Random(self.seed), random.Random(self.seed)
        chance, sandbox = self.chance, self.sandbox
        drawer = Drawer(chance, self.role)
        state = drawer.draw()
        # Drawn apart, so that a seed makes the same schema beside it.
        drawer.inherit(random.Random(f"inheritance of {self.seed}"))
        sandbox.configure(SERVICE, lock_budget="3s", backfill={"target_ms": 5})
        # Drawn apart, so that a seed makes the same schema whoever owns it.
        fate = random.Random(f"fate of {self.seed}")
        self.runner = sandbox.url
        if fate.random() < 0.4:
            self.runner = make_conninfo(sandbox.url, user=self.owner)
            for run in (sandbox.execute, self.reference.execute):
                run(f"SET ROLE {self.owner}")  # type: ignore[operator]
            self.tell(f"SET ROLE {self.owner}")
        for statement in drawer.setup:
            self.tell(statement)
            sandbox.execute(statement)
            self.reference.execute(statement)  # type: ignore[call-overload]
        self.world = World(sandbox.url, self.role, random.Random(self.seed), [state])
        self.world.isolation = fate.choice(["read committed", "read committed", "repeatable read", "serializable"])
        self.world.seed(SEEDED)
        sandbox.install()
        sandbox.execute("RESET ROLE")
        self.expanded: list[Expanded] = []
        try:
            for _ in range(chance.choice([1, 2, 2, 3])):
                self.expand_one()
            self.finish()
        finally:
            self.world.leave()
            self.sent = self.world.ended["sent"]

    def tell(self, text: str) -> None:
        self.told.append(text)

    # Phases

    def expand_one(self) -> None:
        world, sandbox = self.world, self.sandbox
        planned = self.planned()
        if planned is None:
            return
        migration, changes, state = planned
        before = sandbox.snapshot()
        world.coming = state
        if (error := self.disturbed("expand", phases.expand, migration)) is not None:
            self.refused("expand", changes, error)
            self.same(before, sandbox.snapshot(), "after an expand that was refused")
            folder = sandbox.root / "migrations" / migration.id
            shutil.rmtree(folder)
            world.coming = None
            return
        world.coming = None
        world.expands += 1
        self.expanded.append(Expanded(migration, changes, before))
        stand_ins = dict(change.stand_in for change in changes if change.stand_in)
        world.pending.append(Pending(world.expands, stand_ins))
        world.states.append(state)
        world.levels.append(migration.level)
        world.activate()
        self.drawn.append([change.kind for change in changes])
        self.work()
        if self.chance.random() < 0.5:
            self.backfill(len(world.pending) - 1)

    def planned(self) -> tuple[Migration, list[Change], State] | None:
        """A migration that the tool plans; what it refuses is noted."""
        for _ in range(5):
            state = self.world.states[-1].copy()
            changes = [draw(self.chance, state) for _ in range(self.chance.choice([1, 1, 2, 3]))]
            sql = ";\n".join(change.sql for change in changes)
            before = self.sandbox.snapshot()
            try:
                migration = self.sandbox.new(f"number {self.world.expands}", sql)
            except MigratorError as error:
                self.refused("new", changes, error)
                self.same(before, self.sandbox.snapshot(), "after a plan that was refused")
                continue
            self.tell(f"new {migration.id}:\n{sql}")
            return migration, changes, state
        return None

    def backfill(self, position: int) -> None:
        expanded, pending = self.expanded[position], self.world.pending[position]
        if (error := self.disturbed("backfill", phases.backfill, expanded.migration, lambda: False)) is not None:
            raise Wrong(f"backfill of {expanded.migration.id}: {error.render()}")
        pending.is_filled = True
        self.world.activate()
        self.work()

    def finish(self) -> None:
        """Some are undone, the others contracted."""
        while self.expanded:
            if self.chance.random() < 0.35:
                self.roll_back(self.chance.randrange(len(self.expanded)))
            else:
                self.contract()
        # A lease whose process is gone is a note for the next runner, who removes it.
        left = [line for line in self.sandbox.leftovers() if not line.startswith("lease")]
        if left:
            raise Wrong(f"left: {left}")
        with Database(self.url_of_reference, command="test").connect("test") as session:
            wanted = snapshot(session)
        self.same(wanted, self.sandbox.snapshot(), "at the end, plain SQL and migrations", placed=False)

    def roll_back(self, position: int) -> None:
        world, expanded = self.world, self.expanded[position]
        before = self.sandbox.snapshot()
        world.leave()
        world.activate()
        world.active = [each for each in world.active if each <= position]
        self.beat(position)
        is_last = position == len(self.expanded) - 1
        error = self.disturbed("rollback", phases.rollback, expanded.migration, wait_s=0.0, offline=None, yes=True)
        if error is not None:
            if is_last:
                raise Wrong(f"rollback of {expanded.migration.id}: {error.render()}")
            self.refused("rollback", expanded.changes, error)
            self.same(before, self.sandbox.snapshot(), "after a rollback that was refused")
            return self.roll_back(len(self.expanded) - 1)
        self.tell(f"rolled back {expanded.migration.id}")
        world.keep_filled(position)
        del self.expanded[position], world.pending[position], world.levels[position + 1]
        state = world.states[position]
        del world.states[position + 1 :]
        for each in self.expanded[position:]:
            state = state.copy()
            for change in each.changes:
                change.apply(state)
            world.states.append(state)
        world.activate()
        if is_last and expanded.before is not None and not expanded.stays:
            self.same(expanded.before, self.sandbox.snapshot(), f"after the rollback of {expanded.migration.id}")
        if expanded.stays:
            self.reference.execute(expanded.stays)  # type: ignore[call-overload]
        self.work()
        return None

    def contract(self) -> None:
        world, expanded = self.world, self.expanded[0]
        if not world.pending[0].is_filled:
            self.backfill(0)
        world.leave()
        world.activate()
        world.active.remove(0)
        self.beat(1)
        before = self.sandbox.snapshot()
        error = self.disturbed("contract", phases.contract, expanded.migration, wait_s=5.0, offline=None)
        if error is not None and not isinstance(error, StatementFailed) and self.silence(error):
            before = self.sandbox.snapshot()
            error = self.disturbed("contract", phases.contract, expanded.migration, wait_s=5.0, offline=None)
        if error is not None:
            self.refused("contract", expanded.changes, error)
            self.same(before, self.sandbox.snapshot(), "after a contract that was refused")
            world.activate()
            for position in reversed(range(len(self.expanded))):
                self.roll_back(position)
            return
        self.tell(f"contracted {expanded.migration.id}")
        del self.expanded[0], world.pending[0], world.states[0], world.levels[0]
        for each in self.expanded:
            each.before = None
        world.activate()
        self.plainly(expanded.naive)
        self.work()

    def plainly(self, sql: str) -> None:
        """What the author would do without the tool; views and triggers in the way of a type are made anew."""
        run: Callable[[str], psycopg.Cursor[tuple[object, ...]]] = self.reference.execute  # type: ignore[assignment]
        views = run(
            "SELECT oid::regclass::text, pg_get_viewdef(oid) FROM pg_class WHERE relkind = 'v' AND relnamespace"
            " NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
        ).fetchall()
        triggers = run(
            "SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass), pg_get_triggerdef(oid) FROM pg_trigger"
            " WHERE NOT tgisinternal AND tgparentid = 0"
        ).fetchall()
        try:
            run(sql)
        except psycopg.errors.FeatureNotSupported:
            for view, _ in views:
                run(f"DROP VIEW {view}")
            for drop, _ in triggers:
                run(str(drop))
            run(sql)
            for view, definition in views:
                run(f"CREATE VIEW {view} AS {definition}")
            for _, definition in triggers:
                run(str(definition))

    def beat(self, position: int) -> None:
        """The one instance that the gate sees starts anew, as this version."""
        level = self.world.levels[position]
        self.sandbox.session.query("SELECT migrator.bye('web', 'web-1', boot) FROM migrator.instance")
        self.boots += 1
        ((ok, why),) = self.sandbox.rows(
            "SELECT ok, why FROM migrator.beat('web', 'web-1', %(boot)s, %(level)s, 'test')",
            level=level,
            boot=f"boot {self.boots}",
        )
        if not ok:
            raise Wrong(f"code of level {level} may not start: {why}")

    def silence(self, error: MigratorError) -> bool:
        """Triggers of the user that name a column stand against contract: drop them everywhere."""
        found = [
            (table, name)
            for table in self.world.states[0].tables.values()
            for _, name, _ in table.named("shout", "trigger")
            if quoted(name).strip('"') in error.render()
        ]
        for table, name in found:
            function = f"{self.world.states[0].tables and table.schema}"
            for row in self.sandbox.rows(
                "SELECT p.oid::regprocedure::text FROM pg_proc AS p WHERE proname = %(name)s", name=name
            ):
                self.sandbox.execute(f"DROP FUNCTION {row[0]} CASCADE")
                self.reference.execute(f"DROP FUNCTION {row[0]} CASCADE")
            self.tell(f"dropped trigger {name} {function}")
            for state in self.world.states:
                for each in state.tables.values():
                    each.objects = [what for what in each.objects if what[1] != name]
        return bool(found)

    # What happens meanwhile

    def work(self, operations: int = 12) -> None:
        self.world.write(operations)
        self.world.check()

    def disturbed(
        self, phase: str, run: Callable[..., object], migration: Migration, *more: object, **options: object
    ) -> MigratorError | None:
        """A phase with writes between its statements, killed and run again; the error it ends with."""
        for attempt in range(8):
            script = self.disturbance(f"{phase} of {migration.id}", attempt)
            database = PausingDatabase(self.runner, command="test", script=script)
            project = config.load(self.sandbox.root, {})
            listener = self.sandbox.events.append
            try:
                run(
                    Run(database, project, self.sandbox.migrations(), "tester@test", "test", listener),
                    migration,
                    *more,
                    **options,
                )
            except Killed:
                script.bury()
                self.work()
                continue
            except (BudgetSpent, DatabaseUnavailable) as error:
                self.tell(f"{phase} of {migration.id}: {error.render()}")
                last: MigratorError = error
                time.sleep(0.05)  # until the server has noticed that what was killed is gone
                continue
            except MigratorError as error:
                self.tell(f"{phase} of {migration.id}: {error.render()}")
                return error
            self.tell(f"{phase} of {migration.id} done")
            return None
        return last

    def disturbance(self, what: str, attempt: int) -> Script:
        """Writes now and then, and perhaps a kill."""
        kill_at = self.timing.choice([10, 30, 60, 90, 130, 180]) + self.timing.randrange(40)
        may_die = attempt < 2 and self.timing.random() < 0.6
        often = self.timing.choice([0.0, 0.05, 0.2])

        def act(number: int, text: str) -> None:
            if self.timing.random() < often:
                self.world.write()
            if may_die and number == kill_at:
                self.tell(f"{what} killed at {number}: {text[:100]}")
                self.kills += 1
                script.kill()

        script = Script(act)
        return script

    def refused(self, phase: str, changes: list[Change], error: MigratorError) -> None:
        kinds = "+".join(sorted({change.kind for change in changes}))
        self.refusals.append((f"{phase} {type(error).__name__}", kinds, error.render()))

    def same(self, wanted: frozenset[str], seen: frozenset[str], when: str, *, placed: bool = True) -> None:
        first, second = (Counter(wanted), Counter(seen)) if placed else (unplaced(wanted), unplaced(seen))
        if first != second:
            missing, more = sorted((first - second).elements()), sorted((second - first).elements())
            raise Wrong(f"{when}:\n  missing: " + "\n    ".join(missing) + "\n  too many: " + "\n    ".join(more))
