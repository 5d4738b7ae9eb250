"""LK002 concurrently-in-transaction."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.lint.transactions import Membership
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.parser import Statement


class ConcurrentlyInTransaction(Rule):
    """CREATE, DROP or REINDEX INDEX CONCURRENTLY, or DETACH PARTITION CONCURRENTLY, inside a transaction.

    Why it matters
        PostgreSQL refuses it (error 25001) and the migration stops there, in the middle of a deploy.

    What to do
        Take it out of BEGIN … COMMIT. In a phase file: `transaction=none` on its step. For a runner that wraps
        files, use that runner's own switch, and say so to lint with `-- migrator: transaction = false`.
        REFRESH MATERIALIZED VIEW CONCURRENTLY is allowed inside.

    Source
        PostgreSQL documentation, CREATE INDEX, DROP INDEX, REINDEX, ALTER TABLE.
    """

    code = "LK002"
    name = "concurrently-in-transaction"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    fixable = Fixable.SAFE
    kinds = ("index_stmt", "drop_stmt", "reindex_stmt", "alter_table_stmt")
    good = (
        Good("CREATE INDEX CONCURRENTLY users_email ON users (email);"),
        Good("BEGIN;\nSELECT 1;\nCOMMIT;\nDROP INDEX CONCURRENTLY users_email;"),
        Good("START TRANSACTION;\nROLLBACK;\nCREATE INDEX CONCURRENTLY users_email ON users (email);"),
        Good("BEGIN;\nSAVEPOINT a;\nREFRESH MATERIALIZED VIEW CONCURRENTLY totals;\nCOMMIT;"),
        Good(
            "-- step: index transaction=none\nCREATE INDEX CONCURRENTLY users_email ON users (email);",
            phase=Phase.EXPAND,
        ),
        Good(
            "-- step: names transaction=a\nDO $$BEGIN ALTER INDEX old RENAME TO older; END$$;\n\n"
            "-- step: index transaction=none\nCREATE INDEX CONCURRENTLY users_email ON users (email);",
            phase=Phase.EXPAND,
        ),
    )
    bad = (
        Bad(
            "BEGIN;\nCREATE INDEX CONCURRENTLY users_email ON users (email);\nCOMMIT;",
            fix="-- migrator: transaction = false\nCREATE INDEX CONCURRENTLY users_email ON users (email);",
        ),
        Bad(
            "START TRANSACTION;\nSAVEPOINT a;\nROLLBACK TO a;\nDROP INDEX CONCURRENTLY users_email;",
            fix="-- migrator: transaction = false\nDROP INDEX CONCURRENTLY users_email;",
        ),
        Bad(
            "-- migrator: transaction = true\nREINDEX INDEX CONCURRENTLY users_email;",
            fix="-- migrator: transaction = false\nREINDEX INDEX CONCURRENTLY users_email;",
        ),
        Bad(
            "-- step: index transaction=a\nCREATE INDEX CONCURRENTLY users_email ON users (email);",
            phase=Phase.EXPAND,
            fix="-- step: NAME transaction=none\nCREATE INDEX CONCURRENTLY users_email ON users (email);",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        if context.membership is not Membership.INSIDE or context.effects.transactional:
            return
        outside = "-- step: NAME transaction=none" if context.phased else "-- migrator: transaction = false"
        yield Problem(
            "CONCURRENTLY cannot run inside a transaction",
            why="PostgreSQL refuses the statement with error 25001, and the migration stops here",
            fix=f"{outside}\n{statement.text};",
            repair=Repair(alone=True),
        )
