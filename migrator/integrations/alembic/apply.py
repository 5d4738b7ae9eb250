"""What a phased operation does: collect the changes of a revision, plan them, expand them, undo them."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import json
import logging
import os
import socket
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import alembic.op
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from migrator.authoring.new import drafted
from migrator.authoring.recognise import recognise
from migrator.changes.registry import spec_from
from migrator.config import Project, load
from migrator.errors import FilesDiffer, MigratorError, OutOfOrder, Refused, UsageError
from migrator.execution import phases
from migrator.execution.kept import kept_in_ledger, together
from migrator.execution.run import Run
from migrator.integrations.alembic.database import beside
from migrator.integrations.alembic.revision import Revision, calling, level_of
from migrator.ledger import state
from migrator.ledger.install import is_installed
from migrator.ledger.state import State
from migrator.model.events import Event, Note, StepDone, StepRetried
from migrator.model.plan import Migration, Phase
from migrator.model.schema import Schema
from migrator.planning import planner
from migrator.planning.planner import Change
from migrator.postgres.catalog import read_schema
from migrator.postgres.connect import Database
from migrator.postgres.session import Session
from migrator.sql.actions import actions_of, relations_in
from migrator.sql.parser import parse_script

ORIGIN = "alembic"

_log = logging.getLogger("alembic.migrator")
LOOKED_AT = "migrator_looked_at"
"""Option of a context whose revisions are looked at, not run: phased operations are safe by what they are.

Its value is a set, which takes the ids of revisions that have any.
"""

_FRESH = "migrator_fresh"
_SEEN = "migrator_seen"
_OVER = (State.CONTRACTED, State.COMPLETE)


@dataclass(frozen=True, slots=True)
class _Text:
    """Changes given as SQL: what they are depends on the schema."""

    sql: str
    at: str


_Batch = list[Change | _Text]
"""What one revision asks for, in order."""

_open: ContextVar[_Batch | None] = ContextVar("open", default=None)


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
        _add(_Text(text, calling().at))


@contextlib.contextmanager
def several() -> Iterator[None]:
    """Several changes of one revision: they are planned and expanded as one migration, at the end of the block."""
    with as_command_error():
        if _open.get() is not None:
            raise UsageError("phased.together() does not nest", at=calling().at)
    batch: _Batch = []
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


def _add(asked: Change | _Text) -> None:
    collecting = _open.get()
    if collecting is None:
        _expand([asked])
    else:
        collecting.append(asked)


def _expand(batch: _Batch) -> None:
    revision, context = calling(), alembic.op.get_context()
    if not batch:
        return
    looked_at: set[str] | None = context.opts.get(LOOKED_AT)
    if looked_at is not None:
        looked_at.add(revision.id)
        return
    if context.as_sql:
        _write(batch, revision, context)
        return
    seen: set[str] = context.opts.setdefault(_SEEN, set())
    if revision.id in seen:
        raise UsageError(
            f"revision {revision.id} has several phased operations",
            at=revision.at,
            hint="put them into one block: with phased.together(): …",
        )
    with beside(context, "expand") as (database, session):
        fresh = _is_fresh(context, session)
        run, kept = _run(database, session, context, "alembic upgrade")
        migration = next((each for each in kept if each.id == revision.id), None)
        if migration is None:
            migration = _planned(batch, revision, context, session, run)
        elif migration.asked != _digest(batch):
            raise FilesDiffer(
                f"revision {revision.id} asks for something else than when it was expanded here",
                at=revision.at,
                hint=f'take the change back and write a new revision, or undo it: "migrator rollback {revision.id}"',
            )
        run = _with(run, kept, migration)
        phases.expand(run, migration)
        if fresh:
            phases.finish_fresh(run, migration)
    seen.add(revision.id)


def _planned(batch: _Batch, revision: Revision, context: MigrationContext, session: Session, run: Run) -> Migration:
    """The revision as a migration, against the schema as it is now."""
    schema = _schema(batch, session)
    changes = _changes(batch, schema)
    records = state.all_records(session, run.key) if is_installed(session) else []
    level = level_of(revision, context, records)
    migration, notes = drafted(
        changes, migration_id=revision.id, level=level, title=revision.title, schema=schema, session=session,
        origin=ORIGIN, asked=_digest(batch),
    )  # fmt: skip
    for note in notes:
        _log.info("%s: %s", revision.id, note)
    return migration


def _digest(batch: _Batch) -> str:
    """What names a batch, whatever the schema makes of it."""
    asked = [each.as_table() if isinstance(each, Change) else {"sql": each.sql} for each in batch]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _schema(batch: _Batch, session: Session) -> Schema:
    known = [asked for asked in batch if isinstance(asked, Change)]
    names: list[tuple[str | None, str]] = [(table.schema, table.name) for table in planner.touched_by(known)]
    for asked in batch:
        if isinstance(asked, _Text):
            names += [each for action in actions_of(parse_script(asked.sql, asked.at)) for each in relations_in(action)]
    return read_schema(session, dict.fromkeys(names))


def _changes(batch: _Batch, schema: Schema) -> list[Change]:
    changes: list[Change] = []
    for asked in batch:
        if isinstance(asked, Change):
            changes.append(asked)
            continue
        found, notes = recognise(parse_script(asked.sql, asked.at), schema)
        changes += found
        for note in notes:
            _log.info("%s", note)
    return changes


def _write(batch: _Batch, revision: Revision, context: MigrationContext) -> None:
    """Offline mode: the steps as a script, where expand is all there is."""
    changes = _changes(batch, Schema())
    migration, _ = drafted(
        changes, migration_id=revision.id, level=revision.level or 1, title=revision.title, schema=Schema(),
        session=None, origin=ORIGIN, asked=_digest(batch),
    )  # fmt: skip
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
    """Whether this run of Alembic began on a database without a ledger."""
    if _FRESH not in context.opts:
        context.opts[_FRESH] = not is_installed(session)
    return bool(context.opts[_FRESH])


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
