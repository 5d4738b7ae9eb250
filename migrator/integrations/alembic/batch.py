"""What one revision asks for: changes by kind or as SQL, and what its ``backfill()`` and ``contract()`` run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from migrator.authoring.recognise import recognise
from migrator.backfill.reading import read_step
from migrator.changes.registry import spec_from
from migrator.errors import Refused
from migrator.model.plan import Phase, Step
from migrator.model.schema import Schema, TableName
from migrator.planning import touching
from migrator.planning.planner import Change
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from migrator.sql.actions import Action, actions_of, objects_in, relations_in
from migrator.sql.compose import qualified
from migrator.sql.parser import Statement, parse_script
from migrator.sql.rewrite import column_list


@dataclass(frozen=True, slots=True)
class Text:
    """Changes given as SQL: what they are depends on the schema."""

    sql: str
    at: str


@dataclass(frozen=True, slots=True)
class Written:
    """Statements that run in a later phase as they stand.

    Attributes:
        sql: one or several.
        phase: backfill or contract.
        at: ``file:line`` of the call.
        group: those of one group commit together; an empty string: each by itself, outside a transaction.
    """

    sql: str
    phase: Phase
    at: str
    group: str = ""


Batch = list[Change | Text | Written]
"""What one revision asks for, in order."""


def digest(batch: Batch) -> str:
    """What names a batch, whatever the schema makes of it."""
    return hashlib.sha256(json.dumps([_said(asked) for asked in batch], sort_keys=True).encode()).hexdigest()


def _said(asked: Change | Text | Written) -> dict[str, object]:
    if isinstance(asked, Change):
        return asked.as_table()
    if isinstance(asked, Text):
        return {"sql": asked.sql}
    return {"sql": asked.sql, "phase": asked.phase, "group": asked.group}


def schema_of(batch: Batch, session: Session) -> Schema:
    """The tables that a batch mentions, as they are."""
    return read_schema(session, dict.fromkeys(names_in(batch)))


def names_in(batch: Batch) -> list[tuple[str | None, str]]:
    """Schema, None if unqualified, and name of what a batch mentions."""
    known = [asked for asked in batch if isinstance(asked, Change)]
    names: list[tuple[str | None, str]] = [(table.schema, table.name) for table in touching.touched_by(known)]
    for asked in batch:
        if not isinstance(asked, Change):
            names += [each for action in actions_of(parse_script(asked.sql, asked.at)) for each in objects_in(action)]
    return names


def changes_of(batch: Batch, schema: Schema, tell: Callable[[str], None]) -> list[Change]:
    """The changes of a batch.

    Args:
        batch: what was asked for.
        schema: what is known about its tables.
        tell: notes about statements that are left out.

    Raises:
        Refused: SQL that is of no known kind, or in a form that cannot be split safely; a later statement that cannot
            run in its phase.
    """
    changes: list[Change] = []
    for asked in batch:
        if isinstance(asked, Change):
            changes.append(asked)
        elif isinstance(asked, Written):
            changes += _later(asked, schema)
        else:
            found, notes = recognise(parse_script(asked.sql, asked.at), schema)
            changes += found
            for note in notes:
                tell(note)
    return changes


def has_unqualified_names(batch: Batch) -> bool:
    """Whether a later statement names a relation without its schema, so that ``search_path`` decides which it is."""
    return any(
        schema is None
        for asked in batch
        if isinstance(asked, Written)
        for action in actions_of(parse_script(asked.sql, asked.at))
        for schema, _ in relations_in(action)
    )


def _later(asked: Written, schema: Schema) -> Iterator[Change]:
    script = parse_script(asked.sql, asked.at)
    for statement in script.statements:
        actions = list(actions_of(replace(script, statements=(statement,))))
        parameters: dict[str, object] = {
            "statement": statement.text, "phase": str(asked.phase), "tables": _tables(actions, schema),
        }  # fmt: skip
        if asked.phase is Phase.BACKFILL:
            parameters["verify"] = actions[0].options.get("verify", "")
            if "key" in actions[0].options:
                parameters["key"] = list(_key(actions[0].options["key"], asked.at))
            _require_batches(statement, asked, str(parameters["verify"]) or None)
        elif asked.group:
            parameters["group"] = asked.group
        else:
            parameters["in_transaction"] = False
        known = {"verify", "key"} if asked.phase is Phase.BACKFILL else set()
        unknown = actions[0].options.keys() - known
        if unknown:
            raise Refused(
                f'{asked.phase}() knows no directive "{min(unknown)}"',
                at=asked.at,
                detail="its statements run as they stand, in their order",
            )
        yield Change(*spec_from({"kind": "raw_sql", **parameters}, asked.at), asked.at)


def _key(text: str, at: str) -> tuple[str, ...]:
    try:
        return column_list(text)
    except Refused as refusal:
        refusal.at = at
        raise


def _require_batches(statement: Statement, asked: Written, verify: str | None) -> None:
    """Say at the line of Python what stands against running a statement in batches."""
    line = asked.at.rpartition(":")[2]
    first = int(line) if line.isdigit() else 1
    read_step(Step("backfill", statement.text, asked.phase, None, verify=verify, line=first, at=asked.at))


def _tables(actions: list[Action], schema: Schema) -> list[str]:
    names: dict[TableName, None] = {}
    for action in actions:
        names |= dict.fromkeys(schema.resolve(place, name) for place, name in relations_in(action))
    return [qualified(name.schema, name.name) for name in names]
