"""What a relation has that one which takes its place does not get: counted before it would be too late."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Obstacle
from migrator.model.plan import Phase
from migrator.model.schema import TableName
from migrator.sql.compose import Sql, qualified
from migrator.templating import render


def left_behind(sort: str, name: TableName, phase: Phase) -> Iterator[Obstacle]:
    """Security labels and membership in an extension.

    Args:
        sort: what the relation is: ``table``, ``view``, ``materialized view``.
        name: of the relation.
        phase: before which they are counted.
    """
    relation = qualified(name.schema, name.name)
    yield Obstacle(
        Sql(render("changes/labels_of.sql.mako", relation=str(relation))),
        f"security labels of {sort} {name} and its columns would not be those of the one that replaces it",
        "take them away with SECURITY LABEL … IS NULL, and set them again afterwards",
        phase,
    )
    yield Obstacle(
        Sql(render("changes/extension_of.sql.mako", relation=str(relation))),
        f"an extension has {sort} {name} as its member, and would not have the one that replaces it",
        f"ALTER EXTENSION … DROP {sort.upper()} {relation}, and … ADD … afterwards",
        phase,
    )
