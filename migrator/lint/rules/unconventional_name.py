"""PO026 unconventional-name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, pb, unwrap


class UnconventionalName(Rule):
    """A table or column whose name has to be quoted (opt-in).

    Why it matters
        Whoever forgets the quotes does not find it; capitals, blanks and reserved words need them everywhere.

    What to do
        Lower-case words joined by underscores.

    Source
        PostgreSQL documentation, section 4.1.1 "Identifiers and Key Words".
    """

    code = "PO026"
    name = "unconventional-name"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("create_stmt", "alter_table_stmt", "rename_stmt", "view_stmt")
    good = (Good("CREATE TABLE user_names (full_name text);"),)
    bad = (
        Bad('CREATE TABLE "Users" (a int);', fix="-- users"),
        Bad('ALTER TABLE t ADD COLUMN "order" int;', fix="-- a name that is no key word"),
        Bad('CREATE TABLE t ("full name" text);', fix="-- full_name"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        for name in _named(statement):
            if str(ident(name)) != name:
                plain = re.sub(r"\W+", "_", name.lower()).strip("_")
                yield Problem(
                    f"{ident(name)} has to be quoted wherever it is used",
                    why="whoever forgets the quotes does not find it",
                    fix=f"-- {plain}" if plain != name else "-- a name that is no key word",
                )


def _named(statement: Statement) -> Iterator[str]:
    """Names that the statement gives to tables and columns."""
    node, kind = statement.node, statement.kind
    if kind == "create_stmt":
        yield node.relation.relname
        yield from (one.column_def.colname for one in node.table_elts if one.HasField("column_def"))
    elif kind == "alter_table_stmt":
        for command in map(unwrap, node.cmds):
            if command.subtype == pb.AT_AddColumn:
                yield unwrap(getattr(command, "def")).colname
    elif kind == "view_stmt":
        yield node.view.relname
    elif node.rename_type in (pb.OBJECT_TABLE, pb.OBJECT_VIEW, pb.OBJECT_COLUMN):
        yield node.newname
