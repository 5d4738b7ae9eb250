"""Which statements of a file commit together.

A plain file says so by BEGIN and COMMIT, or leaves it to whoever runs it: then nobody knows, and rules speak more
softly. ``-- migrator: transaction = false`` (or ``true``) at the head of a file settles it. In phase files each
``-- step:`` names its group.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any

from migrator.sql.parser import Block, Statement, pb

_DIRECTIVE = re.compile(r"migrator:\s*transaction\s*=\s*(true|false)\s*\Z")
_STEP = re.compile(r"step:\s*(?P<name>\S+)(?:.*?\btransaction=(?P<group>\S+))?", re.DOTALL)


class Membership(Enum):
    """Whether a statement shares its transaction with its neighbours."""

    INSIDE = "inside a transaction"
    OUTSIDE = "on its own"
    UNKNOWN = "as whoever runs the file likes"


class Event(Enum):
    """What a statement did to the transaction."""

    NONE = 0
    BEGUN = 1
    COMMITTED = 2
    ROLLED_BACK = 3
    SAVED = 4
    RELEASED = 5
    ROLLED_BACK_TO = 6


_BEGIN = frozenset({pb.TRANS_STMT_BEGIN, pb.TRANS_STMT_START})
_COMMIT = frozenset({pb.TRANS_STMT_COMMIT, pb.TRANS_STMT_PREPARE})


def file_directive(comments: Any) -> bool | None:
    """What ``-- migrator: transaction = …`` says among comments; None if it is not there."""
    for comment in comments:
        match = _DIRECTIVE.match(comment.body)
        if match:
            return match[1] == "true"
    return None


class Transactions:
    """State machine over the statements of one file.

    Attributes:
        membership: of the statement that runs next.
        number: statements of equal number share a transaction if they share one at all.
        begun: whether a BEGIN of the file itself is open.
    """

    __slots__ = ("_base", "_before_block", "_group", "_phased", "begun", "membership", "number")

    def __init__(self, *, phased: bool, wrapped: bool | None) -> None:
        self._phased = phased
        if phased or wrapped is False:
            self._base = Membership.OUTSIDE
        else:
            self._base = Membership.UNKNOWN if wrapped is None else Membership.INSIDE
        self._group: str | None = None
        self._before_block: tuple[Block, Membership] | None = None
        self.membership = self._base
        self.number = 0
        self.begun = False

    def enter_step(self, statement: Statement) -> bool:
        """Take note of the ``-- step:`` above a statement; True if a new transaction starts with it."""
        if not self._phased:
            return False
        group = None
        for comment in statement.comments:
            match = _STEP.match(comment.body) if comment.offset < statement.offset else None
            if match:
                group = match["group"]
        if group == "none":
            group = None
        if group is not None and group == self._group:
            return False
        self._group = group
        self.membership = Membership.INSIDE if group else Membership.OUTSIDE
        self.number += 1
        return True

    def enter_block(self, block: Block | None) -> bool:
        """Take note of the DO block that runs the next statement; True if a new transaction starts with it.

        A block is one statement: what it runs shares a transaction, up to a COMMIT in it, whatever runs the file.
        """
        before = self._before_block
        # not by ==, which would hold trees against each other
        if before is not None and block is not None and _is_same(before[0], block):
            return False
        if before is not None:
            self.membership = before[1]
            self._before_block = None
        if block is None:
            alone = before is not None and self.membership is not Membership.INSIDE
        else:
            self._before_block = block, self.membership
            alone = self.membership is not Membership.INSIDE
            self.membership = Membership.INSIDE
        self.number += alone
        return alone

    def follow(self, node: Any) -> Event:
        """Apply a BEGIN, COMMIT, ROLLBACK or SAVEPOINT."""
        kind = node.kind
        if kind in _BEGIN:
            self.begun = True
            if self.membership is Membership.INSIDE:
                return Event.NONE
            self.membership = Membership.INSIDE
            self.number += 1
            return Event.BEGUN
        if kind in _COMMIT or kind == pb.TRANS_STMT_ROLLBACK:
            self.membership = Membership.INSIDE if node.chain else self._base
            self.number += 1
            self.begun = bool(node.chain)
            return Event.ROLLED_BACK if kind == pb.TRANS_STMT_ROLLBACK else Event.COMMITTED
        if kind == pb.TRANS_STMT_SAVEPOINT:
            return Event.SAVED
        if kind == pb.TRANS_STMT_RELEASE:
            return Event.RELEASED
        return Event.ROLLED_BACK_TO if kind == pb.TRANS_STMT_ROLLBACK_TO else Event.NONE


def _is_same(one: Block, other: Block) -> bool:
    return one.statement is other.statement and one.transaction == other.transaction
