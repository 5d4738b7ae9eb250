"""DL005 unlogged-table."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb


class UnloggedTable(AlterTableRule):
    """A table that is not written to the log.

    Why it matters
        PostgreSQL empties an unlogged table after a crash, and replicas do not have its rows.

    What to do
        Leave UNLOGGED out, unless the rows can be had again; say so in a waiver.

    Source
        PostgreSQL documentation, CREATE TABLE, "UNLOGGED".
    """

    code = "DL005"
    name = "unlogged-table"
    severity = Severity.WARNING
    category = Category.DATA_LOSS
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.DATA, Breaks.REPLICATION)
    kinds = ("create_stmt",)
    subtypes = (pb.AT_SetUnLogged,)
    good = (Good("CREATE TABLE users (id int);"), Good("CREATE TEMP TABLE users (id int);"))
    bad = (
        Bad("CREATE UNLOGGED TABLE users (id int);", fix="-- without UNLOGGED"),
        Bad("ALTER TABLE users SET UNLOGGED;", fix="-- without UNLOGGED"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the kind matters
        """See ``Rule.check``."""
        relation = statement.node.relation
        if relation.relpersistence == "u":
            yield self._problem(relation_name(relation), LockMode.NONE)

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - likewise
        """See ``AlterTableRule.check_action``."""
        yield self._problem(action.relation, LockMode.ACCESS_EXCLUSIVE)

    @staticmethod
    def _problem(relation: str, lock: LockMode) -> Problem:
        return Problem(
            f"{relation} is emptied by a crash of the server",
            why="an unlogged table has no rows after a crash, and never any on a replica",
            fix="-- without UNLOGGED",
            lock=lock,
        )
