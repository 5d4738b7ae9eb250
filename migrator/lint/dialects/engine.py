"""Files of MySQL, MariaDB or SQLite to findings; less exact than for PostgreSQL, and it says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from msgspec.structs import replace

from migrator.lint import runners, suppression
from migrator.lint.dialects.actions import actions_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.registry import all_rules, dialect_rules, find, nearest
from migrator.lint.report import Report
from migrator.lint.rule import Problem, Rule
from migrator.lint.selection import Selection
from migrator.lint.sources import Source, Standing
from migrator.model.finding import Finding
from migrator.sql.dialect import Foreign, ForeignStatement, read
from migrator.sql.parser import Statement, position

TITLES = {"mysql": "MySQL", "mariadb": "MariaDB", "sqlite": "SQLite"}


def lint_dialect(sources: Iterable[Source], selection: Selection, dialect: str, *, today: date) -> Report:
    """Lint files as one history.

    Args:
        sources: in order; read one at a time.
        selection: the rules in force.
        dialect: one of ``migrator.sql.dialect.DIALECTS``.
        today: what the end dates of waivers are held against.
    """
    report = Report(dialect=TITLES[dialect])
    tables = Tables(dialect)
    rules = [
        rule
        for code, rule in dialect_rules().items()
        if isinstance(rule, DialectRule) and dialect in rule.dialects and code in selection.codes
    ]
    for source in sources:
        if source.categories:
            continue
        if not source.continues:
            report.files += 1
            report.names.append(source.name)
        tables.start_file()
        found = list(_file(source, rules, tables, selection, today, report))
        if source.standing is not Standing.KNOWN:
            codes = selection.codes_for(source.name)
            lines = source.text.split("\n")
            for finding in sorted(found, key=lambda each: (each.line, each.column)):
                if finding.code in codes:
                    report.findings.append(finding)
                    report.lines[finding.file, finding.line] = lines[finding.line - 1].rstrip("\r")
    return report


def _file(
    source: Source, rules: Sequence[DialectRule], tables: Tables, selection: Selection, today: date, report: Report
) -> Iterator[Finding]:
    if source.unreadable is not None:
        reason, line, column = source.unreadable
        yield _engine_finding("SY001", reason, source, line, column, "")
    file_waivers: list[suppression.Waiver] = []
    for section in runners.sections(source.name, source.text):
        own = replace(
            source,
            text=source.text[section.start : section.end],
            phase=runners.phase_of(section, source.phase),
            first_line=1 + source.text.count("\n", 0, section.start),
        )
        foreign = read(own.text if section.sql is None else section.sql, tables.dialect, own.name, own.first_line)
        report.statements += len(foreign.statements)
        waivers, complaints = suppression.read(foreign.script, today, _code_of, nearest)
        yield from (_complaint(each, own) for each in complaints)
        file_waivers += [each for each in waivers if each.first_line is None]
        waivers = [each for each in waivers if each.first_line is not None]
        for rule, problem, statement in _problems(own, foreign, rules, tables):
            waiver = next((each for each in (*waivers, *file_waivers) if each.covers(rule.code, statement.line)), None)
            if waiver is None:
                yield _finding(own, rule, problem, statement, selection, tables.dialect)
            else:
                waiver.used.add(rule.code)
                report.waived += 1
        yield from (_complaint(each, own) for each in suppression.unused(waivers) if each.waived in selection.codes)
    for each in suppression.unused(file_waivers):
        if each.waived in selection.codes:
            yield _complaint(each, source)


def _problems(
    source: Source, foreign: Foreign, rules: Sequence[DialectRule], tables: Tables
) -> Iterator[tuple[Rule, Problem, Statement]]:
    not_checked = all_rules()["SY002"]
    for start, end, what in foreign.unread:
        stop = start + len(source.text[start:end].rstrip())
        line, column = position(source.text, start)
        line += source.first_line - 1
        text = source.text[start:stop]
        statement = Statement(text, "foreign", None, start, line, column, line + text.count("\n"))
        yield not_checked, Problem(what, why=_UNKNOWN), statement
    for index, statement_ in enumerate(foreign.statements):
        tables.following = foreign.statements[index + 1 :]
        for rule in rules:
            if source.phase in rule.phases:
                for problem in rule.look(statement_, tables):
                    yield rule, problem, statement_.statement
        unknown = _unknown(statement_)
        if unknown is not None:
            yield not_checked, unknown, statement_.statement
        tables.apply(statement_)


_UNKNOWN = "what it does may lock or break anything"
_SCANNED = (
    "DROP TABLE", "DROP VIEW", "RENAME TABLE", "OPTIMIZE TABLE", "TRUNCATE", "LOCK TABLES", "LOCK TABLE",
    "UNLOCK TABLES", "FLUSH TABLES WITH READ LOCK", "VACUUM", "SET", "PRAGMA", "USE", "BEGIN", "START TRANSACTION",
    "COMMIT", "ROLLBACK", "END", "SHOW", "EXPLAIN", "ANALYZE", "SAVEPOINT", "RELEASE", "GRANT", "CREATE TABLE",
    "CREATE TEMPORARY TABLE", "CREATE TEMP TABLE", "CREATE VIRTUAL TABLE", "SELECT", "INSERT", "REPLACE", "UPDATE",
    "DELETE", "WITH",
)  # fmt: skip


def _unknown(statement: ForeignStatement) -> Problem | None:
    """What is said of a statement that neither the rules nor sqlglot understand."""
    actions = actions_of(statement)
    if actions:
        strange = next((action for action in actions if not action.kind), None)
        if strange is None:
            return None
        return Problem("this action was not checked: it is not known", why=_UNKNOWN, span=strange.span)
    if statement.starts(*_SCANNED) or statement.is_understood:
        return None
    return Problem("this statement was not checked: it is not understood", why=_UNKNOWN)


def _finding(
    source: Source, rule: Rule, problem: Problem, statement: Statement, selection: Selection, dialect: str
) -> Finding:
    start, end = problem.span or (statement.offset, statement.offset + len(statement.text))
    line, column = position(source.text, start)
    shown = source.text[start:end].split("\n", 1)[0].rstrip()
    why = problem.why
    if isinstance(rule, DialectRule):
        why = f"{why} (by the manual of {TITLES[dialect]}, not tried on a server)"
    return Finding(
        code=rule.code,
        rule=rule.name,
        severity=selection.severities.get(rule.code, problem.severity or rule.severity),
        category=rule.category,
        message=problem.message,
        file=source.name,
        line=source.first_line + line - 1,
        column=column,
        end_line=statement.end_line,
        statement=statement.text,
        blocks=problem.blocks,
        why=why,
        fix=problem.fix,
        length=max(len(shown), 1),
        work=rule.work if problem.work is None else problem.work,
        breaks=rule.breaks if problem.breaks is None else problem.breaks,
    )


def _complaint(complaint: suppression.Complaint, source: Source) -> Finding:
    comment = complaint.comment
    column = comment.offset - (source.text.rfind("\n", 0, comment.offset) + 1) + 1
    return _engine_finding(complaint.code, complaint.message, source, comment.line, column, comment.text)


def _engine_finding(code: str, message: str, source: Source, line: int, column: int, text: str) -> Finding:
    rule = all_rules()[code]
    return Finding(
        code=code,
        rule=rule.name,
        severity=rule.severity,
        category=rule.category,
        message=message,
        file=source.name,
        line=line,
        column=column,
        end_line=line + text.count("\n"),
        statement=text,
        why=getattr(rule, "why", ""),
        length=max(len(text.split("\n", 1)[0]), 1),
    )


def _code_of(text: str) -> str | None:
    rule = find(text)
    return rule.code if rule else None
