"""An Alembic project: its configuration, its revisions, and running something in its ``env.py``."""

from __future__ import annotations

import contextlib
import logging
import os
import sysconfig
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

import migrator
from migrator.errors import DatabaseUnavailable, MigratorError, StatementFailed, UsageError
from migrator.integrations.alembic.database import database_at
from migrator.postgres.connect import Database


@dataclass(frozen=True, slots=True)
class AlembicProject:
    """An opened project.

    Attributes:
        config: of Alembic.
        script: its revisions.
        file: where the configuration is.
    """

    config: Config
    script: ScriptDirectory
    file: Path

    def connection(self) -> tuple[URL, tuple[str, ...]]:
        """The URL that ``env.py`` connects to, and the revisions that the database is at.

        Raises:
            DatabaseUnavailable: it cannot connect.
            UsageError: ``env.py`` fails, runs for several databases, or for another one than PostgreSQL.
        """
        found: list[tuple[URL, tuple[str, ...]]] = []

        def look(revision: Any, context: MigrationContext) -> list[Any]:
            del revision
            if context.connection is not None:
                found.append((context.connection.engine.url, context.get_current_heads()))
            return []

        with (
            translated(self.file),
            quiet(),
            EnvironmentContext(self.config, self.script, fn=look, dont_mutate=True),
        ):
            self.script.run_env()
        if len(found) > 1:
            raise UsageError(
                f"{self.file} migrates {len(found)} databases at once",
                hint="migrator works on one database: give each a configuration of its own",
            )
        if not found:
            raise UsageError("env.py runs no migrations online", at=str(self.file))
        url = found[0][0]
        if url.get_backend_name() != "postgresql":
            raise UsageError(f"env.py connects to {url.get_backend_name()}, not to PostgreSQL", at=str(self.file))
        return found[0]

    @property
    def folders(self) -> list[Path]:
        """Where its revisions are."""
        named = self.script.version_locations
        return [Path(each).absolute() for each in named] or [Path(self.script.dir).absolute() / "versions"]

    def database(self, command: str) -> Database:
        """Our own way to the database that ``env.py`` connects to; errors as of ``connection``."""
        return database_at(self.connection()[0], command)

    def revision(self, name: str) -> Script:
        """The revision with an id, the beginning of one, or in Alembic's words for it (``head``).

        Raises:
            UsageError: there is none, or several.
        """
        with translated(self.file):
            found = self.script.get_revision(name)
        if found is None:
            raise UsageError(f'no revision fits "{name}"', at=str(self.file))
        return found

    def pending(self, current: tuple[str, ...]) -> list[Script]:
        """Revisions that a database at ``current`` lacks, in the order in which Alembic runs them."""
        with translated(self.file):
            # What "alembic upgrade heads" goes by; there is no public name for it.
            steps = self.script._upgrade_revs("heads", current)  # type: ignore[arg-type]  # noqa: SLF001
            return [step.revision for step in steps]

    def ancestors(self, revision: str) -> set[str]:
        """Ids of the revisions that one builds on."""
        with translated(self.file):
            return {each.revision for each in self.script.iterate_revisions(revision, "base")} - {revision}

    def below(self, current: tuple[str, ...]) -> list[Script]:
        """Revisions that a database at ``current`` has, oldest first."""
        with translated(self.file):
            return list(reversed(list(self.script.iterate_revisions(current, "base")))) if current else []


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without what Alembic says of itself each time: nothing is run, it is only asked."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)


def open_project(file: Path) -> AlembicProject:
    """Read the configuration of Alembic.

    Raises:
        UsageError: it is not there, names no folder of revisions, or is one for several databases.
    """
    if not file.is_file():
        raise UsageError(f"there is no {file}", hint='alembic = "…" in the configuration of migrator names it')
    if file.suffix == ".toml":
        config = Config(toml_file=str(file))
    else:
        beside = file.with_name("pyproject.toml")
        config = Config(str(file), toml_file=str(beside) if beside.is_file() else None)
    with translated(file):
        script = ScriptDirectory.from_config(config)
    if config.get_main_option("databases"):
        raise UsageError(
            f"{file} is of Alembic's multidb template: one history for several databases",
            hint="migrator works on one database: give each a configuration of its own",
        )
    return AlembicProject(config, script, file)


@contextlib.contextmanager
def translated(file: Path, hint_if_env_fails: str | None = None) -> Iterator[None]:
    """Errors of Alembic and SQLAlchemy as ours; one of ours inside Alembic's comes out again.

    Args:
        file: Alembic's configuration.
        hint_if_env_fails: what to do about an error in ``env.py``.

    Raises:
        MigratorError: what a phased operation raised.
        DatabaseUnavailable: the connection failed.
        StatementFailed: the server refused a statement.
        UsageError: any other error of Alembic, or one in ``env.py``.
    """
    try:
        yield
    except MigratorError:
        raise
    except CommandError as error:
        if isinstance(error.__cause__, MigratorError):
            raise error.__cause__ from None
        hint = '"alembic merge heads" joins them in an empty revision' if "ultiple head" in str(error) else None
        raise UsageError(f"alembic: {error}", at=str(file), hint=hint) from None
    except DBAPIError as error:
        message = str(error.orig).strip().split("\n", 1)[0] if error.orig else str(error)
        if error.statement is None:
            raise DatabaseUnavailable("env.py cannot connect", detail=message) from None
        raise StatementFailed(
            message, detail=f"statement: {' '.join(error.statement.split())[:300]}", hint="nothing of it was committed"
        ) from None
    except Exception as error:
        place = _place_of_user(error)
        if place is None and not isinstance(error, _OF_ENV):
            raise
        path, line = place or ("env.py", 0)
        name = Path(path).name
        raise UsageError(
            f"{name} fails: {type(error).__name__}: {error}",
            at=f"{path}:{line}" if line else str(file),
            hint=hint_if_env_fails if name == "env.py" else None,
        ) from None


_OF_ENV = (ArgumentError, NoSuchModuleError, ImportError, KeyError, AttributeError, NameError)
"""What SQLAlchemy and Alembic raise for what an ``env.py`` gives them."""

_OURS = f"{Path(migrator.__file__).resolve().parent}{os.sep}"
_LIBRARIES = tuple(
    f"{Path(sysconfig.get_path(each)).resolve()}{os.sep}" for each in ("stdlib", "platstdlib", "purelib", "platlib")
)


def _place_of_user(error: Exception) -> tuple[str, int] | None:
    """File and line, of those that are the user's, where an error came up; None: in none of them."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 1
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = str(Path(frame.filename).resolve())
        if path.startswith(_OURS):
            return None
        if frame.filename[:1] != "<" and not path.startswith(_LIBRARIES):
            return frame.filename, frame.lineno or 1
    return None
