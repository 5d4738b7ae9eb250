"""Fixes applied until none is left: lint, edit, lint again what was edited.

A fix may make room for another, or need one: what cannot be applied together is applied in rounds. A file that no
longer parses after a round goes back to what it was before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from migrator.lint.editing import NotEditable, compatible, edited
from migrator.lint.report import Report
from migrator.lint.sources import Source, of_bytes
from migrator.model.finding import Finding, Severity

_MOST_ROUNDS = 50
"""A file takes about four, and one more for each statement that has to leave the same transaction."""
_SYNTAX_ERROR = "SY001"


@dataclass(slots=True)
class Fixed:
    """What came of it.

    Attributes:
        report: what lint says of the files as they are now.
        before: the bytes of each file that was edited, by name.
        after: its bytes now.
        codes: how often the fix of each rule was applied.
        broken: files whose fixes were taken back because they did not parse any more.
        moved: for each statement that goes to a migration of its own: the file, the title and the statement.
    """

    report: Report
    before: dict[str, bytes] = field(default_factory=dict)
    after: dict[str, bytes] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)
    broken: set[str] = field(default_factory=set)
    moved: list[tuple[str, str, str]] = field(default_factory=list)


def fix(
    lint: Callable[[Mapping[str, bytes]], Report],
    read: Callable[[str], bytes],
    *,
    with_unsafe: bool = False,
    may_move: Callable[[str, str], bool] = lambda _title, _statement: False,
) -> Fixed:
    """Apply fixes until lint finds none that can be.

    Args:
        lint: lints everything, with the bytes given in the place of the files of these names.
        read: the bytes of a file by its name.
        with_unsafe: apply those as well that do not mean the same.
        may_move: whether a statement can be moved to a migration of this title.
    """
    result = Fixed(lint({}))
    for _ in range(_MOST_ROUNDS):
        round_before, moved = dict(result.after), list(result.moved)
        if not _apply(result, read, may_move, with_unsafe=with_unsafe):
            break
        errors = _syntax_errors(result.report)
        codes = Counter(result.codes)
        report = lint(result.after)
        worse = {name for name, count in _syntax_errors(report).items() if count > errors[name]}
        if worse:
            result.broken |= worse
            result.codes = codes
            result.moved = [each for each in result.moved if each[0] not in worse or each in moved]
            result.after = {
                name: round_before.get(name, result.before[name]) if name in worse else data
                for name, data in result.after.items()
            }
            report = lint(result.after)
        result.report = report
    places = {name: place for place, name in enumerate(result.report.names)}
    changed = [name for name, data in result.after.items() if data != result.before[name]]
    changed.sort(key=lambda name: places.get(name, len(places)))
    result.before = {name: result.before[name] for name in changed}
    result.after = {name: result.after[name] for name in changed}
    return result


def overlaid(sources: Iterable[Source], files: Mapping[str, bytes]) -> Iterator[Source]:
    """The same sources with other content, also of what they include."""
    for source in sources:
        yield _with_content(source, files)


def _with_content(source: Source, files: Mapping[str, bytes]) -> Source:
    data, include = files.get(source.name), source.include
    if include is not None and files:

        def included(name: str, beside: bool) -> Source | None:
            found = include(name, beside)
            return None if found is None else _with_content(found, files)

        source = replace(source, include=included)
    if data is None:
        return source
    read = of_bytes(source.name, data)
    return replace(source, text=read.text, unreadable=read.unreadable)


def _apply(
    result: Fixed, read: Callable[[str], bytes], may_move: Callable[[str, str], bool], *, with_unsafe: bool
) -> bool:
    """One round over all files; whether anything was applied."""
    by_file: dict[str, list[Finding]] = {}
    for finding in result.report.findings:
        if finding.repair is not None and (with_unsafe or finding.repair.is_safe):
            by_file.setdefault(finding.file, []).append(finding)
    order = list(Severity)
    applied = False
    for name, findings in by_file.items():
        if name in result.broken:
            continue
        data = result.after.get(name)
        if data is None:
            data = read(name)
        text = of_bytes(name, data).text
        # what was linted must still stand there
        standing = [each for each in findings if _stands(each, text)]
        standing = [
            each
            for each in standing
            if each.repair and (not each.repair.migration or may_move(each.repair.migration, each.statement))
        ]
        # what has to move moves first: whether a softer one is needed depends on where a statement stands then
        tier = min((order.index(each.severity) for each in standing), default=0)
        standing = [each for each in standing if order.index(each.severity) == tier]
        standing.sort(key=lambda each: (each.line, each.column))
        taken = compatible(each.repair for each in standing if each.repair)
        try:
            after = edited(data, taken)
        except NotEditable:
            continue
        if after == data:
            continue
        result.before.setdefault(name, data)
        result.after[name] = after
        applied_now = set(map(id, taken))
        done = [(each, each.repair) for each in standing if id(each.repair) in applied_now]
        result.codes.update(each.code for each, _ in done)
        moved = {one.start: (name, one.migration, each.statement) for each, one in done if one and one.migration}
        result.moved += moved.values()
        applied = True
    return applied


def _stands(finding: Finding, text: str) -> bool:
    return finding.repair is not None and finding.statement in text[finding.repair.start : finding.repair.end]


def _syntax_errors(report: Report) -> Counter[str]:
    return Counter(finding.file for finding in report.findings if finding.code == _SYNTAX_ERROR)
