"""BC029 drop-role."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, unwrap


class DropRole(Rule):
    """A role is dropped while code that logs in as it, or relies on it, may be running.

    Why it matters
        New connections of the running version are refused; policies and grants for the role are gone.

    What to do
        Release code that uses another role, look for its sessions in pg_stat_activity, then drop it in the contract
        phase.

    Quiet if the same file created it.

    Source
        PostgreSQL documentation, section 22.4 "Dropping Roles".
    """

    code = "BC029"
    name = "drop-role"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES)
    phases = BEFORE_THE_DEPLOY
    kinds = ("drop_role_stmt",)
    good = (
        Good("DROP ROLE app;", phase=Phase.CONTRACT),
        Good("CREATE ROLE scratch; DROP ROLE scratch;"),
    )
    bad = (
        Bad(
            "DROP ROLE app;",
            fix="-- contract.sql of a phased migration, when nobody uses it:\n-- DROP ROLE app",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        made = {other.node.role for other in context.all_of("create_role_stmt")}
        names = [unwrap(item).rolename for item in statement.node.roles]
        used = [ident(name) for name in names if name not in made]
        if used:
            yield Problem(
                f"dropping role {', '.join(used)} breaks running code that logs in as it",
                why="new connections of the running version are refused",
                fix="-- contract.sql of a phased migration, when nobody uses it:\n"
                f"-- {' '.join(statement.text.split())}",
            )
