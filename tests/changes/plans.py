"""Plans from SQL text and tables made by hand: what the tests of kinds share."""

from __future__ import annotations

import pytest

from migrator.authoring.recognise import recognise
from migrator.changes.kind import Draft
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Column, Constraint, Dependent, Index, Relation, Schema, TableName
from migrator.planning import planner
from migrator.planning.planner import Change, Planned
from migrator.sql.parser import parse_script

MIGRATION = "20260102T030405_test"
NOTHING = Schema()
"""No database was asked."""

USERS = TableName("public", "users")
ID = Column("id", "bigint", not_null=True, identity="always")
NAME = Column("name", "text")


def users(*columns: Column, name: TableName = USERS, **facts: object) -> Schema:
    """A database with one table of these columns (default: ``id`` and ``name``)."""
    return schema(Relation(name, columns=columns or (ID, NAME), **facts))  # type: ignore[arg-type]


def schema(*relations: Relation, **facts: object) -> Schema:
    return Schema(True, {relation.name: relation for relation in relations}, **facts)  # type: ignore[arg-type]


def index(name: str, *columns: str, definition: str = "", **facts: object) -> Index:
    keys = ", ".join(columns)
    return Index(name, definition or f"CREATE INDEX {name} ON public.users USING btree ({keys})", columns, **facts)  # type: ignore[arg-type]


def changes(sql: str, known: Schema = NOTHING) -> list[Change]:
    found, _ = recognise(parse_script(sql, "change.sql"), known)
    return found


def plan(sql: str, known: Schema = NOTHING, level: int = 7) -> Planned:
    return planner.plan(changes(sql, known), migration=MIGRATION, level=level, schema=known)


def drafts(sql: str, phase: Phase, known: Schema = NOTHING) -> list[Draft]:
    return list(plan(sql, known).drafts[phase])


def statements(sql: str, phase: Phase, known: Schema = NOTHING) -> list[str]:
    """What runs in a phase, blanks collapsed."""
    return [" ".join(draft.sql.split()) for draft in drafts(sql, phase, known)]


def refusal(sql: str, known: Schema = NOTHING) -> Refused:
    """Why the SQL is refused."""
    with pytest.raises(Refused) as caught:
        plan(sql, known)
    return caught.value


__all__ = [
    "ID", "MIGRATION", "NAME", "NOTHING", "USERS", "Column", "Constraint", "Dependent", "Index", "Phase", "Relation",
    "TableName", "changes", "drafts", "index", "plan", "refusal", "schema", "statements", "users",
]  # fmt: skip
