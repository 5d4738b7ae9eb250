"""All statements of an application while the migrations run: which one breaks, and by which statement of a migration.

They are tried whenever a change becomes visible to others. A statement counts from the first time it works: where the
history starts with an empty database, that is after the file that makes its tables. Each is also kept prepared in a
session that stays open, as drivers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from migrator.model.trace import ApplicationCheck, BrokenStatement, UncheckedStatement
from migrator.postgres.session import Session
from migrator.trace.application import probe as probing
from migrator.trace.application.probe import Failure, Probe
from migrator.trace.application.reading import ApplicationStatement
from migrator.trace.history import Judged
from migrator.trace.scratch import APPLICATION, Scratch


@dataclass(slots=True)
class _State:
    """What is known of one statement; ``probe`` None until it works for the first time."""

    statement: ApplicationStatement
    name: str
    objection: str = ""
    probe: Probe | None = None
    is_prepared: bool = False
    broken: BrokenStatement | None = None
    broken_in_file: bool = False
    prepared_broken: BrokenStatement | None = None
    suspect: Judged | None = None
    failure: Failure | None = None


class Application:
    """The statements of the running version; a ``migrator.trace.run.Watcher``."""

    def __init__(self, scratch: Scratch, statements: Sequence[ApplicationStatement]) -> None:
        self._scratch = scratch
        self._fresh = scratch.application()
        self._kept = scratch.application()
        self._kept.execute("SET plan_cache_mode = force_generic_plan")
        self._states = [
            _State(statement, f"app_{number}", probing.objection(statement))
            for number, statement in enumerate(statements)
        ]
        self._passing: list[BrokenStatement] = []

    def close(self) -> None:
        """Close its sessions."""
        self._fresh.close()
        self._kept.close()

    def file_ended(self) -> None:
        """See ``Watcher``: statements may have begun to work, or work again."""
        for state in self._states:
            if state.objection:
                continue
            if state.probe is None:
                self._first(state)
            elif state.broken is not None and probing.check(self._fresh, state.probe) is None:
                if state.broken_in_file:
                    self._passing.append(replace(state.broken, for_a_while=True))
                state.broken = None
                state.is_prepared = self._prepare_anew(state)
            state.broken_in_file = False

    def inside(self, judged: Judged) -> None:
        """See ``Watcher``: whose fault it is, should a statement be broken when all of them are committed."""
        runner = self._scratch.runner
        for state in self._working():
            if state.suspect is None and self._check_as_application(runner, state) is not None:
                state.suspect = judged

    def committed(self, statements: Sequence[Judged]) -> None:
        """See ``Watcher``."""
        for state in list(self._working()):
            assert state.probe is not None  # noqa: S101 - what works has one
            failure = probing.check(self._fresh, state.probe)
            by = state.suspect or statements[-1]
            state.suspect = None
            if failure is not None:
                state.broken, state.broken_in_file = _broken(state, failure, by, prepared_only=False), True
                continue
            if state.is_prepared:
                stale = probing.check_prepared(self._kept, state.name, state.probe)
                if stale is not None:
                    state.is_prepared = False
                    state.prepared_broken = _broken(state, stale, statements[-1], prepared_only=True)

    def result(self) -> ApplicationCheck:
        """What became of them."""
        tried = [state for state in self._states if state.probe is not None]
        broken = [state.broken for state in tried if state.broken is not None]
        passing = [each for each in self._passing if each.at not in {other.at for other in broken}]
        known = {each.at for each in (*broken, *passing)}
        stale = [state.prepared_broken for state in tried if state.prepared_broken is not None]
        unchecked = [
            UncheckedStatement(
                state.statement.text,
                state.statement.at,
                state.objection or f"did not work before: {state.failure.message if state.failure else 'no schema'}",
            )
            for state in self._states
            if state.probe is None
        ]
        return ApplicationCheck(
            checked=len(tried),
            run=sum(state.probe is not None and state.probe.runs for state in tried),
            broken=(*broken, *passing, *(each for each in stale if each.at not in known)),
            unchecked=tuple(unchecked),
        )

    def _working(self) -> list[_State]:
        return [state for state in self._states if state.probe is not None and state.broken is None]

    def _first(self, state: _State) -> None:
        found = probing.first_try(self._fresh, state.statement)
        if isinstance(found, Failure):
            state.failure = found
            return
        state.probe = found
        state.is_prepared = probing.prepare(self._kept, state.name, found)

    def _prepare_anew(self, state: _State) -> bool:
        assert state.probe is not None  # noqa: S101 - the caller saw it
        known = "SELECT FROM pg_catalog.pg_prepared_statements WHERE name = %(name)s"
        if self._kept.query(known, {"name": state.name}):
            self._kept.execute(f"DEALLOCATE {state.name}")
        return probing.prepare(self._kept, state.name, state.probe)

    @staticmethod
    def _check_as_application(runner: Session, state: _State) -> Failure | None:
        assert state.probe is not None  # noqa: S101 - the caller saw it
        return probing.check(runner, state.probe, role=APPLICATION)


def _broken(state: _State, failure: Failure, by: Judged, *, prepared_only: bool) -> BrokenStatement:
    statement = state.statement
    return BrokenStatement(
        statement.text,
        statement.at,
        failure.sqlstate,
        failure.message,
        by.source.name,
        by.lines[0],
        by.statement.text,
        prepared_only=prepared_only,
    )
