"""DL004 lossy-type-change."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import type_of
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.lint.type_changes import loses_data
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class LossyTypeChange(AlterTableRule):
    """A column changes to a type that cannot hold all its values.

    Why it matters
        Values are cut, rounded or refused: the change fails in production on a row that no test has, or it succeeds
        and the difference is gone. There is no way back.

    What to do
        Keep the old column until the values of the new one have been compared with it.

    Known where this file or an earlier one tells the old type.

    Source
        PostgreSQL documentation, chapter 8 "Data Types"; casts run on 15 and 18.
    """

    code = "DL004"
    name = "lossy-type-change"
    severity = Severity.WARNING
    category = Category.DATA_LOSS
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.REWRITE
    breaks = (Breaks.DATA, Breaks.MIGRATION)
    subtypes = (pb.AT_AlterColumnType,)
    good = (
        Good("ALTER TABLE t ALTER COLUMN a TYPE varchar(20);", earlier="CREATE TABLE t (a varchar(10));"),
        Good("ALTER TABLE t ALTER COLUMN a TYPE varchar(20);"),
    )
    bad = (
        Bad(
            "ALTER TABLE t ALTER COLUMN a TYPE varchar(10);",
            earlier="CREATE TABLE t (a varchar(20));",
            fix="-- a new column beside the old one, filled in batches; compare the two before the old one goes",
        ),
        Bad(
            "ALTER TABLE t ALTER COLUMN a TYPE date USING a::date;",
            earlier="CREATE TABLE t (a timestamptz);",
            fix="-- a new column beside the old one, filled in batches; compare the two before the old one goes",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        old, new = action.column.type, type_of(action.definition.type_name)
        if old is None or action.is_new or not loses_data(old, new):
            return
        yield Problem(
            f"{new.title} cannot hold all values of {action.relation}.{ident(action.command.name)}, a {old.title}",
            why="values are cut, rounded or refused, and there is no way back",
            fix="-- a new column beside the old one, filled in batches; compare the two before the old one goes",
            lock=LockMode.ACCESS_EXCLUSIVE,
            span=context.span_of(action.command.name),
        )
