"""RB010 if-not-exists-hides-drift."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import type_of
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb, unwrap


class IfNotExistsHidesDrift(AlterTableRule):
    """IF NOT EXISTS skips something that is there already with another shape.

    Why it matters
        The statement does nothing and says so in a notice that nobody reads. The code that comes next finds a column
        of another type, or a table without the new columns.

    What to do
        Without IF NOT EXISTS the difference shows as an error. Or change what is there: ADD COLUMN, ALTER COLUMN.

    Known where a file created it before, with other columns or another type.

    Source
        PostgreSQL documentation, CREATE TABLE, "IF NOT EXISTS": nothing is known of how alike the two are.
    """

    code = "RB010"
    name = "if-not-exists-hides-drift"
    severity = Severity.WARNING
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    kinds = ("create_stmt",)
    subtypes = (pb.AT_AddColumn,)
    good = (
        Good("CREATE TABLE IF NOT EXISTS users (id bigint);", earlier="CREATE TABLE users (id bigint, name text);"),
        Good("CREATE TABLE IF NOT EXISTS users (id bigint);"),
        Good("ALTER TABLE users ADD COLUMN IF NOT EXISTS id bigint;", earlier="CREATE TABLE users (id bigint);"),
    )
    bad = (
        Bad(
            "CREATE TABLE IF NOT EXISTS users (id bigint, email text);",
            earlier="CREATE TABLE users (id bigint);",
            fix="-- users is there already, without email: ALTER TABLE users ADD COLUMN …",
        ),
        Bad(
            "ALTER TABLE users ADD COLUMN IF NOT EXISTS id bigint;",
            earlier="CREATE TABLE users (id int);",
            fix="-- users.id is there already, as integer",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if not node.if_not_exists:
            return
        table = context.catalog.table(node.relation)
        if table is None or not table.complete:
            return
        relation = relation_name(node.relation)
        missing, other = [], []
        for element in map(unwrap, node.table_elts):
            if isinstance(element, pb.ColumnDef) and element.HasField("type_name"):
                known = table.columns.get(element.colname)
                if known is None:
                    missing.append(ident(element.colname))
                elif known.type is not None and known.type != type_of(element.type_name):
                    other.append(f"{ident(element.colname)} as {known.type.title}")
        if missing or other:
            lacks = f", without {', '.join(missing)}" if missing else ""
            has = f", with {', '.join(other)}" if other else ""
            yield Problem(
                f"{relation} is there already{lacks}{has}: nothing is created",
                why="the statement is skipped without an error, and code that needs the new shape fails",
                fix=f"-- {relation} is there already{lacks}{has}: ALTER TABLE {relation} "
                + ("ADD COLUMN …" if missing else "ALTER COLUMN …"),
            )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        definition = action.definition
        known = action.table.columns.get(definition.colname) if action.command.missing_ok else None
        if known is None or known.type is None or known.type == type_of(definition.type_name):
            return
        name = f"{action.relation}.{ident(definition.colname)}"
        yield Problem(
            f"{name} is there already, as {known.type.title}: nothing is added",
            why="the statement is skipped without an error, and code that expects the new type fails",
            fix=f"-- {name} is there already, as {known.type.title}",
            span=context.span_at(definition.location),
        )
