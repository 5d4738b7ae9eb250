"""RB008 rollback-loses-data."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.effects import object_name
from migrator.sql.parser import Statement, pb, unwrap


class RollbackLosesData(AlterTableRule):
    """Going back drops what the new version wrote.

    Why it matters
        Whatever the new code wrote only into the new column or table is gone after the rollback.

    What to do
        Before the rollback, copy it to where old code finds it, or keep it aside: `CREATE TABLE … AS SELECT …`.
        migrator says how many rows that are, and needs `--yes`.

    A note, in `rollback.sql` only, where dropping is what is expected. Opt-in, since migrator says it when it matters.

    Source
        None needed.
    """

    code = "RB008"
    name = "rollback-loses-data"
    severity = Severity.INFO
    category = Category.ROLLBACK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.DATA,)
    opt_in = True
    phases = frozenset({Phase.ROLLBACK})
    kinds = ("drop_stmt",)
    subtypes = (pb.AT_DropColumn,)
    good = (
        Good("DROP TRIGGER sync ON users; DROP FUNCTION sync();", phase=Phase.ROLLBACK),
        Good("ALTER TABLE users DROP COLUMN name;", phase=Phase.CONTRACT),
    )
    bad = (
        Bad("ALTER TABLE users DROP COLUMN full_name;", phase=Phase.ROLLBACK,
            fix="-- before it, keep aside what only new code wrote: CREATE TABLE … AS SELECT …"),
        Bad("DROP TABLE invoices;", phase=Phase.ROLLBACK,
            fix="-- before it, keep aside what only new code wrote: CREATE TABLE … AS SELECT …"),
    )  # fmt: skip

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.remove_type != pb.OBJECT_TABLE:
            return
        for item in node.objects:
            if not context.name_is_new(names_in(unwrap(item).items)):
                yield _problem(object_name(item))

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - not needed
        """See ``AlterTableRule.check_action``."""
        if not action.is_new:
            yield _problem(f"{action.relation}.{ident(action.command.name)}")


def _problem(what: str) -> Problem:
    return Problem(
        f"what new code wrote into {what} is gone after the rollback",
        why="old code never sees it, and a second deploy does not bring it back",
        fix="-- before it, keep aside what only new code wrote: CREATE TABLE … AS SELECT …",
    )
