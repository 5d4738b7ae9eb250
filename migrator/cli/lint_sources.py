"""The files that ``migrator lint`` is given: named on the command line, of the project, or standard input."""

from __future__ import annotations

import os
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.errors import MigratorError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.config import Project
    from migrator.lint.ahead import Ahead
    from migrator.lint.sources import Source
    from migrator.model.phase import Phase

_MOST_HELD = 4_000_000
"""Characters that are read before the rules are loaded: more than are parsed while they are."""


class Read:
    """Reads the files: the first of them early, for the first run."""

    def __init__(
        self, paths: tuple[Path, ...], project: Project, phase: Phase | None, stdin: bytes, *, runs: bool
    ) -> None:
        self._anew = partial(_sources, paths, project, phase, stdin, runs=runs)
        self._begun: Iterator[Source] | None = None
        # what makes SQL of revisions is more than reading, and ends other processes
        self._plain = bool(paths or not project.keeps_revisions) and not any(map(_holds_revisions, paths))

    def sources(self) -> Iterator[Source]:
        """The files, in order, read one at a time."""
        begun, self._begun = self._begun, None
        return self._anew() if begun is None else begun

    def ahead(self, *, forks: bool) -> Ahead:
        """Read the first files for the next run, and have them parsed if there may be a process for it."""
        from migrator.lint.ahead import Ahead

        held: list[Source] = []
        if forks and self._plain:
            self._begun = chain(held, self._rest_behind(held))
        return Ahead([source.text for source in held], forks=forks)

    def _rest_behind(self, held: list[Source]) -> Iterator[Source]:
        """Fill a list with the first files; what is left, or the error in reading, which is said in its turn."""
        remaining, length = self._anew(), 0
        try:
            for source in remaining:
                held.append(source)
                length += len(source.text)
                if length > _MOST_HELD:
                    return remaining
        except MigratorError as error:
            return _raising(error)
        return iter(())


def _raising(error: MigratorError) -> Iterator[Source]:
    yield from ()
    raise error


def since(sources: Iterator[Source], reference: str) -> Iterator[Source]:
    """The same files with how they stand to a reference of git."""
    from migrator.integrations.git import changes_since
    from migrator.lint.sources import since as standing

    changes = changes_since(reference, Path.cwd())
    return standing(sources, added=changes.added, edited=changes.edited)


def _sources(
    paths: tuple[Path, ...], project: Project, phase: Phase | None, stdin: bytes, *, runs: bool
) -> Iterator[Source]:
    from migrator.errors import UsageError
    from migrator.lint.sources import of_bytes, read

    if not paths:
        if project.keeps_revisions:
            yield from _revisions((), project, runs=runs)
            return
        folder = project.migrations
        if not folder.is_dir():
            raise UsageError(
                f'nothing to lint: no path was given, and there is no folder "{folder}"',
                hint="migrator lint FILE, or migrator lint - for standard input",
            )
        paths = (Path(os.path.relpath(folder)),)
    elif not project.keeps_revisions and _are_inside(paths, project.migrations):
        yield from _with_those_before(paths, project.migrations, phase)
        return
    revisions = tuple(path for path in paths if _holds_revisions(path))
    if revisions:
        yield from _revisions(revisions, project, runs=runs)
    given: set[str] | None = set() if len(paths) > 1 else None
    for path in paths:
        if str(path) == "-":
            yield of_bytes("stdin", stdin, phase)
        elif path not in revisions:
            yield from read([path], phase, given)


def _are_inside(paths: tuple[Path, ...], folder: Path) -> bool:
    """Whether all paths are in a folder, and none is the folder itself."""
    resolved = folder.resolve()
    return resolved.is_dir() and all(resolved in path.resolve().parents and path.exists() for path in paths)


def _with_those_before(paths: tuple[Path, ...], folder: Path, phase: Phase | None) -> Iterator[Source]:
    """Files of the project, and as their history, of which nothing is said, those that come before the last of them."""
    from msgspec.structs import replace

    from migrator.lint.sources import Standing, read

    left = {path.resolve(): path for path in paths}
    given: set[str] = set()
    for source in read([Path(os.path.relpath(folder))]):
        file = Path(source.name).resolve()
        if os.path.abspath(source.name) in given:  # noqa: PTH100 - as ``read`` does
            continue
        named = [left.pop(each) for each in (file, *file.parents) if each in left]
        for path in named:
            yield from read([path], phase, given)
        if not left:
            return
        if not named:
            yield replace(source, standing=Standing.KNOWN)
    for path in left.values():
        yield from read([path], phase, given)


def _holds_revisions(path: Path) -> bool:
    """Whether a path is a revision of Alembic, its folder of them, or its script location."""
    if path.suffix == ".py":
        return True
    if not path.is_dir():
        return False
    # version_locations may be anywhere
    return any((each / "env.py").is_file() for each in (path, path.parent)) or any(
        b"down_revision" in file.read_bytes() for file in path.glob("*.py")
    )


def _revisions(paths: tuple[Path, ...], project: Project, *, runs: bool) -> Iterator[Source]:
    """The project's revisions; without paths all are reported, else those that are at or under one of them.

    Args:
        runs: whether their SQL is run as well.
    """
    from migrator.cli.options import alembic_project
    from migrator.errors import UsageError

    for path in paths:
        if not path.exists():
            raise UsageError(f'there is no file or folder "{path}"')
    opened = alembic_project(project)
    if opened is None:
        raise UsageError(
            f'"{paths[0]}" is of Alembic, and there is no alembic.ini in {project.root}',
            hint='alembic = "…" in the configuration of migrator names one elsewhere',
        )
    from migrator.integrations.alembic.capture import sources

    roots = [path.resolve() for path in paths]

    def wanted(file: Path) -> bool:
        resolved = file.resolve()
        return not roots or any(root == resolved or root in resolved.parents for root in roots)

    yield from sources(opened, wanted, runs=runs)
