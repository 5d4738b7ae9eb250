"""BC003 rename-column."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.fixes import as_phases
from migrator.lint.repairs import Fixable, moved
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb


class RenameColumn(Rule):
    """A column is renamed while code that uses the old name may be running.

    Why it matters
        Old code fails from that moment, new code failed until then: no order of deploy and migration works.

    What to do
        Add a column of the new name, keep both equal by a trigger, fill the old rows in batches, release code that
        uses the new name, drop the old one: migrator writes these phases.

    Expected in `contract.sql` and `rollback.sql`; quiet for a table or column that the same file created.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC003"
    name = "rename-column"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.READS, Breaks.WRITES, Breaks.PREPARED)
    fixable = Fixable.UNSAFE
    phases = BEFORE_THE_DEPLOY
    kinds = ("rename_stmt",)
    good = (
        Good("ALTER TABLE users RENAME COLUMN name TO full_name;", phase=Phase.CONTRACT),
        Good("CREATE TABLE users (name text); ALTER TABLE users RENAME COLUMN name TO full_name;"),
        Good("ALTER INDEX users_name RENAME TO users_full_name;"),
        Good("ALTER TABLE users RENAME CONSTRAINT users_name_key TO users_full_name_key;"),
    )
    bad = (
        Bad(
            "ALTER TABLE users RENAME COLUMN name TO full_name;",
            fix="-- migrator new 'rename users.name' --sql 'ALTER TABLE users RENAME COLUMN name TO full_name'\n"
            "-- adds the new column, keeps both equal, and drops the old one when no code is left that uses it",
        ),
        Bad(
            "ALTER TABLE users RENAME -- the old\nCOLUMN name TO full_name;",
            phase=Phase.EXPAND,
            fix="-- migrator new 'rename users.name' --sql 'ALTER TABLE users RENAME COLUMN name TO full_name'\n"
            "-- adds the new column, keeps both equal, and drops the old one when no code is left that uses it",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.rename_type not in (pb.OBJECT_COLUMN, pb.OBJECT_ATTRIBUTE) or context.is_new(node.relation):
            return
        table = context.catalog.table(node.relation)
        if table is not None and context.all_new(table, (node.subname,)):
            return
        what = f"{relation_name(node.relation)}.{ident(node.subname)}"
        yield Problem(
            f"renaming {what} breaks running code that uses the old name",
            why="old code fails from that moment, new code failed until then: no order of deploying works",
            fix=as_phases(
                f"rename {what}",
                statement,
                "adds the new column, keeps both equal, and drops the old one when no code is left that uses it",
            ),
            repair=moved(f"rename {what}", context),
            lock=LockMode.ACCESS_EXCLUSIVE,
        )
