"""Whether what hangs on a column can hang on one of the new type: tried on an empty copy of the table, and rolled back.

An index whose condition compares the column may need a function that is not immutable for the new type, and a CHECK an
operator that the new type lacks. At contract there would be no way back.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Expression
from migrator.changes.retyping import carried
from migrator.changes.retyping.shadow import Retyping, Shadow
from migrator.model.schema import Relation
from migrator.sql.compose import Sql, ident, qualified
from migrator.sql.parser import parse_script
from migrator.sql.rewrite import statement_sql

_COPY = qualified("pg_temp", "migrator_trial")


def trials(change: Retyping, relation: Relation, shadow: Shadow) -> Iterator[Expression]:
    """One for each index and each CHECK that contract makes anew."""
    collation = f" COLLATE {change.collation}" if change.collation else ""
    copy = (
        Sql(f"CREATE TEMPORARY TABLE migrator_trial (LIKE {change.sql}) ON COMMIT DROP"),
        Sql(f"ALTER TABLE {_COPY} ADD COLUMN IF NOT EXISTS {ident(shadow.column)} {change.type}{collation}"),
    )
    for index, _, definition in carried.indexes(change, relation, shadow.column):
        statement = parse_script(definition).statements[0]
        node = statement.node
        node.relation.schemaname, node.relation.relname, node.concurrent, node.table_space = (
            "pg_temp", "migrator_trial", False, "",
        )  # fmt: skip
        yield _trial(f"index {index.name}", change, (*copy, statement_sql(statement.kind, node)))
    for check in carried.checks(change, relation, shadow.column):
        yield _trial(f"constraint {check.name}", change, (*copy, Sql(f"ALTER TABLE {_COPY} ADD {check.definition}")))


def _trial(what: str, change: Retyping, statements: tuple[Sql, ...]) -> Expression:
    return Expression(f"{what} on {change.column} of type {change.full_type}", Sql("SELECT"), trial=statements)
