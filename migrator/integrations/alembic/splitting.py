"""``migrator new --from-revision``: what a revision does at once, in phases, in the same file.

The file keeps its name, its revision id and its place in the history: nothing that is built on it changes. So only a
revision that was not applied yet can be split; what ran is a fact.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from alembic.script import Script

from migrator.errors import Refused
from migrator.integrations.alembic.authoring import WrittenRevision, body_of, finished, highest_level
from migrator.integrations.alembic.capture import captured
from migrator.integrations.alembic.project import AlembicProject
from migrator.planning.planner import Change
from migrator.sql.parser import Script as SqlScript
from migrator.sql.parser import parse_script


def what_it_runs(project: AlembicProject, revision: Script, applied: Sequence[str] | None) -> SqlScript:
    """The SQL of its ``upgrade()``.

    Args:
        project: opened.
        revision: of it.
        applied: the revisions that the database is at; None: there is none to ask.

    Raises:
        Refused: it is applied, is phased already, does nothing, or needs an answer of the database.
    """
    path = Path(str(revision.path))
    if applied and revision.revision in {each.revision for each in project.below(tuple(applied))}:
        raise Refused(
            f"revision {revision.revision} is applied in this database: what ran cannot be split",
            at=str(path),
            hint='undo it there first with "alembic downgrade", or write what is left to do as a new migration',
        )
    found = captured(project, revision.revision)
    if found.phased:
        raise Refused(f"revision {revision.revision} is phased already", at=str(path))
    if found.stopped is not None:
        line, reason = found.stopped
        raise Refused(
            f"revision {revision.revision}: {reason}",
            at=f"{path}:{line}",
            hint="it asks the database, or fails without one: write that part as SQL, or as a revision of its own",
        )
    script = parse_script(found.sql, name=f"upgrade() of {revision.revision}")
    if not script.statements:
        raise Refused(f"upgrade() of {revision.revision} runs no SQL", at=str(path))
    return script


def split(
    project: AlembicProject, revision: Script, changes: Sequence[Change], level_in_ledger: int
) -> WrittenRevision:
    """Write the changes into the revision's file, in the place of what ``upgrade`` and ``downgrade`` do.

    Args:
        project: opened.
        revision: to be split.
        changes: what it does, in order.
        level_in_ledger: the highest level expanded anywhere that can be asked.

    Raises:
        Refused: ``upgrade`` or ``downgrade`` is not a plain function of the file.
    """
    path = Path(str(revision.path))
    own = getattr(revision.module, "schema_level", None)
    level = own if isinstance(own, int) else 1 + max(level_in_ledger, highest_level(project))
    text = path.read_text(encoding="utf-8")
    for name, lines in (("downgrade", ["phased.rollback()"]), ("upgrade", body_of(changes))):
        text = _with_body(text, name, lines, path)
    path.write_text(text, encoding="utf-8")
    return finished(revision.revision, path, level)


def _with_body(text: str, name: str, lines: Sequence[str], path: Path) -> str:
    """The source with another body for one function; its signature and docstring stay."""
    found = [each for each in ast.parse(text).body if isinstance(each, ast.FunctionDef) and each.name == name]
    if len(found) != 1:
        raise Refused(f"{name}() is not a function of this file", at=str(path))
    function = found[0]
    body = function.body
    if len(body) > 1 and ast.get_docstring(function) is not None:
        body = body[1:]
    rows = text.splitlines(keepends=True)
    first, last = body[0].lineno - 1, function.end_lineno or body[-1].lineno
    before = rows[:first]
    if function.body[0].lineno == function.lineno:  # def upgrade(): pass
        first = function.lineno - 1
        before = [*rows[:first], f"{rows[first].encode()[: body[0].col_offset].decode().rstrip()}\n"]
    return "".join([*before, *(f"    {line}\n" for line in lines), *rows[last:]])
