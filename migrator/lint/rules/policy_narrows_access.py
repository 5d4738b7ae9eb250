"""BC026 policy-narrows-access."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb, unwrap


class PolicyNarrowsAccess(AlterTableRule):
    """A row security policy is dropped, changed or added as RESTRICTIVE, or row security is forced upon the owner.

    Why it matters
        Rows vanish for the running version, without any error on reading; its writes of such rows are refused.

    What to do
        Add permissive policies first, which only ever show more; narrow them in the contract phase.

    Quiet for tables that the same file created, and for a policy that the same file creates again.

    Source
        PostgreSQL documentation, section 5.9 "Row Security Policies"; run on 15 and 18.
    """

    code = "BC026"
    name = "policy-narrows-access"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.READS, Breaks.WRITES)
    phases = BEFORE_THE_DEPLOY
    kinds = ("create_policy_stmt", "alter_policy_stmt", "drop_stmt")
    subtypes = (pb.AT_ForceRowSecurity,)
    good = (
        Good("CREATE POLICY own ON users USING (owner = current_user);"),
        Good("BEGIN; DROP POLICY own ON users; CREATE POLICY own ON users USING (true); COMMIT;"),
        Good("CREATE TABLE users (a int); CREATE POLICY own ON users AS RESTRICTIVE USING (true);"),
        Good("DROP POLICY own ON users;", phase=Phase.CONTRACT),
        Good("ALTER POLICY own ON users RENAME TO mine;"),
    )
    bad = (
        Bad(
            "CREATE POLICY own ON users AS RESTRICTIVE USING (owner = current_user);",
            fix="-- contract.sql of a phased migration, when no code is left that needs the hidden rows:\n"
            "-- CREATE POLICY own ON users AS RESTRICTIVE USING (owner = current_user)",
        ),
        Bad(
            "DROP POLICY own ON users;",
            fix="-- contract.sql of a phased migration, when no code is left that needs the hidden rows:\n"
            "-- DROP POLICY own ON users",
        ),
        Bad(
            "ALTER TABLE users FORCE ROW LEVEL SECURITY;",
            fix="-- contract.sql of a phased migration, when no code is left that needs the hidden rows:\n"
            "-- ALTER TABLE users FORCE ROW LEVEL SECURITY",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node, kind = statement.node, statement.kind
        if kind == "drop_stmt":
            if node.remove_type != pb.OBJECT_POLICY:
                return
            *parts, policy = names_in(unwrap(node.objects[0]).items)
            if context.name_is_new(parts) or _created_again(policy, context):
                return
            message = f"dropping policy {ident(policy)} may hide rows of {ident(parts[-1])}"
        elif context.is_new(node.table) or (kind == "create_policy_stmt" and node.permissive):
            return
        elif kind == "create_policy_stmt":
            message = f"restrictive policy {ident(node.policy_name)} hides rows of {relation_name(node.table)}"
        else:
            message = f"changing policy {ident(node.policy_name)} may hide rows of {relation_name(node.table)}"
        yield _problem(message, statement)

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - not needed
        """See ``AlterTableRule.check_action``."""
        if not action.is_new:
            yield _problem(f"row security of {action.relation} binds its owner too from now on", action.statement)


def _problem(message: str, statement: Statement) -> Problem:
    return Problem(
        message,
        why="the running version reads fewer rows, without any error, and writes of them are refused",
        fix="-- contract.sql of a phased migration, when no code is left that needs the hidden rows:\n"
        f"-- {' '.join(statement.text.split())}",
    )


def _created_again(policy: str, context: Context) -> bool:
    return any(other.node.policy_name == policy for other in context.following_of("create_policy_stmt"))
