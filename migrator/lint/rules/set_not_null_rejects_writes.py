"""BC007 set-not-null-rejects-writes."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.fixes import as_phases
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class SetNotNullRejectsWrites(AlterTableRule):
    """SET NOT NULL before the deploy.

    Why it matters
        Running code that writes NULL, or leaves out a column without a default, fails from that moment. A CHECK (…
        IS NOT NULL) does the same, also with NOT VALID.

    What to do
        Release code that always fills the column, fill the old rows, then require it in the contract phase.

    An error in `expand.sql`, where old code is certain to be running, and for a column that the same file adds with
    neither default nor trigger, which running code cannot know; a warning elsewhere, and where a trigger of the same
    file may repair what old code writes. Quiet where a CHECK, valid or not, refuses NULL already.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC007"
    name = "set-not-null-rejects-writes"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.SCAN
    breaks = (Breaks.WRITES,)
    phases = BEFORE_THE_DEPLOY
    subtypes = (pb.AT_SetNotNull,)
    good = (
        Good("ALTER TABLE users ALTER COLUMN email SET NOT NULL;", phase=Phase.CONTRACT),
        Good("CREATE TABLE users (email text); ALTER TABLE users ALTER COLUMN email SET NOT NULL;"),
        Good(
            "ALTER TABLE users ADD COLUMN age int; ALTER TABLE users ALTER COLUMN age SET DEFAULT 0; "
            "UPDATE users SET age = 0 WHERE id < 100; ALTER TABLE users ALTER COLUMN age SET NOT NULL;"
        ),
        Good("ALTER TABLE users ADD COLUMN n int GENERATED ALWAYS AS (1) STORED, ALTER COLUMN n SET NOT NULL;"),
        Good("ALTER TABLE users ALTER COLUMN email SET NOT NULL;", earlier="CREATE TABLE users (email text NOT NULL);"),
        Good(
            "ALTER TABLE users VALIDATE CONSTRAINT c; ALTER TABLE users ALTER COLUMN email SET NOT NULL;",
            earlier="ALTER TABLE users ADD CONSTRAINT c CHECK (email IS NOT NULL) NOT VALID;",
        ),
    )
    bad = (
        Bad(
            "ALTER TABLE users ADD COLUMN age int; UPDATE users SET age = 0 WHERE id < 100; "
            "ALTER TABLE users ALTER COLUMN age SET NOT NULL;",
            fix="-- migrator new 'require users.age' --sql 'ALTER TABLE users ALTER COLUMN age SET NOT NULL'\n"
            "-- puts it into contract.sql, which runs when no code is left that writes NULL",
        ),
        Bad(
            "ALTER TABLE users ALTER COLUMN email SET NOT NULL;",
            fix="-- migrator new 'require users.email' --sql 'ALTER TABLE users ALTER COLUMN email SET NOT NULL'\n"
            "-- puts it into contract.sql, which runs when no code is left that writes NULL",
        ),
        Bad(
            "ALTER TABLE users ALTER COLUMN email SET NOT NULL;",
            phase=Phase.EXPAND,
            fix="-- migrator new 'require users.email' --sql 'ALTER TABLE users ALTER COLUMN email SET NOT NULL'\n"
            "-- puts it into contract.sql, which runs when no code is left that writes NULL",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        column, table = action.command.name, action.table
        if action.is_new or action.column.not_null:
            return
        unknown, repaired = context.all_new(table, (column,)), context.repaired_by_trigger(table)
        if unknown and (action.column.has_default or repaired):
            return
        if any(column in constraint.proves_not_null for constraint in table.constraints.values()):
            return  # NOT VALID is about rows that exist: what is written is checked from the start
        certain = unknown or (context.phase is Phase.EXPAND and not repaired)
        name = ident(column)
        which = f"{action.relation}.{name}"
        yield Problem(
            f"running code does not know {which} and leaves it empty, which fails"
            if unknown
            else f"running code that leaves {which} empty fails",
            why="an INSERT or UPDATE of the running version that writes NULL, or leaves the column out, is refused",
            fix=as_phases(
                f"require {which}",
                action.statement,
                "puts it into contract.sql, which runs when no code is left that writes NULL",
            ),
            lock=LockMode.ACCESS_EXCLUSIVE,
            severity=Severity.ERROR if certain else None,
            span=context.span_of(column),
        )
