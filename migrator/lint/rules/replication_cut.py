"""BC028 replication-cut."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.parser import Statement, pb


class ReplicationCut(AlterTableRule):
    """A publication, subscription or replica identity is taken away from a table in use.

    Why it matters
        Subscribers, change data capture and read models fed by logical replication miss changes, without any error
        on this side. Without a replica identity, UPDATE and DELETE on a published table fail.

    What to do
        Move the subscribers first, then take it away in the contract phase.

    Expected in `contract.sql` and `rollback.sql`; quiet for tables that the same file created.

    Source
        PostgreSQL documentation, section 29.1.1 "Replica Identity", ALTER PUBLICATION.
    """

    code = "BC028"
    name = "replication-cut"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.REPLICATION, Breaks.WRITES)
    phases = BEFORE_THE_DEPLOY
    kinds = ("drop_stmt", "drop_subscription_stmt", "alter_publication_stmt")
    subtypes = (pb.AT_ReplicaIdentity,)
    good = (
        Good("ALTER PUBLICATION changes ADD TABLE users;"),
        Good("ALTER TABLE users REPLICA IDENTITY FULL;"),
        Good("CREATE TABLE users (a int); ALTER TABLE users REPLICA IDENTITY NOTHING;"),
        Good("DROP PUBLICATION changes;", phase=Phase.CONTRACT),
    )
    bad = (
        Bad(
            "DROP PUBLICATION changes;",
            fix="-- contract.sql of a phased migration, when nobody subscribes any more:\n-- DROP PUBLICATION changes",
        ),
        Bad(
            "ALTER PUBLICATION changes DROP TABLE users;",
            fix="-- contract.sql of a phased migration, when nobody subscribes any more:\n"
            "-- ALTER PUBLICATION changes DROP TABLE users",
        ),
        Bad(
            "ALTER TABLE users REPLICA IDENTITY NOTHING;",
            fix="-- contract.sql of a phased migration, when nobody subscribes any more:\n"
            "-- ALTER TABLE users REPLICA IDENTITY NOTHING",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        node, kind = statement.node, statement.kind
        if kind == "drop_stmt" and node.remove_type != pb.OBJECT_PUBLICATION:
            return
        if kind == "alter_publication_stmt" and (not node.pubobjects or node.action == pb.AP_AddObjects):
            return
        yield _problem("subscribers miss changes from now on", statement)

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - not needed
        """See ``AlterTableRule.check_action``."""
        if action.definition.identity_type == "n" and not action.is_new:
            yield _problem(f"updates and deletes in {action.relation} can no longer be replicated", action.statement)


def _problem(message: str, statement: Statement) -> Problem:
    return Problem(
        message,
        why="what reads the changes of the table falls behind, without any error here; if it is published, UPDATE and "
        "DELETE without a replica identity fail",
        fix="-- contract.sql of a phased migration, when nobody subscribes any more:\n"
        f"-- {' '.join(statement.text.split())}",
    )
