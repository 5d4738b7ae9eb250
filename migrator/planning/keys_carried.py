"""Foreign keys that a change of a primary key drops and adds again, as they are when it is planned.

What takes one of their columns, their table or their name away meanwhile, or makes another one over the key that goes,
would show at contract only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from migrator.changes.constraint import KeyReplacement, Release
from migrator.changes.kind import Spec
from migrator.changes.kinds.rename_column import Renaming
from migrator.changes.kinds.rename_constraint import ConstraintRenaming
from migrator.changes.pointing import is_made_over
from migrator.errors import Refused
from migrator.model.schema import Index, Reference, Relation, Schema, TableName
from migrator.planning.leaving import Pair, columns_gone
from migrator.sql.rewrite import foreign_key_columns

_MADE_BY_EXPAND = frozenset({"create_table", "split_table", "unnest_column"})


def refuse_carried_changed(
    specs: Iterable[Spec], others: Iterable[Pair], schema: Schema, pending: str = "", *, are_expanded: bool = False
) -> None:
    """Refuse a change of a primary key beside what changes the foreign keys that rely on the old one.

    Args:
        specs: parameters of changes.
        others: the changes they are beside.
        schema: the tables of both.
        pending: id of the earlier of two migrations; empty: they are of one.
        are_expanded: whether the others are, so that the foreign keys they make by that are known.

    Raises:
        Refused: contract of the change could not run any more.
    """
    hint = (
        f'contract it first: "migrator contract {pending}"'
        if pending
        else "write two migrations, and contract the first before the second"
    )
    for spec, (kind, other) in product(specs, list(others)):
        relation = schema.relation(spec.target) if isinstance(spec, KeyReplacement) else None
        old = _index(spec, relation) if isinstance(spec, KeyReplacement) and relation is not None else None
        if not isinstance(spec, KeyReplacement) or relation is None or old is None or other is spec:
            continue
        is_known = are_expanded and kind.name in _MADE_BY_EXPAND
        if pending and not is_known and is_made_over(other, spec, old):
            raise Refused(
                f"{kind.name} makes a foreign key over primary key {spec.replaces} of {spec.target}, which another "
                "migration replaces",
                hint=hint,
            )
        for each in relation.references:
            if each.index == old.name:
                for what in _changed(each, spec, (kind, other)):
                    raise Refused(
                        f'foreign key "{each.name}" of {each.table} relies on primary key {spec.replaces} of '
                        f"{spec.target}, which is replaced, and {what}",
                        hint=hint,
                    )


def _index(spec: KeyReplacement, relation: Relation) -> Index | None:
    return next((each for each in relation.indexes if each.is_primary and each.constraint == spec.replaces), None)


def _changed(reference: Reference, spec: KeyReplacement, pair: Pair) -> Iterator[str]:
    """What another change does to a foreign key."""
    kind, other = pair
    own, _, _ = foreign_key_columns(reference.definition)
    columns = {(reference.table, name) for name in own} | {(spec.target, name) for name in reference.columns}
    for table, column in sorted(columns & set(_replaced(pair)), key=str):
        yield f'{kind.name} takes column "{column}" of {table} away or replaces it'
    if isinstance(other, Release | ConstraintRenaming) and (other.target, other.constraint) == (
        reference.table,
        reference.name,
    ):
        yield f"{kind.name} takes its name away"
    if (kind.takes_whole_table or kind.name == "drop_table") and reference.table in kind.touched(other):
        yield f"{kind.name} is about its table"


def _replaced(pair: Pair) -> Iterator[tuple[TableName, str]]:
    kind, other = pair
    yield from columns_gone(kind, other)
    if isinstance(other, Renaming):
        yield other.target, other.column
