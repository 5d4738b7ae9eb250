"""BC008 check-rejects-writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from migrator.lint.catalog import Table, columns_proved_not_null, columns_read
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class CheckRejectsWrites(AlterTableRule):
    """A new CHECK, or a new NOT NULL constraint, before the deploy.

    Why it matters
        Running code that writes other values fails from that moment, also with NOT VALID; and so does any UPDATE of
        an old row that breaks the condition.

    What to do
        Release code that keeps the condition, repair the old rows, then add it in the contract phase.

    An error in `expand.sql`, where old code is certain to be running; a warning elsewhere, and where a trigger of the
    same file may repair what old code writes. Quiet for columns that the same file added, unless they are required and
    have neither default nor trigger: then it is an error, since running code cannot know them.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC008"
    name = "check-rejects-writes"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.WRITES,)
    phases = BEFORE_THE_DEPLOY
    subtypes = (pb.AT_AddConstraint,)
    good = (
        Good("ALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID;", phase=Phase.CONTRACT),
        Good("CREATE TABLE users (age int); ALTER TABLE users ADD CHECK (age >= 18);"),
        Good("ALTER TABLE users ADD COLUMN age int; ALTER TABLE users ADD CONSTRAINT a CHECK (age > 1) NOT VALID;"),
        Good(
            "ALTER TABLE users ADD COLUMN age int DEFAULT 1; ALTER TABLE users ADD CHECK (age IS NOT NULL) NOT VALID;"
        ),
        Good("ALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT ENFORCED;", pg_version=18),
    )
    bad = (
        Bad(
            "ALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID;",
            fix="-- contract.sql of a phased migration, when no code is left that breaks the condition:\n"
            "-- ALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID",
        ),
        Bad(
            "ALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID;",
            phase=Phase.EXPAND,
            fix="-- contract.sql of a phased migration, when no code is left that breaks the condition:\n"
            "-- ALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID",
        ),
        Bad(
            "ALTER TABLE users ADD COLUMN age int;\n"
            "ALTER TABLE users ADD CONSTRAINT aged CHECK (age IS NOT NULL) NOT VALID;",
            fix="-- contract.sql of a phased migration, when no code is left that breaks the condition:\n"
            "-- ALTER TABLE users ADD CONSTRAINT aged CHECK (age IS NOT NULL) NOT VALID",
        ),
        Bad(
            "ALTER TABLE users ADD CONSTRAINT named NOT NULL name NOT VALID;",
            pg_version=18,
            fix="-- contract.sql of a phased migration, when no code is left that breaks the condition:\n"
            "-- ALTER TABLE users ADD CONSTRAINT named NOT NULL name NOT VALID",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        constraint, table = action.definition, action.table
        if constraint.contype == pb.CONSTR_CHECK:
            columns = columns_read(constraint.raw_expr)
        elif constraint.contype == pb.CONSTR_NOTNULL:
            columns = tuple(item.string.sval for item in constraint.keys)
        else:
            return
        enforced = constraint.is_enforced or constraint.contype == pb.CONSTR_NOTNULL  # which is always
        if not enforced or action.is_new:
            return
        unknown = context.all_new(table, columns)
        repaired = context.repaired_by_trigger(table)
        if unknown and (repaired or not _required(constraint, table, columns)):
            return
        certain = unknown or (context.phase is Phase.EXPAND and not repaired)
        listed = ", ".join(map(ident, columns))
        yield Problem(
            f"running code does not know {listed} of {action.relation} and leaves it empty, which fails"
            if unknown
            else f"running code that breaks the new condition on {action.relation} fails",
            why="an INSERT or UPDATE of the running version that does not keep it is refused, also with NOT VALID",
            fix="-- contract.sql of a phased migration, when no code is left that breaks the condition:\n"
            f"-- ALTER TABLE {action.relation} ADD {' '.join(context.clause(constraint.location).split())}",
            lock=LockMode.ACCESS_EXCLUSIVE,
            severity=Severity.ERROR if certain else None,
            span=context.span_at(constraint.location),
        )


def _required(constraint: Any, table: Table, columns: Sequence[str]) -> bool:
    """Whether it refuses NULL in a column without a default, which is what code gives that does not know it."""
    proved = columns if constraint.contype == pb.CONSTR_NOTNULL else columns_proved_not_null(constraint.raw_expr)
    return any(not table.columns[name].has_default for name in proved if name in table.columns)
