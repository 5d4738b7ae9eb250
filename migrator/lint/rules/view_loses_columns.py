"""BC020 view-loses-columns."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.objects import view_of
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.effects import object_name
from migrator.sql.parser import Statement, pb, unwrap


class ViewLosesColumns(Rule):
    """A view is dropped and created again without columns that it had.

    Why it matters
        Every statement of the running version that names one of them fails from that moment. Privileges on the view
        are gone as well, unless the file grants them again.

    What to do
        Keep the old columns and add the new ones behind them: CREATE OR REPLACE VIEW does that in place. Or create a
        second view, and drop the old one in the contract phase.

    Known where a file tells the columns of the old view and of the new one.

    Source
        PostgreSQL documentation, CREATE VIEW; run on 14 and 18.
    """

    code = "BC020"
    name = "view-loses-columns"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.READS, Breaks.WRITES, Breaks.PREPARED)
    phases = BEFORE_THE_DEPLOY
    kinds = ("drop_stmt",)
    good = (
        Good("DROP VIEW v;\nCREATE VIEW v AS SELECT a, b, c FROM t;", earlier="CREATE VIEW v AS SELECT a, b FROM t;"),
        Good("DROP VIEW v;\nCREATE VIEW v (a, b) AS SELECT x, y FROM t;",
             earlier="CREATE VIEW v AS SELECT a, b FROM t;"),
        Good("DROP VIEW v;\nCREATE VIEW v AS SELECT a FROM t;", earlier="CREATE VIEW v AS SELECT a, b FROM t;",
             phase=Phase.CONTRACT),
    )  # fmt: skip
    bad = (
        Bad(
            "DROP VIEW v;\nCREATE VIEW v AS SELECT a, c AS d FROM t;",
            earlier="CREATE VIEW v AS SELECT a, b FROM t;",
            fix="-- keep b in the view until no code is left that reads it, or create a view under a new name "
            "beside it",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node, catalog = statement.node, context.catalog
        if node.remove_type != pb.OBJECT_VIEW:
            return
        for item in node.objects:
            parts = names_in(unwrap(item).items)
            key = catalog.resolve(parts[-2] if len(parts) > 1 else "", parts[-1])
            old = catalog.views.get(key)
            if old is None or not old.columns or old.file == catalog.file:
                continue
            for later in context.following_of("view_stmt"):
                if later.node.view.relname != parts[-1]:
                    continue
                new = view_of(catalog, later.node.aliases, later.node.query, catalog.file)
                lost = [name for name in old.columns if new.columns and name not in new.columns]
                if lost:
                    names = ", ".join(map(ident, lost))
                    yield Problem(
                        f"view {object_name(item)} loses {names}",
                        why="statements of the running version that name these columns fail from that moment",
                        fix=f"-- keep {names} in the view until no code is left that reads it, or create a view under "
                        "a new name beside it",
                    )
                break
