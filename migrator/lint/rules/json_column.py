"""PO001 json-column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.lint.catalog import type_of
from migrator.lint.context import Alteration, Context
from migrator.lint.repairs import Fixable, retyped
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, pb, unwrap


class JsonColumn(AlterTableRule):
    """A column of type json (opt-in).

    Why it matters
        json has no equality: SELECT DISTINCT, GROUP BY and UNION over the column fail, and it cannot be indexed.

    What to do
        jsonb, unless the text has to be kept to the letter.

    Source
        PostgreSQL documentation, section 8.14 "JSON Types".
    """

    code = "PO001"
    name = "json-column"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS,)
    fixable = Fixable.SAFE
    opt_in = True
    kinds = ("create_stmt",)
    subtypes = (pb.AT_AddColumn,)
    good = (Good("CREATE TABLE users (settings jsonb);"),)
    bad = (
        Bad("CREATE TABLE users (id int, settings json);", fix="-- settings jsonb"),
        Bad("ALTER TABLE users ADD COLUMN settings json;", fix="-- settings jsonb"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        for element in map(unwrap, statement.node.table_elts):
            if isinstance(element, pb.ColumnDef) and element.HasField("type_name"):
                yield from self._column(element, context)

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        yield from self._column(action.definition, context)

    @staticmethod
    def _column(column: Any, context: Context) -> Iterator[Problem]:
        if type_of(column.type_name).name == "json":
            name = ident(column.colname)
            yield Problem(
                f"column {name} is json, which cannot be compared",
                why="SELECT DISTINCT, GROUP BY and UNION over the column fail",
                fix=f"-- {name} jsonb",
                span=context.span_at(column.location),
                repair=retyped(context, column, "jsonb"),
            )
