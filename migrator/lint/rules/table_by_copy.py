"""PO018 table-by-copy."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.parser import Statement, pb


class TableByCopy(Rule):
    """CREATE TABLE … AS, SELECT … INTO or INHERITS (opt-in).

    Why it matters
        A copy has neither keys nor constraints, defaults, comments or privileges of its source; INHERITS has no unique
        keys over parent and children.

    What to do
        Write the columns out; partitions instead of INHERITS.

    Source
        PostgreSQL documentation, CREATE TABLE AS, and section 5.11.1 "Caveats".
    """

    code = "PO018"
    name = "table-by-copy"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("create_table_as_stmt", "create_stmt", "select_stmt")
    good = (
        Good("CREATE TABLE t (a int);"),
        Good("CREATE TABLE e1 PARTITION OF events DEFAULT;", phase=Phase.CONTRACT),
        Good("CREATE TEMP TABLE t AS SELECT 1 AS a;"),
    )
    bad = (
        Bad("CREATE TABLE t AS SELECT 1 AS a;", fix="-- CREATE TABLE with its columns and keys written out"),
        Bad("SELECT 1 AS a INTO t;", fix="-- CREATE TABLE with its columns and keys written out"),
        Bad("CREATE TABLE t (a int) INHERITS (u);", fix="-- CREATE TABLE with its columns and keys written out"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        node, kind = statement.node, statement.kind
        if kind == "create_stmt":
            found = bool(node.inh_relations) and not node.HasField("partbound")
        elif kind == "create_table_as_stmt":
            found = node.objtype == pb.OBJECT_TABLE and node.into.rel.relpersistence != "t"
        else:
            found = node.HasField("into_clause") and node.into_clause.rel.relpersistence != "t"
        if found:
            yield Problem(
                "the table takes its shape from elsewhere",
                why="keys, constraints, defaults and privileges do not come along",
                fix="-- CREATE TABLE with its columns and keys written out",
            )
