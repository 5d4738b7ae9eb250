"""PO017 unqualified-name."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement


class UnqualifiedName(Rule):
    """A table, view, index or sequence is created or changed without its schema (opt-in).

    Why it matters
        Where it lands, and which one is changed, depends on search_path of whoever runs the migration.

    What to do
        Write the schema.

    Source
        PostgreSQL documentation, section 5.10.3 "The Schema Search Path".
    """

    code = "PO017"
    name = "unqualified-name"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("create_stmt", "alter_table_stmt", "view_stmt", "index_stmt", "create_seq_stmt")
    good = (
        Good("CREATE TABLE app.t (a int);"),
        Good("CREATE TEMP TABLE t (a int);"),
        Good("SET search_path = app; CREATE TABLE t (a int);"),
    )
    bad = (Bad("CREATE TABLE t (a int);", fix="-- public.t, or whichever schema it is in"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        attribute = {"view_stmt": "view", "create_seq_stmt": "sequence"}.get(statement.kind, "relation")
        relation = getattr(statement.node, attribute)
        if not relation.schemaname and relation.relpersistence != "t" and "search_path" not in context.settings:
            yield Problem(
                f"{ident(relation.relname)} is written without its schema",
                why="which one is meant depends on search_path of whoever runs this",
                fix=f"-- public.{ident(relation.relname)}, or whichever schema it is in",
            )
