"""What keeps a column from being dropped: what the kinds that remove one share."""

from __future__ import annotations

from migrator.changes.kind import refuse_dependents
from migrator.errors import Refused
from migrator.model.schema import Relation


def require_droppable(relation: Relation, column: str) -> None:
    """Refuse a column that cannot be dropped by itself.

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
            "generated column",
            "publication",
            "foreign key of another table",
        ],
        "which DROP COLUMN would break or refuse",
        "replace them by ones that do without the column, in a migration before this one",
    )
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
