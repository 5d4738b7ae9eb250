"""BC006 default-dropped-too-early."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class DefaultDroppedTooEarly(AlterTableRule):
    """The default (or identity) of a NOT NULL column is dropped while old code may rely on it.

    Why it matters
        Code that leaves the column out of its INSERTs fails from that moment. ADD COLUMN … NOT NULL DEFAULT followed
        by DROP DEFAULT, as several frameworks write it, breaks the running version at once.

    What to do
        Keep the default until no old code is left, then drop it in the contract phase.

    Quiet for a nullable column; a warning where no file tells whether the column is NOT NULL.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC006"
    name = "default-dropped-too-early"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.WRITES,)
    phases = BEFORE_THE_DEPLOY
    subtypes = (pb.AT_ColumnDefault, pb.AT_DropIdentity)
    good = (
        Good("ALTER TABLE users ALTER COLUMN age SET DEFAULT 1;"),
        Good("ALTER TABLE users ALTER COLUMN age DROP DEFAULT;", earlier="CREATE TABLE users (age int DEFAULT 1);"),
        Good("ALTER TABLE users ALTER COLUMN age DROP DEFAULT;", phase=Phase.CONTRACT),
        Good("CREATE TABLE users (age int NOT NULL DEFAULT 1); ALTER TABLE users ALTER COLUMN age DROP DEFAULT;"),
    )
    bad = (
        Bad(
            "ALTER TABLE users ADD COLUMN age int NOT NULL DEFAULT 1;\n"
            "ALTER TABLE users ALTER COLUMN age DROP DEFAULT;",
            fix="-- contract.sql of a phased migration, when no code is left that relies on it:\n"
            "-- ALTER TABLE users ALTER COLUMN age DROP DEFAULT",
        ),
        Bad(
            "ALTER TABLE users ALTER COLUMN age DROP DEFAULT;",
            fix="-- contract.sql of a phased migration, when no code is left that relies on it:\n"
            "-- ALTER TABLE users ALTER COLUMN age DROP DEFAULT",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        dropped = action.command.subtype == pb.AT_DropIdentity or not action.command.HasField("def")
        column = action.column
        if not dropped or action.is_new or column.not_null is False or column.has_default is False:
            return
        name = ident(action.command.name)
        what = "IDENTITY" if action.command.subtype == pb.AT_DropIdentity else "DEFAULT"
        known = column.not_null is True
        yield Problem(
            f"inserts of running code that leave out {action.relation}.{name} "
            + ("fail" if known else "fail if it is NOT NULL, and store NULL if not"),
            why="the running version relies on the default of a column that it does not know or does not fill",
            fix="-- contract.sql of a phased migration, when no code is left that relies on it:\n"
            f"-- ALTER TABLE {action.relation} ALTER COLUMN {name} DROP {what}",
            lock=LockMode.ACCESS_EXCLUSIVE,
            severity=None if known else Severity.WARNING,
            span=context.span_of(action.command.name),
        )
