"""AP003 release-uses-dropped."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.releases import Taken, taken
from migrator.lint.rule import Problem, ReportedOfRelease
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.parser import Statement


class ReleaseUsesDropped(ReportedOfRelease):
    """A table or column is dropped or renamed away that a release still uses, as its manifest says.

    Why it matters
        Statements of the release that name it fail from that moment. Before the deploy, and in a backfill, that is any
        release that runs. A contract waits until no release below its level runs: it breaks one at its level or above
        that uses the old shape all the same. A release below the level is a note: the contract waits for its end.

    What to do
        Take the column out of the models first: `legacy: Unmapped[str | None] = unmapped_column()` with SQLAlchemy
        2.1.5 or later, `__table__` with `exclude_properties` before; delete it from them once the contract has run.

    Reported by `migrator lint --manifest FILE` and the setting `manifests`; `migrator manifest MODULE:ATTR` writes the
    file. Quiet for names that the same file gives to something again. Not seen are views and functions in the database
    that use the column, what CASCADE and DROP OWNED take along, a name that a later file brings back, and what the
    manifest calls unseen. Phased operations of Alembic revisions are read as the contract that they make.

    Source
        Statements of mapped classes before and after DROP COLUMN, SQLAlchemy 2.0.58 and 2.1.9 on PostgreSQL 14 and 18.
    """

    code = "AP003"
    name = "release-uses-dropped"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES)
    kinds = ("alter_table_stmt", "drop_stmt", "rename_stmt", "alter_object_schema_stmt")

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        for each in taken(statement, context):
            problem = _problem(each, context)
            if problem is not None:
                yield problem


def _problem(each: Taken, context: Context) -> Problem | None:
    release, name, level, own = each.manifest.title, each.name, context.level, each.manifest.level
    uses = "still uses" if each.listed else "may use, in statements that take every column,"
    at = f", which the {context.phase}{f' of level {level}' if level else ''} takes away" if context.phase else ""
    message = f"{release} {uses} {name}{at or ', which this statement takes away'}"
    fix = f"-- first a release whose models leave {name} out: Unmapped[…] = unmapped_column(), or exclude_properties"
    if context.phase is Phase.ROLLBACK:
        if own is None or level is None or own >= level:
            return None
        why = f"a rollback waits for code at level {level} and above only, and this release says that it is below"
        return Problem(message, why=why, fix=f"-- the release needs level {level}: say so in its manifest")
    if context.phase is Phase.CONTRACT:
        if own is not None and level is not None and own < level:
            why = f"the contract waits until no code below level {level} runs"
            return Problem(message, why=why, severity=Severity.INFO)
        if own is None or level is None:
            why = "nothing shows that the contract waits for its end: level of release or migration is not known"
            return Problem(message, why=why, fix=fix)
        why = f"the contract runs once all code is at level {level} or above, as this release is, and breaks it"
        return Problem(message, why=why, fix=fix)
    return Problem(message, why="this runs before the deploy, and statements that name it fail from then on", fix=fix)
