"""DL012 dropped-without-copy."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident, qualified
from migrator.sql.parser import Statement, pb, unwrap


class DroppedWithoutCopy(AlterTableRule):
    """A contract drops a column or table that no earlier phase of the migration mentions.

    Why it matters
        Where an expand made a new shape, the old one goes because its values are there already. If neither expand.sql
        nor backfill.sql mentions what is dropped, nothing copied it: the values are gone, and there is no rollback of a
        contract.

    What to do
        Copy the values in backfill.sql, or keep them in a dump. If they are to go, say so: ``[[change]]`` with
        ``kind = "drop_column"`` or ``"drop_table"`` in migration.toml, or a waiver.

    A note only where the migration has no other phase: then dropping is all it does. What the files themselves made in
    the same migration is left alone.

    Source
        PostgreSQL documentation, ALTER TABLE, DROP COLUMN: the values are no longer accessible.
    """

    code = "DL012"
    name = "dropped-without-copy"
    severity = Severity.WARNING
    category = Category.DATA_LOSS
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.DATA,)
    phases = frozenset({Phase.CONTRACT})
    kinds = ("drop_stmt",)
    subtypes = (pb.AT_DropColumn,)
    good = (
        Good("ALTER TABLE users DROP COLUMN name;"),
        Good("ALTER TABLE users DROP CONSTRAINT name;", phase=Phase.CONTRACT),
        Good("DROP INDEX CONCURRENTLY users_name;", phase=Phase.CONTRACT),
        Good("DROP VIEW names;", phase=Phase.CONTRACT),
        Good("CREATE TABLE t (a int);\nDROP TABLE t;", phase=Phase.CONTRACT),
    )
    bad = (
        Bad(
            "ALTER TABLE users DROP COLUMN name;",
            fix="-- its values, if they are needed: pg_dump --data-only --table users",
            phase=Phase.CONTRACT,
        ),
        Bad(
            "DROP TABLE app.logs;",
            fix="-- its values, if they are needed: pg_dump --data-only --table app.logs",
            phase=Phase.CONTRACT,
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.remove_type != pb.OBJECT_TABLE:
            return
        for item in node.objects:
            parts = names_in(unwrap(item).items)
            if not context.name_is_new(parts) and not _is_mentioned(parts[-1], context, "drop_table"):
                name = qualified(parts[-2] if len(parts) > 1 else None, parts[-1])
                yield _problem(f"table {name}", name, context)

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        name = action.command.name
        made_here = name in action.table.columns and action.table.columns[name].file == context.catalog.file
        if not action.is_new and not made_here and not _is_mentioned(name, context, "drop_column"):
            yield _problem(f"{action.relation}.{ident(name)}", action.relation, context)


def _is_mentioned(name: str, context: Context, kind: str) -> bool:
    """Whether the migration says that it drops such things, or an earlier phase of it mentions the name."""
    return kind in context.change_kinds or context.is_mentioned_before(name)


def _problem(what: str, table: str, context: Context) -> Problem:
    return Problem(
        f"{what} is dropped, and no phase of this migration copies its values",
        why="they are gone for good: a contract has no rollback",
        fix=f"-- its values, if they are needed: pg_dump --data-only --table {table}",
        severity=None if context.earlier_phases else Severity.INFO,
    )
