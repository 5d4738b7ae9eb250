"""BC025 privilege-revoked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.parser import Statement, pb, unwrap


class PrivilegeRevoked(Rule):
    """REVOKE of a privilege on something that is in use.

    Why it matters
        Statements of the running version that need the privilege fail from that moment, also prepared ones.

    What to do
        Revoke in the contract phase, when no code is left that needs it; look first who used it.

    Quiet for what the same file created or granted, and in `contract.sql` and `rollback.sql`.

    Source
        PostgreSQL documentation, section 5.8 "Privileges".
    """

    code = "BC025"
    name = "privilege-revoked"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES, Breaks.PREPARED)
    phases = BEFORE_THE_DEPLOY
    kinds = ("grant_stmt", "grant_role_stmt")
    good = (
        Good("REVOKE SELECT ON users FROM app;", phase=Phase.CONTRACT),
        Good("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE ALL ON FUNCTION f() FROM PUBLIC;"),
        Good("CREATE TABLE users (a int); REVOKE ALL ON users FROM PUBLIC; GRANT SELECT ON users TO app;"),
        Good("REVOKE ALL ON users FROM app; GRANT SELECT, INSERT ON users TO app;"),
    )
    bad = (
        Bad(
            "REVOKE SELECT ON users FROM app;",
            fix="-- contract.sql of a phased migration, when no code is left that needs it:\n"
            "-- REVOKE SELECT ON users FROM app",
        ),
        Bad(
            "REVOKE writers FROM app;",
            fix="-- contract.sql of a phased migration, when no code is left that needs it:\n"
            "-- REVOKE writers FROM app",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if node.is_grant or (statement.kind == "grant_stmt" and _is_settled(node, context)):
            return
        yield Problem(
            f"running code that needs what is revoked fails: {' '.join(statement.text.split())}",
            why="statements of the running version are refused with 'permission denied'",
            fix="-- contract.sql of a phased migration, when no code is left that needs it:\n"
            f"-- {' '.join(statement.text.split())}",
        )


def _is_settled(node: Any, context: Context) -> bool:
    """Whether the file created the objects, or grants something on them again."""
    if any(other.node.is_grant and _names(other.node) & _names(node) for other in context.following_of("grant_stmt")):
        return True
    if node.objtype == pb.OBJECT_TABLE:
        return all(context.is_new(unwrap(item)) for item in node.objects)
    if node.objtype in (pb.OBJECT_FUNCTION, pb.OBJECT_PROCEDURE, pb.OBJECT_ROUTINE):
        routines, file = context.catalog.routines, context.catalog.file
        return all(any(one.file == file for one in routines.get(name, ())) for name in _names(node))
    made = {other.node.schemaname for other in context.all_of("create_schema_stmt")}
    return node.objtype == pb.OBJECT_SCHEMA and _names(node) <= made


def _names(node: Any) -> frozenset[str]:
    found = set()
    for item in map(unwrap, node.objects):
        if isinstance(item, pb.RangeVar):
            found.add(item.relname)
        elif isinstance(item, pb.ObjectWithArgs):
            found.add(names_in(item.objname)[-1])
        elif isinstance(item, pb.String):
            found.add(item.sval)
    return frozenset(found)
