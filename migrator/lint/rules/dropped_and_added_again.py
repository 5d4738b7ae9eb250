"""DL009 dropped-and-added-again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from migrator.lint.catalog import TypeName, names_in, type_of
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.effects import object_name
from migrator.sql.parser import Statement, pb, unwrap


class DroppedAndAddedAgain(AlterTableRule):
    """A column is dropped and another of the same type added: most likely a rename that a tool did not recognise.

    Why it matters
        The values are gone. What compares models with a database writes a renamed column, or table, as a drop and an
        add; run like that, the new column is empty.

    What to do
        If it is a rename: migrator's `rename_column`, or ALTER TABLE … RENAME in the contract phase. If not: two
        releases, the drop in the contract phase.

    Seen where one file drops a column and adds exactly one of the same type to the same table, or drops a table or
    column and creates one of the same name. Quiet if the file writes the new column before the old one goes.

    Source
        Documentation of Alembic, "What does Autogenerate Detect (and what does it not detect?)".
    """

    code = "DL009"
    name = "dropped-and-added-again"
    severity = Severity.WARNING
    category = Category.DATA_LOSS
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.DATA,)
    kinds = ("drop_stmt",)
    subtypes = (pb.AT_DropColumn,)
    good = (
        Good("ALTER TABLE users ADD COLUMN age int;\nALTER TABLE users DROP COLUMN name;", phase=Phase.CONTRACT,
             earlier="CREATE TABLE users (name text);"),
        Good("ALTER TABLE users ADD COLUMN full_name text;\nUPDATE users SET full_name = name WHERE id < 100;\n"
             "ALTER TABLE users DROP COLUMN name;", earlier="CREATE TABLE users (id int, name text);"),
        Good("CREATE TABLE b (LIKE a);\nALTER TABLE b DROP COLUMN x, ADD COLUMN x bigint;",
             earlier="CREATE TABLE a (x int);"),
        Good("CREATE TABLE a (x int);\nDROP TABLE a;\nCREATE TABLE a (y int);"),
    )  # fmt: skip
    bad = (
        Bad(
            "ALTER TABLE users ADD COLUMN full_name text;\nALTER TABLE users DROP COLUMN name;",
            earlier="CREATE TABLE users (id int, name text);",
            fix="-- migrator new 'rename users.name' --sql 'ALTER TABLE users RENAME COLUMN name TO full_name'",
        ),
        Bad(
            "ALTER TABLE users DROP COLUMN total, ADD COLUMN total bigint;",
            earlier="CREATE TABLE users (a int, b int, total int);",
            fix="-- a column of another name, and the old one dropped in contract.sql",
        ),
        Bad(
            "DROP TABLE users;\nCREATE TABLE users (id bigint);",
            earlier="CREATE TABLE users (id int, name text);",
            fix="-- ALTER TABLE users, or a table of another name, and the old one dropped in contract.sql",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.remove_type != pb.OBJECT_TABLE:
            return
        for item in node.objects:
            parts = names_in(unwrap(item).items)
            again = next(context.following_of("create_stmt", table=parts[-1]), None)
            if again is not None and not context.name_is_new(parts):
                name = object_name(item)
                yield Problem(
                    f"{name} is dropped with its rows and created again without them",
                    why="all rows are gone; running code finds an empty table of another shape",
                    fix=f"-- ALTER TABLE {name}, or a table of another name, and the old one dropped in contract.sql",
                )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        column = action.command.name
        if action.is_new or context.all_new(action.table, (column,)):
            return
        added = list(_added(action, context))
        name = f"{action.relation}.{ident(column)}"
        if any(other == column for other, _ in added):
            yield Problem(
                f"{name} is dropped with its values and added again without them",
                why="all values are gone, and statements of the running version that write the column may fail",
                fix="-- a column of another name, and the old one dropped in contract.sql",
                span=context.span_of(column),
            )
            return
        known = action.column.type
        alike = [other for other, added_type in added if known is not None and added_type == known]
        if len(alike) != 1 or len(added) != 1:
            return
        if next(context.all_of("update_stmt", "merge_stmt", "create_trig_stmt"), None) is not None:
            return
        rename = f"ALTER TABLE {action.relation} RENAME COLUMN {ident(column)} TO {ident(alike[0])}"
        yield Problem(
            f"{name} is dropped and {ident(alike[0])} added: is this a rename?",
            why="the new column is empty, and the values of the old one are gone",
            fix=f"-- migrator new {shlex.quote(f'rename {name}')} --sql {shlex.quote(rename)}",
            span=context.span_of(column),
        )


def _added(action: Alteration, context: Context) -> Iterator[tuple[str, TypeName]]:
    """Columns that the file adds to the table."""
    relation = action.statement.node.relation
    for other in context.all_of("alter_table_stmt", table=relation.relname):
        for command in map(unwrap, other.node.cmds):
            if command.subtype == pb.AT_AddColumn:
                definition = unwrap(getattr(command, "def"))
                yield definition.colname, type_of(definition.type_name)
