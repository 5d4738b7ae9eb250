"""PO019 table-without-primary-key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb, unwrap


class TableWithoutPrimaryKey(Rule):
    """A table without a primary key (opt-in).

    Why it matters
        Logical replication cannot UPDATE or DELETE in it, no tool can go through it in batches, and duplicates cannot
        be told apart.

    What to do
        A primary key, in the same file.

    Source
        PostgreSQL documentation, sections 5.5.4 and 29.1.1.
    """

    code = "PO019"
    name = "table-without-primary-key"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.REPLICATION,)
    opt_in = True
    kinds = ("create_stmt",)
    good = (
        Good("CREATE TABLE t (id bigint PRIMARY KEY);"),
        Good("CREATE TABLE t (id bigint); ALTER TABLE t ADD PRIMARY KEY (id);"),
        Good("CREATE TEMP TABLE t (a int);"),
        Good("CREATE TABLE e1 PARTITION OF events DEFAULT;", phase=Phase.CONTRACT),
    )
    bad = (Bad("CREATE TABLE t (a int);", fix="-- a column id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.relation.relpersistence == "t" or node.inh_relations or node.HasField("of_typename"):
            return
        if any(_is_key(element) for element in map(unwrap, node.table_elts)):
            return
        for later in context.following_of("alter_table_stmt", table=node.relation.relname):
            added = (unwrap(getattr(command, "def")) for command in map(unwrap, later.node.cmds)
                     if command.subtype == pb.AT_AddConstraint)  # fmt: skip
            if any(constraint.contype == pb.CONSTR_PRIMARY for constraint in added):
                return
        yield Problem(
            f"table {relation_name(node.relation)} has no primary key",
            why="it cannot be replicated logically nor gone through in batches",
            fix="-- a column id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        )


def _is_key(element: Any) -> bool:
    """Whether a column or constraint makes a primary key, or LIKE may bring one."""
    if isinstance(element, pb.ColumnDef):
        return any(unwrap(one).contype == pb.CONSTR_PRIMARY for one in element.constraints)
    return isinstance(element, pb.TableLikeClause) or element.contype == pb.CONSTR_PRIMARY
