"""BC024 rule-redirects-writes."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb


class RuleRedirectsWrites(Rule):
    """CREATE RULE … DO INSTEAD on a table that is in use.

    Why it matters
        Writes of the running version do something else from that moment, or nothing, without any error; RETURNING and
        COPY fail or go past it.

    What to do
        A trigger, which sees the rows; or other names for what shall behave otherwise. Rules on views are left alone.

    Source
        PostgreSQL documentation, section 39.7 "Rules Versus Triggers", and INSERT, COPY.
    """

    code = "BC024"
    name = "rule-redirects-writes"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.WRITES, Breaks.UPSERTS, Breaks.DATA)
    phases = BEFORE_THE_DEPLOY
    kinds = ("rule_stmt",)
    good = (
        Good('CREATE RULE "_RETURN" AS ON SELECT TO users DO INSTEAD SELECT 1 AS id;'),
        Good("CREATE RULE r AS ON INSERT TO v DO INSTEAD INSERT INTO t VALUES (NEW.a);",
             earlier="CREATE VIEW v AS SELECT a FROM t;"),
        Good("CREATE RULE r AS ON INSERT TO users DO ALSO NOTIFY users;"),
    )  # fmt: skip
    bad = (
        Bad(
            "CREATE RULE r AS ON DELETE TO users DO INSTEAD NOTHING;",
            fix="-- a trigger instead, created in contract.sql when no code is left that relies on the write",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node, catalog = statement.node, context.catalog
        on_view = catalog.resolve(node.relation.schemaname, node.relation.relname) in catalog.views
        if not node.instead or node.event == pb.CMD_SELECT or on_view or context.is_new(node.relation):
            return
        yield Problem(
            f"writes of running code to {relation_name(node.relation)} do something else from now on",
            why="the rule replaces the statement without any error, so that rows are not where the code expects them",
            fix="-- a trigger instead, created in contract.sql when no code is left that relies on the write",
        )
