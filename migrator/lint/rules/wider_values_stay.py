"""RB013 wider-values-stay."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import type_of
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.lint.type_changes import loses_data, seen_by_code
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class WiderValuesStay(AlterTableRule):
    """A column becomes wider without any work: old code may meet values that do not fit it.

    Why it matters
        Nothing fails at the change. But new code writes longer values, and after a rollback old code reads them: it
        may cut them, refuse them, or fail to store them elsewhere. To make the column narrow again rewrites the table
        and fails on such rows.

    What to do
        Release code that can read the wider values first; write them a release later.

    A note, where a file tells the old type. Opt-in: most applications do not care.

    Source
        PostgreSQL documentation, section 8.3 "Character Types".
    """

    code = "RB013"
    name = "wider-values-stay"
    severity = Severity.INFO
    category = Category.ROLLBACK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.AFTER_ROLLBACK,)
    opt_in = True
    phases = BEFORE_THE_DEPLOY
    subtypes = (pb.AT_AlterColumnType,)
    good = (
        Good("ALTER TABLE t ALTER COLUMN a TYPE varchar(10);", earlier="CREATE TABLE t (a varchar(10));"),
        Good("CREATE TABLE t (a varchar(9));\nALTER TABLE t ALTER COLUMN a TYPE text;"),
    )
    bad = (
        Bad(
            "ALTER TABLE t ALTER COLUMN a TYPE text;",
            earlier="CREATE TABLE t (a varchar(10));",
            fix="-- first release code that can read the wider values, then code that writes them",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        old, new = action.column.type, type_of(action.definition.type_name)
        if old is None or old == new or action.is_new or context.all_new(action.table, (action.command.name,)):
            return
        if seen_by_code(old, new) or loses_data(old, new) or not old.mods:
            return
        yield Problem(
            f"old code may meet values of {action.relation}.{ident(action.command.name)} that no {old.title} can hold",
            why="after a rollback of the code the wider values are still there",
            fix="-- first release code that can read the wider values, then code that writes them",
            span=context.span_of(action.command.name),
        )
