"""From files to what rules find: parse, walk the statements, ask the rules for their kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from msgspec.structs import replace

from migrator.lint.context import Context
from migrator.lint.findings import Findings, line_of, not_looked_at
from migrator.lint.parts import Part, looked_into, parts_of
from migrator.lint.repairing import Standpoint
from migrator.lint.report import Report
from migrator.lint.rule import AlterTableRule, Problem, Rule
from migrator.lint.runners import wrapped_by_name
from migrator.lint.selection import Selection, statement_rules
from migrator.lint.sources import Source, Standing
from migrator.lint.transactions import file_directive
from migrator.model.finding import Finding
from migrator.model.phase import Phase
from migrator.sql.bodies import Powers
from migrator.sql.parser import Script, Statement

if TYPE_CHECKING:
    from migrator.lint.sizes import Sizes
    from migrator.model.manifest import Manifest

Companion = Callable[[Source, Statement, Context, Sequence[tuple[Rule, Problem]]], Iterable[tuple[Rule, Problem]]]
"""Called for each statement with what the rules found, just before it is taken in; adds what it knows itself."""


def lint(
    sources: Iterable[Source],
    selection: Selection,
    *,
    pg_version: int,
    today: date,
    companion: Companion | None = None,
    sizes: Sizes | None = None,
    manifests: Sequence[Manifest] = (),
) -> Report:
    """Lint files as one history.

    Args:
        sources: in order; read one at a time.
        selection: the rules in force.
        pg_version: major version of the oldest server in use.
        today: what the end dates of waivers are held against.
        companion: looks at each statement as well; what it adds is waived, selected and ranked as what rules find.
        sizes: of the tables, by which findings about locks are weighed.
        manifests: what releases that run, or will, use of the database.
    """
    linter = Linter(
        selection, pg_version=pg_version, today=today, companion=companion, sizes=sizes, manifests=manifests
    )
    return linter.run(sources)


class Linter:
    """One run over a history of files."""

    def __init__(
        self,
        selection: Selection,
        *,
        pg_version: int,
        today: date,
        companion: Companion | None = None,
        sizes: Sizes | None = None,
        manifests: Sequence[Manifest] = (),
    ) -> None:
        self._selection = selection
        self._companion = companion
        self._context = Context(pg_version, manifests)
        self._report = Report(sizes_taken_at=sizes.stats.taken_at if sizes else "")
        self._findings = Findings(self._report, selection, self._context, today=today, sizes=sizes)
        self._levels: list[Source] = []
        self._undone_to: int | None = None
        self._functions: Powers = {}
        self._included: set[str] = set()
        self._alone: set[str] = set()
        self._silent = False
        self._rules = statement_rules(selection, with_manifests=bool(manifests))
        self._by_phase: dict[Phase | None, tuple[dict[str, list[Rule]], dict[int, list[AlterTableRule]]]] = {}

    def run(self, sources: Iterable[Source]) -> Report:
        """Lint all files of the history and return what was found."""
        self.walk(sources)
        return self.end()

    def walk(self, sources: Iterable[Source], *, silent: bool = False) -> Report:
        """Lint the next files of the history, each with all that continues it.

        Args:
            sources: in order.
            silent: take in what they do and count them, but say nothing of them.

        Returns:
            What was found up to here.
        """
        self._silent = silent
        before = len(self._report.findings)
        for source in sources:
            if source.name in self._included:
                continue
            if source.standing is Standing.BASE:
                self._base(source)
                continue
            if not source.continues:
                self._findings.end_of_file(before)
                before = len(self._report.findings)
                self._alone.add(source.name)
                self._report.files += 1
                self._report.names.append(source.name)
            self._file(source)
        self._findings.end_of_file(before)
        return self._report

    def end(self) -> Report:
        """What was found, with what can be said only when all files were looked at."""
        self._report.findings.extend(self._late_levels())
        return self._report

    def _file(self, source: Source) -> None:
        if source.unreadable is not None and not self._silent:
            reason, line, column = source.unreadable
            self._findings.syntax_error(source, reason, line, column, line_of(source.text, line))
        for part in parts_of(source):
            if part.source.name != source.name:
                if part.source.name in self._alone:
                    continue
                self._included.add(part.source.name)
            self._part(looked_into(part, self._functions, quiet=self._is_quiet(source)))
            del part
            self._context.end_of_part()
        self._not_read(source)
        if source.level is not None:
            # its first line is all that is shown of it: texts are not kept
            self._levels.append(replace(source, text=line_of(source.text, 1)))

    def _base(self, source: Source) -> None:
        """Take in the schema that is there already; nothing is said of it."""
        context = self._context
        for part in parts_of(source):
            self._report.not_in_base += [f"{part.source.name}:{line}: {reason}" for reason, line, *_ in part.errors]
            opened = looked_into(part, self._functions, quiet=True)
            if part.continues:
                context.continue_file(opened.script)
            else:
                context.start_base(opened.script)
            for index, statement in enumerate(opened.script.statements):
                context.enter(index)
                if statement.kind == "alter_table_stmt":
                    context.alter()
                if self._companion is not None and statement.block is None:
                    tuple(self._companion(source, statement, context, ()))
                context.leave()

    def _not_read(self, source: Source) -> None:
        """Report the place where a file that makes SQL stopped."""
        written_in = source.written_in
        if written_in is None or written_in.stopped is None or self._silent or source.standing is Standing.KNOWN:
            return
        line, reason = written_in.stopped
        if written_in.is_waived("SY004", line):
            self._report.waived += 1
            return
        self._report.findings.extend(self._findings.of_file("SY004", source, " ".join(reason.split())[:250], line))

    def _late_levels(self) -> Iterator[Finding]:
        """New migrations whose level is not above every one that stood at the reference."""
        highest = max((each.level or 0 for each in self._levels if each.standing is not Standing.NEW), default=0)
        told: set[int | None] = set()
        for source in self._levels:
            if source.standing is not Standing.NEW or (source.level or 0) > highest or source.level in told:
                continue
            told.add(source.level)
            message = f"level {source.level} is not above {highest}, the highest at the reference"
            yield from self._findings.of_file("RB017", source, message)

    def _part(self, part: Part) -> None:
        context, source, script = self._context, part.source, part.script
        if source.name != self._report.names[-1] and source.name not in self._report.names:
            self._report.names.append(source.name)
            self._report.files += 1
        silent = self._silent or source.standing is Standing.KNOWN
        for error in part.errors if not silent else ():
            self._findings.syntax_error(source, *error)
        if part.continues:
            context.continue_file(script)
        else:
            if self._undone_to is not None:
                # later migrations build on what was expanded, not on its undoing
                context.catalog.rewind(self._undone_to)
            wrapped = file_directive(script.comments) if script.comments else None
            if wrapped is None:
                wrapped = source.wrapped
            if wrapped is None and not source.phased:
                wrapped = wrapped_by_name(source.name, script.statements)
            new = source.standing in (Standing.NEW, Standing.EDITED) and source.phase in (None, Phase.EXPAND)
            context.start_file(
                script,
                phase=source.phase,
                phased=source.phased,
                wrapped=wrapped,
                is_of_the_deploy=new,
                level=source.level,
                migration=source.migration,
                change_kinds=source.change_kinds,
            )
            context.catalog.is_history = source.standing is Standing.KNOWN
            self._undone_to = context.catalog.mark() if source.phase is Phase.ROLLBACK else None
        self._report.statements += len(script.statements)
        if self._is_quiet(source):
            self._take_in(script)
            return
        by_kind, by_subtype = self._dispatch(source.phase)
        found: list[tuple[Rule, Problem, Statement]] = []
        standpoints: dict[int, Standpoint] = {}
        unchecked = [not_looked_at(part, each) for each in part.unchecked]
        context.unchecked = [each.start for each in part.unchecked]
        for index, statement in enumerate(script.statements):
            context.enter(index)
            before_statement = len(found)
            for rule in by_kind.get(statement.kind, ()):
                for problem in rule.check(statement, context):
                    found.append((rule, problem, statement))  # noqa: PERF401 - extend costs more for what is nearly always empty
            if statement.kind == "alter_table_stmt":
                for action in context.alterations():
                    for alter_rule in by_subtype.get(action.command.subtype, ()):
                        for problem in alter_rule.check_action(action, context):
                            found.append((alter_rule, problem, statement))  # noqa: PERF401 - likewise
            if self._companion is not None and statement.block is None and not source.categories:
                end = statement.offset + len(statement.text)
                inside = [each for each in unchecked if statement.offset <= each[2].offset < end]
                pairs = [pair[:2] for pair in (*found[before_statement:], *inside)]
                added = self._companion(source, statement, context, pairs)
                found.extend(
                    (rule, problem, statement) for rule, problem in added if rule.code in self._selection.codes
                )
            if len(found) > before_statement:
                standpoints[id(statement)] = Standpoint(index, context.membership, context.inside_begin)
            context.leave()
        if silent:
            return
        if "SY002" in self._selection.codes:
            found.extend(unchecked)
        found.extend(self._findings.objected(source, script))
        self._findings.add(source, list(self._findings.judge(part, found, standpoints)))

    def _is_quiet(self, source: Source) -> bool:
        """Whether nobody looks at the statements of a file: what it makes is taken in, nothing is said of it."""
        return (self._silent or source.standing is Standing.KNOWN) and self._companion is None

    def _take_in(self, script: Script) -> None:
        context = self._context
        for index, statement in enumerate(script.statements):
            context.enter(index)
            if statement.kind == "alter_table_stmt":
                context.alter()
            context.leave()

    def _dispatch(self, phase: Phase | None) -> tuple[dict[str, list[Rule]], dict[int, list[AlterTableRule]]]:
        tables = self._by_phase.get(phase)
        if tables is None:
            by_kind: dict[str, list[Rule]] = {}
            by_subtype: dict[int, list[AlterTableRule]] = {}
            for rule in self._rules:
                if phase not in rule.phases:
                    continue
                for kind in rule.kinds:
                    by_kind.setdefault(kind, []).append(rule)
                if isinstance(rule, AlterTableRule):
                    for subtype in rule.subtypes:
                        by_subtype.setdefault(subtype, []).append(rule)
            tables = self._by_phase[phase] = by_kind, by_subtype
        return tables
