"""Findings for people: place, line with a caret, why, lock and whom it blocks, what to write instead.

A finding of severity ``info`` takes two lines only, so that it does not bury the others.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from migrator.lint.report import Report
from migrator.model.finding import Finding, Severity

_COLOURS = {Severity.ERROR: "31;1", Severity.WARNING: "33;1", Severity.INFO: "36"}
_NO_TABS = re.compile(r"[^\t]")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
"""They may move the cursor of a terminal, or clear it. To compile what none of them is takes 5 ms."""
_LONGEST_LINE = 400
"""Five lines of a terminal; dumps and generated rows have lines of megabytes."""
_BEFORE = 80
_WIDE = frozenset("WF")
"""East Asian widths that take two columns on a terminal (Unicode Annex 11)."""


def lines(report: Report, *, colour: bool = False, with_unsafe: bool = False) -> Iterator[str]:
    """The lines of a report, a summary last.

    Args:
        report: what was found.
        colour: whether to use ANSI colours.
        with_unsafe: whether fixes that do not mean the same count as well.
    """
    for finding in report.findings:
        yield from _finding(finding, report, colour, with_unsafe)
        yield ""
    if report.trace is not None:
        from migrator.reporting import trace_text

        yield from trace_text.lines(report.trace)
        yield ""
    yield summary(report)
    if fixable := _fixable(report, with_unsafe):
        yield fixable


def summary(report: Report) -> str:
    """One line: how much was found in how much."""
    looked_at = f"{_count(report.files, 'file')}, {_count(report.statements, 'statement')}"
    waived = f"; {report.waived} waived" if report.waived else ""
    waived += f"; {report.in_baseline} in the baseline" if report.in_baseline else ""
    waived += f"; sizes of {report.sizes_taken_at[:10]}" if report.sizes_taken_at else ""
    waived += f"; read as {report.dialect}: less exact than for PostgreSQL" if report.dialect else ""
    if not report.findings:
        return f"nothing found in {looked_at}{waived}"
    by_severity = Counter(finding.severity for finding in report.findings)
    parts = [_count(by_severity[severity], severity.value) for severity in Severity if by_severity[severity]]
    bad_files = len({finding.file for finding in report.findings})
    return f"{', '.join(parts)} in {bad_files} of {looked_at}{waived}"


def _fixable(report: Report, with_unsafe: bool) -> str:
    """A line on what ``--fix`` does, or nothing."""
    fixes = [finding.repair for finding in report.findings if finding.repair is not None]
    safe = sum(fix.is_safe for fix in fixes)
    unsafe = len(fixes) - safe
    if with_unsafe:
        return f"[*] {len(fixes):,} fixable with --fix --unsafe-fixes" if fixes else ""
    if safe:
        return f"[*] {safe:,} fixable with --fix" + (f" ({unsafe:,} more with --unsafe-fixes)" if unsafe else "")
    return f"{unsafe:,} fixable with --fix --unsafe-fixes" if unsafe else ""


def _finding(finding: Finding, report: Report, colour: bool, with_unsafe: bool) -> Iterator[str]:
    tint = _COLOURS[finding.severity]
    name = finding.severity.value if finding.severity is not Severity.INFO else "note"
    place = f"{finding.file}:{finding.line}:{finding.column}"
    fix = finding.repair
    label = f"[{finding.code} {finding.rule}]" + (" [*]" if fix and (fix.is_safe or with_unsafe) else "")
    yield f"{_painted(place, '1', colour)}: {_painted(name, tint, colour)}: {finding.headline} {label}"
    if finding.severity is Severity.INFO:
        yield f"  {finding.why}  (migrator explain {finding.code})"
        return
    source, place_in_it = _excerpt(report.lines.get((finding.file, finding.line), ""), finding.column - 1)
    gutter = f"  {finding.line} | "
    yield f"{gutter}{source}"
    before = source[:place_in_it]
    marked = source[place_in_it : place_in_it + finding.length] or " "
    if source.isascii():
        caret, width = _NO_TABS.sub(" ", before), len(marked)
    else:
        caret = "".join(character if character == "\t" else " " * _width(character) for character in before)
        width = max(sum(map(_width, marked)), 1)
    underline = "^" * width
    yield f"{' ' * (len(gutter) - 2)}| {caret}{_painted(underline, tint, colour)}"
    if finding.lock_mode:
        on = f" on {finding.relation}" if finding.relation else ""
        work = f" ({finding.work})" if finding.work else ""
        yield f"  lock: {finding.lock_mode}{on}{work}, blocks {finding.blocks}"
    elif finding.blocks:
        yield f"  blocks: {finding.blocks}"
    if finding.breaks:
        yield f"  breaks: {', '.join(finding.breaks)}"
    if finding.why:
        yield f"  why:  {finding.why}"
    if finding.fix:
        first, *rest = finding.fix.splitlines()
        yield f"  fix:  {first}"
        yield from (f"        {line}" for line in rest)
    if fix and fix.remark:
        yield f"        --unsafe-fixes writes it: {fix.remark}"
    elif finding.unfixed:
        yield f"        --fix leaves it: {finding.unfixed}"
    yield f"  more: migrator explain {finding.code}"


def _excerpt(line: str, place: int) -> tuple[str, int]:
    """What is shown of a line, and where the place is in it."""
    start, end = 0, len(line)
    if end > _LONGEST_LINE:
        start = place - _BEFORE if place > _BEFORE * 2 else 0
        end = start + _LONGEST_LINE
    shown = _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", line[start:end])
    if end < len(line):
        shown += "…"
    return (f"…{shown}", place - start + 1) if start else (shown, place)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def _painted(text: str, tint: str, colour: bool) -> str:
    return f"\x1b[{tint}m{text}\x1b[0m" if colour else text


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 or noun == "info" else f"{number:,} {noun}s"
