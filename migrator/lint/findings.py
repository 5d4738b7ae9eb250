"""From what rules found to findings: waivers, repairs as edits, texts and places, and the report they go into."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from migrator.lint import suppression
from migrator.lint.enclosing import NotFixable
from migrator.lint.parts import Part, Unchecked
from migrator.lint.registry import all_rules, find, nearest
from migrator.lint.repairing import Repairs, Standpoint, without
from migrator.lint.rule import Problem, ReportedByEngine, Rule
from migrator.lint.sources import Source, Standing
from migrator.model.effects import Effects
from migrator.model.finding import Finding, Fix, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import effects_of
from migrator.sql.parser import Script, Statement, position

if TYPE_CHECKING:
    from migrator.lint.context import Context
    from migrator.lint.report import Report
    from migrator.lint.selection import Selection
    from migrator.lint.sizes import Sizes

_SYNTAX_ERROR = "SY001"


class Findings:
    """Turns the problems of one part after another into findings, and puts them into a report."""

    def __init__(
        self, report: Report, selection: Selection, context: Context, *, today: date, sizes: Sizes | None = None
    ) -> None:
        self._report = report
        self._selection = selection
        self._context = context
        self._today = today
        self._sizes = sizes
        self._file_waivers: list[tuple[Part, suppression.Waiver]] = []
        self._repeated: dict[tuple[int, str], list[tuple[Part, suppression.Waiver]]] = {}

    def end_of_file(self, before: int) -> None:
        """What can be said only when every part of a file, with those it includes, was looked at."""
        findings = self._report.findings
        for part, waiver in self._file_waivers:
            for complaint in suppression.unused([waiver]):
                if complaint.waived in self._selection.codes and part.source.standing is not Standing.KNOWN:
                    told = filter(None, (self._complain(part.source, part.script, complaint),))
                    self.add(part.source, list(told))
        self._file_waivers.clear()
        for (_, code), waivers in self._repeated.items():
            if all(code not in waiver.used for _, waiver in waivers):
                part, waiver = waivers[0]
                unused = [each for each in suppression.unused([waiver]) if each.waived == code]
                told = filter(None, (self._complain(part.source, part.script, each) for each in unused))
                self.add(part.source, list(told))
        self._repeated.clear()
        if len(findings) - before > 1:
            places = {
                name: number for number, name in enumerate(dict.fromkeys(each.file for each in findings[before:]))
            }
            findings[before:] = sorted(
                findings[before:], key=lambda finding: (places[finding.file], finding.line, finding.column)
            )

    def add(self, source: Source, findings: list[Finding]) -> None:
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

    def objected(self, source: Source, script: Script) -> Iterator[tuple[Rule, Problem, Statement]]:
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
                    told = self.of_file(each.code, source, each.message, each.line, each.severity, each.fix)
                    self._report.findings.extend(told)
            elif at is not None:
                why = rule.why if isinstance(rule, ReportedByEngine) else ""
                yield rule, Problem(each.message, why=why, fix=each.fix, severity=each.severity), at

    def judge(
        self, part: Part, found: list[tuple[Rule, Problem, Statement]], standpoints: dict[int, Standpoint]
    ) -> Iterator[Finding]:
        """The findings of a part, without those that are waived.

        Args:
            part: as the context knows it still.
            found: problems of its statements.
            standpoints: by identity of a statement of the part, where it stands.
        """
        source, script = part.source, part.script
        waivers: list[suppression.Waiver] = []
        if script.comments:
            waivers, complaints = suppression.read(script, self._today, _code_of, nearest)
            yield from filter(None, (self._complain(source, script, complaint) for complaint in complaints))
        if source.standing is Standing.EDITED and source.first_line == 1 and not source.continues:
            message = "this file was changed after the reference, where it may have run already"
            waiver = next((waiver for waiver in waivers if waiver.covers("RB016", 0)), None)
            if waiver is None:
                yield from self.of_file("RB016", source, message)
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
        valid = (*waivers, *shared)
        for rule, problem, statement in found:
            waiver = next((each for each in valid if _covers(each, rule.code, statement)), None) if valid else None
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
            yield self._finding(part, rule, problem, statement, standpoints.get(id(statement)), fix, unfixed)
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
        self,
        part: Part,
        rule: Rule,
        problem: Problem,
        statement: Statement,
        standpoint: Standpoint | None,
        fix: Fix | None,
        unfixed: str,
    ) -> Finding:
        source, written = part.source, part.as_written(statement)
        start, end = problem.span or (statement.offset, statement.offset + len(statement.text))
        before = source.text[statement.offset : start]
        new_lines = before.count("\n")
        column = len(before) - (before.rfind("\n") + 1) + 1 + (0 if new_lines else statement.column - 1)
        shown = source.text[start:end].split("\n", 1)[0].rstrip()
        lock = rule.lock if problem.lock is None else problem.lock
        relation = ""
        if lock:
            known = self._context.effects_at(standpoint.index) if standpoint is not None else effects_of(statement)
            relation = locked_relation(known, lock)
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
            relation=written(relation),
            work=rule.work if problem.work is None else problem.work,
            breaks=rule.breaks if problem.breaks is None else problem.breaks,
            repair=fix,
            unfixed=unfixed,
            size=size,
        )

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

    def of_file(
        self, code: str, source: Source, message: str, line: int = 1, severity: Severity | None = None, fix: str = ""
    ) -> Iterator[Finding]:
        """A finding about a file as a whole, or about what follows a line of it."""
        if code not in self._selection.codes:
            return
        rule = all_rules()[code]
        first = line_of(source.text if source.written_in is None else source.written_in.text, line)
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

    def syntax_error(self, source: Source, reason: str, line: int, column: int, text: str) -> None:
        """Report that a statement does not parse, or a file cannot be read as what it is."""
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
            self.add(source, [finding])
            return
        self._report.lines[source.name, line] = text
        self._report.findings.append(finding)


def _covers(waiver: suppression.Waiver, code: str, statement: Statement) -> bool:
    """A waiver of a DO block holds for what it runs, and for what was not looked at in it."""
    block = statement.block
    if not statement.kind and waiver.first_line is not None:
        return code in waiver.codes and waiver.first_line <= statement.line <= waiver.last_line
    return waiver.covers(code, statement.line) or (block is not None and waiver.covers(code, block.statement.line))


def line_of(text: str, line: int) -> str:
    """The text of a line, counted from 1; an empty string behind the last."""
    lines = text.split("\n")
    return lines[line - 1].rstrip("\r") if line <= len(lines) else ""


def not_looked_at(part: Part, what: Unchecked) -> tuple[Rule, Problem, Statement]:
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
    for taken in locks:
        if taken.mode is lock:
            return taken.relation
    return locks[0].relation if locks else ""


def _code_of(text: str) -> str | None:
    rule = find(text)
    return rule.code if rule else None
