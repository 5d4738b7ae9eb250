"""``migrator plan`` of revisions that are not expanded yet: what expand would keep of them, on the schema as it is.

Their ``upgrade()`` is called with Alembic writing SQL instead of executing it, so nothing is run; the tables are read
from the database. A revision is planned only if no revision that has to run before it has to do with the same tables:
what those will look like then is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from migrator.changes.kinds.raw_sql import RawSql
from migrator.errors import MigratorError, OutOfOrder, Refused, UsageError
from migrator.integrations.alembic.apply import planned, several_operations
from migrator.integrations.alembic.batch import Batch, names_in, schema_of
from migrator.integrations.alembic.capture import Captured, all_captured
from migrator.integrations.alembic.later import KEEP_HINT, never_kept
from migrator.integrations.alembic.project import AlembicProject
from migrator.integrations.alembic.revision import Revision, level_of, of_module
from migrator.integrations.alembic.running import in_order
from migrator.ledger.install import is_installed
from migrator.ledger.state import State, all_records
from migrator.lint.written_in import Place
from migrator.model.plan import Migration, Phase, Step
from migrator.planning.planner import Change
from migrator.planning.proof import effects_in_order
from migrator.postgres.session import Session
from migrator.sql.actions import actions_of, objects_in
from migrator.sql.parser import Statement, parse_script
from migrator.sql.rewrite import slug

_TRANSACTION = {"BEGIN;": True, "COMMIT;": False}
_BY_ALEMBIC = "Alembic runs it, in its own transaction and without the timeouts of migrator"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A revision that the database lacks.

    Attributes:
        id: of it.
        title: the first line of its docstring.
        migration: what it will be; None: that is not known yet.
        notes: for its author.
        error: why it is not known.
    """

    id: str
    title: str
    migration: Migration | None = None
    notes: tuple[str, ...] = ()
    error: MigratorError | None = None


def foreseen(project: AlembicProject, session: Session, key: str) -> list[Foreseen]:
    """The revisions that the database lacks, in the order in which they will run.

    Args:
        project: opened.
        session: on the database that ``env.py`` connects to.
        key: of the project in the ledger.

    Raises:
        UsageError: ``env.py`` fails, or a revision cannot be imported.
    """
    current = project.connection()[1]
    scripts = {each.revision: each for each in project.pending(current)}
    if not scripts:
        return []
    records = all_records(session, key) if is_installed(session) else []
    levels = {record.id: record.level for record in records if record.state is not State.ROLLED_BACK}
    captured = {each.id: each for each in all_captured(project, current)}
    found: list[Foreseen] = []
    for name in in_order(list(scripts.values())):
        asked, script = captured[name], scripts[name]
        ancestors = project.ancestors(name)
        before = [captured[each] for each in scripts if each in ancestors]
        title = name
        try:
            revision = of_module(vars(script.module), str(script.path))
            title = revision.title
            if asked.phased:
                levels[name] = level_of(revision, project.script, levels)
                _require_own_level(name, levels)
            migration, notes = _planned(asked, before, revision, levels.get(name, revision.level or 0), session)
        except MigratorError as error:
            found.append(Foreseen(name, title, error=error))
        else:
            found.append(Foreseen(name, title, migration, notes))
    return found


def _require_own_level(name: str, levels: Mapping[str, int]) -> None:
    """Make sure that no other revision has the level of this one, as two branches may have.

    Raises:
        UsageError: one has.
    """
    for other, level in levels.items():
        if level == levels[name] and other != name:
            raise UsageError(
                f"{other} and {name} both have level {level}", hint=f"one of them moves up: migrator renumber {name}"
            )


def _planned(
    asked: Captured, before: list[Captured], revision: Revision, level: int, session: Session
) -> tuple[Migration, tuple[str, ...]]:
    path = revision.at
    if asked.stopped is not None and revision.later and never_kept(revision.later) in asked.stopped[1]:
        raise UsageError(never_kept(revision.later), at=path, hint=KEEP_HINT)
    if asked.stopped is not None:
        line, reason = asked.stopped
        hint = "what it does is known when it runs; split it, so that phased operations are in a revision of their own"
        raise Refused(f"revision {asked.id}: {reason}", at=f"{path}:{line}", hint=hint)
    later = asked.later
    if isinstance(later, MigratorError):
        raise later
    calls = [each for each in asked.asked if each.batch or revision.later]
    if len(calls) > 1:
        raise several_operations(revision)
    batch = calls[0].batch if calls else []
    _require_independent(asked, batch, later, before)
    plain = _plain(asked, path)
    if not batch and not later:
        return Migration(revision.id, level, revision.title, steps=tuple(step for _, step in plain)), ()
    try:
        schema = schema_of([*batch, *later], session)
        migration, notes = planned(batch, later, revision, level, schema, session)
    except Refused as refusal:
        if before and not refusal.hint:
            refusal.hint = f"{_listed(before)} will run before it: if what is missing is made there, expand that first"
        raise
    first = tuple(step for number, step in plain if number < calls[0].before)
    expand = (*first, *migration.phase(Phase.EXPAND), *(step for _, step in plain[len(first) :]))
    if first:
        said = (
            "what stands before the phased operation is committed when that begins, and runs again after a crash in it"
        )
        notes = (*notes, f"{first[0].at}: {said}: put it behind, where it commits with the version")
    others = tuple(step for step in migration.steps if step.phase is not Phase.EXPAND)
    return replace(migration, steps=(*expand, *others)), notes


def _plain(asked: Captured, path: str) -> list[tuple[int, Step]]:
    """Statements of ``upgrade()`` that are no phased operations, each with its place in what was written."""
    statements: list[tuple[Statement, Place, int, str | None]] = []
    inside, block = asked.began_inside, 1
    for number, (sql, place) in enumerate(asked.written):
        if sql in _TRANSACTION:
            inside = _TRANSACTION[sql]
            block += inside
            continue
        group = f"alembic-{block}" if inside else None
        statements += [(each, place, number, group) for each in parse_script(sql, f"{path}:{place.line}").statements]
    effects = effects_in_order([each for each, *_ in statements])
    steps: list[tuple[int, Step]] = []
    for (statement, place, number, group), taken in zip(statements, effects, strict=True):
        name = f"{slug(*statement.text.lower().split()[:2])}-{len(steps) + 1}"
        at = f"{path}:{place.line}"
        step = Step(
            name, statement.text, Phase.EXPAND, group, taken, _BY_ALEMBIC, timed=False, line=place.line, at=at
        )  # fmt: skip
        steps.append((number, step))
    return steps


def _require_independent(asked: Captured, batch: Batch, later: Batch, before: list[Captured]) -> None:
    """Make sure that what is planned on is there already.

    Raises:
        OutOfOrder: a revision that has to run before it makes or changes it, or may.
    """
    if not batch and not later:
        return  # its statements are what they are
    own = _names([*batch, *later], asked)
    for each in before:
        if each.stopped is not None or isinstance(each.later, MigratorError):
            why = "what that does is not known before it runs"
        else:
            others = _names([*(one for call in each.asked for one in call.batch), *each.later], each)
            if others is not None and own is not None and not own & others:
                continue
            both = sorted(own & others) if own is not None and others is not None else []
            why = f"both are about {', '.join(both)}" if both else "what it has to do with that is not known"
        raise OutOfOrder(
            f"revision {asked.id} can be planned when {each.id} is expanded: {why}",
            hint=f'"migrator expand {each.id}", then the same command again',
        )


def _names(batch: Batch, asked: Captured) -> set[str] | None:
    """What a revision is about; None: that is not known."""
    names: list[tuple[str | None, str]] = []
    try:
        for each in batch:
            names += names_in([each])
            if isinstance(each, Change) and isinstance(each.spec, RawSql):
                names += _in_text(each.spec.statement)
        for sql, _ in asked.written:
            if sql not in _TRANSACTION:
                names += _in_text(sql)
    except (Refused, LookupError):
        return None
    return {f"{schema or 'public'}.{name}" for schema, name in names}


def _in_text(sql: str) -> list[tuple[str | None, str]]:
    """What statements name.

    Raises:
        LookupError: one holds code.
    """
    names: list[tuple[str | None, str]] = []
    for action in actions_of(parse_script(sql)):
        if action.kind in ("do_stmt", "call_stmt"):
            raise LookupError(action.text)
        names += objects_in(action)
    return names


def _listed(before: Iterable[Captured]) -> str:
    return ", ".join(each.id for each in before)
