"""PO037 rule-created."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement


class RuleCreated(Rule):
    """CREATE RULE (opt-in).

    Why it matters
        Rules rewrite queries: volatile expressions run twice, RETURNING and COPY behave differently, and hardly anybody
        expects them.

    What to do
        A trigger, or a view that is updatable by itself.

    Source
        PostgreSQL documentation, section 39.7 "Rules Versus Triggers".
    """

    code = "PO037"
    name = "rule-created"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = ()
    opt_in = True
    kinds = ("rule_stmt",)
    good = (Good("CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f();"),)
    bad = (Bad("CREATE RULE r AS ON INSERT TO users DO ALSO NOTIFY users;", fix="-- a trigger"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the kind counts
        """See ``Rule.check``."""
        yield Problem(
            f"rule {ident(statement.node.rulename)} rewrites queries",
            why="volatile expressions run twice, RETURNING and COPY behave differently",
            fix="-- a trigger",
        )
