"""LK036 several-scans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.lint.catalog import type_of
from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.lint.type_changes import Work, work_of_unknown
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import effects_of, relation_name
from migrator.sql.parser import Statement, pb


class SeveralScans(Rule):
    """Two ALTER TABLE of one table that each read or rewrite it.

    Why it matters
        The table is read or written anew twice, and locked twice for as long.

    What to do
        One ALTER TABLE with both actions: PostgreSQL reads, or rewrites, the table once for all of them.

    A note: whether the single statements are harmful is what other rules say. Quiet for tables that the file created.

    Source
        PostgreSQL documentation, ALTER TABLE, "Notes".
    """

    code = "LK036"
    name = "several-scans"
    severity = Severity.INFO
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.SCAN
    breaks = ()
    kinds = ("alter_table_stmt",)
    good = (
        Good("ALTER TABLE t ALTER COLUMN a SET NOT NULL, ALTER COLUMN b SET NOT NULL;"),
        Good("ALTER TABLE t ALTER COLUMN a SET NOT NULL;\nALTER TABLE t ADD COLUMN c int;"),
        Good(
            "ALTER TABLE t ALTER COLUMN b SET NOT NULL;\nALTER TABLE t ALTER COLUMN a TYPE varchar(40);",
            earlier="CREATE TABLE t (a varchar(20), b int);",
        ),
        Good("ALTER TABLE t VALIDATE CONSTRAINT a;\nALTER TABLE t VALIDATE CONSTRAINT b;"),
    )
    bad = (
        Bad(
            "ALTER TABLE t ALTER COLUMN a SET NOT NULL;\nALTER TABLE t ALTER COLUMN b SET NOT NULL;",
            fix="-- together with line 1, in one ALTER TABLE t",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.objtype != pb.OBJECT_TABLE or context.index == 0:
            return
        effects = context.effects  # asked for by other rules as well; most statements end here, whatever stands above
        if not (effects.scans_table or effects.rewrites_table):
            return
        name, schema = node.relation.relname, node.relation.schemaname
        earlier = [
            other
            for other in context.earlier_of("alter_table_stmt", table=name)
            if other.node.relation.schemaname == schema
        ]
        if not earlier or context.is_new(node.relation) or not _reads(statement):
            return
        other = next(filter(_reads, earlier), None)
        if other is not None:
            relation = relation_name(node.relation)
            yield Problem(
                f"{relation} is read or written anew by line {other.line} already",
                why="each of the two goes through the whole table, under its lock",
                fix=f"-- together with line {other.line}, in one ALTER TABLE {relation}",
            )


def _reads(statement: Statement) -> bool:
    effects = effects_of(statement)
    if all(map(_may_keep_the_rows, (each.alter_table_cmd for each in statement.node.cmds))):
        return False
    return (effects.scans_table or effects.rewrites_table) and effects.strongest > LockMode.SHARE_UPDATE_EXCLUSIVE


def _may_keep_the_rows(command: Any) -> bool:
    """Whether it changes a type, and only the old type, which is gone by now, tells whether a row is touched."""
    if command.subtype != pb.AT_AlterColumnType:
        return False
    return work_of_unknown(type_of(getattr(command, "def").column_def.type_name), {}) is not Work.REWRITE
