"""BC023 trigger-rejects-writes."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement


class TriggerRejectsWrites(Rule):
    """A trigger whose function raises an exception, on a table that is in use.

    Why it matters
        Writes of the running version that it objects to fail from that moment.

    What to do
        Release code that keeps to the rule, then create the trigger in the contract phase. Until then a trigger may
        count what it would have refused.

    Known where a file created the function. Quiet for tables that the same file created.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC023"
    name = "trigger-rejects-writes"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.SHARE_ROW_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.WRITES,)
    phases = BEFORE_THE_DEPLOY
    kinds = ("create_trig_stmt",)
    good = (
        Good("CREATE TRIGGER sync BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f();",
             earlier="CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"),
        Good("CREATE TRIGGER sync BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f();"),
    )  # fmt: skip
    bad = (
        Bad(
            "CREATE TRIGGER adults BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f();",
            earlier="CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS\n"
            "'BEGIN IF NEW.age < 18 THEN RAISE EXCEPTION ''too young''; END IF; RETURN NEW; END';",
            fix="-- contract.sql of a phased migration, when no code is left that it would refuse:\n"
            "-- CREATE TRIGGER adults BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f()",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        known = context.catalog.routines.get(names_in(node.funcname)[-1], ())
        if context.is_new(node.relation) or not any(routine.raises and not routine.types for routine in known):
            return
        yield Problem(
            f"trigger {ident(node.trigname)} refuses writes of running code to {relation_name(node.relation)}",
            why="its function raises an exception, and the statement of the running version fails",
            fix="-- contract.sql of a phased migration, when no code is left that it would refuse:\n"
            f"-- {' '.join(statement.text.split())}",
        )
