"""BC030 server-setting-changed."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import Statement


class ServerSettingChanged(Rule):
    """ALTER SYSTEM, or a setting of a database or role, changes how running code behaves.

    Why it matters
        Every new session gets the setting: timeouts, search_path or planner choices of the running version change with
        it. ALTER SYSTEM concerns every database of the server and cannot run in a transaction.

    What to do
        Keep server settings apart from migrations, where they can be reviewed and taken back on their own. What a
        migration needs for itself it can SET for its session.

    ALTER SYSTEM is a warning, a setting of one database or role a note.

    Source
        PostgreSQL documentation, ALTER SYSTEM, ALTER DATABASE, ALTER ROLE.
    """

    code = "BC030"
    name = "server-setting-changed"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES)
    kinds = ("alter_system_stmt", "alter_database_set_stmt", "alter_role_set_stmt")
    good = (
        Good("SET work_mem = '64MB';"),
        Good("CREATE ROLE report; ALTER ROLE report SET statement_timeout = '5min';"),
    )
    bad = (
        Bad("ALTER SYSTEM SET work_mem = '64MB';", fix="-- outside the migration, on its own"),
        Bad("ALTER ROLE app SET statement_timeout = '5s';", fix="-- outside the migration, on its own"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        kind, node = statement.kind, statement.node
        if kind == "alter_role_set_stmt":
            made = {other.node.role for other in context.all_of("create_role_stmt")}
            if node.role.rolename in made:
                return
        yield Problem(
            f"sessions that start from now on run with another {node.setstmt.name or 'configuration'}",
            why="the running version gets the setting with its next connection",
            fix="-- outside the migration, on its own",
            severity=None if kind == "alter_system_stmt" else Severity.INFO,
        )
