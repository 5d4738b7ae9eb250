"""BC012 drop-object."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.objects import CREATE_OBJECTS, created_name, parts_of_object
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, pb, unwrap

_WORDS = {
    pb.OBJECT_FUNCTION: "function",
    pb.OBJECT_PROCEDURE: "procedure",
    pb.OBJECT_ROUTINE: "routine",
    pb.OBJECT_AGGREGATE: "aggregate",
    pb.OBJECT_SEQUENCE: "sequence",
    pb.OBJECT_TYPE: "type",
    pb.OBJECT_DOMAIN: "domain",
    pb.OBJECT_EXTENSION: "extension",
}


class DropObject(Rule):
    """A function, sequence, type or extension is dropped while code that uses it may be running.

    Why it matters
        Every call, every nextval and every cast of the running version that names it fails from that moment.

    What to do
        Release code that does not use it, then drop it in the contract phase.

    Quiet if the same file creates something of that name, before or after, or gave it by renaming; expected in
    `contract.sql` and `rollback.sql`.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC012"
    name = "drop-object"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES, Breaks.PREPARED)
    phases = BEFORE_THE_DEPLOY
    kinds = ("drop_stmt",)
    good = (
        Good("DROP FUNCTION total(int);", phase=Phase.CONTRACT),
        Good("DROP FUNCTION total(int); CREATE FUNCTION total(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';"),
        Good("CREATE TYPE mood AS ENUM ('a'); DROP TYPE mood;"),
        Good("DROP TRIGGER t ON users;"),
        Good(
            "CREATE TYPE mood_new AS ENUM ('a'); ALTER TYPE mood RENAME TO mood_old; "
            "ALTER TYPE mood_new RENAME TO mood; DROP TYPE mood_old;"
        ),
    )
    bad = (
        Bad(
            "DROP FUNCTION total(int);",
            fix="-- contract.sql of a phased migration, when no code is left that uses it:\n"
            "-- DROP FUNCTION total(int)",
        ),
        Bad(
            "DROP TYPE app.mood;",
            fix="-- contract.sql of a phased migration, when no code is left that uses it:\n-- DROP TYPE app.mood",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        words = _WORDS.get(statement.node.remove_type)
        if words is None:
            return
        created = {created_name(other.node) for other in context.all_of(*CREATE_OBJECTS)}
        renamed = context.earlier_of("rename_stmt")
        created |= {other.node.newname for other in renamed if other.node.rename_type in _WORDS}
        names = [parts_of_object(unwrap(item)) for item in statement.node.objects]
        used = [".".join(map(ident, parts)) for parts in names if parts[-1] not in created]
        if used:
            yield Problem(
                f"dropping {words} {', '.join(used)} breaks running code that uses it",
                why="statements of the running version that name it fail from that moment",
                fix="-- contract.sql of a phased migration, when no code is left that uses it:\n"
                f"-- {' '.join(statement.text.split())}",
            )
