"""BC021 overload-ambiguous."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.objects import Routine, routine_of
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement


class OverloadAmbiguous(Rule):
    """A new function makes calls of an existing one ambiguous.

    Why it matters
        Calls that leave out arguments with a default match both: PostgreSQL refuses them with "function … is not
        unique", and so does every query, trigger and view of the running version that makes them.

    What to do
        Give the new function another name, or replace the old one and its callers in the contract phase.

    Known where a file created the other function. Quiet if the same file dropped it before.

    Source
        PostgreSQL documentation, section 10.3 "Functions", step 4.e; run on 14 and 18.
    """

    code = "BC021"
    name = "overload-ambiguous"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES)
    phases = BEFORE_THE_DEPLOY
    kinds = ("create_function_stmt",)
    good = (
        Good("CREATE FUNCTION f(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT 1';",
             earlier="CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';"),
        Good("CREATE FUNCTION f(a text, b int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT 1';",
             earlier="CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';"),
        Good("DROP FUNCTION f(int);\n"
             "CREATE FUNCTION f(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT 1';",
             earlier="CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';"),
    )  # fmt: skip
    bad = (
        Bad(
            "CREATE FUNCTION f(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT 1';",
            earlier="CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';",
            fix="-- another name for the new function, or no DEFAULT where it would match calls of the old one",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        catalog = context.catalog
        name = names_in(statement.node.funcname)[-1]
        known = catalog.routines.get(name)
        if not known:
            return
        new = routine_of(statement.node, catalog.file)
        for old in known:
            if old.types == new.types or old.file == catalog.file or not (old.defaults or new.defaults):
                continue
            given = _ambiguous(old, new)
            if given is not None:
                yield Problem(
                    f"calls of {ident(name)} with {given} argument{'' if given == 1 else 's'} become ambiguous",
                    why="PostgreSQL refuses them with 'function is not unique', also those of the running version",
                    fix="-- another name for the new function, or no DEFAULT where it would match calls of the old one",
                )
                return


def _ambiguous(old: Routine, new: Routine) -> int | None:
    """The number of arguments with which a call fits both alike; None if there is none."""
    for given in range(max(old.least, new.least), min(len(old.types), len(new.types)) + 1):
        if old.types[:given] == new.types[:given]:
            return given
    return None
