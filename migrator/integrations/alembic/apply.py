"""What a phased operation does: collect the changes of a revision, plan them, expand them, undo them."""

from __future__ import annotations

import contextlib
import getpass
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import alembic.op
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from migrator.authoring.new import drafted
from migrator.changes.registry import spec_from
from migrator.config import Project, load
from migrator.errors import FilesDiffer, MigratorError, OutOfOrder, Refused, UsageError
from migrator.execution import phases
from migrator.execution.kept import kept_in_ledger, together
from migrator.execution.run import Run
from migrator.integrations.alembic.batch import Batch, Text, changes_of, digest, has_unqualified_names, schema_of
from migrator.integrations.alembic.database import beside, search_paths_differ
from migrator.integrations.alembic.later import asked_later, collecting
from migrator.integrations.alembic.revision import Revision, calling, level_of
from migrator.ledger import state
from migrator.ledger.install import is_installed
from migrator.ledger.state import State
from migrator.model.events import Event, Note, StepDone, StepRetried
from migrator.model.plan import Migration, Phase
from migrator.model.schema import Schema
from migrator.planning import planner
from migrator.planning.planner import Change
from migrator.postgres.connect import Database
from migrator.postgres.session import Session

ORIGIN = "alembic"

_log = logging.getLogger("alembic.migrator")
LOOKED_AT = "migrator_looked_at"
"""Option of a context whose revisions are looked at, not run: a function that takes what each call asks for."""

FRESH = "migrator_fresh"
"""Option of a context: whether there was no ledger when the first of a row of runs began."""
SEEN = "migrator_seen"
"""Option of a context: ids of the revisions whose phased operations were met."""
_OVER = (State.CONTRACTED, State.COMPLETE)
_open: ContextVar[Batch | None] = ContextVar("open", default=None)


def change(kind: str, parameters: dict[str, Any]) -> None:
    """One change by kind; expanded at once, or with the others inside ``together``."""
    with as_command_error():
        at = calling().at
        _add(Change(*spec_from({"kind": kind, **parameters}, at), at))


def sql(text: str) -> None:
    """Schema changes as SQL, split into phases as ``migrator new --sql`` does.

    Args:
        text: one or several statements. Percent signs and colons stand for themselves.
    """
    with as_command_error():
        _add(Text(text, calling().at))


def later() -> None:
    """Keep ``backfill()`` and ``contract()`` of this revision, for an ``upgrade()`` without another phased operation.

    It comes first in ``upgrade()``. Any other phased operation keeps them as well.
    """
    with as_command_error():
        revision = calling()
        if not revision.later:
            raise UsageError(
                f"revision {revision.id} has nothing that comes later",
                at=revision.at,
                hint="write def contract(): or def backfill(): beside upgrade(), or leave phased.later() out",
            )
        _refuse_in_later("later", revision.at)
        _expand([])


@contextlib.contextmanager
def several() -> Iterator[None]:
    """Several changes of one revision: they are planned and expanded as one migration, at the end of the block."""
    with as_command_error():
        if _open.get() is not None:
            raise UsageError("phased.together() does not nest", at=calling().at)
    batch: Batch = []
    token = _open.set(batch)
    try:
        yield
    finally:
        _open.reset(token)
    with as_command_error():
        _expand(batch)


def rollback() -> None:
    """Undo the expand of this revision, for ``downgrade()``: refused once it is contracted, or while its code runs."""
    with as_command_error():
        revision, context = calling(), alembic.op.get_context()
        if LOOKED_AT in context.opts:
            return
        _refuse_in_later("rollback", revision.at)
        if context.as_sql:
            raise Refused(
                "a phased revision cannot be undone by a script: the ledger says how far it is",
                at=revision.at,
                hint="run the downgrade against the database",
            )
        arguments = _x_arguments(context)
        with beside(context, "rollback") as (database, session):
            run, kept = _run(database, session, context, "alembic downgrade")
            migration = next((each for each in kept if each.id == revision.id), None)
            if migration is None:
                _log.info("%s was never expanded here: there is nothing to undo", revision.id)
                return
            offline, yes = arguments.get("offline"), arguments.get("yes", "") != ""
            phases.rollback(run, migration, wait_s=0.0, offline=offline, yes=yes)


def require_contracted(revision_id: str) -> None:
    """Stop unless the contract of an earlier revision has run; in a fresh database it is made up for.

    Args:
        revision_id: a revision with phased operations, or the beginning of its id.
    """
    with as_command_error():
        revision, context = calling(), alembic.op.get_context()
        _refuse_in_later("require_contracted", revision.at)
        if context.as_sql:
            return
        with beside(context, "contract") as (database, session):
            run, kept = _run(database, session, context, "alembic upgrade")
            found = [each for each in kept if each.id.startswith(revision_id)]
            if len(found) != 1:
                raise OutOfOrder(
                    f"{revision.id} needs the contract of {revision_id}, which was never expanded here", at=revision.at
                )
            record = state.find(session, run.key, found[0].id)
            if record is not None and record.state in _OVER:
                return
            if _is_fresh(context, session) and phases.finish_fresh(run, found[0]):
                return
            raise OutOfOrder(
                f"{revision.id} needs the contract of {found[0].id}, which is {record.state if record else 'pending'}",
                at=revision.at,
                hint=f'run "migrator contract {found[0].id}", then the upgrade again',
            )


def _add(asked: Change | Text) -> None:
    collecting = _open.get()
    if collecting is None:
        _expand([asked])
    else:
        collecting.append(asked)


def _refuse_in_later(operation: str, at: str) -> None:
    if collecting() is not None:
        raise Refused(f"phased.{operation}() is for upgrade() and downgrade()", at=at)


def _expand(batch: Batch) -> None:
    revision, context = calling(), alembic.op.get_context()
    if (asking := collecting()) is not None:
        phase, asked = asking
        if phase is Phase.BACKFILL:
            raise Refused(
                "phased operations do not belong in backfill()",
                at=revision.at,
                hint="call them in upgrade(): each brings the backfill that it needs",
            )
        asked += batch
        return
    looked_at: Callable[[Batch], None] | None = context.opts.get(LOOKED_AT)
    if looked_at is not None:
        looked_at(batch)
        return
    if not batch and not revision.later:
        return
    handwritten = asked_later(revision.later, context)
    if context.as_sql:
        _write(batch, handwritten, revision, context)
        return
    seen: set[str] = context.opts.setdefault(SEEN, set())
    if revision.id in seen:
        raise several_operations(revision)
    with beside(context, "expand") as (database, session):
        fresh = _is_fresh(context, session)
        run, kept = _run(database, session, context, "alembic upgrade")
        migration = next((each for each in kept if each.id == revision.id), None)
        if migration is None:
            if has_unqualified_names(handwritten) and search_paths_differ(context, session):
                raise Refused(
                    "env.py sets a search_path of its own, and backfill() and contract() run without it",
                    at=revision.at,
                    hint="write the schema before each name in them",
                )
            migration = _planned(batch, handwritten, revision, context, session, run)
        elif migration.asked != digest([*batch, *handwritten]):
            raise FilesDiffer(
                f"revision {revision.id} asks for something else than when it was expanded here",
                at=revision.at,
                hint=f'take the change back and write a new revision, or undo it: "migrator rollback {revision.id}"',
            )
        run = _with(run, kept, migration)
        phases.expand(run, migration)
        if fresh and not handwritten:
            phases.finish_fresh(run, migration)
    if fresh and handwritten:
        _finish_with_the_revision(context, revision.id)
    seen.add(revision.id)


def several_operations(revision: Revision) -> UsageError:
    """What is wrong with a revision whose ``upgrade()`` calls more than one."""
    return UsageError(
        f"revision {revision.id} has several phased operations",
        at=revision.at,
        hint="put them into one block: with phased.together(): …",
    )


def _finish_with_the_revision(context: MigrationContext, revision_id: str) -> None:
    """In a fresh database, run what is written by hand when all of ``upgrade()`` has run: it builds on that."""

    def finish(*, ctx: MigrationContext, step: Any, **more: object) -> None:
        del more
        if step.up_revision_id == revision_id:
            with as_command_error(), beside(ctx, "contract") as (database, session):
                run, kept = _run(database, session, ctx, "alembic upgrade")
                phases.finish_fresh(run, next(each for each in kept if each.id == revision_id))

    context.on_version_apply_callbacks = (*context.on_version_apply_callbacks, finish)


def _planned(
    batch: Batch, handwritten: Batch, revision: Revision, context: MigrationContext, session: Session, run: Run
) -> Migration:
    """The revision as a migration, against the schema as it is now."""
    records = state.all_records(session, run.key) if is_installed(session) else []
    environment = context.environment_context
    script = environment.script if environment is not None else None
    level = level_of(revision, script, {record.id: record.level for record in records})
    schema = schema_of([*batch, *handwritten], session)
    migration, notes = planned(batch, handwritten, revision, level, schema, session)
    for note in notes:
        _log.info("%s: %s", revision.id, note)
    return migration


def planned(
    batch: Batch, handwritten: Batch, revision: Revision, level: int, schema: Schema, session: Session | None
) -> tuple[Migration, tuple[str, ...]]:
    """A revision as a migration, and notes for its author.

    Args:
        batch: what ``upgrade()`` asks for.
        handwritten: what ``backfill()`` and ``contract()`` ask for.
        revision: which one it is.
        level: its level.
        schema: what is known about the tables.
        session: to have expressions understood; None: there is none to ask.

    Raises:
        Refused: something cannot be done safely; all reasons at once.
    """
    changes = changes_of(batch, schema, _tell_of_left_out)
    removals = changes_of(handwritten, schema, _tell_of_left_out)
    for each in removals:
        if not _removes_something(each, level, schema):
            raise Refused(
                f"{each.kind.name} has nothing to do in contract()",
                at=each.at,
                hint="call it in upgrade(): it splits itself into phases",
            )
    return drafted(
        [*changes, *removals], migration_id=revision.id, level=level, title=revision.title, schema=schema,
        session=session, origin=ORIGIN, asked=digest([*batch, *handwritten]),
    )  # fmt: skip


def _removes_something(change: Change, level: int, schema: Schema) -> bool:
    """Whether a change has a step in a later phase; what it cannot be planned for is told when all are planned."""
    try:
        drafts = planner.plan([change], migration="look", level=level, schema=schema).drafts
    except Refused:
        return True
    return bool(drafts[Phase.CONTRACT] or drafts[Phase.BACKFILL])


def _tell_of_left_out(note: str) -> None:
    _log.info("%s", note)


def _write(batch: Batch, handwritten: Batch, revision: Revision, context: MigrationContext) -> None:
    """Offline mode: the steps as a script, where expand is all there is."""
    migration, _ = planned(batch, handwritten, revision, revision.level or 1, Schema(), None)
    later = [phase.value for phase in (Phase.BACKFILL, Phase.CONTRACT) if migration.phase(phase)]
    if later:
        raise Refused(
            f"revision {revision.id} has {' and '.join(later)} steps, which the ledger has to know of",
            at=revision.at,
            hint="run this upgrade against the database: a script cannot say how far it is",
        )
    for step in migration.phase(Phase.EXPAND):
        block = context.autocommit_block() if step.group is None else contextlib.nullcontext()
        with block:
            context.impl.static_output(f"{step.sql};")


def _run(database: Database, session: Session, context: MigrationContext, command: str) -> tuple[Run, list[Migration]]:
    project = _project(context)
    kept = [each for each in kept_in_ledger(session, project.settings.project) if each.origin == ORIGIN]
    return Run(database, project, kept, _actor(), command, _tell), kept


def _with(run: Run, kept: list[Migration], migration: Migration) -> Run:
    others = [each for each in kept if each.id != migration.id]
    return Run(run.database, run.project, together((), [*others, migration]), run.actor, run.command, run.listener)


def _project(context: MigrationContext) -> Project:
    """The configuration of migrator that is nearest to Alembic's."""
    config = context.config
    name = config.config_file_name if config is not None else None
    return load(Path(name).resolve().parent if name else None)


def _is_fresh(context: MigrationContext, session: Session) -> bool:
    """Whether this run of Alembic began on a database without a ledger, and ``-x migrator.fresh=no`` is not given."""
    if FRESH not in context.opts:
        context.opts[FRESH] = not is_installed(session)
    if _x_arguments(context).get("fresh") == "no":
        return False
    return bool(context.opts[FRESH])


def _x_arguments(context: MigrationContext) -> dict[str, str]:
    """What ``-x migrator.NAME=VALUE`` said."""
    environment = context.environment_context
    given = environment.get_x_argument() if environment is not None else []
    pairs = (text.partition("=") for text in given if text.startswith("migrator."))
    return {name.removeprefix("migrator."): value for name, _, value in pairs}


def _actor() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def _tell(event: Event) -> None:
    if isinstance(event, Note):
        _log.info("%s", event.text)
    elif isinstance(event, StepDone):
        _log.info("%s %s/%s %s", event.phase, event.number, event.total, event.step)
    elif isinstance(event, StepRetried):
        _log.info("%s %s: the lock was refused, it is tried again", event.phase, event.step)


@contextlib.contextmanager
def as_command_error() -> Iterator[None]:
    """Our errors as the one kind of error that Alembic's command line shows without a traceback."""
    try:
        yield
    except MigratorError as error:
        parts = [error.message]
        parts += [f"  at: {error.at}"] if error.at else []
        parts += [f"  DETAIL: {line}" for line in (error.detail or "").splitlines()]
        parts += [f"  HINT: {error.hint}"] if error.hint else []
        raise CommandError("\n".join(parts)) from error
