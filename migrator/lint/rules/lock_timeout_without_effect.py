"""LK031 lock-timeout-without-effect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.lint.transactions import Membership
from migrator.model.finding import Breaks, Category, Edit, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import Statement, pb, unwrap
from migrator.sql.tokens import tokens

_LONGEST_S = 30
"""A request that waits longer has usually been given up by whoever sent it."""
_UNITS = {"": 0.001, "us": 0.000001, "ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}


class LockTimeoutWithoutEffect(Rule):
    """A lock_timeout that limits nothing: far too long, or SET LOCAL outside a transaction.

    Why it matters
        Every query that comes after a waiting ALTER TABLE queues behind it for as long as the timeout allows. SET
        LOCAL outside a transaction is forgotten at once: PostgreSQL only warns.

    What to do
        SET lock_timeout to a few seconds at most, before the statement that locks, and try again when it runs out.
        Zero means for ever; LK020 says so at the statement that then locks a table in use.

    Source
        PostgreSQL documentation, SET, and section 19.11.1 "lock_timeout"; run on 15.
    """

    code = "LK031"
    name = "lock-timeout-without-effect"
    severity = Severity.WARNING
    category = Category.LOCK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES)
    fixable = Fixable.SAFE
    kinds = ("variable_set_stmt",)
    good = (
        Good("SET lock_timeout = 1500.5;"),
        Good("SET lock_timeout = '2s';"),
        Good("BEGIN;\nSET LOCAL lock_timeout = 500;\nCOMMIT;"),
        Good("SET LOCAL statement_timeout = 0;"),
        Good("SET lock_timeout = 0;\nCREATE INDEX CONCURRENTLY i ON users (a);"),
    )
    bad = (
        Bad("SET lock_timeout = '10min';", fix="SET lock_timeout = '2s';"),
        Bad(
            "-- migrator: transaction = false\nSET LOCAL lock_timeout = '2s';\nALTER TABLE users ADD COLUMN a int;",
            fix="SET lock_timeout = '2s';",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.name.lower() != "lock_timeout" or node.kind != pb.VAR_SET_VALUE or not node.args:
            return
        seconds = _seconds(unwrap(node.args[0]))
        if node.is_local and context.membership is Membership.OUTSIDE:
            message = "SET LOCAL outside a transaction has no effect"
        elif seconds is None or seconds <= _LONGEST_S:
            return
        else:
            message = f"a lock_timeout of {seconds:g} s lets every query queue for as long"
        yield Problem(
            message,
            why="queries that come after a statement that waits for its lock queue behind it",
            fix="SET lock_timeout = '2s';",
            repair=self._repair(statement, context),
        )

    @staticmethod
    def _repair(statement: Statement, context: Context) -> Repair | None:
        """SET instead of SET LOCAL; how long to wait is not for us to say."""
        if not statement.node.is_local or context.membership is not Membership.OUTSIDE:
            return None
        word, name = tokens(statement.text)[1:3]
        return Repair((Edit(statement.offset + word.start, statement.offset + name.start, ""),))


def _seconds(argument: Any) -> float | None:
    if not isinstance(argument, pb.A_Const):
        return None
    written = str(argument.ival.ival) if argument.HasField("ival") else argument.sval.sval
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", written)
    if match is None or match[2] not in _UNITS:
        return None
    return float(match[1]) * _UNITS[match[2]]
