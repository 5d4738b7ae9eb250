"""DL007 time-zone-dependent-change."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import type_of
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class TimeZoneDependentChange(AlterTableRule):
    """timestamp to timestamptz, or back, with the TimeZone of whoever runs it.

    Why it matters
        Every value is read as local time of the session that runs the migration. On a laptop in Berlin and a runner
        in UTC the same migration stores different times, without any error, and nothing tells later which it was.

    What to do
        Say what the values are: USING column AT TIME ZONE 'UTC' (which rewrites the table), or SET timezone = 'UTC'
        in the same file, which rewrites nothing.

    Known where a file tells the old type.

    Source
        PostgreSQL documentation, section 8.5.1.3 "Time Stamps"; run on 15.
    """

    code = "DL007"
    name = "time-zone-dependent-change"
    severity = Severity.ERROR
    category = Category.DATA_LOSS
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.REWRITE
    breaks = (Breaks.DATA,)
    subtypes = (pb.AT_AlterColumnType,)
    good = (
        Good("SET timezone = 'UTC';\nALTER TABLE t ALTER COLUMN a TYPE timestamptz;",
             earlier="CREATE TABLE t (a timestamp);"),
        Good("ALTER TABLE t ALTER COLUMN a TYPE timestamptz USING a AT TIME ZONE 'Europe/Berlin';",
             earlier="CREATE TABLE t (a timestamp);"),
        Good("ALTER TABLE t ALTER COLUMN a TYPE timestamptz(3);", earlier="CREATE TABLE t (a timestamptz);"),
    )  # fmt: skip
    bad = (
        Bad(
            "ALTER TABLE t ALTER COLUMN a TYPE timestamptz;",
            earlier="CREATE TABLE t (a timestamp);",
            phase=Phase.CONTRACT,
            fix="SET timezone = 'UTC';\nALTER TABLE t ALTER COLUMN a TYPE timestamptz;",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        old, new = action.column.type, type_of(action.definition.type_name)
        if old is None or action.is_new or {old.name, new.name} != {"timestamp", "timestamptz"}:
            return
        if "timezone" in context.settings or "at time zone" in " ".join(action.statement.text.lower().split()):
            return
        yield Problem(
            f"{action.relation}.{ident(action.command.name)} is converted by the TimeZone of whoever runs this",
            why="every value shifts by the offset of that session's zone, without any error",
            fix=f"SET timezone = 'UTC';\n{action.statement.text};",
            span=context.span_of(action.command.name),
        )
