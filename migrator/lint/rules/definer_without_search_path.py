"""PO028 definer-without-search-path."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, unwrap


class DefinerWithoutSearchPath(Rule):
    """A SECURITY DEFINER function without a search_path of its own (opt-in).

    Why it matters
        It runs with the rights of its owner, but finds tables and operators where the caller's search_path points:
        whoever may create objects in a schema of that path can run code as the owner.

    What to do
        SET search_path = the schemas it needs, with pg_temp last, in CREATE FUNCTION.

    Source
        PostgreSQL documentation, CREATE FUNCTION, "Writing SECURITY DEFINER Functions Safely".
    """

    code = "PO028"
    name = "definer-without-search-path"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("create_function_stmt",)
    good = (
        Good("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';"),
        Good("CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = app, pg_temp "
             "AS 'SELECT 1';"),
    )  # fmt: skip
    bad = (
        Bad(
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';",
            fix="-- … SECURITY DEFINER SET search_path = public, pg_temp …",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        definer = fixed = False
        for option in map(unwrap, statement.node.options):
            if option.defname == "security":
                definer = unwrap(option.arg).boolval
            elif option.defname == "set":
                fixed = fixed or unwrap(option.arg).name == "search_path"
        if definer and not fixed:
            name = ident(names_in(statement.node.funcname)[-1])
            yield Problem(
                f"function {name} runs as its owner with the caller's search_path",
                why="a caller who may create objects can make it run code as the owner",
                fix="-- … SECURITY DEFINER SET search_path = public, pg_temp …",
            )
