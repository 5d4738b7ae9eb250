"""BC017 row-security-without-policy."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import pb


class RowSecurityWithoutPolicy(AlterTableRule):
    """ENABLE ROW LEVEL SECURITY before there is a policy.

    Why it matters
        Everybody but the owner sees no rows and may insert none, without any error on reading.

    What to do
        Create the policies first, in the same transaction.

    Quiet if a CREATE POLICY on the table stands in the same file, or the file created the table.

    Source
        PostgreSQL documentation, section 5.9 "Row Security Policies"; run on 15 and 18.
    """

    code = "BC017"
    name = "row-security-without-policy"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.READS, Breaks.WRITES)
    phases = BEFORE_THE_DEPLOY
    subtypes = (pb.AT_EnableRowSecurity,)
    good = (
        Good("CREATE POLICY own ON users USING (true); ALTER TABLE users ENABLE ROW LEVEL SECURITY;"),
        Good("CREATE TABLE users (id int); ALTER TABLE users ENABLE ROW LEVEL SECURITY;"),
    )
    bad = (
        Bad(
            "ALTER TABLE users ENABLE ROW LEVEL SECURITY;",
            fix="-- first: CREATE POLICY … ON users …\n-- then: ALTER TABLE users ENABLE ROW LEVEL SECURITY",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        name = action.statement.node.relation.relname
        has_policy = any(other.node.table.relname == name for other in context.all_of("create_policy_stmt"))
        if not action.is_new and not has_policy:
            yield Problem(
                f"rows of {action.relation} vanish for everybody but the owner until there is a policy",
                why="the running version reads no rows, without any error, and its INSERTs are refused",
                fix=f"-- first: CREATE POLICY … ON {action.relation} …\n"
                f"-- then: ALTER TABLE {action.relation} ENABLE ROW LEVEL SECURITY",
                lock=LockMode.ACCESS_EXCLUSIVE,
            )
