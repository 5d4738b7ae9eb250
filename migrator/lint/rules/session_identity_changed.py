"""PO048 session-identity-changed."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import Statement


class SessionIdentityChanged(Rule):
    """SET ROLE or SET SESSION AUTHORIZATION (opt-in).

    Why it matters
        Who owns what the migration creates depends on it, and later files run as that role if the session goes on.

    What to do
        Run migrations as the owner; migrator has a setting `role` for that.

    Source
        PostgreSQL documentation, SET ROLE.
    """

    code = "PO048"
    name = "session-identity-changed"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("variable_set_stmt",)
    good = (Good("SET lock_timeout = '2s';"),)
    bad = (Bad("SET ROLE owner;", fix="-- the role in the configuration of whoever runs this"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        if statement.node.name.lower() in ("role", "session_authorization") and statement.node.args:
            yield Problem(
                "what comes after this belongs to another role",
                why="ownership depends on it, and so do later files if the session goes on",
                fix="-- the role in the configuration of whoever runs this",
            )
