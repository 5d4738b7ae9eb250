"""LK024 work-under-lock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.lint.transactions import Membership
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.parser import Statement, pb, unwrap, walk


class WorkUnderLock(Rule):
    """Rows are written or read while an earlier statement of the transaction holds a table locked.

    Why it matters
        A brief ALTER TABLE keeps ACCESS EXCLUSIVE until the transaction ends. Every row that the transaction then
        writes, copies or reads makes all readers and writers of that table wait longer.

    What to do
        Commit between the two; move data in `backfill.sql`, in batches.

    Single rows by VALUES, SELECT without FROM or with LIMIT, and writes to tables that the file created are left alone.

    Source
        PostgreSQL documentation, section 13.3.1: a lock is held until the end of the transaction.
    """

    code = "LK024"
    name = "work-under-lock"
    severity = Severity.WARNING
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.SCAN
    breaks = ()
    grows_with_table = False
    kinds = (
        "update_stmt", "delete_stmt", "insert_stmt", "merge_stmt", "copy_stmt", "select_stmt", "create_table_as_stmt",
    )  # fmt: skip
    phases = frozenset({None, Phase.EXPAND, Phase.CONTRACT, Phase.ROLLBACK})
    good = (
        Good("BEGIN;\nALTER TABLE users ADD COLUMN age int;\nCOMMIT;\nUPDATE users SET age = 1 WHERE id < 10;"),
        Good("BEGIN;\nALTER TABLE users ADD COLUMN age int;\nINSERT INTO changes VALUES ('age');\nCOMMIT;"),
        Good("BEGIN;\nALTER TABLE users ADD COLUMN age int;\nSELECT set_config('a.b', 'c', false);\nCOMMIT;"),
        Good("BEGIN;\nALTER TABLE users ADD COLUMN age int;\nSELECT 1 FROM pg_class;\nCOMMIT;"),
        Good("BEGIN;\nALTER TABLE users ADD COLUMN age int;\nSELECT setval('s', last_value) FROM t;\nCOMMIT;"),
        Good("BEGIN;\nCREATE TABLE users (id int);\nALTER TABLE users ADD COLUMN age int;\n"
             "INSERT INTO users SELECT 1, 2;\nCOMMIT;"),
    )  # fmt: skip
    bad = (
        Bad(
            "BEGIN;\nALTER TABLE users ADD COLUMN age int;\nUPDATE users SET age = 1 WHERE id < 1000000;\nCOMMIT;",
            fix="COMMIT;\n-- then, in batches (backfill.sql):\n-- UPDATE users SET age = 1 WHERE id < 1000000",
        ),
        Bad(
            "BEGIN;\nALTER TABLE users ADD COLUMN age int;\nSELECT count(*) FROM orders;\nCOMMIT;",
            fix="COMMIT;\n-- then: SELECT count(*) FROM orders",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        if context.membership is not Membership.INSIDE or not context.held:
            return
        node, kind = statement.node, statement.kind
        held = max(context.held, key=lambda one: one.lock.mode)
        if held.lock.mode < LockMode.ACCESS_EXCLUSIVE or not _is_long(kind, node) or _writes_new(kind, node, context):
            return
        relation, text = held.lock.relation, " ".join(statement.text.split())
        writes = kind in _WRITES
        yield Problem(
            f"rows are {'written' if writes else 'read'} while line {held.statement.line} holds {relation} locked",
            why=f"everybody who uses {relation} waits until these rows are {'written' if writes else 'read'} and "
            "the transaction commits",
            fix=f"COMMIT;\n-- then, in batches (backfill.sql):\n-- {text}" if writes else f"COMMIT;\n-- then: {text}",
            lock=held.lock.mode,
        )


_WRITES = frozenset({"update_stmt", "delete_stmt", "insert_stmt", "merge_stmt", "copy_stmt"})


def _is_long(kind: str, node: Any) -> bool:
    """Whether it may go through many rows."""
    if kind == "insert_stmt":
        return node.HasField("select_stmt") and not node.select_stmt.select_stmt.values_lists
    if kind == "select_stmt":
        return bool(node.from_clause) and not node.HasField("limit_count") and not _reads_little(node)
    return True


def _reads_little(node: Any) -> bool:
    """Whether it only reads catalogs, or sets a sequence."""
    calls = (unwrap(unwrap(target).val) for target in node.target_list)
    if any(isinstance(call, pb.FuncCall) and unwrap(call.funcname[-1]).sval == "setval" for call in calls):
        return True
    tables = [table for table in walk(node) if isinstance(table, pb.RangeVar)]
    return bool(tables) and all(
        table.schemaname in ("pg_catalog", "information_schema") or table.relname.startswith("pg_") for table in tables
    )


def _writes_new(kind: str, node: Any, context: Context) -> bool:
    return kind in _WRITES and node.HasField("relation") and context.is_new(node.relation)
