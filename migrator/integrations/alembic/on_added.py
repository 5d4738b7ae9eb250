"""Constraints on columns that the same revision adds: enforced by expand, since old code writes NULL there.

A constraint on columns that are there waits for contract, because old code may still break it. Autogenerate most often
finds one together with its column, ``team_id`` and its foreign key. Old code does not name that column, so it writes
NULL, which neither a foreign key nor a unique constraint looks at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from migrator.changes.constraint import NewConstraint
from migrator.changes.kind import Context
from migrator.changes.kinds.add_column.addition import Addition, Way
from migrator.changes.registry import spec_from
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.planning.planner import Change
from migrator.sql.compose import Sql, ident

_ON_NULL = frozenset({"add_foreign_key", "add_unique"})


def enforced_at_expand(changes: Sequence[Change], schema: Schema) -> list[Change]:
    """The changes, those constraints replaced by the statements that build them in expand.

    Args:
        changes: as recognised, the columns before their constraints.
        schema: what is known about the tables.

    Raises:
        Refused: old code would write something that the constraint looks at.
    """
    added: dict[tuple[str, str], dict[str, Addition]] = {}
    found: list[Change] = []
    for change in changes:
        spec = change.spec
        if isinstance(spec, Addition):
            added.setdefault((spec.schema, spec.table), {})[spec.column] = spec
        if not isinstance(spec, NewConstraint):
            found.append(change)
            continue
        columns = change.kind.touched(spec).get(spec.target, ())
        new = [each for name, each in added.get((spec.schema, spec.table), {}).items() if name in columns]
        if not new:
            found.append(change)
            continue
        _require_null(change, spec, new)
        found += _statements(change, spec, schema)
    return found


def _require_null(change: Change, spec: NewConstraint, new: Sequence[Addition]) -> None:
    writes_null = any(not each.not_null and not each.default and each.way is Way.AT_ONCE for each in new)
    looks_at_null = "NULLS NOT DISTINCT" in spec.definition or "MATCH FULL" in spec.definition
    if change.kind.name not in _ON_NULL or looks_at_null or not writes_null:
        names = ", ".join(f'"{each.column}"' for each in new)
        raise Refused(
            f'constraint "{spec.constraint}" of table "{spec.target}" is on {names}, which this revision adds',
            at=change.at,
            detail="old code would write rows that it refuses",
            hint="add the column first, and the constraint to the model in a later revision",
        )


def _statements(change: Change, spec: NewConstraint, schema: Schema) -> Iterator[Change]:
    undo = Sql(f"ALTER TABLE {spec.sql} DROP CONSTRAINT IF EXISTS {ident(spec.constraint)}")
    tables = [str(spec.sql)]
    for number, draft in enumerate(change.kind.contract(spec, Context("new", 1, schema))):
        parameters: dict[str, Any] = {
            "statement": str(draft.sql), "phase": "expand", "tables": tables, "in_transaction": draft.group is not None,
        }  # fmt: skip
        if number == 0:
            parameters["undo"] = str(undo)
        yield Change(*spec_from({"kind": "raw_sql", **parameters}, change.at), change.at)
