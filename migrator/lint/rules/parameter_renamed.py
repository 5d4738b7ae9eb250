"""BC022 parameter-renamed."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.objects import routine_of
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, pb, unwrap


class ParameterRenamed(Rule):
    """A function is dropped and created again with other parameter names.

    Why it matters
        Calls that name their arguments, `f(amount => 1)`, fail from that moment; frameworks and generated clients
        make such calls.

    What to do
        Keep the names, or give the new function another name and drop the old one in the contract phase.

    Source
        PostgreSQL documentation, section 4.3.2 "Using Named Notation"; run on 15 and 18.
    """

    code = "BC022"
    name = "parameter-renamed"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES)
    phases = BEFORE_THE_DEPLOY
    kinds = ("drop_stmt",)
    good = (
        Good("DROP FUNCTION f(int);\nCREATE FUNCTION f(a int) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';",
             earlier="CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';"),
    )  # fmt: skip
    bad = (
        Bad(
            "DROP FUNCTION f(int);\nCREATE FUNCTION f(b int) RETURNS int LANGUAGE sql AS 'SELECT 1';",
            earlier="CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';",
            fix="-- keep the parameter names: (a), or give the new function another name",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node, catalog = statement.node, context.catalog
        if node.remove_type not in (pb.OBJECT_FUNCTION, pb.OBJECT_PROCEDURE, pb.OBJECT_ROUTINE):
            return
        for item in map(unwrap, node.objects):
            name = names_in(item.objname)[-1]
            for later in context.following_of("create_function_stmt"):
                if names_in(later.node.funcname)[-1] != name:
                    continue
                new = routine_of(later.node, catalog.file)
                old = next((known for known in catalog.routines.get(name, ()) if known.types == new.types), None)
                if old is not None and old.file != catalog.file and any(old.names) and old.names != new.names:
                    yield Problem(
                        f"calls of {ident(name)} that name its arguments fail",
                        why="a parameter has another name from now on, and PostgreSQL finds no such function",
                        fix=f"-- keep the parameter names: ({', '.join(old.names)}), or give the new function "
                        "another name",
                    )
                break
