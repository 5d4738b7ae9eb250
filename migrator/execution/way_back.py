"""Whether other migrations leave a way back: what a rollback refuses because of them."""

from __future__ import annotations

from collections.abc import Iterable

from migrator.errors import OutOfOrder
from migrator.execution.others import recorded_changes
from migrator.ledger.state import MigrationRecord, State
from migrator.model.plan import Migration, Phase
from migrator.planning.undoing import named_no_more
from migrator.postgres.catalog import resolve
from migrator.postgres.session import Session
from migrator.sql.parser import parse_script, pb

_NOT_BEGUN = frozenset({State.PENDING, State.ROLLED_BACK})
_STAYS = frozenset({State.CONTRACTING, State.CONTRACTED})


def require_newest(record: MigrationRecord, records: Iterable[MigrationRecord]) -> None:
    """Make sure that no migration of a higher level is there.

    Raises:
        OutOfOrder: one is.
    """
    later = [each for each in records if each.level > record.level and each.state not in _NOT_BEGUN]
    # Where one of them stays, it would be in vain to undo the others.
    for other in sorted(later, key=lambda each: each.state not in _STAYS):
        raise OutOfOrder(
            f"{other.id} has a higher level and is {other.state}: code that needs it needs this one too",
            hint="that cannot be undone any more: contract this one too, and write a new migration that brings back "
            "what you need"
            if other.state in _STAYS
            else f'roll that back first: "migrator rollback {other.id}"',
        )


def require_names(migration: Migration, record: MigrationRecord, records: Iterable[MigrationRecord]) -> None:
    """Make sure that no contract since expand took away, or renamed, what rollback names.

    Raises:
        OutOfOrder: one did. A rollback that is begun is not looked at: it can only go on.
    """
    since = record.expanded_at or record.finished_at
    if since is None or record.state is State.ROLLING_BACK:
        return
    statements = [step.sql for step in migration.phase(Phase.ROLLBACK)]
    for other in records:
        if other.id == record.id or other.state not in _STAYS or other.applied_at is None or other.applied_at < since:
            continue
        gone = named_no_more(statements, ((each.kind, each.spec) for each in recorded_changes(other)))
        if gone:
            raise OutOfOrder(
                f"it is too late to roll back: its rollback names {', '.join(gone)}, which contract of {other.id} took "
                "away or renamed since its expand",
                hint="nothing was changed: go on, and write a new migration that takes away what you do not need",
            )


def require_indexes(session: Session, migration: Migration, record: MigrationRecord) -> None:
    """Make sure that the indexes which rollback alters are there: one goes with the column it is on.

    Raises:
        OutOfOrder: one is gone. A rollback that is begun is not looked at.
    """
    if record.state is State.ROLLING_BACK:
        return
    for step in migration.phase(Phase.ROLLBACK):
        statement = parse_script(step.sql).statements[0]
        node = statement.node
        if statement.kind != "alter_table_stmt" or node.objtype != pb.OBJECT_INDEX or node.missing_ok:
            continue
        schema, name = node.relation.schemaname or None, node.relation.relname
        if resolve(session, schema, name) is None:
            raise OutOfOrder(
                f'it is too late to roll back: its rollback alters index "{name}", which is not there any more',
                at=step.at or None,
                hint="nothing was changed: go on, and contract it",
            )
