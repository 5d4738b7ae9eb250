"""DL002 drop-cascade."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.repairs import Fixable, Repair, action_span, removal
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.parser import Statement, pb, unwrap

_WHY = "views, foreign keys, functions, columns and more that depend on it go with it, whatever they are when it runs"


class DropCascade(AlterTableRule):
    """DROP … CASCADE.

    Why it matters
        Everything that depends on the object is dropped with it, unseen: views, foreign keys of other tables, columns
        of a type, in a schema all its tables. What that is depends on the database it runs on.

    What to do
        Leave CASCADE out. PostgreSQL then lists what depends on the object: drop these by name, in the right order.

    Source
        PostgreSQL documentation, section 5.15 "Dependency Tracking".
    """

    code = "DL002"
    name = "drop-cascade"
    severity = Severity.ERROR
    category = Category.DATA_LOSS
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.READS, Breaks.WRITES, Breaks.DATA)
    fixable = Fixable.UNSAFE
    kinds = ("drop_stmt",)
    subtypes = (pb.AT_DropColumn, pb.AT_DropConstraint)
    good = (
        Good("ALTER TABLE users DROP COLUMN name;", phase=Phase.CONTRACT),
        Good("CREATE TEMP TABLE scratch (a int); DROP TABLE scratch CASCADE;"),
    )
    bad = (
        Bad("DROP TABLE users CASCADE;", phase=Phase.CONTRACT, fix="DROP TABLE users;"),
        Bad(
            "ALTER TABLE users DROP COLUMN name CASCADE;",
            phase=Phase.CONTRACT,
            fix="ALTER TABLE users DROP COLUMN name;",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.behavior != pb.DROP_CASCADE:
            return
        if node.remove_type == pb.OBJECT_TABLE and all(
            context.name_is_new(names_in(unwrap(item).items)) for item in node.objects
        ):
            return
        message = "CASCADE drops whatever depends on it, unseen"
        end = statement.offset + len(statement.text)
        yield Problem(message, _WHY, _without(statement), repair=_repair(statement, end, context))

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        if action.command.behavior == pb.DROP_CASCADE and not action.is_new:
            yield Problem(
                "CASCADE drops whatever depends on it, unseen",
                _WHY,
                _without(action.statement),
                LockMode.ACCESS_EXCLUSIVE,
                span=context.span_of(action.command.name),
                repair=_repair(action.statement, span[1], context) if (span := action_span(action)) else None,
            )


def _repair(statement: Statement, end: int, context: Context) -> Repair | None:
    """Without the word CASCADE, which ends the clause."""
    start = end - len("CASCADE")
    if statement.text[start - statement.offset : end - statement.offset].upper() != "CASCADE":
        return None
    return Repair((removal(context, (start, end)),), remark="it fails where something depends on it")


def _without(statement: Statement) -> str:
    return re.sub(r"\s+CASCADE\b", "", statement.text, flags=re.IGNORECASE) + ";"
