"""From files to findings: parse, walk the statements, ask the rules for their kind, apply waivers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from migrator.lint import suppression
from migrator.lint.context import Context
from migrator.lint.parts import Part, Unchecked, looked_into, parts_of
from migrator.lint.registry import all_rules, find, nearest
from migrator.lint.repairing import NotFixable, Repairs, Standpoint, without
from migrator.lint.rule import AlterTableRule, Problem, ReportedByEngine, Rule
from migrator.lint.runners import wrapped_by_name
from migrator.lint.selection import Selection, statement_rules
from migrator.lint.sources import Source, Standing
from migrator.lint.transactions import file_directive
from migrator.model.effects import Effects
from migrator.model.finding import Finding, Fix, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.effects import effects_of
from migrator.sql.parser import Script, Statement, position

if TYPE_CHECKING:
    from migrator.lint.sizes import Sizes
    from migrator.model.manifest import Manifest
    from migrator.model.trace import Trace

_SYNTAX_ERROR = "SY001"

Companion = Callable[[Source, Statement, Context, Sequence[tuple[Rule, Problem]]], Iterable[tuple[Rule, Problem]]]
"""Called for each statement with what the rules found, just before it is taken in; adds what it knows itself."""


class Report(Struct):
    """What lint found.

    Attributes:
        findings: in the order of files and lines.
        files: number of files looked at.
        statements: number of statements in them.
        names: of the files, in order.
        waived: number of findings that a waiver took away.
        in_baseline: number of findings that a baseline took away.
        gone_from_baseline: number of entries of the baseline that nothing was found for.
        lines: by file and line number, the text of each line that a finding points to.
        trace: what a scratch server did; None without ``--trace``.
        dialect: title of the dialect it was read as, if that is not PostgreSQL's: then it is less exact.
        not_in_base: places and reasons of what could not be read of the schema that is there already.
        sizes_taken_at: when the statistics were taken that findings were weighed by; empty: there were none.
    """

    findings: list[Finding] = field(default_factory=list)
    files: int = 0
    statements: int = 0
    names: list[str] = field(default_factory=list)
    waived: int = 0
    in_baseline: int = 0
    gone_from_baseline: int = 0
    lines: dict[tuple[str, int], str] = field(default_factory=dict)
    trace: Trace | None = None
    dialect: str = ""
    not_in_base: list[str] = field(default_factory=list)
    sizes_taken_at: str = ""

    def fails(self, fail_on: Severity) -> bool:
        """Whether any finding is at least as severe as ``fail_on``."""
        order = list(Severity)
        return any(order.index(finding.severity) <= order.index(fail_on) for finding in self.findings)


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
        self._sizes = sizes
        self._companion = companion
        self._today = today
        self._context = Context(pg_version, manifests)
        self._report = Report(sizes_taken_at=sizes.stats.taken_at if sizes else "")
        self._levels: list[Source] = []
        self._undone_to: int | None = None
        self._effects: tuple[Statement, Effects] | None = None
        self._functions: dict[str, str] = {}
        self._file_waivers: list[tuple[Part, suppression.Waiver]] = []
        self._repeated: dict[tuple[int, str], list[tuple[Part, suppression.Waiver]]] = {}
        self._rules = statement_rules(selection, with_manifests=bool(manifests))
        self._by_phase: dict[Phase | None, tuple[dict[str, list[Rule]], dict[int, list[AlterTableRule]]]] = {}

    def run(self, sources: Iterable[Source]) -> Report:
        """Lint the files and return what was found."""
        included: set[str] = set()
        alone: set[str] = set()
        before = 0
        for source in sources:
            if source.name in included:
                continue
            if source.standing is Standing.BASE:
                self._base(source)
                continue
            if not source.continues:
                self._end_of_file(before)
                before = len(self._report.findings)
                alone.add(source.name)
                self._report.files += 1
                self._report.names.append(source.name)
            if source.unreadable is not None:
                reason, line, column = source.unreadable
                self._syntax_error(source, reason, line, column, _line(source.text, line))
            for part in parts_of(source):
                if part.source.name != source.name:
                    if part.source.name in alone:
                        continue
                    included.add(part.source.name)
                self._part(looked_into(part, self._functions))
                del part
                self._context.end_of_part()
                self._effects = None
            self._not_read(source)
            if source.level is not None:
                # its first line is all that is shown of it: texts are not kept
                self._levels.append(replace(source, text=_line(source.text, 1)))
        self._end_of_file(before)
        self._report.findings.extend(self._late_levels())
        return self._report

    def _base(self, source: Source) -> None:
        """Take in the schema that is there already; nothing is said of it."""
        context = self._context
        for part in parts_of(source):
            self._report.not_in_base += [f"{part.source.name}:{line}: {reason}" for reason, line, *_ in part.errors]
            opened = looked_into(part, self._functions)
            if part.continues:
                context.continue_file(opened.script)
            else:
                context.start_base(opened.script)
            for index, statement in enumerate(opened.script.statements):
                context.enter(index)
                for _ in context.alterations() if statement.kind == "alter_table_stmt" else ():
                    pass
                if self._companion is not None and statement.block is None:
                    tuple(self._companion(source, statement, context, ()))
                context.leave()

    def _not_read(self, source: Source) -> None:
        """Report the place where a file that makes SQL stopped."""
        written_in = source.written_in
        if written_in is None or written_in.stopped is None or source.standing is Standing.KNOWN:
            return
        line, reason = written_in.stopped
        if written_in.is_waived("SY004", line):
            self._report.waived += 1
            return
        self._report.findings.extend(self._of_file("SY004", source, " ".join(reason.split())[:250], line))

    def _end_of_file(self, before: int) -> None:
        """What can be said only when every part of a file, with those it includes, was looked at."""
        findings = self._report.findings
        for part, waiver in self._file_waivers:
            for complaint in suppression.unused([waiver]):
                if complaint.waived in self._selection.codes and part.source.standing is not Standing.KNOWN:
                    told = filter(None, (self._complain(part.source, part.script, complaint),))
                    self._add(part.source, list(told))
        self._file_waivers.clear()
        for (_, code), waivers in self._repeated.items():
            if all(code not in waiver.used for _, waiver in waivers):
                part, waiver = waivers[0]
                unused = [each for each in suppression.unused([waiver]) if each.waived == code]
                told = filter(None, (self._complain(part.source, part.script, each) for each in unused))
                self._add(part.source, list(told))
        self._repeated.clear()
        if len(findings) - before > 1:
            places = {
                name: number for number, name in enumerate(dict.fromkeys(each.file for each in findings[before:]))
            }
            findings[before:] = sorted(
                findings[before:], key=lambda finding: (places[finding.file], finding.line, finding.column)
            )

    def _add(self, source: Source, findings: list[Finding]) -> None:
        """Add findings to the report, with the lines they point to."""
        if source.unasked:
            findings = [finding for finding in findings if finding.code not in source.unasked]
        if source.categories:
            findings = [finding for finding in findings if finding.category in source.categories]
        if self._selection.ignored_in:
            codes = self._selection.codes_for(source.name)
            findings = [finding for finding in findings if finding.code in codes]
        shown = source.text
        if source.written_in is not None:
            shown = source.written_in.text
            findings = [source.written_in.moved(finding) for finding in findings]
        self._report.findings.extend(findings)
        if findings:
            lines = shown.split("\n")
            for finding in findings:
                text = lines[finding.line - source.first_line].rstrip("\r")
                self._report.lines[finding.file, finding.line] = text

    def _late_levels(self) -> Iterator[Finding]:
        """New migrations whose level is not above every one that stood at the reference."""
        highest = max((each.level or 0 for each in self._levels if each.standing is not Standing.NEW), default=0)
        told: set[int | None] = set()
        for source in self._levels:
            if source.standing is not Standing.NEW or (source.level or 0) > highest or source.level in told:
                continue
            told.add(source.level)
            message = f"level {source.level} is not above {highest}, the highest at the reference"
            yield from self._of_file("RB017", source, message)

    def _part(self, part: Part) -> None:
        context, source, script = self._context, part.source, part.script
        if source.name != self._report.names[-1] and source.name not in self._report.names:
            self._report.names.append(source.name)
            self._report.files += 1
        for error in part.errors:
            self._syntax_error(source, *error)
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
        by_kind, by_subtype = self._dispatch(source.phase)
        if source.standing is Standing.KNOWN and self._companion is None:
            by_kind, by_subtype = {}, {}  # history: what it made is taken in, nothing is said of it
        found: list[tuple[Rule, Problem, Statement]] = []
        standpoints: dict[int, Standpoint] = {}
        self._report.statements += len(script.statements)
        unchecked = [_unchecked(part, each) for each in part.unchecked]
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
        if "SY002" in self._selection.codes:
            found.extend(unchecked)
        if source.standing is Standing.KNOWN:
            return
        found.extend(self._objected(source, script))
        self._add(source, list(self._judge(part, found, standpoints)))

    def _objected(self, source: Source, script: Script) -> Iterator[tuple[Rule, Problem, Statement]]:
        """What others found in the file, at the statements that hold the lines; else at the first one."""
        for each in source.objections:
            if each.code not in self._selection.codes:
                continue
            at = next((one for one in script.statements if one.line <= each.line <= one.end_line), None)
            if at is None and source.first_line == 1:
                at = script.statements[0] if script.statements else None
            rule = all_rules()[each.code]
            if source.written_in is not None:
                # its lines are those of the file that wrote the text
                if source.written_in.is_waived(each.code, each.line):
                    self._report.waived += 1
                else:
                    told = self._of_file(each.code, source, each.message, each.line, each.severity, each.fix)
                    self._report.findings.extend(told)
            elif at is not None:
                why = rule.why if isinstance(rule, ReportedByEngine) else ""
                yield rule, Problem(each.message, why=why, fix=each.fix, severity=each.severity), at

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

    def _judge(
        self, part: Part, found: list[tuple[Rule, Problem, Statement]], standpoints: dict[int, Standpoint]
    ) -> Iterator[Finding]:
        source, script = part.source, part.script
        waivers: list[suppression.Waiver] = []
        if script.comments:
            waivers, complaints = suppression.read(script, self._today, _code_of, nearest)
            yield from filter(None, (self._complain(source, script, complaint) for complaint in complaints))
        if source.standing is Standing.EDITED and source.first_line == 1 and not source.continues:
            message = "this file was changed after the reference, where it may have run already"
            waiver = next((waiver for waiver in waivers if waiver.covers("RB016", 0)), None)
            if waiver is None:
                yield from self._of_file("RB016", source, message)
            else:
                waiver.used.add("RB016")
                self._report.waived += 1
        shared = [waiver for waiver in waivers if waiver.first_line is None]
        if shared or self._file_waivers:
            waivers = [waiver for waiver in waivers if waiver.first_line is not None]
            self._file_waivers += [(part, waiver) for waiver in shared]
            shared = [waiver for other, waiver in self._file_waivers if other.source.name == source.name]
        alone = {
            standpoints[id(statement)].index
            for _, problem, statement in found
            if problem.repair is not None and problem.repair.alone and not problem.repair.remark
        }
        repairs = Repairs(part, alone)
        for rule, problem, statement in found:
            waiver = next((each for each in (*waivers, *shared) if _covers(each, rule.code, statement)), None)
            if waiver is not None:
                waiver.used.add(rule.code)
                self._report.waived += 1
                continue
            fix, unfixed = None, ""
            if problem.repair is not None:
                try:
                    fix = repairs.fix(problem.repair, standpoints[id(statement)])
                except NotFixable as reason:
                    unfixed = str(reason)
            yield self._finding(part, rule, problem, statement, fix, unfixed)
        if source.written_in is not None:
            # One call makes several statements, and its waiver stands above each of them.
            for waiver in waivers if source.standing is not Standing.KNOWN else ():
                for code in waiver.codes:
                    if code in self._selection.codes:
                        key = source.written_in.place_of(waiver.comment.line).line, code
                        self._repeated.setdefault(key, []).append((part, waiver))
            return
        for complaint in suppression.unused(waivers):
            # a waiver of a rule that is not selected here may be needed where it is
            if complaint.waived in self._selection.codes:
                yield from filter(None, (self._complain(source, script, complaint),))

    def _finding(
        self, part: Part, rule: Rule, problem: Problem, statement: Statement, fix: Fix | None, unfixed: str
    ) -> Finding:
        source, written = part.source, part.as_written(statement)
        start, end = problem.span or (statement.offset, statement.offset + len(statement.text))
        before = source.text[statement.offset : start]
        new_lines = before.count("\n")
        column = len(before) - (before.rfind("\n") + 1) + 1 + (0 if new_lines else statement.column - 1)
        shown = source.text[start:end].split("\n", 1)[0].rstrip()
        lock = rule.lock if problem.lock is None else problem.lock
        severity, size = problem.severity or rule.severity, None
        if self._sizes is not None:
            severity, size = self._sizes.weigh(rule, problem, statement, severity, self._context.catalog.search_path)
        return Finding(
            code=rule.code,
            rule=rule.name,
            severity=self._selection.severities.get(rule.code, severity),
            category=rule.category,
            message=written(problem.message),
            file=source.name,
            line=statement.line + new_lines,
            column=column,
            end_line=statement.end_line,
            statement=written(statement.text),
            lock_mode=lock.title,
            blocks=problem.blocks or (lock.blocks if lock else ""),
            why=written(problem.why),
            fix=written(problem.fix),
            length=max(len(shown), 1),
            relation=written(locked_relation(self._effects_of(statement), lock) if lock else ""),
            work=rule.work if problem.work is None else problem.work,
            breaks=rule.breaks if problem.breaks is None else problem.breaks,
            repair=fix,
            unfixed=unfixed,
            size=size,
        )

    def _effects_of(self, statement: Statement) -> Effects:
        if self._effects is None or self._effects[0] is not statement:
            self._effects = statement, effects_of(statement)  # several findings of one statement come together
        return self._effects[1]

    def _complain(self, source: Source, script: Script, complaint: suppression.Complaint) -> Finding | None:
        if complaint.code not in self._selection.codes:
            return None
        rule = all_rules()[complaint.code]
        comment = complaint.comment
        line_start = script.source.rfind("\n", 0, comment.offset) + 1
        return Finding(
            code=rule.code,
            rule=rule.name,
            severity=self._selection.severities.get(rule.code, rule.severity),
            category=rule.category,
            message=complaint.message,
            file=source.name,
            line=comment.line,
            column=comment.offset - line_start + 1,
            end_line=comment.line + comment.text.count("\n"),
            statement=comment.text,
            why=rule.why if isinstance(rule, ReportedByEngine) else "",
            length=len(comment.text.split("\n", 1)[0]),
            repair=without(source, comment) if complaint.waived and complaint.is_all else None,
        )

    def _of_file(
        self, code: str, source: Source, message: str, line: int = 1, severity: Severity | None = None, fix: str = ""
    ) -> Iterator[Finding]:
        """A finding about a file as a whole, or about what follows a line of it."""
        if code not in self._selection.codes:
            return
        rule = all_rules()[code]
        first = _line(source.text if source.written_in is None else source.written_in.text, line)
        self._report.lines[source.name, line] = first
        yield Finding(
            code=rule.code,
            rule=rule.name,
            severity=self._selection.severities.get(rule.code, severity or rule.severity),
            category=rule.category,
            message=message,
            file=source.name,
            line=line,
            column=1,
            end_line=line,
            statement=first,
            why=rule.why if isinstance(rule, ReportedByEngine) else "",
            fix=fix,
            length=max(len(first), 1),
        )

    def _syntax_error(self, source: Source, reason: str, line: int, column: int, text: str) -> None:
        if source.standing is Standing.KNOWN:
            return
        rule = all_rules()[_SYNTAX_ERROR]
        finding = Finding(
            code=rule.code,
            rule=rule.name,
            severity=rule.severity,
            category=rule.category,
            message=reason,
            file=source.name,
            line=line,
            column=column,
            end_line=line,
            statement=text,
            why=rule.why if isinstance(rule, ReportedByEngine) else "",
        )
        if source.written_in is not None:
            self._add(source, [finding])
            return
        self._report.lines[source.name, line] = text
        self._report.findings.append(finding)


def _covers(waiver: suppression.Waiver, code: str, statement: Statement) -> bool:
    """A waiver of a DO block holds for what it runs."""
    block = statement.block
    return waiver.covers(code, statement.line) or (block is not None and waiver.covers(code, block.statement.line))


def _line(text: str, line: int) -> str:
    """The text of a line, counted from 1; an empty string behind the last."""
    lines = text.split("\n")
    return lines[line - 1].rstrip("\r") if line <= len(lines) else ""


def _unchecked(part: Part, what: Unchecked) -> tuple[Rule, Problem, Statement]:
    """A finding that says what was not looked at, on a statement that stands for it."""
    text = part.source.text
    start, end = what.start, what.start + len(text[what.start : what.end].rstrip())
    line, column = position(text, start)
    line += part.source.first_line - 1
    statement = Statement(text[start:end], "", None, start, line, column, line + text.count("\n", start, end))
    problem = Problem(what.what, why="what it runs may lock or break anything")
    return all_rules()["SY002"], problem, statement


def locked_relation(effects: Effects, lock: LockMode) -> str:
    """The relation that a statement takes a lock on, as SQL; an empty string if its text does not name one."""
    locks = effects.locks
    return next((taken.relation for taken in locks if taken.mode is lock), locks[0].relation if locks else "")


def _code_of(text: str) -> str | None:
    rule = find(text)
    return rule.code if rule else None
