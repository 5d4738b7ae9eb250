"""The life of a migration, with old and new code writing and reading all the time."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from migrator.errors import GateBlocked, OutOfOrder, Refused
from migrator.model.plan import Migration, Phase
from tests.lifecycle.cases import Case, same
from tests.lifecycle.clients import Code, Fleet, Row, Truth
from tests.support.sandbox import Sandbox

OLD_LEVEL, NEW_LEVEL = 0, 1


def unplaced_lines(shape: frozenset[str]) -> frozenset[str]:
    """A shape without the places of columns in their tables."""
    return frozenset(re.sub(r"^column \d+ ", "column ", line) for line in shape)


def unplaced(shape: frozenset[str], case: Case) -> frozenset[str]:
    return unplaced_lines(shape) if case.moves else shape


class Life:
    """Plays one case; every step ends with both versions alive and unharmed."""

    def __init__(self, sandbox: Sandbox, case: Case) -> None:
        self.sandbox, self.case = sandbox, case
        self.truth = Truth()
        self.fleets: list[Fleet] = []
        sandbox.configure({"name": "web", "ttl": "3s"}, gate={"soak": "300ms", "drain_timeout": "5s"})

    def play(self) -> None:
        sandbox, case = self.sandbox, self.case
        if not case.new.prepares:
            sandbox.session._connection.prepare_threshold = None
        sandbox.execute(case.setup)
        for table, row_id, n, value in sandbox.rows(case.existing):
            self.truth.put(table, row_id, Row(n, value))
        before, after = sandbox.shape_after(case.leaves or "SELECT"), sandbox.shape_after(case.final_sql)
        sandbox.install()
        migration = sandbox.new(case.name, case.sql)
        assert migration.level == NEW_LEVEL
        with self.fleet(case.old, OLD_LEVEL) as old:
            old.work()
            self.roll_back(migration, old)
            assert sandbox.snapshot() == before
            old.work()
            self.expand(migration)
            with self.fleet(case.new, NEW_LEVEL) as new:
                self.kill_backfill(migration)
                self.check()
                sandbox.backfill(migration)
                self.truth.filled = True
                new.work()
                self.check()
                self.contract(migration, old, new)
                new.work(60)
                self.check(finally_=True)
        assert unplaced(sandbox.snapshot(), case) == unplaced(after, case), sorted(sandbox.snapshot() ^ after)
        assert sandbox.leftovers() == []
        for condition in case.final:
            assert sandbox.value(f"SELECT {condition}"), condition
        if case.repair:
            sandbox.execute(case.repair)
        with pytest.raises(OutOfOrder) if migration.phase(Phase.CONTRACT) else contextlib.nullcontext():
            sandbox.rollback(migration, yes=True, offline="nobody is connected any more")

    def fleet(self, code: Code, level: int) -> Fleet:
        seed = 1000 * len(self.fleets) + 7
        fleet = Fleet(self.sandbox.url, self.truth, code, level=level, seen_as=self.case.seen_as, seed=seed)
        self.fleets.append(fleet)
        return fleet

    def expand(self, migration: Migration) -> None:
        assert self.sandbox.expand(migration)
        self.truth.generation += 1

    def roll_back(self, migration: Migration, old: Fleet) -> None:
        """Expand, let both versions run, and undo it; new code must be gone before."""
        sandbox, case = self.sandbox, self.case
        self.expand(migration)
        old.work()
        with self.fleet(case.new, NEW_LEVEL) as new:
            new.work()
            old.work()
            self.check()
            with pytest.raises((GateBlocked, Refused) if case.repair else GateBlocked):
                sandbox.rollback(migration, yes=True)
            new.work()
        if case.repair:
            with pytest.raises(Refused):
                sandbox.rollback(migration, yes=True)
            old.work()
            self.repair()
        if case.loses or case.hides:
            with pytest.raises(Refused, match="exists only in the new shape"):
                sandbox.rollback(migration)
        sandbox.rollback(migration, yes=case.loses or case.hides)
        self.forget_lost()
        old.work()
        assert sandbox.leftovers() == []
        assert sandbox.state(migration) == "rolled_back"

    def repair(self) -> None:
        """What the refusal asked for."""
        with self.paused():
            self.sandbox.execute(self.case.repair)
            for table, rows in self.truth.tables.items():
                for row_id, row in list(rows.items()):
                    self.truth.put(table, row_id, replace(row, value=self.case.repaired(row.value)))

    def forget_lost(self) -> None:
        """After a rollback that loses what new code wrote: it was told so, and it is so."""
        case = self.case
        if not case.loses:
            return
        if case.new.table != case.old.table:
            self.truth.tables.pop(case.new.table, None)
            return
        with self.paused():
            for row_id, row in self.truth.rows(case.old.table).items():
                self.truth.put(case.old.table, row_id, Row(row.n, case.old.default))

    def kill_backfill(self, migration: Migration) -> None:
        """A process that is killed in the middle of moving the data."""
        if not migration.phase(Phase.BACKFILL):
            return
        for statement in (2, 4, 8):
            # Before its second batch, whatever form the first one has, and however often that one waits for a lock.
            process = self.sandbox.process(
                "backfill",
                "--target-ms",
                "5",
                MIGRATOR_KILL_AT=str(statement),
                MIGRATOR_KILL_MATCH=r"\A(?s:(?:WITH|UPDATE|INSERT)\b.*\bctid\b)",
            )
            output, _ = process.communicate(timeout=60)
            assert process.returncode == -signal.SIGKILL, output
            assert self.sandbox.state(migration) == "backfilling"
            ((state, done),) = self.sandbox.rows(
                "SELECT min(j.state), sum(s.rows_done)::int FROM migrator.backfill_job AS j"
                " JOIN migrator.backfill_segment AS s USING (project, migration, step)"
            )
            assert state == "running"
            if done > 0:
                return
        raise AssertionError("killed before the first batch each time, which is no middle")

    def contract(self, migration: Migration, old: Fleet, new: Fleet) -> None:
        """Refused while old code runs, and the old code may go on; then through the gate."""
        sandbox = self.sandbox
        if migration.phase(Phase.CONTRACT):
            with pytest.raises(GateBlocked, match="level 0"):
                sandbox.contract(migration)
            old.work()
            self.check()
            old.stop()
        sandbox.contract(migration, wait_s=20)
        assert sandbox.state(migration) == ("contracted" if migration.phase(Phase.CONTRACT) else "complete")

    def check(self, *, finally_: bool = False) -> None:
        """Every committed write is there, in every shape that is in use."""
        case = self.case
        seen_as = (finally_ and case.seen_finally) or case.seen_as or same
        codes = (case.new,) if finally_ else (case.old, case.new)
        with self.paused():
            for code in codes:
                truth = self.truth.rows(code.table)
                seen = {row_id: rest for row_id, *rest in self.sandbox.rows(code.read_all)}
                assert seen.keys() == truth.keys()
                wrong = {
                    row_id: (rest, truth[row_id])
                    for row_id, rest in seen.items()
                    if not self.truth.fits(code, rest, truth[row_id], seen_as)
                }
                assert not wrong, dict(list(wrong.items())[:5])
        self.assert_unharmed()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for fleet in self.fleets:
                stack.enter_context(fleet.paused())
            yield

    def assert_unharmed(self) -> None:
        assert [failure for fleet in self.fleets for failure in fleet.failures] == []
