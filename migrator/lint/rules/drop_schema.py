"""DL003 drop-schema."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, pb, unwrap


class DropSchema(Rule):
    """DROP SCHEMA, DROP DATABASE or DROP OWNED.

    Why it matters
        All that is in it goes at once, and every statement of the running version that names it fails.

    What to do
        Drop what is in it by name in a contract phase; then the empty schema there.

    An empty schema may go in `contract.sql` and `rollback.sql`, without CASCADE.

    Source
        PostgreSQL documentation, DROP SCHEMA, DROP DATABASE, DROP OWNED.
    """

    code = "DL003"
    name = "drop-schema"
    severity = Severity.ERROR
    category = Category.DATA_LOSS
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.READS, Breaks.WRITES, Breaks.DATA)
    kinds = ("drop_stmt", "dropdb_stmt", "drop_owned_stmt")
    good = (Good("DROP SCHEMA app;", phase=Phase.CONTRACT), Good("CREATE SCHEMA scratch; DROP SCHEMA scratch;"))
    bad = (
        Bad("DROP SCHEMA app;", fix="-- contract.sql: drop what is in it by name, then the empty schema"),
        Bad("DROP DATABASE shop;", fix="-- contract.sql: drop what is in it by name, then the empty schema"),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if statement.kind == "drop_stmt":
            if node.remove_type != pb.OBJECT_SCHEMA or context.phase in (Phase.CONTRACT, Phase.ROLLBACK):
                return
            created = {other.node.schemaname for other in context.all_of("create_schema_stmt")}
            names = [unwrap(item).sval for item in node.objects]
            gone = ", ".join(f"schema {ident(name)}" for name in names if name not in created)
        else:
            gone = f"database {ident(node.dbname)}" if statement.kind == "dropdb_stmt" else "all that a role owns"
        if gone:
            yield Problem(
                f"dropping {gone} removes all that is in it",
                why="data is gone, and statements of the running version that name it fail",
                fix="-- contract.sql: drop what is in it by name, then the empty schema",
            )
