"""LK019 unbatched-write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb, unwrap


def _in_ranges(statement: str) -> str:
    return (
        "-- in backfill.sql migrator runs it in batches; or by hand, in transactions of a few thousand rows:\n"
        f"-- {statement} WHERE id BETWEEN … AND …"
    )


class UnbatchedWrite(Rule):
    """UPDATE or DELETE of every row in one statement.

    Why it matters
        Each row it has touched stays locked until the end: whoever updates the same rows waits. The table doubles,
        replicas fall behind, vacuum cannot clean up meanwhile.

    What to do
        Put it into `backfill.sql`, where migrator runs it in small batches; or loop over ranges of the key. To empty
        a table that nobody uses, TRUNCATE.

    `WHERE new_column IS NULL` counts as every row if the same file has just added that column without a default.

    Source
        PostgreSQL documentation, section 13.3.2 "Row-Level Locks".
    """

    code = "LK019"
    name = "unbatched-write"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ROW_EXCLUSIVE
    work = Effort.SCAN
    breaks = (Breaks.DATA,)
    kinds = ("update_stmt", "delete_stmt")
    phases = frozenset({None, Phase.EXPAND, Phase.CONTRACT, Phase.ROLLBACK})
    good = (
        Good("DELETE FROM users WHERE 1 = 0;"),
        Good("UPDATE users SET active = true WHERE id = 7;"),
        Good("DELETE FROM sessions WHERE expires_at < now() - interval '1 year';"),
        Good("CREATE TABLE copy AS SELECT * FROM users; UPDATE copy SET active = true;"),
        Good("CREATE TEMPORARY TABLE users (a int); DELETE FROM users;"),
        Good("UPDATE users SET full_name = name;", phase=Phase.BACKFILL),
    )
    bad = (
        Bad("UPDATE users SET active = true;", fix=_in_ranges("UPDATE users SET active = true")),
        Bad("UPDATE users SET active = true RETURNING id;", fix=_in_ranges("UPDATE users SET active = true")),
        Bad("DELETE FROM users WHERE 1 = 1;", fix=_in_ranges("DELETE FROM users")),
        Bad("DELETE FROM users WHERE true;", fix=_in_ranges("DELETE FROM users")),
        Bad(
            "ALTER TABLE users ADD COLUMN full_name text;\nUPDATE users SET full_name = name WHERE full_name IS NULL;",
            fix=_in_ranges("UPDATE users SET full_name = name"),
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.HasField("where_clause") and not _always_true(node.where_clause, node.relation, context):
            return
        if context.is_new(node.relation):
            return
        words = "UPDATE" if statement.kind == "update_stmt" else "DELETE"
        if words == "DELETE" and (node.using_clause or node.with_clause.ctes):
            return
        head = statement.text
        if node.HasField("where_clause"):
            head = head[: head.upper().rindex("WHERE")].rstrip()
        elif node.HasField("returning_clause"):
            head = head[: head.upper().rindex("RETURNING")].rstrip()
        yield Problem(
            f"{words} of every row of {relation_name(node.relation)} in one statement",
            why="rows stay locked until the last one is done; the table bloats and replicas fall behind",
            fix=_in_ranges(" ".join(head.split())),
            lock=LockMode.ROW_EXCLUSIVE,
            blocks="writes to the same rows",
        )


def _always_true(condition: Any, relation: Any, context: Context) -> bool:
    node = unwrap(condition)
    if isinstance(node, pb.A_Const):
        return bool(node.boolval.boolval)
    if isinstance(node, pb.A_Expr) and node.kind == pb.AEXPR_OP and node.name[0].string.sval == "=":
        values = [unwrap(side) for side in (node.lexpr, node.rexpr)]
        return all(isinstance(value, pb.A_Const) for value in values) and _same(*values)
    if isinstance(node, pb.NullTest) and node.nulltesttype == pb.IS_NULL:
        argument = unwrap(node.arg)
        table = context.catalog.table(relation)
        if isinstance(argument, pb.ColumnRef) and table is not None:
            name = names_in(argument.fields[-1:])[0] if isinstance(unwrap(argument.fields[-1]), pb.String) else ""
            column = table.columns.get(name)
            return column is not None and context.all_new(table, (name,)) and column.has_default is False
    return False


def _same(one: Any, other: Any) -> bool:
    """Whether two constants are the same, wherever they stand: ``1 = 1``."""
    return bool(one.WhichOneof("val") == other.WhichOneof("val") and (one.ival, one.sval) == (other.ival, other.sval))
