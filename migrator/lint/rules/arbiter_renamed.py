"""BC032 arbiter-renamed."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, pb


class ArbiterRenamed(Rule):
    """A unique constraint is renamed while code may upsert by its name.

    Why it matters
        INSERT … ON CONFLICT ON CONSTRAINT name fails from that moment. Code that tells errors apart by the name of the
        constraint no longer recognises them.

    What to do
        ON CONFLICT (columns) needs no name. Otherwise release code that knows both names before the rename.

    A note, since most code names columns. Known where a file created the constraint.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC032"
    name = "arbiter-renamed"
    severity = Severity.INFO
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.UPSERTS,)
    phases = BEFORE_THE_DEPLOY
    kinds = ("rename_stmt",)
    good = (
        Good("ALTER TABLE users RENAME CONSTRAINT adult TO grown;",
             earlier="CREATE TABLE users (age int CONSTRAINT adult CHECK (age > 17));"),
        Good("ALTER TABLE users RENAME CONSTRAINT a TO b;"),
    )  # fmt: skip
    bad = (
        Bad(
            "ALTER TABLE users RENAME CONSTRAINT users_email_key TO users_email_unique;",
            earlier="CREATE TABLE users (email text UNIQUE);",
            fix="-- after code that writes ON CONFLICT (email), or knows both names",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.rename_type != pb.OBJECT_TABCONSTRAINT or context.is_new(node.relation):
            return
        known = context.catalog.table_or_assumed(node.relation).constraints.get(node.subname)
        if known is None or known.kind not in (pb.CONSTR_UNIQUE, pb.CONSTR_PRIMARY, pb.CONSTR_EXCLUSION):
            return
        yield Problem(
            f"ON CONFLICT ON CONSTRAINT {ident(node.subname)} of running code fails",
            why="an upsert of the running version that names the constraint is refused",
            fix=f"-- after code that writes ON CONFLICT ({', '.join(map(ident, known.columns))}), or knows both names",
        )
