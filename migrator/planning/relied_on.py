"""Indexes and constraints of the user that one migration drops, and by which another pending one finds rows.

Rows of two tables that are kept in step find each other by a unique index, ON CONFLICT of a trigger names one, a
foreign key that contract adds points to one. Which they are is not written down twice: a change is checked as it would
be without what the other migration drops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from migrator.changes.constraint import KeyReplacement, dropped_by, node_of
from migrator.changes.index import OnIndex
from migrator.changes.kind import Context, Spec
from migrator.changes.unique_key import coming_index, key_columns
from migrator.errors import Refused
from migrator.model.schema import Constraint, Schema, TableName
from migrator.planning.entangled import retyped_columns
from migrator.planning.planner import Change, check
from migrator.sql.parser import pb

_Named = tuple[TableName, str]


def refuse_relying_on_dropped(changes: Sequence[Change], its: Sequence[Change], other: str, schema: Schema) -> None:
    """Refuse what relies on what contract of the other migration drops.

    Args:
        changes: of the later migration.
        its: of the earlier one, which is not contracted.
        other: id of that.
        schema: the tables of both.

    Raises:
        Refused: one of the two contracts could not run any more, or writes would fail between them.
    """
    first = f'contract it first: "migrator contract {other}"'
    for change in its:
        if change.kind.name == "add_foreign_key" and _stops(change, _without(schema, changes), schema):
            going = ", ".join(what for what, _ in _going(schema, changes))
            raise Refused(
                f"{going} is what a foreign key points to that contract of {other} adds",
                hint="leave this change out, or roll that back",
            )
    left = _without(schema, its)
    if left is schema:
        return
    for what, columns in _going(schema, its):
        for change in changes:
            if columns & retyped_columns(change.spec):
                raise Refused(
                    f"{what} is dropped by contract of {other}, and made anew by that of this migration", hint=first
                )
    try:
        check(changes, migration="beside", level=1, schema=schema)
    except Refused:
        return  # said without regard to the other one
    try:
        check(changes, migration="beside", level=1, schema=left)
    except Refused as refusal:
        what = ", ".join(what for what, _ in _going(schema, its))
        raise Refused(f"contract of {other} drops {what}, and then {refusal.message}", hint=first) from None


def drops_keys(changes: Sequence[Change]) -> bool:
    """Whether contract of changes drops an index or a constraint."""
    return bool(_dropped(changes))


def relied_on(changes: Sequence[Change], its: Sequence[Change], schema: Schema) -> list[str]:
    """What contract of a migration drops and another pending one relies on until it is contracted.

    Args:
        changes: of the one to be contracted.
        its: of the other one, which is expanded.
        schema: the tables of both.
    """
    left = _without(schema, changes)
    if left is schema or not any(_stops(change, left, schema) for change in its):
        return []
    return [what for what, _ in _going(schema, changes)]


def _stops(change: Change, left: Schema, schema: Schema) -> bool:
    """Whether the contract of a change is refused once something is gone, and only then."""
    return _objection(change, schema) is None and _objection(change, left) is not None


def _objection(change: Change, schema: Schema) -> str | None:
    """What speaks against the contract of a change; what is only known from its text is not looked at."""
    try:
        change.kind.before_contract(change.spec, Context("beside", 1, schema))
    except Refused as refusal:
        return refusal.message
    return None


def _dropped(changes: Sequence[Change]) -> set[_Named]:
    """Indexes and constraints that contract of changes drops."""
    constraints = {dropped for spec in _specs(changes) if (dropped := dropped_by(spec))}
    return constraints | {
        (change.spec.target, change.spec.index)
        for change in changes
        if isinstance(change.spec, OnIndex) and change.kind.name == "drop_index"
    }


def _specs(changes: Sequence[Change]) -> Iterator[Spec]:
    return (change.spec for change in changes)


def _going(schema: Schema, changes: Sequence[Change]) -> Iterator[tuple[str, set[_Named]]]:
    """What is dropped, as people call it, and the columns it is on."""
    for table, name in sorted(_dropped(changes), key=str):
        relation = schema.relation(table)
        for noun, found in (("constraint", relation.constraints), ("index", relation.indexes)) if relation else ():
            for each in found:
                if each.name == name and getattr(each, "constraint", None) is None:
                    yield f'{noun} "{name}" of {table}', {(table, column) for column in each.columns}


def _without(schema: Schema, changes: Sequence[Change]) -> Schema:
    """The tables as they are once contract has dropped what it drops, and the primary key that takes the place of one.

    The same object: it drops nothing of them.
    """
    relations = dict(schema.relations)
    for table, name in _dropped(changes):
        relation = relations.get(table)
        if relation is not None:
            relations[table] = replace(
                relation,
                indexes=tuple(each for each in relation.indexes if name not in (each.name, each.constraint)),
                constraints=tuple(each for each in relation.constraints if each.name != name),
            )
    for spec in _specs(changes):
        relation = relations.get(spec.target) if isinstance(spec, KeyReplacement) else None
        if isinstance(spec, KeyReplacement) and relation is not None:
            node = node_of(spec.definition, pb.CONSTR_PRIMARY)
            relations[spec.target] = replace(
                relation,
                indexes=(*relation.indexes, coming_index(spec, node)),
                constraints=(
                    *relation.constraints,
                    Constraint(spec.constraint, "primary key", key_columns(node), spec.definition),
                ),
            )
    return schema if relations == schema.relations else replace(schema, relations=relations)
