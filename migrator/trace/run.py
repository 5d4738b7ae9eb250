"""Runs the files of a history on a scratch database, statement by statement, and holds what happens against lint.

Each file runs with its own transactions. A statement that the server refuses is reported as not traced, never as clean;
what comes after it in the same transaction is still tried. A statement that is refused because of our sample rows is
tried again on empty tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Protocol

from migrator.lint.sources import Source
from migrator.model.finding import Category, Severity
from migrator.model.locks import LockMode
from migrator.model.plan import TableLock
from migrator.model.trace import Disagreement, Outcome, Traced
from migrator.postgres.session import ServerError
from migrator.sql.parser import Statement, pb, walk
from migrator.trace.compare import Facts, differences
from migrator.trace.history import Bundle, Judged, bundles, goes_forward
from migrator.trace.observe import Observer, Seen
from migrator.trace.outside import refused_in_transaction, run_outside
from migrator.trace.samples import Samples
from migrator.trace.scratch import Scratch

_SAVEPOINT = "migrator_trace"
_BY_SUPERUSER = frozenset({"create_extension_stmt", "alter_extension_stmt", "create_event_trig_stmt"})
_OF_THE_SERVER = frozenset(
    {"createdb_stmt", "dropdb_stmt", "alter_database_stmt", "create_table_space_stmt", "drop_table_space_stmt",
     "alter_system_stmt", "create_subscription_stmt", "load_stmt"}
)  # fmt: skip
_WRITES = frozenset({"insert_stmt", "update_stmt", "delete_stmt", "merge_stmt", "select_stmt", "copy_stmt"})
_ENDED_INSIDE = "2D000"
"""invalid_transaction_termination: a procedure or DO block that commits; runs outside a transaction block only."""


class Watcher(Protocol):
    """Somebody who looks at the database while it changes, such as the statements of an application."""

    def inside(self, judged: Judged) -> None:
        """One statement of several that commit together has run, in the transaction that is still open."""

    def committed(self, statements: Sequence[Judged]) -> None:
        """These statements are visible to others now."""

    def file_ended(self) -> None:
        """A file is complete."""


class _NeedsEmptyTables(Exception):
    """A statement was refused because of what the tables hold; its transaction was rolled back."""

    def __init__(self, refused: dict[tuple[str, int], ServerError]) -> None:
        super().__init__()
        self.refused = refused


class Run:
    """One history on one database.

    Attributes:
        statements: what was seen, in order.
        disagreements: what lint said otherwise.
    """

    def __init__(self, scratch: Scratch, watcher: Watcher | None = None) -> None:
        self._scratch = scratch
        self._watcher = watcher
        self._samples = Samples(scratch.admin)
        self._observer = Observer(scratch.runner)
        self._existing: frozenset[int] = frozenset()
        self._forward: list[tuple[Source, Sequence[Judged]]] = []
        self.statements: list[Traced] = []
        self.disagreements: list[Disagreement] = []

    def base(self, statements: Sequence[Judged]) -> list[Traced]:
        """Run a schema that is there already, without comparing; the statements that failed."""
        kept = len(self.statements), len(self.disagreements)
        self._prepare_session()
        for bundle in bundles(statements):
            self._bundle(bundle, quiet=True)
        if self._watcher is not None:
            self._samples.fill()
            self._watcher.file_ended()
        failed = [each for each in self.statements[kept[0] :] if each.outcome is Outcome.FAILED]
        del self.statements[kept[0] :], self.disagreements[kept[1] :]
        return failed

    def file(self, source: Source, statements: Sequence[Judged]) -> None:
        """Run one file and note what happened."""
        self._one_file(statements, quiet=False, watched=goes_forward(source))
        if goes_forward(source):
            self._forward.append((source, statements))
        else:
            self._go_forward_again(source)

    def _go_forward_again(self, rollback: Source) -> None:
        """Later phases build on what was expanded, so what a rollback undid is done again."""
        folder = PurePath(rollback.name).parent
        kept = len(self.statements), len(self.disagreements)
        for source, statements in self._forward:
            if PurePath(source.name).parent == folder:
                self._one_file(statements, quiet=True, watched=False)
        del self.statements[kept[0] :], self.disagreements[kept[1] :]

    def _one_file(self, statements: Sequence[Judged], *, quiet: bool, watched: bool) -> None:
        watcher, self._watcher = self._watcher, self._watcher if watched else None
        self._samples.fill()
        self._prepare_session()
        self._existing = frozenset(self._observer.now.relations)
        for bundle in bundles(statements):
            self._bundle(bundle, quiet=quiet)
        if self._watcher is not None:
            self._watcher.file_ended()
        self._watcher = watcher

    def _prepare_session(self) -> None:
        """As a new connection would be: settings of one file do not reach the next."""
        for statement in ("RESET SESSION AUTHORIZATION", "RESET ALL", "SET client_min_messages = debug1"):
            self._scratch.runner.execute(statement)
        self._observer.start()
        self._observer.look_again()

    def _bundle(self, bundle: Bundle, *, quiet: bool) -> None:
        for judged in bundle.statements:
            self._scratch.make_roles(_roles_in(judged.statement))
        try:
            self._attempt(bundle, {}, quiet=quiet, may_empty=True)
        except _NeedsEmptyTables as full:
            self._samples.clear()
            self._observer.look_again()
            self._attempt(bundle, full.refused, quiet=quiet, may_empty=False)
            self._samples.fill()
            self._observer.look_again()
        if self._watcher is not None and bundle.commits:
            changing = [judged for judged in bundle.statements if judged.statement.kind not in _WRITES]
            if changing:
                self._watcher.committed(changing)

    def _attempt(
        self, bundle: Bundle, refused: dict[tuple[str, int], ServerError], *, quiet: bool, may_empty: bool
    ) -> None:
        marks = len(self.statements), len(self.disagreements)
        failures: dict[tuple[str, int], ServerError] = {}
        runner = self._scratch.runner
        self._observer.start()
        runner.execute(bundle.begin or "BEGIN")
        reported = False
        last = bundle.statements[-1]
        for judged in bundle.statements:
            failure = self._statement(bundle, judged, refused, quiet=quiet, reported=reported)
            if failure is not None:
                failures[judged.key] = failure
            elif self._watcher is not None and len(bundle.statements) > 1 and bundle.commits:
                self._watcher.inside(judged)
                self._observer.look_away()
            reported = reported or _speaks_of_locks(judged)
        if not runner.in_transaction:
            return  # the one statement ran outside
        of_data = {key: error for key, error in failures.items() if error.sqlstate.startswith("23")}
        try:
            runner.execute("COMMIT" if bundle.commits and not (of_data and may_empty) else "ROLLBACK")
        except ServerError as error:
            if error.sqlstate.startswith("23"):
                of_data[last.key] = error
            if not (of_data and may_empty):
                self.statements[-1] = _not_traced(last, f"COMMIT: {error.server_message}", error.sqlstate)
        self._observer.start()
        self._observer.look_again()
        if of_data and may_empty:
            del self.statements[marks[0] :], self.disagreements[marks[1] :]
            raise _NeedsEmptyTables(of_data)

    def _statement(
        self,
        bundle: Bundle,
        judged: Judged,
        refused: dict[tuple[str, int], ServerError],
        *,
        quiet: bool,
        reported: bool,
    ) -> ServerError | None:
        statement = judged.statement
        reason = _why_not_run(statement)
        if reason:
            self.statements.append(_not_traced(judged, reason, outcome=Outcome.SKIPPED))
            return None
        try:
            seen, predicted, transactional = self._observe(bundle, judged)
        except ServerError as error:
            self.statements.append(_not_traced(judged, error.server_message, error.sqlstate))
            return error
        traced = self._traced(judged, seen, transactional=transactional)
        before = refused.get(judged.key)
        if before is not None and statement.kind not in _WRITES:
            traced = replace(traced, reason=before.server_message, sqlstate=before.sqlstate)
        self.statements.append(traced)
        if not quiet and seen is not None:
            facts = replace(self._facts(statement, seen, transactional=transactional), refused=bool(traced.reason))
            for each in differences(
                facts,
                predicted,
                judged.problems,
                transactional=judged.effects.transactional,
                names_tables=bool(judged.effects.locks),
                reported_before=reported,
            ):
                self.disagreements.append(
                    Disagreement(
                        each.code, each.name, judged.source.name, judged.lines[0], statement.text, each.said, each.seen
                    )
                )
        return None

    def _observe(self, bundle: Bundle, judged: Judged) -> tuple[Seen | None, dict[str, LockMode], bool]:
        """Run a statement in the way its kind needs; None for what cannot lock anything.

        Raises:
            ServerError: the server refused it.
        """
        statement, runner, observer = judged.statement, self._scratch.runner, self._observer
        if statement.kind == "transaction_stmt" or _sets_transaction(statement):
            runner.execute(statement.text)
            return None, {}, True
        if statement.kind in _BY_SUPERUSER:
            self._scratch.admin.execute(statement.text)
            observer.look_again()
            return None, {}, True
        runner.execute(f"SAVEPOINT {_SAVEPOINT}")
        predicted = self._predicted(judged)
        try:
            seen = observer.run(statement.text)
        except ServerError as error:
            alone = bundle.begin is None
            runner.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}" if not alone else "ROLLBACK")
            if not alone or not (refused_in_transaction(error) or error.sqlstate == _ENDED_INSIDE):
                if alone:
                    runner.execute("BEGIN")
                raise
            is_vacuum = statement.kind == "vacuum_stmt" and judged.effects.strongest < LockMode.ACCESS_EXCLUSIVE
            seen = run_outside(runner, self._scratch.admin, observer, statement.text, is_vacuum=is_vacuum)
            return seen, predicted, error.sqlstate == _ENDED_INSIDE
        if runner.in_transaction:
            runner.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        return seen, predicted, True

    def _predicted(self, judged: Judged) -> dict[str, LockMode]:
        oids = self._observer.resolve(lock.relation for lock in judged.effects.locks)
        now = self._observer.now
        predicted: dict[str, LockMode] = {}
        for lock in judged.effects.locks:
            oid = now.table_of(oids.get(lock.relation, 0))
            if oid in self._existing and oid in now.relations:
                name = now.relations[oid].name
                predicted[name] = max(lock.mode, predicted.get(name, LockMode.NONE))
        return predicted

    def _facts(self, statement: Statement, seen: Seen, *, transactional: bool) -> Facts:
        relations = seen.before.relations

        def names(oids: set[int] | frozenset[int]) -> frozenset[str]:
            return frozenset(relations[oid].name for oid in oids if oid in self._existing and oid in relations)

        def modes(locks: dict[int, LockMode]) -> dict[str, LockMode]:
            return {
                relations[oid].name: mode for oid, mode in locks.items() if oid in self._existing and oid in relations
            }

        if statement.kind == "truncate_stmt":  # starts new, empty files
            seen = replace(seen, rewritten=set(), built=set(), scanned=set())
        descendants = seen.before.descendants.items()
        return Facts(
            taken=modes(seen.taken),
            held=modes(seen.held),
            rewritten=names(seen.rewritten),
            built=names(seen.built),
            scanned=names(seen.scanned),
            below={relations[oid].name: names(below) for oid, below in descendants if oid in relations},
            transactional=transactional,
            complete=transactional,
            hollow=any(
                relations[oid].kind == "p" and oid not in seen.before.descendants
                for oid in seen.held
                if oid in relations
            ),
            views=frozenset(each.name for each in relations.values() if each.kind == "m"),
        )

    def _traced(self, judged: Judged, seen: Seen | None, *, transactional: bool) -> Traced:
        statement = judged.statement
        traced = Traced(judged.source.name, *judged.lines, statement.text, Outcome.TRACED)
        if seen is None:
            return traced
        facts = self._facts(statement, seen, transactional=transactional)
        locks = sorted(facts.taken.items(), key=lambda taken: (-taken[1], taken[0]))
        return replace(
            traced,
            locks=tuple(TableLock(mode, relation) for relation, mode in locks),
            rewritten=tuple(sorted(facts.rewritten)),
            built=tuple(sorted(facts.built)),
            scanned=tuple(sorted(facts.scanned)),
            long_work=tuple(sorted(facts.long_work.items())),
            transactional=transactional,
            ms=round(seen.ms, 1),
        )


def _not_traced(judged: Judged, reason: str, sqlstate: str = "", *, outcome: Outcome = Outcome.FAILED) -> Traced:
    statement = judged.statement
    return Traced(judged.source.name, *judged.lines, statement.text, outcome, reason, sqlstate)


def _why_not_run(statement: Statement) -> str:
    node = statement.node
    if statement.kind in _OF_THE_SERVER:
        return "concerns the whole server"
    if statement.kind == "copy_stmt":
        if node.is_program:
            return "starts a program on the machine of the server"
        if node.filename:
            return "reads or writes a file on the machine of the server"
        return "its data is not part of the statement" if node.is_from else "sends data to the client"
    return ""


def _sets_transaction(statement: Statement) -> bool:
    return statement.kind == "variable_set_stmt" and statement.node.kind == pb.VAR_SET_MULTI


def _speaks_of_locks(judged: Judged) -> bool:
    return any(
        rule.category is Category.LOCK and (problem.severity or rule.severity) is not Severity.INFO
        for rule, problem in judged.problems
    )


def _roles_in(statement: Statement) -> set[str]:
    if "create_role" in statement.kind:
        return set()
    return {
        node.rolename
        for node in walk(statement.node)
        if isinstance(node, pb.RoleSpec) and node.roletype == pb.ROLESPEC_CSTRING
    }
