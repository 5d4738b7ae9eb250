"""BC013 rename-object."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, pb

_FIX = "-- create the new one beside the old; in contract.sql, when no code is left that uses the old name, drop it"
_WORDS = {
    pb.OBJECT_FUNCTION: "function",
    pb.OBJECT_PROCEDURE: "procedure",
    pb.OBJECT_ROUTINE: "routine",
    pb.OBJECT_SEQUENCE: "sequence",
    pb.OBJECT_TYPE: "type",
    pb.OBJECT_DOMAIN: "domain",
    pb.OBJECT_SCHEMA: "schema",
    pb.OBJECT_ROLE: "role",
    pb.OBJECT_DATABASE: "database",
}


class RenameObject(Rule):
    """A function, sequence, type, schema or role is renamed while code that uses the old name may be running.

    Why it matters
        Every statement of the running version that uses the old name fails from that moment.

    What to do
        Keep both: create the new one beside the old, drop the old one in the contract phase. Renaming an index or a
        constraint is not reported: statements do not name them, but for ON CONFLICT ON CONSTRAINT.

    Expected in `contract.sql` and `rollback.sql`.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC013"
    name = "rename-object"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES, Breaks.PREPARED)
    phases = BEFORE_THE_DEPLOY
    kinds = ("rename_stmt",)
    good = (
        Good("ALTER INDEX users_name RENAME TO users_full_name;"),
        Good("ALTER SCHEMA app RENAME TO old_app;", phase=Phase.CONTRACT),
    )
    bad = (
        Bad(
            "ALTER FUNCTION total(int) RENAME TO sum_of;",
            fix=_FIX,
        ),
        Bad(
            "ALTER SCHEMA app RENAME TO old_app;",
            fix=_FIX,
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the kind matters
        """See ``Rule.check``."""
        words = _WORDS.get(statement.node.rename_type)
        if words is not None:
            yield Problem(
                f"renaming a {words} to {ident(statement.node.newname)} breaks running code that uses the old name",
                why="statements of the running version that use the old name fail from that moment",
                fix=_FIX,
            )
