"""Changes of type on partitioned tables: what is done partition by partition, and what is refused there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from migrator.changes.constraint import NewConstraint, definition_of, node_of
from migrator.changes.kind import Draft
from migrator.changes.partitioned import added_by_partitions, built_apart, replaced_primary_key
from migrator.changes.retyping import set_aside
from migrator.changes.retyping.carried import Copy
from migrator.changes.retyping.shadow import Retyping
from migrator.errors import Refused
from migrator.model.schema import Relation
from migrator.sql.compose import Sql, bounded_name, qualified
from migrator.sql.parser import parse_script, pb, unwrap
from migrator.sql.rewrite import foreign_key_columns, slug
from migrator.templating import render

_HINT = "drop it in a migration before this one, and create it again after it"


def require_in_step(relation: Relation, change: Retyping) -> None:
    """Refuse what partitions have in another way than the table, and what the server makes of nothing built before.

    Raises:
        Refused: the first of these.
    """
    where = f'column "{change.column}" of the partitioned table "{relation.name}"'
    switched = {name for name, _ in relation.below.switched}
    for trigger in set_aside.triggers(relation, change.column):
        if trigger.enabled != "O" or trigger.name in switched:
            raise Refused(
                f'trigger "{trigger.name}" names {where}: created again, it would fire on partitions '
                "where it is switched off",
                hint=_HINT,
            )
    if change.in_place:
        return
    own = [f"the default of {each.table}" for each in relation.below.defaults if each.column == change.column]
    own += [what for name, what in relation.below.columns if name == change.column]
    if own:
        raise Refused(
            f"partitions have set on {where} what the table has not, and would lose it",
            detail="\n".join(own),
            hint="take it back in a migration before this one, and set it again after it",
        )
    own_keys = {each.name for each in relation.constraints if change.column in each.columns}
    for reference in relation.references:
        if change.column in reference.columns or (reference.table == relation.name and reference.name in own_keys):
            raise Refused(f'foreign key "{reference.name}" of "{reference.table}" points to {where}', hint=_HINT)


def key(change: Retyping, name: str, index: Sql) -> Draft:
    """A UNIQUE constraint like an index over the shadow, under a name for the time being.

    Args:
        change: the change.
        name: for the time being.
        index: the statement that would build the index.
    """
    node = _node(index, pb.CONSTR_UNIQUE)
    new = NewConstraint(schema=change.schema, table=change.table, constraint=name, definition=definition_of(node))
    return added_by_partitions(
        new,
        node,
        locks=f"ACCESS EXCLUSIVE ON {change.sql}",
        first="an index is built, and a key made of it,",
        waived="LK015",
    )


def index_of_primary_key(change: Retyping, constraint: str, index: Sql) -> Draft:
    """The index on each partition by itself, of which the swap makes the primary key, since a table has one at most."""
    return Draft(
        f"index-{slug(constraint)}",
        built_apart(index),
        f"takes the place of {constraint}: on each partition alone, and part of nothing yet, built while others write",
        locks=f"SHARE UPDATE EXCLUSIVE ON {change.sql}: other schema changes and vacuum wait, on each partition while "
        "its index is built",
    )


def primary_key(change: Retyping, constraint: str, name: str, index: Sql) -> tuple[str, Sql, str]:
    """The primary key over the shadow, of the indexes that were built, under a name for the time being.

    Args:
        change: the change.
        constraint: the one it replaces, which goes.
        name: for the time being.
        index: the statement that would build its index.
    """
    text = replaced_primary_key(change.sql, constraint, name, _node(index, pb.CONSTR_PRIMARY))
    return f"key-{slug(constraint)}", text, "takes the indexes that were built on partitions; no row is looked at"


def _node(index: Sql, contype: int) -> Any:
    """The key that an index is for."""
    built = parse_script(index).statements[0].node
    node = pb.Constraint(contype=contype, nulls_not_distinct=built.nulls_not_distinct, initially_valid=True)
    for names, parts in ((node.keys, built.index_params), (node.including, built.index_including_params)):
        for part in map(unwrap, parts):
            names.add().string.sval = part.name
    for option in built.options:
        node.options.add().CopyFrom(option)
    node.indexspace = built.table_space
    return node


def foreign_key(change: Retyping, copy: Copy) -> Draft:
    """A foreign key of the shadow, under a name for the time being."""
    _, pointed_to, _ = foreign_key_columns(copy.definition)
    new = NewConstraint(schema=change.schema, table=change.table, constraint=copy.temporary, definition=copy.definition)
    return added_by_partitions(
        new,
        node_of(copy.definition, pb.CONSTR_FOREIGN),
        locks=f"ACCESS EXCLUSIVE ON {qualified(*pointed_to)}, SHARE ROW EXCLUSIVE ON {change.sql}",
        first="it is added NOT VALID and validated",
        waived="LK013",
    )


def names(
    change: Retyping, indexes: Sequence[tuple[str, str]], keys: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, Sql, str]]:
    """On partitions, what was made anew takes the names of what it replaces, which goes after that.

    Args:
        change: the change.
        indexes: those of the table: the name, and that of the one that takes its place.
        keys: likewise foreign keys.
    """
    for what, pairs in (("index", indexes), ("constraint", keys)):
        for old, new in pairs:
            text = render(
                f"changes/change_type/part_names_{what}.sql.mako",
                **_named(change, what, old, new),
                aside=bounded_name("migrator_gone", over=(change.schema, change.table, old)),
            )
            yield f"names-{slug(old)}", Sql(text), f"as parts of {old} are called on partitions"


def _named(change: Retyping, what: str, old: str, new: str) -> dict[str, object]:
    if what == "index":
        return {"old": qualified(change.schema, old), "new": qualified(change.schema, new)}
    return {"table": change.sql, "old": old, "new": new}
