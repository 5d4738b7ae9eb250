"""What a plan assumes about the columns it touches, recorded in migration.toml and compared before expand.

Only facts about the touched columns are recorded: a fingerprint of the whole schema would differ between a laptop and
production every time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migrator.changes.kinds.drop_table import TableRemoval
from migrator.model.schema import Schema, TableName
from migrator.planning.planner import Change
from migrator.planning.touching import touched_by


def facts_of(schema: Schema, changes: Sequence[Change]) -> dict[str, Any]:
    """Facts by table; empty when no database was asked.

    Returns:
        ``{"schema.table": {"kind": …, "columns": {name: description or "absent"}, "indexes": {name: definition}}}``; a
        name that nothing has is ``{"kind": "absent"}``, that of a function ``routine``; so is what a change assumes
        besides. Of a table that is dropped IF EXISTS nothing is assumed. Indexes are those that mention a column of a
        change whose steps depend on them.
    """
    if not schema.is_known:
        return {}
    facts: dict[str, Any] = {}
    unsure = {each.spec.target for each in changes if isinstance(each.spec, TableRemoval) and each.spec.if_exists}
    copied = touched_by(change for change in changes if change.kind.relies_on_indexes)
    for table, names in touched_by(changes).items():
        relation = schema.relation(table)
        if table in unsure:
            continue
        if relation is None:
            facts[str(table)] = {"kind": "routine" if schema.routines.get(table) else "absent"}
            continue
        facts[str(table)] = {
            "kind": relation.kind,
            "columns": {name: _description(schema, table, name) for name in names},
            "indexes": {
                index.name: index.definition
                for index in relation.indexes
                if set(index.columns) & set(copied.get(table, ()))
            },
        }
    for change in changes:
        facts |= {name: {"kind": value} for name, value in change.kind.assumes(change.spec, schema).items()}
    return facts


def differences(assumed: Mapping[str, Any], actual: Mapping[str, Any]) -> list[str]:
    """One line for each fact that is not as assumed."""
    lines = []
    for table, then in assumed.items():
        now = actual.get(table, {"kind": "absent"})
        if then.get("kind") != now.get("kind"):
            lines.append(f"{table}: was {then.get('kind')}, is {now.get('kind')}")
            continue
        for part in ("columns", "indexes"):
            before, after = then.get(part, {}), now.get(part, {})
            singular = "column" if part == "columns" else "index"
            lines += [
                f"{table}, {singular} {name}: was {before.get(name, 'absent')}, is {after.get(name, 'absent')}"
                for name in sorted({*before, *after})
                if before.get(name, "absent") != after.get(name, "absent")
            ]
    return lines


def _description(schema: Schema, table: TableName, name: str) -> str:
    relation = schema.relation(table)
    column = relation.column(name) if relation else None
    if column is None:
        return "absent"
    parts = [column.type_name]
    if column.collation:
        parts.append(f"COLLATE {column.collation}")
    if column.not_null:
        parts.append("NOT NULL")
    if column.default is not None:
        parts.append(f"DEFAULT {column.default}")
    if column.identity:
        parts.append(f"GENERATED {column.identity.upper()} AS IDENTITY")
    if column.generated:
        parts.append(f"GENERATED {column.generated.upper()}")
    return " ".join(parts)
