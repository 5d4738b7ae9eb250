"""PO041 inheritance-column."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import pb


class InheritanceColumn(AlterTableRule):
    """A column called type is added to a table in use (opt-in).

    Why it matters
        Object mappers, Rails above all, take it for the class of the row: old code makes the wrong one, or fails.

    What to do
        kind, category or the like.

    Source
        Documentation of Active Record, "Single Table Inheritance".
    """

    code = "PO041"
    name = "inheritance-column"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    subtypes = (pb.AT_AddColumn,)
    good = (
        Good("ALTER TABLE t ADD COLUMN kind text;"),
        Good("CREATE TABLE t (a int); ALTER TABLE t ADD COLUMN type text;"),
    )
    bad = (Bad("ALTER TABLE t ADD COLUMN type text;", fix="-- kind"),)

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        if action.definition.colname == "type" and not action.is_new:
            yield Problem(
                f"object mappers may take {action.relation}.type for the class of the row",
                why="the running version may instantiate the wrong class",
                fix="-- kind",
                span=context.span_at(action.definition.location),
            )
