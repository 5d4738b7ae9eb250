"""What a migration drops, renames or replaces by its name, on a column that another pending one replaces or drops.

Constraints go with a column that is dropped: nothing of that name is there any more. A change of type makes anew what
was there when it was planned, and its contract is refused when something else is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from migrator.changes.constraint import KeyReplacement, Release
from migrator.changes.index import OnIndex
from migrator.changes.kind import Context
from migrator.changes.kinds.alter_constraint import ConstraintAlteration
from migrator.changes.kinds.alter_publication import PublicationAlteration
from migrator.changes.kinds.comment import Commenting
from migrator.changes.kinds.create_publication import PublicationCreation
from migrator.changes.kinds.drop_enum_value import ValueRemoval
from migrator.changes.kinds.drop_publication import PublicationRemoval
from migrator.changes.kinds.rename_constraint import ConstraintRenaming
from migrator.changes.kinds.validate_constraint import Validation
from migrator.changes.policy import OnPolicy
from migrator.changes.replication import published_in
from migrator.changes.retyping.shadow import Retyping
from migrator.changes.statement import OneStatement
from migrator.changes.statistics import OnStatistics
from migrator.changes.trigger import OnTrigger
from migrator.changes.view import OnView
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Relation, Schema, TableName
from migrator.planning.entangled import retyped_columns
from migrator.sql.compose import qualified

if TYPE_CHECKING:
    from migrator.planning.planner import Change

_BY_NAME = frozenset(
    {
        "drop_constraint",
        "change_primary_key",
        "rename_constraint",
        "alter_constraint",
        "validate_constraint",
        "drop_index",
        "rename_index",
        "set_index_options",
        "alter_policy",
        "rename_policy",
        "drop_policy",
        "create_trigger",
        "rename_trigger",
        "switch_trigger",
        "drop_trigger",
        "set_statistics_target",
        "drop_statistics",
        "drop_view",
        "replace_view",
        "set_view_options",
        "replace_materialized_view",
        "comment",
        "create_publication",
        "alter_publication",
        "drop_publication",
    }
)
_KEPT = frozenset(
    {"alter_policy", "rename_policy", "create_trigger", "rename_trigger", "switch_trigger", "set_view_options"}
)
"""What changes something that stays, and is there to be made anew."""
_VIEWS_MADE_ANEW = ("drop_view", "set_view_options")
_GONE = frozenset(
    {"drop_policy", "drop_trigger", "drop_statistics", "drop_view", "drop_publication", "alter_publication"}
)
"""What a change of type behind it would look for in vain."""
_ON_PUBLICATIONS = (PublicationCreation, PublicationAlteration, PublicationRemoval)
_MADE_ANEW = (OnPolicy, OnTrigger, OnStatistics, *_ON_PUBLICATIONS)
_ON_CONSTRAINTS = (Release, ConstraintRenaming, ConstraintAlteration, KeyReplacement)


@dataclass(frozen=True, slots=True)
class _Named:
    """A change of something by its name.

    Attributes:
        of: parameters of the change.
        what: ``constraint "orders_number_key"``.
        table: where it is.
        columns: those it is on, or reads.
        at_once: whether expand does it.
        goes_along: whether it is dropped with a column that it is on.
        in_place_too: whether it is made anew also where the type changes in place.
    """

    of: object
    what: str
    table: TableName
    columns: frozenset[tuple[TableName, str]]
    at_once: bool
    goes_along: bool
    in_place_too: bool

    def on(self, spec: object) -> list[tuple[TableName, str]]:
        """Those of its columns that a change gives another type, in order."""
        retyped = retyped_columns(spec)
        if isinstance(spec, Retyping) and self.in_place_too:
            retyped.add((spec.target, spec.column))
        return sorted(self.columns & retyped, key=str)


def names_objects(changes: Iterable[Change]) -> bool:
    """Whether a change drops, renames or replaces something by its name."""
    return any(change.kind.name in _BY_NAME for change in changes)


def refuse_named_beside(changes: Sequence[Change], its: Sequence[Change], other: str, schema: Schema) -> None:
    """Refuse to name what goes with a column before, and to change at once what another contract makes anew.

    Args:
        changes: of the later migration.
        its: changes of the earlier one, which is expanded and not contracted.
        other: id of that.
        schema: the tables of both.

    Raises:
        Refused: one of the two contracts could not run any more.
    """
    for named, each in product(_named(changes, schema), its):
        moves = isinstance(named.of, Commenting) and each.kind.takes_whole_table
        if (moves or each.kind.name == "partition_table") and named.table in each.kind.touched(each.spec):
            raise Refused(
                f"{named.what} is on {named.table}, which {other} changes, and is not contracted",
                hint=f'contract it first: "migrator contract {other}"',
            )
        for table, column in sorted(named.columns & _taken_away(each), key=str):
            if named.goes_along:
                raise Refused(
                    f'{named.what} goes with column "{column}" of {table}, which contract of {other} takes away',
                    hint="leave this change out",
                )
        for table, column in named.on(each.spec):
            if named.at_once:
                raise Refused(
                    f'{named.what} is on column "{column}" of {table}, which {other} gives another type: its '
                    "contract makes anew what was there when it was planned",
                    hint=f'contract it first: "migrator contract {other}"',
                )
    # Indexes and constraints: see relied_on.
    own = [each for each in its if isinstance(each.spec, _MADE_ANEW) or each.kind.name in _VIEWS_MADE_ANEW]
    for named, change in product(_named(own, schema), changes):
        for table, column in named.on(change.spec):
            if not named.at_once:
                raise Refused(
                    f'{named.what} is on column "{column}" of {table}, and contract of {other} changes or drops it: '
                    "contract of this migration makes anew what was there when it was planned",
                    hint=f'contract it first: "migrator contract {other}"',
                )


def refuse_replaced_at_once(change: Change, changes: Sequence[Change], schema: Schema) -> None:
    """Refuse to replace or drop before what the same migration makes anew at contract; indexes see to themselves.

    Args:
        change: one of the migration.
        changes: all of them.
        schema: their tables.

    Raises:
        Refused: contract would find something else than what was there when it was planned.
    """
    parted = {
        table for each in changes if each.kind.name == "partition_table" for table in each.kind.touched(each.spec)
    }
    for named in _named([change], schema) if parted else ():
        if named.at_once and named.table in parted:
            raise Refused(
                f"{named.what} is on {named.table}, which is partitioned in this migration: contract makes anew "
                "what was there when it was planned",
                hint="write two migrations, and contract the first before the second",
            )
    retyping = [each.spec for each in changes if isinstance(each.spec, (Retyping, ValueRemoval))]
    if not retyping:
        return
    sees_to_itself = isinstance(change.spec, OnIndex) and change.kind.name != "set_index_options"
    for named, spec in product(() if sees_to_itself else _named([change], schema), retyping):
        for table, column in named.on(spec) if named.at_once else ():
            raise Refused(
                f'{named.what} is on column "{column}" of {table}, which gets another type: contract makes '
                "anew what was there when it was planned",
                hint="write two migrations, and contract the first before the second",
            )
    if change.kind.name not in _KEPT | _GONE:
        return
    # a trigger that is switched in the same contract is another one than the one that was planned
    apart = change.kind.name != "switch_trigger"
    behind = changes[next(at for at, each in enumerate(changes) if each is change) :] if apart else changes
    for named, each in product(_named([change], schema), behind):
        for table, column in named.on(each.spec):
            raise Refused(
                f'{named.what} is on column "{column}" of {table}, which gets another type in this migration: '
                "contract would make it anew as it was when it was planned",
                hint="write it behind the change of type; or leave it out, if it is to be there afterwards: "
                "contract makes it anew"
                if change.kind.name in _GONE
                else "write two migrations, and contract the first before the second",
            )


def named_before(changes: Sequence[Change], its: Sequence[Change], schema: Schema) -> list[str]:
    """Why the earlier of two migrations has to be contracted before the later one.

    Args:
        changes: of the later migration.
        its: changes of the earlier one.
        schema: the tables of both.

    Returns:
        What both are about: constraints that go with columns the later one takes away, and what it drops, renames,
        switches or replaces of that which contract of the earlier one makes anew.
    """
    taken = {column for change in changes for column in _taken_away(change)}
    going = {each.what for each in _named(its, schema) if each.goes_along and each.columns & taken}
    return sorted(going | {each.what for each, change in product(_named(changes, schema), its) if each.on(change.spec)})


def _taken_away(change: Change) -> set[tuple[TableName, str]]:
    return {(table, column) for table, columns in change.kind.takes_away(change.spec).items() for column in columns}


def _named(changes: Iterable[Change], schema: Schema) -> Iterator[_Named]:
    for change in changes:
        if change.kind.name not in _BY_NAME:
            continue
        at_once = _is_at_once(change, schema)
        for relation in schema.relations.values():
            for what, columns in _on(change.spec, relation):
                # What names a generated column is made anew with those that it reads.
                names = tuple(columns)
                read = (
                    each.column
                    for each in relation.dependents
                    if each.kind == "generated column" and each.name in names
                )
                placed = frozenset((relation.name, column) for column in (*names, *read))
                yield _Named(
                    change.spec,
                    what,
                    relation.name,
                    placed,
                    at_once,
                    goes_along=_goes_along(change.spec),
                    in_place_too=isinstance(change.spec, (*_MADE_ANEW, OnView))
                    or (isinstance(change.spec, Commenting) and change.spec.on in ("policy", "trigger", "statistics")),
                )


def _goes_along(spec: object) -> bool:
    return isinstance(spec, _ON_CONSTRAINTS) or (isinstance(spec, Commenting) and spec.on in ("constraint", "index"))


def _is_at_once(change: Change, schema: Schema) -> bool:
    if isinstance(change.kind, OneStatement):
        return change.kind.phase(change.spec, Context("beside", 1, schema)) is Phase.EXPAND
    is_always = change.kind.name in ("rename_index", "validate_constraint", "alter_constraint")
    return is_always or getattr(change.spec, "phase", "") == "expand"


def _on(spec: object, relation: Relation) -> Iterator[tuple[str, Iterable[str]]]:
    """What a change names, if it is of this table, and the columns of that."""
    if isinstance(spec, OnView):
        for view in relation.views:
            if view.name == spec.target:
                # One that reads it through others is made anew with them.
                yield (
                    f'{view.kind} "{view.name}"',
                    [each.name for each in relation.columns] if view.views else view.columns,
                )
    elif isinstance(spec, Commenting):
        yield from _commented(spec, relation)
    elif isinstance(spec, (*_ON_CONSTRAINTS, Validation)) and spec.target == relation.name:
        before = spec.replaces if isinstance(spec, KeyReplacement) else spec.constraint
        yield from _constraint(before, relation)
    elif isinstance(spec, ConstraintAlteration):
        for reference in relation.references:
            if (reference.table, reference.name) == (spec.target, spec.constraint):
                yield f'constraint "{reference.name}"', reference.columns
    elif isinstance(spec, OnIndex) and spec.target == relation.name:
        yield from _index(spec.index, relation)
    elif isinstance(spec, OnStatistics):
        yield from _dependent("statistics object", str(spec.sql), f'statistics "{spec}"', relation)
    elif isinstance(spec, _ON_PUBLICATIONS):
        listed = _listed(spec, relation)
        if listed:
            yield f'publication "{spec.publication}"', listed
    elif isinstance(spec, (OnPolicy, OnTrigger)) and spec.target == relation.name:
        sort, name = ("policy", spec.policy) if isinstance(spec, OnPolicy) else ("trigger", spec.trigger)
        yield from _dependent(sort, name, f'{sort} "{name}"', relation)


def _commented(spec: Commenting, relation: Relation) -> Iterator[tuple[str, Iterable[str]]]:
    if spec.on == "index" and spec.schema == relation.name.schema:
        yield from _index(spec.name, relation)
    elif spec.on == "statistics":
        yield from _dependent(
            "statistics object", qualified(spec.schema, spec.name), f'statistics "{spec.schema}.{spec.name}"', relation
        )
    elif TableName(spec.schema, spec.table) == relation.name:
        if spec.on == "constraint":
            yield from _constraint(spec.name, relation)
        elif spec.on in ("policy", "trigger"):
            yield from _dependent(spec.on, spec.name, f'{spec.on} "{spec.name}"', relation)


def _constraint(name: str, relation: Relation) -> Iterator[tuple[str, Iterable[str]]]:
    return ((f'constraint "{name}"', each.columns) for each in relation.constraints if each.name == name)


def _index(name: str, relation: Relation) -> Iterator[tuple[str, Iterable[str]]]:
    return ((f'index "{name}"', each.columns) for each in relation.indexes if each.name == name)


def _dependent(sort: str, name: str, what: str, relation: Relation) -> Iterator[tuple[str, Iterable[str]]]:
    columns = [each.column for each in relation.dependents if (each.kind, each.name) == (sort, name)]
    if columns:
        yield what, columns


def _listed(spec: PublicationCreation | PublicationAlteration | PublicationRemoval, relation: Relation) -> list[str]:
    """Columns of a table that a publication lists or filters by once it is made, or until it lets go of the table."""
    added = spec.tables if isinstance(spec, PublicationCreation) else getattr(spec, "add", ())
    columns = [
        name
        for each in published_in(added)
        if each.name == relation.name
        for name in (*each.columns, *sorted(each.condition_columns))
    ]
    dropped = published_in(spec.drop) if isinstance(spec, PublicationAlteration) else ()
    if isinstance(spec, PublicationRemoval) or any(each.name == relation.name for each in dropped):
        columns += [
            each.column for each in relation.dependents if (each.kind, each.name) == ("publication", spec.publication)
        ]
    return columns
