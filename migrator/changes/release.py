"""A constraint goes: by itself, or for one of the same name that the same migration adds behind it.

Then both change places in one transaction, so that the name is never free, and no write goes by without either.
"""

from __future__ import annotations

from collections.abc import Sequence

from migrator.changes.constraint import KeyReplacement, NewConstraint, Release, earlier, require_free
from migrator.changes.kind import Context, Draft
from migrator.errors import Refused
from migrator.model.schema import Constraint, Relation
from migrator.sql.compose import Sql, bounded_name
from migrator.sql.effects import relation_name
from migrator.sql.parser import parse_script, unwrap
from migrator.sql.rewrite import slug
from migrator.templating import render


def dropping(change: Release, context: Context, why: str) -> Draft:
    """The step that drops it."""
    relation = context.schema.relation(change.target)
    constraint = constraint_of(change, relation)
    locks = ""
    if constraint is not None and constraint.type == "foreign key":
        locks = f"ACCESS EXCLUSIVE ON {change.sql}, ACCESS EXCLUSIVE ON {_referenced(constraint)}"
    values = {"table": change.sql, "constraint": change.constraint, "if_exists": change.if_exists}
    return Draft(
        f"drop-{slug(change.constraint)}",
        Sql(render("changes/drop_constraint/drop.sql.mako", **values)),
        why,
        slug(change.table),
        locks=locks,
    )


def replaced_by(change: NewConstraint, context: Context) -> Release | None:
    """The change before it in the same migration that drops the constraint of its name; None: there is none."""
    if change.target in context.created or isinstance(change, KeyReplacement):
        return None
    found = (spec for _, spec in earlier(change, context) if isinstance(spec, Release) and _are_alike(spec, change))
    return next(found, None)


def is_replaced(change: Release, context: Context) -> bool:
    """Whether a change behind it in the same migration adds a constraint of its name."""
    return change.target not in context.created and any(
        isinstance(spec, NewConstraint) and _are_alike(change, spec) and replaced_by(spec, context) == change
        for _, spec in context.beside
    )


def require_place(
    change: NewConstraint,
    columns: Sequence[str],
    context: Context,
    *,
    or_partitioned: bool = False,
    instead: str = "",
    with_index: bool = False,
) -> Relation | None:
    """As ``require_free``, where the same migration may drop a constraint of the name before.

    Args:
        with_index: whether an index gets the name too.

    Raises:
        Refused: also where the two cannot change places.
    """
    release = replaced_by(change, context)
    going = release.constraint if release is not None else ""
    relation = require_free(change, columns, context, or_partitioned=or_partitioned, instead=instead, going=going)
    if relation is None:
        return None
    for index in relation.indexes if with_index else ():
        if index.name == change.constraint and not (going and index.constraint == going):
            raise Refused(f'an index of the name "{change.constraint}" exists already')
    old = constraint_of(release, relation) if release is not None else None
    if old is not None:
        _require_replaceable(change, old, relation, context)
    return relation


def _require_replaceable(change: NewConstraint, old: Constraint, relation: Relation, context: Context) -> None:
    """Refuse what cannot change places with the constraint of its name.

    Raises:
        Refused: it is of a partitioned table, whose partitions get theirs one by one, or the old one is gone by then.
    """
    if relation.partition_key and not (old.type == "check" and change.definition.startswith("CHECK ")):
        raise Refused(
            f'constraint "{change.constraint}" of partitioned table "{change.target}" would be replaced by one of its '
            "name, which partitions get one by one",
            hint="give the new one another name; RENAME CONSTRAINT is for a later migration",
        )
    if any(each.name == old.name and each.is_own for each in relation.below.constraints):
        raise Refused(
            f'a partition of "{change.target}" has constraint "{change.constraint}" as its own too, where it stays',
            hint="drop it there first, or give the new one another name",
        )
    for kind, spec in earlier(change, context):
        if kind == "drop_column" and getattr(spec, "target", None) == change.target:
            column = getattr(spec, "column", "")
            if column in old.columns:
                raise Refused(
                    f'constraint "{change.constraint}" goes with column "{column}", which is dropped before the one '
                    "that takes its place is added",
                    hint="write DROP COLUMN behind ADD CONSTRAINT",
                )


def name_beside(change: NewConstraint) -> str:
    """What the index of a key is called while another one has its name."""
    return bounded_name("migrator", change.constraint, over=(change.schema, change.table, change.constraint, "key"))


def constraint_of(change: Release, relation: Relation | None) -> Constraint | None:
    """The constraint it is about; None: it is not there, or not known."""
    found = relation.constraints if relation else ()
    return next((each for each in found if each.name == change.constraint), None)


def _are_alike(one: Release, other: NewConstraint) -> bool:
    return (one.target, one.constraint) == (other.target, other.constraint)


def _referenced(constraint: Constraint) -> str:
    """The table a foreign key points to, as SQL."""
    statement = parse_script(f"ALTER TABLE t ADD CONSTRAINT c {constraint.definition}").statements[0]
    return relation_name(unwrap(getattr(unwrap(statement.node.cmds[0]), "def")).pktable)
