"""BC013 rename-object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.lint.context import Context
from migrator.lint.objects import CREATE_OBJECTS, created_name, parts_of_object
from migrator.lint.rule import BEFORE_THE_DEPLOY, Bad, Good, Problem, Rule
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import Statement, pb, unwrap

_FIX = "-- create the new one beside the old; in contract.sql, when no code is left that uses the old name, drop it"
_WORDS = {
    pb.OBJECT_FUNCTION: "function",
    pb.OBJECT_PROCEDURE: "procedure",
    pb.OBJECT_ROUTINE: "routine",
    pb.OBJECT_SEQUENCE: "sequence",
    pb.OBJECT_TYPE: "type",
    pb.OBJECT_DOMAIN: "domain",
    pb.OBJECT_SCHEMA: "schema",
    pb.OBJECT_ROLE: "role",
    pb.OBJECT_DATABASE: "database",
}


class RenameObject(Rule):
    """A function, sequence, type, schema or role is renamed while code that uses the old name may be running.

    Why it matters
        Every statement of the running version that uses the old name fails from that moment.

    What to do
        Keep both: create the new one beside the old, drop the old one in the contract phase. Renaming an index or a
        constraint is not reported: statements do not name them, but for ON CONFLICT ON CONSTRAINT.

    Quiet for what the same file created, and where it gives the old name of a type or routine to another one. Expected
    in `contract.sql` and `rollback.sql`.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC013"
    name = "rename-object"
    severity = Severity.ERROR
    category = Category.BACKWARD
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.READS, Breaks.WRITES, Breaks.PREPARED)
    phases = BEFORE_THE_DEPLOY
    kinds = ("rename_stmt",)
    good = (
        Good("ALTER INDEX users_name RENAME TO users_full_name;"),
        Good("ALTER SCHEMA app RENAME TO old_app;", phase=Phase.CONTRACT),
        Good("CREATE SEQUENCE s_new; ALTER SEQUENCE s_new RENAME TO s;"),
        Good(
            "CREATE TYPE app.mood_new AS ENUM ('a'); ALTER TYPE app.mood RENAME TO mood_old; "
            "ALTER TYPE app.mood_new RENAME TO mood;"
        ),
        Good(
            "ALTER FUNCTION total(int) RENAME TO total_1; "
            "CREATE FUNCTION total(int) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';"
        ),
    )
    bad = (
        Bad(
            "ALTER FUNCTION total(int) RENAME TO sum_of;",
            fix=_FIX,
        ),
        Bad(
            "CREATE TYPE feeling AS ENUM ('a'); ALTER TYPE mood RENAME TO mood_old;",
            fix=_FIX,
        ),
        Bad(
            "ALTER SCHEMA app RENAME TO old_app;",
            fix=_FIX,
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        words = _WORDS.get(node.rename_type)
        if words is None:
            return
        old = _old_name(node)
        if old[-1] in {*_made(context.earlier_of(*CREATE_OBJECTS)), *_renamed(context.earlier_of("rename_stmt"))}:
            return
        if node.rename_type in _REPLACED and old[-1] in {
            *_made(context.following_of(*CREATE_OBJECTS)),
            *_renamed(context.following_of("rename_stmt")),
        }:
            return
        shown = ".".join(map(ident, old))
        yield Problem(
            f"renaming {words} {shown} to {ident(node.newname)} breaks running code that uses the old name",
            why="statements of the running version that use the old name fail from that moment",
            fix=_FIX,
        )


_REPLACED = frozenset({pb.OBJECT_FUNCTION, pb.OBJECT_PROCEDURE, pb.OBJECT_ROUTINE, pb.OBJECT_TYPE, pb.OBJECT_DOMAIN})
"""Another one of the name serves callers as well; a new sequence would start anew, a new schema be empty."""


def _old_name(node: Any) -> tuple[str, ...]:
    if node.HasField("relation"):
        return tuple(part for part in (node.relation.schemaname, node.relation.relname) if part)
    return parts_of_object(unwrap(node.object)) if node.HasField("object") else (node.subname,)


def _made(statements: Iterator[Statement]) -> Iterator[str]:
    return (created_name(each.node) for each in statements)


def _renamed(statements: Iterator[Statement]) -> Iterator[str]:
    return (each.node.newname for each in statements if each.node.rename_type in _WORDS)
