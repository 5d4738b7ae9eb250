"""Changes to drafts of every phase, with unique step names, and everything that speaks against them at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from migrator.changes.constraint import NewConstraint
from migrator.changes.kind import Context, Draft, Expression, Kind, Obstacle, OnTable, Spec
from migrator.changes.kinds.add_enum_value import ValueAddition
from migrator.changes.kinds.rename_column import Renaming
from migrator.changes.routine import OnRoutine
from migrator.changes.user_type import OnType
from migrator.changes.view import OnView
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Schema, TableName
from migrator.planning.computed_beside import refuse_computed_changed
from migrator.planning.entangled import refuse_entangled, refuse_index_on_copy
from migrator.planning.keys_carried import refuse_carried_changed
from migrator.planning.leaving import refuse_by_text, refuse_in_schema, refuse_relying_on
from migrator.planning.named_beside import refuse_replaced_at_once
from migrator.planning.names import Names, of_steps, refuse_taken_twice
from migrator.planning.objects import refuse_shared
from migrator.planning.over_views import refuse_over_views
from migrator.planning.touching import both_leave, clashing_tables, touched_by


@dataclass(frozen=True, slots=True)
class Change:
    """One recognised change.

    Attributes:
        kind: what it is an instance of.
        spec: its parameters.
        at: where the author wrote it, for messages.
    """

    kind: Kind[Any]
    spec: Spec
    at: str = ""

    def as_table(self) -> dict[str, Any]:
        """The ``[[change]]`` table; parameters at their defaults are left out."""
        values: dict[str, Any] = {"kind": self.kind.name}
        for each in msgspec.structs.fields(self.kind.spec):
            value = getattr(self.spec, each.name)
            if each.required or value != each.default:
                values[each.name] = list(value) if isinstance(value, tuple) else value
        return values


@dataclass(frozen=True, slots=True)
class Planned:
    """Drafts of every phase, and what the author should know.

    Attributes:
        drafts: by phase, in the order they run.
        notes: one line each.
        touched: columns the plan relies on, by table.
        names: what becomes of names by expand and contract.
    """

    drafts: dict[Phase, tuple[Draft, ...]]
    notes: tuple[str, ...]
    touched: dict[TableName, tuple[str, ...]]
    names: Names


@dataclass(slots=True)
class _Names:
    """Names of the steps of one phase, or of groups; a name used before gets a number."""

    used: set[str] = field(default_factory=set)

    def unique(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self.used:
            number += 1
            name = f"{wanted}-{number}"
        self.used.add(name)
        return name


@dataclass(slots=True)
class _Groups:
    """Names of transaction groups: tables that are called alike do not share one, so that none waits for the other."""

    names: _Names = field(default_factory=_Names)
    given: dict[tuple[str, TableName | None], str] = field(default_factory=dict)

    def name(self, change: Change, draft: Draft) -> str | None:
        if draft.group is None:
            return None
        key = (draft.group, change.spec.target if isinstance(change.spec, OnTable) else None)
        if key not in self.given:
            self.given[key] = self.names.unique(draft.group)
        return self.given[key]


@dataclass(slots=True)
class _Naming:
    """Names of steps and groups over all phases."""

    steps: dict[Phase, _Names] = field(default_factory=lambda: {phase: _Names() for phase in Phase})
    groups: _Groups = field(default_factory=_Groups)

    def named(self, phase: Phase, change: Change, drafts: Iterable[Draft]) -> list[Draft]:
        return [
            replace(draft, id=self.steps[phase].unique(draft.id), group=self.groups.name(change, draft))
            for draft in drafts
        ]


@dataclass(frozen=True, slots=True)
class Sketch:
    """What is known of the phases of changes without a database.

    Attributes:
        drafts: with their changes, in the order they run, without those that undo.
        unknown: changes of which that is not known.
    """

    drafts: dict[Phase, tuple[tuple[Change, Draft], ...]]
    unknown: tuple[Change, ...]


def sketch(changes: Sequence[Change], *, migration: str, level: int) -> Sketch:
    """What phases hold as far as that is known without a database, to be read and not to be run: nothing is checked."""
    naming = _Naming()
    drafts: dict[Phase, list[tuple[Change, Draft]]] = {phase: [] for phase in Phase}
    unknown: list[Change] = []
    for change, context in zip(changes, _contexts(changes, migration, level, Schema()), strict=True):
        kind = change.kind
        try:
            proposed = {
                Phase.EXPAND: list(kind.expand(change.spec, context)),
                Phase.BACKFILL: list(kind.backfill(change.spec, context)),
                Phase.CONTRACT: list(kind.contract(change.spec, context)),
            }
        except Refused:
            unknown.append(change)
            continue
        for phase, own in proposed.items():
            drafts[phase] += [(change, draft) for draft in naming.named(phase, change, own)]
    return Sketch({phase: tuple(found) for phase, found in drafts.items()}, tuple(unknown))


def plan(changes: Sequence[Change], *, migration: str, level: int, schema: Schema) -> Planned:
    """Split changes into phases.

    Expand, backfill and contract follow the order of the changes, rollback undoes them in reverse.

    Raises:
        Refused: something cannot be done safely; all reasons at once, with the place of each.
    """
    contexts = _contexts(changes, migration, level, schema)
    notes = _validate(changes, contexts)
    naming = _Naming()
    drafts: dict[Phase, list[Draft]] = {phase: [] for phase in Phase}
    undone_by: list[list[Draft]] = []
    places: dict[Phase, list[str]] = {phase: [] for phase in Phase}
    for change, context in zip(changes, contexts, strict=True):
        expanding = list(change.kind.expand(change.spec, context))
        named = naming.named(Phase.EXPAND, change, expanding)
        renamed = {draft.id: new.id for draft, new in zip(expanding, named, strict=True)}
        drafts[Phase.EXPAND] += named
        contracting = list(change.kind.contract(change.spec, context))
        others = [(each.kind, each.spec) for each in changes if each is not change]
        refuse_by_text([draft.sql for draft in (*expanding, *contracting)], others, change.at)
        for phase, own in ((Phase.BACKFILL, change.kind.backfill(change.spec, context)), (Phase.CONTRACT, contracting)):
            drafts[phase] += naming.named(phase, change, own)
        for phase in (Phase.EXPAND, Phase.CONTRACT):
            places[phase] += [change.at] * (len(drafts[phase]) - len(places[phase]))
        undone_by.append(
            [
                replace(
                    draft,
                    undoes=renamed[draft.undoes] if draft.undoes else None,
                    group=naming.groups.name(change, draft),
                )
                for draft in change.kind.rollback(change.spec, context)
            ]
        )
    for undoing in reversed(undone_by):
        drafts[Phase.ROLLBACK] += [
            replace(draft, id=naming.steps[Phase.ROLLBACK].unique(draft.id)) for draft in undoing
        ]
    names = Names()
    for phase in (Phase.EXPAND, Phase.CONTRACT):
        of_steps(zip((draft.sql for draft in drafts[phase]), places[phase], strict=True), names)
    refuse_taken_twice(names)
    return Planned(
        {phase: tuple(proposed) for phase, proposed in drafts.items()}, tuple(notes), touched_by(changes), names
    )


def check(
    changes: Sequence[Change], *, migration: str, level: int, schema: Schema, contract_sql: str = ""
) -> list[str]:
    """Only what ``plan`` checks, without making steps: notes for the author.

    Args:
        contract_sql: what contract runs.

    Raises:
        Refused: as ``plan``, or contract is not for the schema as it is.
    """
    contexts = _contexts(changes, migration, level, schema)
    return _validate(changes, [replace(each, contract_sql=contract_sql) for each in contexts])


def check_before_contract(
    changes: Sequence[Change],
    *,
    migration: str,
    level: int,
    schema: Schema,
    built: frozenset[str],
    contract_sql: str = "",
) -> None:
    """Check against the schema as it is now that contract removes nothing that came to be used since expand.

    Args:
        built: names of the indexes that expand of the migration built.
        contract_sql: what contract runs.

    Raises:
        Refused: all reasons at once.
    """
    refusals: list[Refused] = []
    for change, context in zip(changes, _contexts(changes, migration, level, schema), strict=True):
        try:
            change.kind.before_contract(change.spec, replace(context, built=built, contract_sql=contract_sql))
        except Refused as refusal:
            refusals.append(refusal)
    raise_all(refusals)


def expressions_of(
    changes: Sequence[Change], *, migration: str, level: int, schema: Schema
) -> list[tuple[Change, Expression]]:
    """What the author computes values with, for the server to understand before anything is touched."""
    contexts = _contexts(changes, migration, level, schema)
    return [
        (change, each)
        for change, context in zip(changes, contexts, strict=True)
        for each in change.kind.expressions(change.spec, context)
    ]


def obstacles_of(
    changes: Sequence[Change], *, migration: str, level: int, schema: Schema, rollback_sql: str = ""
) -> list[tuple[Change, Obstacle]]:
    """Rows that would make contract or rollback fail, to be counted before the gate.

    Args:
        rollback_sql: what rollback runs.
    """
    contexts = _contexts(changes, migration, level, schema)
    return [
        (change, each)
        for change, context in zip(changes, contexts, strict=True)
        for each in change.kind.obstacles(change.spec, replace(context, rollback_sql=rollback_sql))
    ]


def _contexts(changes: Sequence[Change], migration: str, level: int, schema: Schema) -> list[Context]:
    contexts, created, created_types = [], frozenset[TableName](), frozenset[TableName]()
    added_values: dict[TableName, tuple[str, ...]] = {}
    made, beside = frozenset[tuple[str, ...]](), tuple((change.kind.name, change.spec) for change in changes)
    renamed: dict[TableName, dict[str, str]] = {}
    for change in changes:
        if isinstance(change.spec, Renaming):
            renamed.setdefault(change.spec.target, {})[change.spec.column] = change.spec.new_name
    for change in changes:
        contexts.append(
            Context(
                migration, level, schema, created, renamed, created_types=created_types, made=made, beside=beside,
                added_values=dict(added_values),
            )
        )  # fmt: skip
        made = made | {change.kind.makes(change.spec)}
        if isinstance(change.spec, OnView) and change.kind.makes(change.spec)[:1] == ("MATERIALIZED VIEW",):
            created = created | {change.spec.target}
        if change.kind.name == "create_table" and isinstance(change.spec, OnTable):
            created = created | {change.spec.target}
        if isinstance(change.spec, OnType) and change.kind.makes(change.spec)[:1] == ("TYPE",):
            created_types = created_types | {change.spec.target}
        if isinstance(change.spec, ValueAddition):
            added_values[change.spec.target] = (*added_values.get(change.spec.target, ()), change.spec.value)
    return contexts


def _validate(changes: Sequence[Change], contexts: Sequence[Context]) -> list[str]:
    notes: list[str] = []
    refusals: list[Refused] = []
    seen: dict[tuple[TableName, str], list[Change]] = {}
    for number, (change, context) in enumerate(zip(changes, contexts, strict=True)):
        earlier = changes[:number]
        try:
            notes += change.kind.validate(change.spec, context)
            for table, columns in change.kind.touched(change.spec).items():
                for column in columns if not _is_new(change, table, context) else ():
                    before = seen.setdefault((table, column), [])
                    if not all(each.kind.name in change.kind.may_follow or both_leave(change, each) for each in before):
                        raise Refused(
                            f"two changes of {_called(change, table, column)} in one migration",
                            hint="write two migrations, and contract the first before the second",
                        )
                    before.append(change)
            refuse_index_on_copy(change.spec, [each.spec for each in changes])
            refuse_relying_on([change.spec], [(each.kind, each.spec) for each in changes])
            refuse_in_schema([(change.kind, change.spec)], [(each.kind, each.spec) for each in changes])
            refuse_shared(change, earlier)
            refuse_replaced_at_once(change, changes, context.schema)
            refuse_over_views(change.spec, changes, context.schema)
            _refuse_beside_whole_table(change, changes)
            refuse_computed_changed([change], earlier, context.schema)
            refuse_entangled(change.spec, [each.spec for each in earlier], context.schema)
            refuse_carried_changed([change.spec], _beside_in_order(change, changes), context.schema)
        except Refused as refusal:
            refusal.at = refusal.at or change.at or None
            refusal.hint = refusal.hint or _after_renaming(refusal.message, context.renamed)
            refusals.append(refusal)
    raise_all(refusals)
    # What two changes say of one object is said once.
    return list(dict.fromkeys(notes))


def _is_new(change: Change, table: TableName, context: Context) -> bool:
    """Whether a constraint is about a table that comes with it: nobody relies on what is said of its columns before."""
    return isinstance(change.spec, NewConstraint) and table in context.created


def _called(change: Change, table: TableName, column: str) -> str:
    is_routine = isinstance(change.spec, OnRoutine)
    return f'function "{table.schema}.{column}"' if is_routine else f'column "{column}" of table "{table}"'


def _beside_in_order(change: Change, changes: Sequence[Change]) -> list[tuple[Kind[Any], Spec]]:
    """The other changes; a constraint that goes before is gone by then."""
    before = changes[: changes.index(change)]
    return [
        (each.kind, each.spec)
        for each in changes
        if each is not change and not (each.kind.name == "drop_constraint" and each in before)
    ]


def _after_renaming(message: str, renamed: Mapping[TableName, Mapping[str, str]]) -> str | None:
    """What to do where a column does not exist because the same migration gives it that name."""
    for table, names in renamed.items():
        for before, after in names.items():
            if message == f'column "{after}" of table "{table}" does not exist':
                return f'"{before}" gets that name here: write two migrations, and contract the first before the second'
    return None


def _refuse_beside_whole_table(change: Change, changes: Sequence[Change]) -> None:
    """Refuse a second change of a table that another change of the migration takes as a whole.

    Raises:
        Refused: there is one.
    """
    if change.kind.takes_whole_table:
        clashing = clashing_tables([change], [other for other in changes if other is not change])
        if clashing:
            raise Refused(
                f'{change.kind.name} of "{min(clashing)}" beside other changes of it in one migration',
                hint="write two migrations, and contract the first before the second",
            )


def raise_all(refusals: Sequence[Refused]) -> None:
    """Raise one refusal as it is, several as one that names them all; nothing for none."""
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        parts = []
        for refusal in refusals:
            parts += [f"{refusal.at}: {refusal.message}" if refusal.at else refusal.message]
            parts += [f"  {line}" for line in (refusal.detail or "").splitlines()]
            parts += [f"  hint: {refusal.hint}"] if refusal.hint else []
        raise Refused(f"{len(refusals)} reasons speak against it", detail="\n".join(parts))
