"""Reading what is below a partitioned table."""

from __future__ import annotations

from migrator.model.below import Below, PartConstraint, PartDefault, PartReference
from migrator.postgres.queries import load
from migrator.postgres.session import Session

_SQL = load("migrator.postgres.queries", "below.sql")


def read_below(session: Session, oid: int) -> Below:
    """What partitions have of their own.

    Args:
        session: with an empty ``search_path``, so that every name is qualified.
        oid: of the partitioned table.
    """
    key = {"oid": oid}
    return Below(
        defaults=tuple(PartDefault(**each._asdict()) for each in session.query(_SQL["defaults"], key)),
        constraints=tuple(
            PartConstraint(**{**each._asdict(), "columns": tuple(each.columns)})
            for each in session.query(_SQL["constraints"], key)
        ),
        references=tuple(
            PartReference(each.name, tuple(each.columns)) for each in session.query(_SQL["references"], key)
        ),
        columns=tuple((each.column, each.what) for each in session.query(_SQL["columns"], key)),
        switched=tuple((each.name, each.table) for each in session.query(_SQL["switched"], key)),
        users=tuple(each.name for each in session.query(_SQL["users"], key)),
        written_by=tuple(each.name for each in session.query(_SQL["written_by"], key)),
        foreign=tuple(each.name for each in session.query(_SQL["foreign"], key)),
        is_published=session.one(_SQL["is_published"], key).answer,
    )
