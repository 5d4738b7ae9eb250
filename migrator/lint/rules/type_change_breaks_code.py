"""BC011 type-change-breaks-code."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import type_of
from migrator.lint.context import Alteration, Context
from migrator.lint.repairs import Fixable, moved
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.lint.type_changes import seen_by_code
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import pb

_FIX = (
    "-- expand.sql: a column of the new type and a trigger that keeps both equal;\n"
    "-- contract.sql, when no code is left that needs the old type: the swap"
)


class TypeChangeBreaksCode(AlterTableRule):
    """The type of a column changes under running code.

    Why it matters
        Operators vanish (text = integer), longer values are refused, times shift, and prepared statements that read
        the column fail with "cached plan must not change result type".

    What to do
        A column of the new type beside the old one, kept equal by a trigger; the old one goes in the contract phase.

    An error where values or operators differ, a warning for a wider number. Quiet where the type stays in its family
    (varchar to text, numeric to a wider one), and where no file tells the old type (LK012 speaks then).

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC011"
    name = "type-change-breaks-code"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.REWRITE
    breaks = (Breaks.READS, Breaks.WRITES, Breaks.PREPARED)
    fixable = Fixable.UNSAFE
    phases = BEFORE_THE_DEPLOY
    subtypes = (pb.AT_AlterColumnType,)
    good = (
        Good("ALTER TABLE t ALTER COLUMN a TYPE text;", earlier="CREATE TABLE t (a varchar(10));"),
        Good("ALTER TABLE t ALTER COLUMN a TYPE numeric(12, 2);", earlier="CREATE TABLE t (a numeric(10, 2));"),
        Good("ALTER TABLE t ALTER COLUMN a TYPE text;", earlier="CREATE TABLE t (a int);", phase=Phase.CONTRACT),
    )
    bad = (
        Bad(
            "ALTER TABLE t ALTER COLUMN a TYPE text;",
            earlier="CREATE TABLE t (a int);",
            fix=_FIX,
        ),
        Bad(
            "ALTER TABLE t ALTER COLUMN a TYPE bigint;",
            earlier="CREATE TABLE t (a int);",
            fix=_FIX,
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        old, new = action.column.type, type_of(action.definition.type_name)
        if old is None or action.is_new or context.all_new(action.table, (action.command.name,)):
            return
        how = seen_by_code(old, new)
        if not how:
            return
        name = ident(action.command.name)
        yield Problem(
            f"running code expects {action.relation}.{name} to be {old.title}, not {new.title}",
            why="prepared statements that read the column fail once, and values beyond the old range surprise old code"
            if how == "wider"
            else "operators, accepted values and results differ for the running version; prepared statements fail",
            fix=_FIX,
            lock=LockMode.ACCESS_EXCLUSIVE,
            severity=Severity.WARNING if how == "wider" else None,
            span=context.span_of(action.command.name),
            repair=moved(f"change the type of {action.relation}.{name}", context),
        )
