"""PO034 primary-key-name."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb, unwrap


class PrimaryKeyName(Rule):
    """A primary key of one column that is not called id (opt-in).

    Why it matters
        Code that expects id everywhere needs an exception for this table.

    What to do
        id.

    Source
        A convention of several frameworks.
    """

    code = "PO034"
    name = "primary-key-name"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("create_stmt",)
    good = (
        Good("CREATE TABLE t (id bigint PRIMARY KEY);"),
        Good("CREATE TABLE t (a bigint, b bigint, PRIMARY KEY (a, b));"),
    )
    bad = (Bad("CREATE TABLE t (key bigint PRIMARY KEY);", fix="-- id"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        for element in map(unwrap, statement.node.table_elts):
            if not isinstance(element, pb.ColumnDef) or element.colname == "id":
                continue
            if any(unwrap(one).contype == pb.CONSTR_PRIMARY for one in element.constraints):
                yield Problem(
                    f"the primary key of {relation_name(statement.node.relation)} is called {ident(element.colname)}",
                    why="code that expects id everywhere needs an exception for it",
                    fix="-- id",
                )
