"""DL010 checks-switched-off."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import Statement, pb, unwrap


class ChecksSwitchedOff(AlterTableRule):
    """DISABLE TRIGGER ALL, or session_replication_role = replica.

    Why it matters
        Foreign keys are triggers: rows that break them get in, and nothing ever checks them again. DISABLE TRIGGER
        holds for every session, also for the running application, until ENABLE.

    What to do
        Load rows in an order that the foreign keys allow, or make them DEFERRABLE. DISABLE TRIGGER USER leaves foreign
        keys on; so does naming one trigger.

    A note if the same file switches them on again.

    Source
        PostgreSQL documentation, ALTER TABLE, "DISABLE/ENABLE TRIGGER", and section 19.11.1.
    """

    code = "DL010"
    name = "checks-switched-off"
    severity = Severity.WARNING
    category = Category.DATA_LOSS
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.DATA,)
    kinds = ("variable_set_stmt",)
    subtypes = (pb.AT_DisableTrigAll,)
    good = (
        Good("ALTER TABLE users DISABLE TRIGGER audit;"),
        Good("SET session_replication_role = DEFAULT;"),
        Good("CREATE TABLE users (a int); ALTER TABLE users DISABLE TRIGGER ALL;"),
    )
    bad = (
        Bad(
            "SET session_replication_role = replica;",
            fix="-- SET CONSTRAINTS ALL DEFERRED, for DEFERRABLE foreign keys",
        ),
        Bad(
            "ALTER TABLE users DISABLE TRIGGER ALL;",
            fix="-- ALTER TABLE users DISABLE TRIGGER USER, which leaves foreign keys on",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.name.lower() != "session_replication_role" or node.kind != pb.VAR_SET_VALUE or not node.args:
            return
        if unwrap(node.args[0]).sval.sval.lower() != "replica":
            return
        again = any(
            later.node.name.lower() == "session_replication_role" for later in context.following_of("variable_set_stmt")
        )
        yield Problem(
            "foreign keys and triggers are off for the rest of the session",
            why="rows that break a foreign key get in, and nothing checks them afterwards",
            fix="-- SET CONSTRAINTS ALL DEFERRED, for DEFERRABLE foreign keys",
            severity=Severity.INFO if again else None,
        )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        if action.is_new:
            return
        again = any(
            unwrap(command).subtype == pb.AT_EnableTrigAll
            for later in context.following_of("alter_table_stmt", table=action.table.key[1])
            for command in later.node.cmds
        )
        yield Problem(
            f"foreign keys and triggers of {action.relation} are off for every session",
            why="rows that break a foreign key get in, also those of the running application, and nothing checks them "
            "afterwards",
            fix=f"-- ALTER TABLE {action.relation} DISABLE TRIGGER USER, which leaves foreign keys on",
            lock=LockMode.SHARE_ROW_EXCLUSIVE,
            work=Effort.BRIEF,
            severity=Severity.INFO if again else None,
        )
