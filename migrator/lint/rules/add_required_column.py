"""BC005 add-required-column."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.definitions import column_of
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class AddRequiredColumn(AlterTableRule):
    """ADD COLUMN … NOT NULL without a default.

    Why it matters
        Every INSERT of the running version leaves the column out and fails. If the table has rows, the statement
        itself fails.

    What to do
        Give it a DEFAULT, and keep that until no old code is left; a constant default changes the catalog only. Or
        add it nullable, fill it, and require it in the contract phase.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC005"
    name = "add-required-column"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.WRITES, Breaks.MIGRATION)
    phases = BEFORE_THE_DEPLOY
    subtypes = (pb.AT_AddColumn,)
    good = (
        Good("ALTER TABLE users ADD COLUMN age int;"),
        Good("ALTER TABLE users ADD COLUMN age int NOT NULL DEFAULT 0;"),
        Good("CREATE TABLE users (id int); ALTER TABLE users ADD COLUMN age int NOT NULL;"),
    )
    bad = (
        Bad(
            "ALTER TABLE users ADD COLUMN age int NOT NULL;",
            fix="ALTER TABLE users ADD COLUMN age int;\n"
            "-- or with a default that stays until no old code is left: … NOT NULL DEFAULT …",
        ),
        Bad(
            "ALTER TABLE users ADD COLUMN IF NOT EXISTS age int NOT NULL CHECK (age > 0) NO INHERIT;",
            fix="ALTER TABLE users ADD COLUMN age int;\n"
            "-- or with a default that stays until no old code is left: … NOT NULL DEFAULT …",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        definition = action.definition
        if action.is_new or not definition.constraints:
            return
        column = column_of(definition, context.catalog.file)
        if not column.not_null or column.has_default:
            return
        name = ident(column.name)
        yield Problem(
            f"{action.relation}.{name} is NOT NULL without a default: inserts of running code fail",
            why="the running version leaves the column out of its INSERTs; in a table with rows ADD COLUMN fails too",
            fix=f"ALTER TABLE {action.relation} ADD COLUMN {name} {context.written_type(definition)};\n"
            "-- or with a default that stays until no old code is left: … NOT NULL DEFAULT …",
            lock=LockMode.ACCESS_EXCLUSIVE,
            span=context.span_at(definition.location),
        )
