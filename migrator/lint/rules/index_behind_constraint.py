"""RB012 index-behind-constraint."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident, qualified
from migrator.sql.parser import Statement, pb, unwrap


class IndexBehindConstraint(Rule):
    """DROP INDEX of an index that a constraint needs.

    Why it matters
        "cannot drop index … because constraint … requires it": the migration stops there.

    What to do
        ALTER TABLE … DROP CONSTRAINT, which drops the index with it.

    Known where a file created the constraint.

    Source
        PostgreSQL documentation, DROP INDEX; run on 14 and 18.
    """

    code = "RB012"
    name = "index-behind-constraint"
    severity = Severity.ERROR
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    kinds = ("drop_stmt",)
    good = (
        Good("DROP INDEX CONCURRENTLY users_name;",
             earlier="CREATE TABLE users (id int PRIMARY KEY, name text);\nCREATE INDEX users_name ON users (name);"),
        Good("ALTER TABLE users DROP CONSTRAINT users_pkey;\nDROP INDEX IF EXISTS users_pkey;", phase=Phase.CONTRACT,
             earlier="CREATE TABLE users (id int PRIMARY KEY);"),
    )  # fmt: skip
    bad = (
        Bad(
            "DROP INDEX CONCURRENTLY users_pkey;",
            earlier="CREATE TABLE users (id int PRIMARY KEY);",
            phase=Phase.CONTRACT,
            fix="ALTER TABLE users DROP CONSTRAINT users_pkey;",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.remove_type != pb.OBJECT_INDEX:
            return
        for item in node.objects:
            name = names_in(unwrap(item).items)[-1]
            for table in context.catalog.tables.values():
                known = table.constraints.get(name)
                if known is None or known.kind not in (pb.CONSTR_PRIMARY, pb.CONSTR_UNIQUE, pb.CONSTR_EXCLUSION):
                    continue
                relation = qualified(None if table.key[0] == "public" else table.key[0], table.key[1])
                yield Problem(
                    f"{ident(name)} belongs to a constraint of {relation} and cannot be dropped as an index",
                    why="PostgreSQL refuses the statement, and the migration stops here",
                    fix=f"ALTER TABLE {relation} DROP CONSTRAINT {ident(name)};",
                )
                break
