"""PO030 audit-columns-missing."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement


class AuditColumnsMissing(Rule):
    """A table without created_at or updated_at (opt-in).

    Why it matters
        Nothing tells when a row came or changed: incremental loads, support and repairs need it.

    What to do
        created_at and updated_at, timestamptz NOT NULL DEFAULT now().

    Source
        PostgreSQL documentation, section 8.5 "Date/Time Types".
    """

    code = "PO030"
    name = "audit-columns-missing"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("create_stmt",)
    good = (
        Good("CREATE TABLE t (created_at timestamptz, updated_at timestamptz);"),
        Good("CREATE TEMP TABLE t (a int);"),
    )
    bad = (
        Bad("CREATE TABLE t (a int, created_at timestamptz);", fix="-- updated_at timestamptz NOT NULL DEFAULT now()"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        node = statement.node
        if node.relation.relpersistence == "t" or node.inh_relations:
            return
        have = {one.column_def.colname for one in node.table_elts if one.HasField("column_def")}
        missing = [name for name in ("created_at", "updated_at") if name not in have]
        if missing and have:
            yield Problem(
                f"table {relation_name(node.relation)} has no {' and no '.join(missing)}",
                why="nothing tells when a row came or changed",
                fix="\n".join(f"-- {name} timestamptz NOT NULL DEFAULT now()" for name in missing),
            )
