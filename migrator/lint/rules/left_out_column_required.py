"""AP004 left-out-column-required."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.releases import used_table
from migrator.lint.rule import Problem, ReportedOfRelease
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, pb


class LeftOutColumnRequired(ReportedOfRelease):
    """A column that waits for its contract is NOT NULL without a default, and a release leaves it out of its INSERTs.

    Why it matters
        A column that the models leave out (`Unmapped`, `exclude_properties`, or deleted from them) is not named by
        INSERT. Until the contract drops it, every INSERT of that release fails with 23502.

    What to do
        Give the column a default, or drop its NOT NULL, in expand: `migrator new` writes that for DROP COLUMN.

    Reported by `migrator lint --manifest FILE`, at the statement that drops the column, where an earlier file tells
    that it is NOT NULL without a default. What triggers fill in is not known.

    Source
        INSERT of mapped classes, SQLAlchemy 2.0.58 and 2.1.9 on PostgreSQL 14 and 18.
    """

    code = "AP004"
    name = "left-out-column-required"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.WRITES,)
    phases = frozenset({Phase.CONTRACT})
    kinds = ("alter_table_stmt",)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        table = context.catalog.table(statement.node.relation)
        if table is None or context.made_here(table):
            return
        node = statement.node.relation
        for wrapped in statement.node.cmds:
            command = wrapped.alter_table_cmd
            column = table.columns.get(command.name)
            if command.subtype != pb.AT_DropColumn or column is None or context.all_new(table, (column.name,)):
                continue
            if not column.not_null or column.has_default is not False or column.numbered:
                continue
            for manifest in context.manifests:
                used = used_table(manifest, node.schemaname or None, node.relname, context)
                if used is None or not used.inserts or used.uses(column.name):
                    continue
                name = f"{used}.{column.name}"
                alter = f"ALTER TABLE {ident(used.schema)}.{ident(used.name)} ALTER COLUMN {ident(column.name)}"
                yield Problem(
                    f"{name} is NOT NULL without a default until this drops it, and {manifest.title} does not fill it",
                    why=f"every INSERT of the release into {used} fails until the contract has run",
                    fix=f"-- in expand:\n{alter} DROP NOT NULL;",
                )
