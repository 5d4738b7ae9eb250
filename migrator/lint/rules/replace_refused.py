"""RB004 replace-refused."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.objects import routine_of, view_of
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement


class ReplaceRefused(Rule):
    """CREATE OR REPLACE that PostgreSQL refuses: a view without a column it had, a function with another signature.

    Why it matters
        "cannot drop columns from view", "cannot change name of view column", "cannot change name of input parameter"
        or "cannot change return type of existing function": the migration stops there, in the middle of a deploy.

    What to do
        A view: keep its columns in their order and add new ones behind them. A function: keep names and result, or
        create it under another name. To drop and create it breaks the running version instead.

    Known where a file created the old one.

    Source
        PostgreSQL documentation, CREATE VIEW and CREATE FUNCTION; run on 14 and 18.
    """

    code = "RB004"
    name = "replace-refused"
    severity = Severity.ERROR
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    kinds = ("view_stmt", "create_function_stmt")
    good = (
        Good("CREATE OR REPLACE VIEW v AS SELECT a, b, c FROM t;", earlier="CREATE VIEW v AS SELECT a, b FROM t;"),
        Good("DROP VIEW v;\nCREATE OR REPLACE VIEW v AS SELECT b FROM t;", phase=Phase.CONTRACT,
             earlier="CREATE VIEW v AS SELECT a, b FROM t;"),
        Good("CREATE OR REPLACE FUNCTION f(a int, b int) RETURNS text LANGUAGE sql AS 'SELECT 1';",
             earlier="CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';"),
    )  # fmt: skip
    bad = (
        Bad(
            "CREATE OR REPLACE VIEW v AS SELECT a, c FROM t;",
            earlier="CREATE VIEW v AS SELECT a, b FROM t;",
            fix="-- the old columns first, in their order: a, b; new ones behind them",
        ),
        Bad(
            "CREATE OR REPLACE FUNCTION f(b int) RETURNS int LANGUAGE sql AS 'SELECT 1';",
            earlier="CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';",
            fix="-- the old parameter names and result: (a) RETURNS int4; or another name for the new function",
        ),
        Bad(
            "CREATE OR REPLACE FUNCTION f(a int) RETURNS bigint LANGUAGE sql AS 'SELECT 1';",
            earlier="CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';",
            fix="-- the old parameter names and result: (a) RETURNS int4; or another name for the new function",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node, catalog = statement.node, context.catalog
        if not node.replace:
            return
        if statement.kind == "view_stmt":
            old = catalog.views.get(catalog.resolve(node.view.schemaname, node.view.relname))
            if old is None or not old.columns:
                return
            new = view_of(catalog, node.aliases, node.query, catalog.file)
            if new.columns and new.columns[: len(old.columns)] != old.columns:
                yield Problem(
                    f"view {relation_name(node.view)} cannot be replaced by one with other columns",
                    why="PostgreSQL refuses to drop or rename a column of a view, and the migration stops here",
                    fix=f"-- the old columns first, in their order: {', '.join(map(ident, old.columns))}; new ones "
                    "behind them",
                )
            return
        known = catalog.routines.get(names_in(node.funcname)[-1])
        if not known:
            return
        routine = routine_of(node, catalog.file)
        for other in known:
            renamed = any(old and old != new for old, new in zip(other.names, routine.names, strict=False))
            if other.types == routine.types and (renamed or other.returns != routine.returns):
                yield Problem(
                    f"function {ident(names_in(node.funcname)[-1])} cannot be replaced by one of another signature",
                    why="PostgreSQL refuses to change the result or the parameter names, and the migration stops here",
                    fix=f"-- the old parameter names and result: ({', '.join(other.names)}) RETURNS {other.returns}; "
                    "or another name for the new function",
                )
