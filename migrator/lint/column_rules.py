"""A rule over every column that a statement makes or retypes, wherever it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from msgspec.structs import replace

from migrator.lint.catalog import TypeName, type_of
from migrator.lint.context import Alteration, Context
from migrator.lint.repairs import Repair, retyped
from migrator.lint.rule import AlterTableRule, Problem
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, pb, unwrap


class ColumnRule(AlterTableRule):
    """Asks ``check_column`` about each column of CREATE TABLE, ADD COLUMN and ALTER COLUMN … TYPE."""

    kinds = ("create_stmt",)
    subtypes: ClassVar[tuple[int, ...]] = (pb.AT_AddColumn, pb.AT_AlterColumnType)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        for element in map(unwrap, statement.node.table_elts):
            if isinstance(element, pb.ColumnDef) and element.HasField("type_name"):
                yield from self.check_column(element, element.colname, context)

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        yield from self.check_column(action.definition, action.definition.colname or action.command.name, context)

    def check_column(self, column: Any, name: str, context: Context) -> Iterator[Problem]:
        """Problems of one ``ColumnDef``, whose own name is empty in ALTER COLUMN … TYPE."""
        raise NotImplementedError


class TypeRule(ColumnRule):
    """Reports columns of certain types, as one of a team's own conventions.

    Attributes:
        why: what speaks against the type.
        instead: the type to use, as SQL or words.
        written_as: the type that ``--fix`` writes instead; empty: none.
        remark: if that does not mean the same, what is different.
    """

    opt_in = True
    why: ClassVar[str]
    instead: ClassVar[str]
    written_as: ClassVar[str] = ""
    remark: ClassVar[str] = ""

    def is_meant(self, written: TypeName, column: Any) -> bool:
        """Whether a column of this type is to be reported."""
        raise NotImplementedError

    def check_column(self, column: Any, name: str, context: Context) -> Iterator[Problem]:
        """See ``ColumnRule.check_column``."""
        written = type_of(column.type_name)
        if self.is_meant(written, column):
            yield Problem(
                f"column {ident(name)} is {context.clause(column.type_name.location).split('(')[0].split()[0].lower()}",
                why=self.why,
                fix=f"-- {ident(name)} {self.instead}",
                span=context.span_at(column.type_name.location),
                repair=self.repair(column, context),
            )

    def repair(self, column: Any, context: Context) -> Repair | None:
        """The column with the other type, where it is made."""
        rewrite = retyped(context, column, self.written_as) if self.written_as else None
        return replace(rewrite, remark=self.remark) if rewrite else None
