"""BC019 default-changed."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class DefaultChanged(AlterTableRule):
    """The default of a column that is in use is changed, or dropped where NULL is allowed.

    Why it matters
        Nothing fails. Rows that the running version inserts without the column get the new value, or NULL, which it
        may not expect; rows that are there keep the old one.

    What to do
        Release code that gives the value itself, or that can deal with both, then change the default.

    A note. Quiet where no file gave the column a default, and for columns and tables that the same file created; a
    default dropped from a NOT NULL column is BC006.

    Source
        PostgreSQL documentation, ALTER TABLE, "SET/DROP DEFAULT"; run on 15 and 18.
    """

    code = "BC019"
    name = "default-changed"
    severity = Severity.INFO
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.DATA,)
    phases = BEFORE_THE_DEPLOY
    subtypes = (pb.AT_ColumnDefault,)
    good = (
        Good("ALTER TABLE users ALTER COLUMN mood SET DEFAULT 'calm';", earlier="CREATE TABLE users (mood text);"),
        Good("ALTER TABLE users ADD COLUMN mood text DEFAULT 'a';\nALTER TABLE users ALTER COLUMN mood DROP DEFAULT;"),
    )
    bad = (
        Bad(
            "ALTER TABLE users ALTER COLUMN mood SET DEFAULT 'calm';",
            earlier="CREATE TABLE users (mood text DEFAULT 'good');",
            fix="-- after code that gives the value itself, or can deal with both",
        ),
        Bad(
            "ALTER TABLE users ALTER COLUMN mood DROP DEFAULT;",
            earlier="CREATE TABLE users (mood text DEFAULT 'good');",
            fix="-- after code that gives the value itself, or can deal with both",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        column, sets = action.column, action.command.HasField("def")
        if action.is_new or not column.has_default or context.all_new(action.table, (column.name,)):
            return
        if not sets and column.not_null:
            return
        name = f"{action.relation}.{ident(column.name)}"
        yield Problem(
            f"rows that running code inserts without {name} get {'another value' if sets else 'NULL'}",
            why="the running version may not expect the new value, and old rows keep the old one",
            fix="-- after code that gives the value itself, or can deal with both",
            span=context.span_of(column.name),
        )
