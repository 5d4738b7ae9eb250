"""LK036 several-scans."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
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
        Good(
            "ALTER TABLE t VALIDATE CONSTRAINT an;\nALTER TABLE t ALTER COLUMN a SET NOT NULL;\n"
            "ALTER TABLE t DROP CONSTRAINT an;\nALTER TABLE t ALTER COLUMN b SET NOT NULL;",
            earlier="ALTER TABLE t ADD CONSTRAINT an CHECK (a IS NOT NULL) NOT VALID;",
        ),
        Good(
            "ALTER TABLE t ADD CHECK (c > 0);\nALTER TABLE t ALTER COLUMN a SET NOT NULL;",
            earlier="ALTER TABLE t ADD CHECK (a IS NOT NULL);",
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
        if not earlier or context.is_new(node.relation):
            return
        table = context.catalog.table_or_assumed(node.relation)
        proved = {column for each in table.constraints.values() if each.valid for column in each.proves_not_null}
        first = next((place for place, each in enumerate(earlier) if _validates(each)), len(earlier))
        if not _reads(statement, proved if first == len(earlier) else None):
            return
        # behind a VALIDATE its CHECK may prove anything, and be gone by now
        reading = (each for place, each in enumerate(earlier) if _reads(each, frozenset() if place <= first else None))
        other = next(reading, None)
        if other is not None:
            relation = relation_name(node.relation)
            yield Problem(
                f"{relation} is read or written anew by line {other.line} already",
                why="each of the two goes through the whole table, under its lock",
                fix=f"-- together with line {other.line}, in one ALTER TABLE {relation}",
            )


def _reads(statement: Statement, proved: AbstractSet[str] | None) -> bool:
    """Whether it goes through the table.

    Args:
        proved: columns that a valid CHECK proves to hold no NULL; None: any may be.
    """
    effects = effects_of(statement)
    commands = [each.alter_table_cmd for each in statement.node.cmds]
    if all(_may_keep_the_rows(each) or _is_proved(each, proved) for each in commands):
        return False
    return (effects.scans_table or effects.rewrites_table) and effects.strongest > LockMode.SHARE_UPDATE_EXCLUSIVE


def _is_proved(command: Any, proved: AbstractSet[str] | None) -> bool:
    return command.subtype == pb.AT_SetNotNull and (proved is None or command.name in proved)


def _validates(statement: Statement) -> bool:
    return any(each.alter_table_cmd.subtype == pb.AT_ValidateConstraint for each in statement.node.cmds)


def _may_keep_the_rows(command: Any) -> bool:
    """Whether it changes a type, and only the old type, which is gone by now, tells whether a row is touched."""
    if command.subtype != pb.AT_AlterColumnType:
        return False
    return work_of_unknown(type_of(getattr(command, "def").column_def.type_name), {}) is not Work.REWRITE
