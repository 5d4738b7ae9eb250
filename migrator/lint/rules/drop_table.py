"""BC002 drop-table."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, moved
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.effects import object_name
from migrator.sql.parser import Statement, pb, unwrap

_WORDS = {
    pb.OBJECT_TABLE: "table",
    pb.OBJECT_VIEW: "view",
    pb.OBJECT_MATVIEW: "materialized view",
    pb.OBJECT_FOREIGN_TABLE: "foreign table",
}


class DropTable(Rule):
    """A table or view is dropped while code that uses it may be running.

    Why it matters
        Every statement of the running version that names it fails from that moment. The rows are gone. Tables that
        reference it, or that it references, are locked as well.

    What to do
        Release code that does not use it, then drop it in the contract phase. A view may be replaced in the same
        transaction: DROP VIEW and CREATE VIEW under the same name in one file is not reported.

    Expected in `contract.sql` and `rollback.sql`; quiet for what the same file created.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC002"
    name = "drop-table"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.READS, Breaks.WRITES, Breaks.PREPARED, Breaks.DATA)
    fixable = Fixable.UNSAFE
    phases = BEFORE_THE_DEPLOY
    kinds = ("drop_stmt",)
    good = (
        Good("DROP TABLE users;", phase=Phase.CONTRACT),
        Good("CREATE TEMP TABLE scratch (a int); DROP TABLE scratch;"),
        Good("BEGIN; DROP VIEW totals; CREATE VIEW totals AS SELECT 1 AS a, 2 AS b; COMMIT;"),
        Good("DROP INDEX CONCURRENTLY users_email;"),
    )
    bad = (
        Bad(
            "DROP TABLE IF EXISTS users;",
            fix="-- contract.sql of a phased migration, when no code is left that uses it:\n"
            "-- DROP TABLE IF EXISTS users",
        ),
        Bad(
            "DROP VIEW app.totals;",
            phase=Phase.EXPAND,
            fix="-- contract.sql of a phased migration, when no code is left that uses it:\n-- DROP VIEW app.totals",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        words = _WORDS.get(node.remove_type)
        if words is None:
            return
        replaced = {(view.node.view.schemaname, view.node.view.relname) for view in context.following_of("view_stmt")}
        used = []
        for item in node.objects:
            parts = names_in(unwrap(item).items)
            key = (parts[-2] if len(parts) > 1 else "", parts[-1])
            if not context.name_is_new(parts) and key not in replaced:
                used.append(object_name(item))
        if used:
            yield Problem(
                f"dropping {words} {', '.join(used)} breaks running code that uses it",
                why="statements of the running version that name it fail from that moment, and its rows are gone",
                fix="-- contract.sql of a phased migration, when no code is left that uses it:\n"
                f"-- {' '.join(statement.text.split())}",
                lock=LockMode.ACCESS_EXCLUSIVE,
                repair=moved(f"drop {', '.join(used)}", context),
            )
