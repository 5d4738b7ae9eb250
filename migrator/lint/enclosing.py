"""The BEGIN and COMMIT around a statement, and which statements between them rely on committing together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from migrator.sql.parser import Statement, pb

BEGINS = frozenset({pb.TRANS_STMT_BEGIN, pb.TRANS_STMT_START})
ENDS = frozenset({pb.TRANS_STMT_COMMIT, pb.TRANS_STMT_PREPARE, pb.TRANS_STMT_ROLLBACK})
"""Kinds of ``TransactionStmt``; after PREPARE TRANSACTION a transaction is no longer that of the session."""

_OF_SAVEPOINTS = frozenset({pb.TRANS_STMT_SAVEPOINT, pb.TRANS_STMT_RELEASE, pb.TRANS_STMT_ROLLBACK_TO})
_HOLD = 0x0020
"""CURSOR_OPT_HOLD of parsenodes.h."""


class NotFixable(Exception):
    """The rewrite cannot be put where the statement stands; the message says why, in words that follow "not fixed:"."""


class Transaction(Struct, frozen=True):
    """What stands between a BEGIN and its COMMIT.

    Attributes:
        first: index of the BEGIN.
        last: index of the COMMIT.
        start: its first character.
        end: index behind the last character of the COMMIT.
        minding: statements that rely on committing together.
        set_local: the first that sets something, other than a timeout, for the transaction; None if none does.
    """

    first: int
    last: int
    start: int
    end: int
    minding: frozenset[int]
    set_local: int | None

    @classmethod
    def between(cls, statements: Sequence[Statement], before: Sequence[int], after: Sequence[int]) -> Transaction:
        """Of the last one or two BEGINs, COMMITs and their like before a statement, and the first after it.

        Raises:
            NotFixable: they are not one BEGIN and one COMMIT.
        """
        kinds = [statements[number].node.kind for number in (*before, *after)]
        if not before or not after or kinds[-2] not in BEGINS or kinds[-1] != pb.TRANS_STMT_COMMIT:
            raise NotFixable("its transaction has no BEGIN and COMMIT in this file, or savepoints")
        if len(before) > 1 and kinds[0] in BEGINS:
            raise NotFixable("its transaction begins twice")
        first, last = before[-1], after[0]
        inside = range(first + 1, last)
        if any(statements[number].block is not None for number in inside):
            raise NotFixable("a DO block is in its transaction")
        local = [number for number in inside if _is_local(statements[number])]
        minding = frozenset(n for n in inside if not keeps(statements[n]) and n not in local)
        strict = next((number for number in local if not _is_timeout(statements[number])), None)
        end = statements[last].offset + len(statements[last].text)
        return cls(first, last, statements[first].offset, end, minding, strict)


def keeps(statement: Statement) -> bool:
    """Whether a statement is the same outside a transaction: it sets something for the session, or cannot be in one."""
    kind, node = statement.kind, statement.node
    if kind == "variable_set_stmt":
        return not node.is_local
    if kind == "alter_table_stmt":
        return len(node.cmds) == 1 and _checks_later(node.cmds[0].alter_table_cmd)
    if kind in ("index_stmt", "drop_stmt"):
        return bool(node.concurrent)
    return kind in ("vacuum_stmt", "comment_stmt") or (
        kind == "reindex_stmt" and any(each.def_elem.defname == "concurrently" for each in node.params)
    )


def needs_one(statement: Statement) -> str:
    """What only works inside a transaction, or does nothing outside one; empty for all else."""
    kind, node = statement.kind, statement.node
    if kind == "lock_stmt":
        return "LOCK TABLE"
    if kind == "transaction_stmt":
        return "SAVEPOINT" if node.kind in _OF_SAVEPOINTS else ""
    if kind == "declare_cursor_stmt":
        return "" if node.options & _HOLD else "DECLARE CURSOR"
    if kind == "constraints_set_stmt":
        return "SET CONSTRAINTS"
    if kind == "variable_set_stmt" and node.name == "TRANSACTION":
        return "SET TRANSACTION"
    return "SET LOCAL" if _is_local(statement) and not _is_timeout(statement) else ""


def _checks_later(command: Any) -> bool:
    """A constraint that is added NOT VALID, or validated: the one is there to be committed before the other."""
    if command.subtype == pb.AT_AddConstraint:
        return bool(getattr(command, "def").constraint.skip_validation)
    return bool(command.subtype == pb.AT_ValidateConstraint)


def _is_local(statement: Statement) -> bool:
    return statement.kind == "variable_set_stmt" and bool(statement.node.is_local)


def _is_timeout(statement: Statement) -> bool:
    return statement.node.name.lower() in ("lock_timeout", "statement_timeout")
