"""A history of many files in two processes: one looks at the first files, the other takes these in, looks at the rest.

What a statement means depends on all files before it, so that they cannot just be dealt out. But to take a file in
costs a third of what it costs to look at it as well: the process for the later files says nothing of the earlier
ones. What was found in those comes back through a pipe. The process for them is a fork, made when everything is loaded,
so that it starts in a few milliseconds; where that is not safe, or not worth it, there is one process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, takewhile
from typing import TYPE_CHECKING

from migrator.lint.forks import Fork
from migrator.lint.sources import Source, Standing
from migrator.model.finding import Finding
from migrator.sql import native

if TYPE_CHECKING:
    from migrator.lint.engine import Linter
    from migrator.lint.report import Report

# What is done for a file, against looking at it where its trees are there: CPU time, 1,000 files of benchmarks/lint.py.
_TAKEN_IN = 0.33
_PARSED = 0.3
_TOLD = 0.05
"""Of all files, at the end: what both found is put together and shown."""

_LEAST_SAVED = 25_000
"""Characters of SQL, their trees there, that the second process has to save: about 20 ms, several times its start."""

_MOST_HELD = 8_000_000
"""Characters of files held at once, to cut them where both processes take the same time; more go through one by one."""


def lint_in_two(sources: Iterable[Source], linter: Callable[[], Linter], *, forks: bool) -> Report:
    """Lint files as one history, in two processes if that is faster; what is found is the same.

    Args:
        sources: in order; all may be held at once.
        linter: starts a run, at most twice.
        forks: whether there may be a second process; see ``migrator.lint.forks.may_fork``.
    """
    remaining = iter(sources)
    held: list[Source] = []
    length = 0
    for source in remaining if forks else ():
        held.append(source)
        length += len(source.text)
        if length > _MOST_HELD:
            break
    if not forks or length > _MOST_HELD:
        return linter().run(chain(held, remaining))
    base = list(takewhile(lambda source: source.standing is Standing.BASE, held))
    files = held[len(base) :]
    cut = cut_of(files)
    if not cut:
        return linter().run(held)
    later = linter()
    later.walk(base)
    try:
        started = Fork(lambda pipe: pipe.write(_pickled(_found(later.walk(files[:cut])))))
    except OSError:
        return linter().run(held)  # there may be no more processes
    with started as child:
        later.walk(files[:cut], silent=True)
        later.walk(files[cut:])
        found = _answer(child)
    if found is None:
        return linter().run(held)
    report = later.end()
    findings, report_lines, waived = found
    report.findings[:0] = findings
    report.lines.update(report_lines)
    report.waived += waived
    return report


def cut_of(files: Sequence[Source], is_parsed: Callable[[str], bool] = native.knows) -> int:
    """How many of the files the first process looks at, so that both take the same time; 0: it is not worth it.

    Args:
        files: in order.
        is_parsed: whether the trees of a text are there.
    """
    costs = []
    for file in files:
        parsed = 0 if is_parsed(file.text) else _PARSED
        taken_in, looked_at = _TAKEN_IN + parsed, (_TAKEN_IN if file.standing is Standing.KNOWN else 1) + parsed
        costs.append((len(file.text) * taken_in, len(file.text) * looked_at))
    whole = sum(looked_at for _, looked_at in costs)
    earlier, later = 0.0, whole * (1 + _TOLD)
    for number, (file, (taken_in, looked_at)) in enumerate(zip(files, costs, strict=True)):
        if earlier >= later and not file.continues:
            return number if whole * (1 + _TOLD) - earlier > _LEAST_SAVED else 0
        earlier += looked_at
        later += taken_in - looked_at
    return 0


_Found = tuple[list[Finding], dict[tuple[str, int], str], int]


def _found(report: Report) -> _Found:
    return report.findings, report.lines, report.waived


def _pickled(found: _Found) -> bytes:
    import pickle  # only where there are many files

    return pickle.dumps(found, pickle.HIGHEST_PROTOCOL)


def _answer(child: Fork) -> _Found | None:
    """What it found; None if it died."""
    text = child.everything()
    if text is None:
        return None
    import pickle

    found: _Found = pickle.loads(text)  # noqa: S301 - it comes from a fork of this very process
    return found
