"""``migrator new`` on a project of revisions: the changes as calls in a new revision."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from migrator.errors import MigratorError
from migrator.integrations.alembic.project import AlembicProject, translated
from migrator.planning.planner import Change

HEADER = re.compile(r"^depends_on\b.*$", re.MULTILINE)
"""The line of a revision under which its level is written."""
_IMPORT = re.compile(r"^(?:from alembic import op|(?:import|from) (?!__future__).*)$", re.MULTILINE)
_PHASED = "from migrator import alembic as phased"
_LEVEL = re.compile(r"^schema_level\b", re.MULTILINE)
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class WrittenRevision:
    """What was written.

    Attributes:
        id: of the revision.
        path: its file.
        level: its ``schema_level``.
    """

    id: str
    path: Path
    level: int


def write_revision(
    project: AlembicProject, title: str, changes: Sequence[Change], level_in_ledger: int
) -> WrittenRevision:
    """Write a revision on top of the head.

    Args:
        project: opened.
        title: its message.
        changes: what it does, in order.
        level_in_ledger: the highest level expanded anywhere that can be asked; its own is above it and above that of
            every revision.

    Raises:
        UsageError: there are several heads.
    """
    level = 1 + max(level_in_ledger, highest_level(project))
    upgrades = "\n    ".join(body_of(changes))
    with translated(project.file):
        from alembic.util import rev_id

        made = project.script.generate_revision(
            rev_id(),
            title,
            upgrades=upgrades,
            downgrades="phased.rollback()",
            imports=f"{_PHASED}\n",
        )
    if made is None or made.path is None:
        raise MigratorError("alembic wrote no revision")
    return finished(made.revision, Path(made.path), level)


def finished(revision: str, path: Path, level: int) -> WrittenRevision:
    """The file with its level in the header, and with the import that a template of the project's own may leave out."""
    text = path.read_text(encoding="utf-8")
    if "phased." in text and "import alembic as phased" not in text:
        text = _IMPORT.sub(lambda match: f"{match[0]}\n{_PHASED}", text, count=1)
    if not _LEVEL.search(text):
        text = HEADER.sub(lambda match: f"{match[0]}\nschema_level: int = {level}", text, count=1)
    path.write_text(text, encoding="utf-8")
    return WrittenRevision(revision, path, level)


def body_of(changes: Sequence[Change]) -> list[str]:
    """The lines of an ``upgrade`` that makes the changes, as one migration."""
    calls = [line for change in changes for line in call(change).split("\n")]
    return calls if len(changes) == 1 else ["with phased.together():", *(f"    {line}" for line in calls)]


def highest_level(project: AlembicProject) -> int:
    """The highest ``schema_level`` among all revisions; 0: none has one."""
    with translated(project.file):
        levels = [getattr(revision.module, "schema_level", None) for revision in project.script.walk_revisions()]
    return max((level for level in levels if isinstance(level, int)), default=0)


def call(change: Change) -> str:
    """A change as a call: ``phased.rename_column(table="users", …)``, on several lines where it is long."""
    table = change.as_table()
    kind = table.pop("kind")
    if table.get("schema") == "public":
        del table["schema"]
    arguments = [f"{name}={_literal(value)}" for name, value in table.items()]
    one_line = f"phased.{kind}({', '.join(arguments)})"
    if len(one_line) <= _WIDTH and "\n" not in one_line:
        return one_line
    return "\n".join([f"phased.{kind}(", *(f"    {argument}," for argument in arguments), ")"])


def _literal(value: object) -> str:
    if isinstance(value, str):
        quoted = repr(value)
        return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in value else quoted
    if isinstance(value, (list, tuple)):
        items = [_literal(each) for each in value]
        return f"({', '.join(items)},)" if items else "()"
    return repr(value)
