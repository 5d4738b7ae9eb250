"""What keeps a column or a table from being dropped: what the kinds that remove one share."""

from __future__ import annotations

from migrator.changes.kind import refuse_dependents
from migrator.changes.replication import require_found_without
from migrator.errors import Refused
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.parser import pb, unwrap


def dropped_table(action: Action, schema: Schema) -> TableName:
    """The table that DROP TABLE is about.

    Raises:
        Refused: CASCADE drops what is not named.
    """
    parts = [unwrap(item).sval for item in unwrap(action.node.objects[0]).items]
    if action.node.behavior == pb.DROP_CASCADE:
        raise Refused(
            f'DROP TABLE "{parts[-1]}" CASCADE would drop objects that are not named',
            hint="drop each of them by name first",
        )
    return schema.resolve(parts[-2] if len(parts) > 1 else None, parts[-1])


def gone(what: str) -> Refused:
    """Somebody else dropped what contract was to: its statement would fail behind others that cannot be undone."""
    return Refused(
        f"{what}, which contract drops, is gone already",
        hint="create it again, or roll back this migration and plan it anew without that",
    )


def require_droppable(relation: Relation, column: str, *, is_unlisted: bool = False) -> None:
    """Refuse a column that cannot be dropped by itself.

    Args:
        relation: the table.
        column: its name.
        is_unlisted: whether publications let go of it before, see ``relisting``.

    Raises:
        Refused: others rely on it, or it is part of a key, a constraint or an index over several columns.
    """
    if relation.is_subscribed:
        raise Refused(
            f'table "{relation.name}" is written by a logical subscription, which stops when a column is missing',
            hint="drop the column on the publisher first",
        )
    refuse_dependents(
        relation,
        column,
        [
            "view",
            "materialized view",
            "rule",
            "policy",
            "trigger",
            "generated column",
            *(() if is_unlisted else ("publication",)),
            "foreign key of another table",
            "function",
            "partition key",
            "object of a partition",
        ],
        "which DROP COLUMN would break, refuse or take along",
        "replace them by ones that do without the column, in a migration before this one",
    )
    require_found_without(relation, [each for each in relation.indexes if column in each.columns])
    wide = [each for each in relation.constraints if column in each.columns and len(each.columns) > 1]
    primary = [each for each in relation.constraints if column in each.columns and each.type == "primary key"]
    indexes = [
        each
        for each in relation.indexes
        if column in each.columns and len(each.columns) > 1 and each.constraint is None
    ]
    if wide or primary or indexes:
        raise Refused(
            f'column "{column}" of table "{relation.name}" is part of a key or index that would go with it',
            detail="\n".join(
                [f"{each.type} {each.name}: {each.definition}" for each in {*wide, *primary}]
                + [f"index {each.name}: {each.definition}" for each in indexes]
            ),
            hint="create what shall replace it in a migration before this one, and drop the old one there",
        )


def require_droppable_table(relation: Relation) -> None:
    """Refuse a table that cannot be dropped by itself.

    Raises:
        Refused: others rely on it.
    """
    if relation.is_subscribed:
        raise Refused(
            f'table "{relation.name}" is written by a logical subscription, which stops when it is missing',
            hint="take it out of the publication, and refresh the subscription first",
        )
    users = sorted(
        {
            f"{each.kind} {each.name}"
            for each in relation.dependents
            if each.kind in ("view", "materialized view", "rule", "foreign key of another table", "publication")
        }
    )
    users += [f"{each}, by way of a partition" for each in relation.below.users]
    if users:
        raise Refused(
            f'table "{relation.name}" is used by other objects, which DROP TABLE would break or refuse',
            detail="\n".join(users),
            hint="drop them, or replace them by ones that do without the table, in a migration before this one",
        )
