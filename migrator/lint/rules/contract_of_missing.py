"""RB021 contract-of-missing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import qualified
from migrator.sql.parser import Statement, pb


class ContractOfMissing(AlterTableRule):
    """A contract names a column or constraint that nothing made.

    Why it matters
        The contract runs last, through the gate, when the new code is out everywhere. A name that is wrong there fails
        at that moment: the fence stands, and the old shape is still in the way.

    What to do
        Put what is missing into the expand of the same migration, or mend the name.

    Only tables are looked at whose every column is known: from the files, or from ``--base`` or ``--database``.
    Children by INHERITS and partitions, which get columns from their parents, are left alone, and constraints of names
    as the server gives them, and what a DO block of an earlier phase mentions: it may have made it.

    Source
        PostgreSQL documentation, ALTER TABLE: without IF EXISTS a missing name is an error; tried on 14 to 18.
    """

    code = "RB021"
    name = "contract-of-missing"
    severity = Severity.ERROR
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    phases = frozenset({Phase.CONTRACT})
    kinds = ("rename_stmt",)
    subtypes = (
        pb.AT_DropColumn, pb.AT_AlterColumnType, pb.AT_SetNotNull, pb.AT_DropNotNull, pb.AT_ColumnDefault,
        pb.AT_DropConstraint, pb.AT_ValidateConstraint,
    )  # fmt: skip
    good = (
        Good("ALTER TABLE users DROP COLUMN name;", phase=Phase.CONTRACT),
        Good("ALTER TABLE users DROP COLUMN name;", earlier="CREATE TABLE users (name text);", phase=Phase.CONTRACT),
        Good("ALTER TABLE u DROP COLUMN IF EXISTS b;", earlier="CREATE TABLE u (a text);", phase=Phase.CONTRACT),
        Good("ALTER TABLE u DROP COLUMN b;", earlier="CREATE TABLE u (a text);", phase=Phase.EXPAND),
        Good(
            "ALTER TABLE u ADD CONSTRAINT c CHECK (a > 0) NOT VALID;\nALTER TABLE u VALIDATE CONSTRAINT c;",
            earlier="CREATE TABLE u (a int);",
            phase=Phase.CONTRACT,
        ),
        Good(
            "ALTER TABLE child DROP COLUMN b;",
            earlier="CREATE TABLE p (a int);\nCREATE TABLE child () INHERITS (p);\nALTER TABLE p ADD COLUMN b int;",
            phase=Phase.CONTRACT,
        ),
    )
    bad = (
        Bad(
            "ALTER TABLE users DROP COLUMN nmae;",
            earlier="CREATE TABLE users (name text);",
            fix="-- columns of users: name",
            phase=Phase.CONTRACT,
        ),
        Bad(
            "ALTER TABLE users RENAME COLUMN full_name TO name;",
            earlier="CREATE TABLE users (title text);",
            fix="-- columns of users: title",
            phase=Phase.CONTRACT,
        ),
        Bad(
            "ALTER TABLE users VALIDATE CONSTRAINT positive;",
            earlier="CREATE TABLE users (a int CONSTRAINT above CHECK (a > 0));",
            fix="-- constraints of users: above",
            phase=Phase.CONTRACT,
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.missing_ok or node.rename_type not in (pb.OBJECT_COLUMN, pb.OBJECT_TABCONSTRAINT):
            return
        table = context.catalog.table(node.relation)
        if table is None or not table.complete or table.parent is not None:
            return
        is_column = node.rename_type == pb.OBJECT_COLUMN
        known = table.columns if is_column else table.constraints
        if node.subname not in known and not _may_be_there(node.subname, context, is_constraint=not is_column):
            yield _missing("column" if is_column else "constraint", node.subname, table.key, tuple(known))

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        table, command = action.table, action.command
        if not table.complete or table.parent is not None or command.missing_ok:
            return
        is_constraint = command.subtype in (pb.AT_DropConstraint, pb.AT_ValidateConstraint)
        known = table.constraints if is_constraint else table.columns
        if command.name not in known and not _may_be_there(command.name, context, is_constraint=is_constraint):
            yield _missing("constraint" if is_constraint else "column", command.name, table.key, tuple(known))


_GIVEN = re.compile(r"_(?:pkey|key|excl|check|fkey|not_null)[0-9]*\Z")


def _may_be_there(name: str, context: Context, *, is_constraint: bool) -> bool:
    """Whether PostgreSQL may have given a constraint its name, or a DO block made what is called so, unseen here."""
    if is_constraint and (_GIVEN.search(name) is not None or len(name.encode()) >= 63):
        return True
    return context.is_mentioned_before(name, in_block=True)


def _missing(what: str, name: str, table: tuple[str, str], known: tuple[str, ...]) -> Problem:
    schema, relation = table
    title = qualified(None if schema == "public" else schema, relation)
    listed = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
    return Problem(
        f"there is no {what} {name} on {title}",
        why="the statement fails when the contract runs, after the gate has let it through",
        fix=f"-- {what}s of {title}: {listed or 'none'}",
    )
