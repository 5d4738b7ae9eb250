"""BC001 drop-column."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.fixes import as_phases
from migrator.lint.repairs import Fixable, moved
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class DropColumn(AlterTableRule):
    """A column is dropped while code that uses it may be running.

    Why it matters
        Every SELECT, INSERT, UPDATE and COPY of the running version that names the column fails from that moment, and
        so do prepared `SELECT *`. The values are gone: a rollback of the code does not bring them back.

    What to do
        Release code that neither reads nor writes the column, then drop it in the contract phase, once the gate has
        shown that no older code is left.

    Expected in `contract.sql` and `rollback.sql`; quiet for a column or table that the same file created.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC001"
    name = "drop-column"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.READS, Breaks.WRITES, Breaks.PREPARED, Breaks.DATA)
    fixable = Fixable.UNSAFE
    phases = BEFORE_THE_DEPLOY
    subtypes = (pb.AT_DropColumn,)
    good = (
        Good("-- step: drop transaction=a\nALTER TABLE users DROP COLUMN name;", phase=Phase.CONTRACT),
        Good("ALTER TABLE users DROP COLUMN full_name;", phase=Phase.ROLLBACK),
        Good("CREATE TABLE users (id int, name text); ALTER TABLE users DROP COLUMN name;"),
        Good("ALTER TABLE users ADD COLUMN scratch int; ALTER TABLE users DROP COLUMN scratch;"),
        Good("ALTER TABLE users DROP COLUMN IF EXISTS name;", earlier="CREATE TABLE users (id int);"),
    )
    bad = (
        Bad(
            "ALTER TABLE users DROP COLUMN name;",
            fix="-- migrator new 'drop users.name' --sql 'ALTER TABLE users DROP COLUMN name'\n"
            "-- puts the drop into contract.sql, which runs when no code is left that uses the column",
        ),
        Bad(
            "ALTER TABLE users ADD COLUMN age int, DROP COLUMN IF EXISTS name;",
            phase=Phase.EXPAND,
            fix="-- migrator new 'drop users.name' --sql 'ALTER TABLE users ADD COLUMN age int, DROP COLUMN IF EXISTS name'\n"  # noqa: E501
            "-- puts the drop into contract.sql, which runs when no code is left that uses the column",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        column = action.command.name
        if action.is_new or context.all_new(action.table, (column,)):
            return
        if action.command.missing_ok and action.table.complete and column not in action.table.columns:
            return  # there is none
        yield Problem(
            f"dropping {action.relation}.{ident(column)} breaks running code that uses it",
            why="statements of the running version that name the column fail from that moment, and its values are gone",
            fix=as_phases(
                f"drop {action.relation}.{ident(column)}",
                action.statement,
                "puts the drop into contract.sql, which runs when no code is left that uses the column",
            ),
            repair=moved(f"drop {action.relation}.{ident(column)}", context),
            lock=LockMode.ACCESS_EXCLUSIVE,
            span=context.span_of(column),
        )
