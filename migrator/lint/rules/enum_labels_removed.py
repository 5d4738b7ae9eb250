"""DL006 enum-labels-removed."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import type_of
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident, literal
from migrator.sql.parser import pb


class EnumLabelsRemoved(AlterTableRule):
    """A column moves to an enum that lacks labels of its old one.

    Why it matters
        Rows with a missing label make the change fail in production; a USING with CASE turns them into something else
        for good. Running code that writes a missing label fails from that moment, and a rollback does not bring the
        labels back.

    What to do
        PostgreSQL cannot remove a label, and need not: stop writing it and leave it in the type. If it has to go,
        migrator's `drop_enum_value` puts a column of a type without it beside each column, fills them in batches, and
        lets all change places once no old code is left.

    Known where files created both types and the column.

    Source
        PostgreSQL documentation, section 8.7.4 "Implementation Details"; run on 15 and 18.
    """

    code = "DL006"
    name = "enum-labels-removed"
    severity = Severity.ERROR
    category = Category.DATA_LOSS
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.REWRITE
    breaks = (Breaks.DATA, Breaks.WRITES, Breaks.MIGRATION)
    subtypes = (pb.AT_AlterColumnType,)
    good = (
        Good("ALTER TABLE t ALTER COLUMN a TYPE wide USING a::text::wide;",
             earlier="CREATE TYPE mood AS ENUM ('x', 'y'); CREATE TYPE wide AS ENUM ('x', 'y', 'z');\n"
             "CREATE TABLE t (a mood);"),
    )  # fmt: skip
    bad = (
        Bad(
            "ALTER TABLE t ALTER COLUMN a TYPE small USING a::text::small;",
            earlier="CREATE TYPE mood AS ENUM ('x', 'y'); CREATE TYPE small AS ENUM ('x');\nCREATE TABLE t (a mood);",
            fix="-- keep 'y' in the type and stop writing it",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        old, enums = action.column.type, context.catalog.enums
        new = type_of(action.definition.type_name)
        before, after = enums.get(old.name) if old else None, enums.get(new.name)
        if action.is_new or before is None or after is None:
            return
        lost = ", ".join(literal(label) for label in before if label not in after)
        if lost:
            yield Problem(
                f"{action.relation}.{ident(action.command.name)} loses the label{'s' if ',' in lost else ''} {lost}",
                why="rows with such a label make the change fail, or become something else for good; running code that "
                "writes it fails",
                fix=f"-- keep {lost} in the type and stop writing it",
                span=context.span_of(action.command.name),
            )
