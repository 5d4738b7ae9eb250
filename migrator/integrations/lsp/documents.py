"""A document of an editor, linted as the file that it will be: with the earlier files of its folder as history."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path

from msgspec.structs import replace

from migrator.config import Project
from migrator.execution.phase_lint import with_objections
from migrator.integrations.sqlalchemy.file import read as read_manifest
from migrator.lint import baseline
from migrator.lint.dialects.engine import lint_dialect
from migrator.lint.engine import lint
from migrator.lint.fixing import fix, overlaid
from migrator.lint.parts import parts_of
from migrator.lint.report import Report
from migrator.lint.selection import select
from migrator.lint.sizes import Sizes, thresholds
from migrator.lint.sizes import read as read_stats
from migrator.lint.sources import Source, Standing, base_of, of_bytes, read, with_levels
from migrator.model.finding import Finding
from migrator.sql.parser import Statement


@dataclass(frozen=True, slots=True)
class Document:
    """A text and where it will be saved.

    Attributes:
        path: absolute; need not exist.
        text: as in the editor.
        project: whose configuration is in force.
        opened: by absolute path, the texts of other open documents, saved or not.
    """

    path: Path
    text: str
    project: Project
    opened: Mapping[Path, str]

    @property
    def name(self) -> str:
        """Its path as seen from the project, as in findings."""
        return os.path.relpath(self.path, self.project.root)


def check(document: Document, today: date) -> list[Finding]:
    """What lint finds in a document.

    Raises:
        UsageError: the configuration or the history is broken.
    """
    report = _report(document, {}, today)
    return [finding for finding in report.findings if finding.file == document.name]


def all_fixed(document: Document, today: date) -> str:
    """The document with every safe fix in it.

    Raises:
        UsageError: the configuration or the history is broken.
    """
    data = _bytes(document.text)

    def own(files: Mapping[str, bytes]) -> Report:
        report = _report(document, files, today)
        report.findings = [finding for finding in report.findings if finding.file == document.name]
        return report

    result = fix(own, lambda _name: data)
    after = result.after.get(document.name)
    return document.text if after is None else after.decode()


def statement_at(document: Document, offset: int) -> Statement | None:
    """The statement that a character of the document is in, or just behind; None if there is none."""
    source = next((each for each in _history(document) if each.name == document.name), None)
    for part in parts_of(source) if source is not None else ():
        if part.source.name != document.name:
            continue
        for statement in part.script.statements:
            start = part.source.offset + statement.offset
            if start <= offset <= start + len(statement.text):
                return statement
    return None


def _report(document: Document, files: Mapping[str, bytes], today: date) -> Report:
    project = document.project
    settings = project.settings.lint
    selection = select(settings.select, settings.ignore, settings.severity, settings.per_file_ignores, settings.dialect)
    sources = with_objections(overlaid(chain(_base(project), _history(document)), files))
    if settings.dialect != "postgresql":
        report = lint_dialect(sources, selection, settings.dialect, today=today)
    else:
        sizes = _sizes(project, today)
        paths = [project.root / name for name in settings.manifests]
        manifests = [read_manifest(path) for path in paths if path.is_file()]
        report = lint(sources, selection, pg_version=settings.pg_version, today=today, sizes=sizes, manifests=manifests)
    known = project.root / settings.baseline if settings.baseline else None
    if known is not None and known.is_file():
        baseline.leave_out(report, baseline.read(known.read_text(encoding="utf-8"), str(known)))
    return report


def _base(project: Project) -> Iterator[Source]:
    """The schema that is there already, if the configuration names a file of it that is there."""
    settings = project.settings.lint
    file = project.root / settings.base
    if settings.base and settings.dialect == "postgresql" and file.is_file():
        yield base_of(str(file), file.read_bytes())


def _sizes(project: Project, today: date) -> Sizes | None:
    """What the statistics of the configuration say, if they are there."""
    settings = project.settings.lint
    file = project.root / settings.stats
    if not settings.stats or not file.is_file():
        return None
    return Sizes(read_stats(file.read_bytes(), str(file)), thresholds(settings.sizes), today)


def _history(document: Document) -> Iterator[Source]:
    """The files before the document, which are known, and the document; later ones do not count."""
    seen = False
    for source in with_levels(_files(document)) if document.project.settings.lint.manifests else _files(document):
        path = Path(source.name).absolute()
        name = os.path.relpath(path, document.project.root)
        if path == document.path:
            seen = True
            yield _with_text(replace(source, name=name), document.text)
            break
        text = document.opened.get(path)
        known = replace(source, name=name, standing=Standing.KNOWN)
        yield known if text is None else _with_text(known, text)
    if not seen:
        yield of_bytes(document.name, _bytes(document.text))


def _files(document: Document) -> Iterator[Source]:
    folder = document.project.migrations
    if folder.is_dir() and document.path.is_relative_to(folder.absolute()):
        yield from read([folder.absolute()])
    elif document.path.is_file():
        yield from read([document.path])


def _with_text(source: Source, text: str) -> Source:
    return replace(source, text=of_bytes(source.name, _bytes(text)).text, unreadable=None)


def _bytes(text: str) -> bytes:
    """An editor may hold half a character; it stands for one."""
    return text.encode(errors="replace")
