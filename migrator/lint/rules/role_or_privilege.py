"""PO031 role-or-privilege."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import Statement


class RoleOrPrivilege(Rule):
    """Roles, memberships or privileges are changed in a migration (opt-in).

    Why it matters
        Roles belong to the whole server and often to other people; whoever runs migrations would need rights to make
        them, up to superuser.

    What to do
        Keep them where servers are configured.

    Source
        PostgreSQL documentation, chapter 22 "Database Roles".
    """

    code = "PO031"
    name = "role-or-privilege"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = (
        "create_role_stmt", "alter_role_stmt", "drop_role_stmt", "grant_role_stmt", "grant_stmt", "reassign_owned_stmt",
        "drop_owned_stmt", "alter_default_privileges_stmt",
    )  # fmt: skip
    good = (Good("ALTER TABLE users ADD COLUMN a int;"),)
    bad = (
        Bad("CREATE ROLE app LOGIN SUPERUSER;", fix="-- where roles of the server are managed"),
        Bad("GRANT SELECT ON users TO app;", fix="-- where roles of the server are managed"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the kind counts
        """See ``Rule.check``."""
        yield Problem(
            f"roles or privileges change: {' '.join(statement.text.split()[:4])} …",
            why="who runs migrations would need the right to do that",
            fix="-- where roles of the server are managed",
        )
