"""Objects with a name of their own that changes drop, rename, alter or make, beside tables and columns.

What contract drops by its name, or alters by it, it has to find as it was. An object is the first part of a name here,
and what belongs to it follows: a value of an enum, a table in a publication. Two changes are about one thing if the
name of one begins with that of the other: two values of an enum may be pending, a value and the whole enum may not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import TYPE_CHECKING

from migrator.changes.constraint import KeyReplacement, NewConstraint, Release
from migrator.changes.index import OnIndex
from migrator.changes.kinds.add_enum_value import ValueAddition
from migrator.changes.kinds.alter_constraint import ConstraintAlteration
from migrator.changes.kinds.alter_domain import DomainAlteration
from migrator.changes.kinds.alter_publication import PublicationAlteration
from migrator.changes.kinds.attach_partition import Attaching
from migrator.changes.kinds.comment import Commenting
from migrator.changes.kinds.create_extension import Installation
from migrator.changes.kinds.create_publication import PublicationCreation
from migrator.changes.kinds.create_schema import SchemaCreation
from migrator.changes.kinds.create_statistics import StatisticsCreation
from migrator.changes.kinds.drop_enum_value import ValueRemoval
from migrator.changes.kinds.drop_extension import ExtensionRemoval
from migrator.changes.kinds.drop_publication import PublicationRemoval
from migrator.changes.kinds.drop_schema import SchemaRemoval
from migrator.changes.kinds.drop_type import TypeRemoval
from migrator.changes.kinds.grant import Granting
from migrator.changes.kinds.rename_constraint import ConstraintRenaming
from migrator.changes.kinds.rename_enum_value import ValueRenaming
from migrator.changes.kinds.rename_schema import SchemaRenaming
from migrator.changes.kinds.rename_type import TypeRenaming
from migrator.changes.kinds.revoke import Revoking
from migrator.changes.kinds.set_owner import Ownership
from migrator.changes.kinds.update_extension import ExtensionUpdate
from migrator.changes.kinds.validate_constraint import Validation
from migrator.changes.partition import OnPartition
from migrator.changes.policy import OnPolicy
from migrator.changes.privilege import rights
from migrator.changes.replication import published_in
from migrator.changes.sequence import OnSequence
from migrator.changes.statistics import OnStatistics
from migrator.changes.trigger import OnTrigger
from migrator.changes.user_type import OnType
from migrator.errors import Refused
from migrator.model.schema import TableName

if TYPE_CHECKING:
    from migrator.planning.planner import Change

Name = tuple[str, ...]
"""What people call an object, and what of it: ``("type public.mood", "value 'sad'")``."""

_MADE = "itself"
"""The part that is about an object which is made: in the way of who drops it, and not of who changes some of it."""


def shared_objects(changes: Iterable[Change], its: Iterable[Change]) -> set[str]:
    """Objects that changes of a migration and those of an earlier one are both about."""
    names = {name for change in changes for name in (*_on_table(change), *_by_itself(change))}
    return {
        shared
        for each in _but_grants(its)
        for name in (*_on_table(each), *_by_itself(each))
        for shared in _shared(names, name)
    }


def refuse_shared(change: Change, before: Iterable[Change]) -> None:
    """Refuse a second change of an object in one migration; those of what is on a table see to it themselves.

    Raises:
        Refused: contract would not find what it drops or alters, or would come to what the first one says.
    """
    for shared in (
        found
        for each in _but_grants(before)
        for name in _by_itself(each)
        for found in _shared(_by_itself(change), name)
    ):
        raise Refused(
            f"two changes of {shared} in one migration",
            hint="write two migrations, and contract the first before the second",
        )


def _but_grants(changes: Iterable[Change]) -> Iterator[Change]:
    """What is granted first is there at once, and may be taken away behind it."""
    return (change for change in changes if not isinstance(change.spec, Granting))


def _shared(names: Iterable[Name], other: Name) -> Iterator[str]:
    for name in names:
        # That two things are made of one name is said elsewhere.
        if name[: len(other)] == other[: len(name)] and not name[-1] == other[-1] == _MADE:
            yield ", ".join(name if len(name) < len(other) else other)


def _on_table(change: Change) -> Iterator[Name]:
    """What of a table a change makes, changes or drops, and sequences; what it only reads left out."""
    spec = change.spec
    match spec:
        case OnPolicy():
            for name in {spec.policy, getattr(spec, "new_name", spec.policy)}:
                yield (f'policy "{name}" of {spec.target}',)
        case OnTrigger():
            for name in {spec.trigger, getattr(spec, "new_name", spec.trigger)}:
                yield (f'trigger "{name}" of {spec.target}',)
        case Ownership():
            yield (f"owner of {spec}",)
        case OnStatistics():
            yield (f"statistics {spec}",)
        case StatisticsCreation():
            yield (f"statistics {spec.place}.{spec.statistics}",)
        case OnSequence():
            yield (f"sequence {spec}",)
        case Release() | ConstraintRenaming() | ConstraintAlteration() | NewConstraint() | Validation():
            other = spec.replaces if isinstance(spec, KeyReplacement) else getattr(spec, "new_name", spec.constraint)
            for name in {spec.constraint, other}:
                yield (f'constraint "{name}" of {spec.target}',)
        case OnIndex() if change.kind.name != "reindex":
            for name in {spec.index, getattr(spec, "new_name", spec.index)}:
                yield (f"index {spec.schema}.{name}",)
        case Commenting(on="constraint" | "policy" | "trigger"):
            yield (f'{spec.on} "{spec.name}" of {TableName(spec.schema, spec.table)}',)
        case Commenting(on="index" | "sequence" | "statistics"):
            yield (f"{spec.on} {spec.schema}.{spec.name}",)
        case Commenting(on="extension" | "publication" | "schema"):
            yield (f"{spec.on} {spec.name}", _MADE)
        case Commenting(on="domain" | "type"):
            yield (f"type {TableName(spec.schema, spec.name)}", _MADE)


def _by_itself(change: Change) -> Iterator[Name]:
    """What else a change makes, changes or drops."""
    spec = change.spec
    match spec:
        case OnPartition():
            yield (f"partition {spec.part}",)
            if isinstance(spec, Attaching):
                # A constraint of both becomes one, and is dropped on the partition with that of the table.
                yield (f"constraints of {spec.target}",)
        case Release():
            yield (f"constraints of {spec.target}", f'"{spec.constraint}"')
        case TypeRenaming():
            yield from ((f"type {each}",) for each in (spec.target, spec.renamed))
        case OnType():
            yield from ((f"type {spec.target}", *part) for part in _parts_of_type(spec))
        case SchemaRemoval():
            yield (f"schema {spec.name}",)
        case SchemaCreation():
            yield (f"schema {spec.name}", _MADE)
        case SchemaRenaming():
            yield from ((f"schema {name}",) for name in (spec.name, spec.new_name))
        case ExtensionRemoval() | ExtensionUpdate() | Installation():
            yield (f"extension {spec.extension}",)
        case PublicationRemoval():
            yield (f"publication {spec.publication}",)
        case PublicationCreation():
            yield (f"publication {spec.publication}", _MADE)
        case PublicationAlteration():
            for table in published_in((*spec.add, *spec.drop)):
                yield (f"publication {spec.publication}", str(table.name))
        case Granting() | Revoking():
            for role, right in product(spec.roles, list(rights(spec))):
                yield (f"privileges of {role} on {spec}", *right)


def _parts_of_type(spec: OnType) -> list[Name]:
    """Of what a change of a type is about; an empty name: of all of it."""
    match spec:
        case TypeRemoval():
            return [()]
        case ValueAddition() | ValueRemoval():
            return [(f"value {spec.value!r}",)]
        case ValueRenaming():
            return [(f"value {each!r}",) for each in (spec.value, spec.new_name)]
        case DomainAlteration():
            what = spec.action.partition(" ")[2]
            return [(f'{what} "{spec.constraint}"' if spec.constraint else what,)]
    return [(_MADE,)]
