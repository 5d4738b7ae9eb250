"""Whether a release may be deployed, by what its manifest says it uses: at its own level, and above it.

Two questions. Is all that it uses there now, and is none of it about to go? And where it starts above its own level, or
its level is fenced: do the contracts in between leave alone what it uses? The first is asked of the catalog, the second
of the texts that the ledger keeps of the migrations. What cannot be told is never a yes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from migrator.errors import Fenced, GateUnknown, MigratorError, UsageError
from migrator.gate.levels import Permit, is_build_exempt, level_of, start_check, window_of
from migrator.ledger import files, services, state
from migrator.ledger.state import STANDING, GateState, MigrationRecord, State
from migrator.model.compatible import Comparison, Missing, compare, wanted
from migrator.model.manifest import Manifest
from migrator.model.phase import Phase
from migrator.model.plan import Migration
from migrator.postgres.queries import load
from migrator.postgres.session import ServerError, Session
from migrator.sql.drops import Drops, drops_of
from migrator.sql.tightening import tightened_by

_SQL = load("migrator.postgres.queries", "used.sql")
_MAY_NOT_READ = "42501"
"""Insufficient privilege."""

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Ledger:
    """What is known of the migrations: rows of the ledger, and their texts from there or else from the project."""

    session: Session
    project: str
    records: Sequence[MigrationRecord]
    known: Mapping[str, Migration]

    def text(self, record: MigrationRecord, phase: Phase) -> str | None:
        """The text of a phase; None: it is settled only when the phase begins, and the project has it not either."""
        frozen = files.frozen_text(self.session, self.project, record.id, phase)
        if frozen is None and record.id in self.known:
            return self.known[record.id].texts.get(phase, "")
        return frozen


def can_deploy_by_manifest(
    session: Session,
    project: str,
    service: str,
    manifest: Manifest,
    *,
    build: str | None,
    level: int | None,
    known: Sequence[Migration] = (),
) -> Permit:
    """Whether a release may be deployed now.

    Args:
        session: of a role that may read the ledger.
        project: key of the ledger.
        service: its name.
        manifest: what the release uses.
        build: as of ``levels.can_deploy``, or None.
        level: the level it starts with; None: that of the build or of the manifest.
        known: migrations of the project, for texts that the ledger does not have yet.

    Raises:
        Fenced: it is too old or too new, it uses what is not there or about to go, or the service is not listed.
        GateUnknown: nobody registered the build, it starts above its level without proof, or the role may not read.
        UsageError: the manifest is of another service, or no level is known.
    """
    if manifest.service and manifest.service != service:
        raise UsageError(f'the manifest is of service "{manifest.service}", not "{service}"')
    if level is not None and build is not None:
        raise UsageError("can-deploy needs a VERSION or --level, and not both")
    claimed = level_of(session, service, build) if build else manifest.level if level is None else level
    if claimed is None:
        raise UsageError(
            "the level of the release is not known: its manifest has none",
            hint=f"migrator gate can-deploy {service} --level N --manifest FILE",
        )
    try:
        asked = Permit(service, claimed, build, window_of(session, service))
        records = state.all_records(session, project)
        ledger = _Ledger(session, project, records, {migration.id: migration for migration in known})
        return _permit(ledger, asked, manifest)
    except ServerError as error:
        if error.sqlstate != _MAY_NOT_READ:
            raise
        raise GateUnknown(
            f'role "{session.one("SELECT current_user AS name").name}" may not read what migrations removed',
            hint="ask as the role that runs migrator, or without --manifest",
        ) from None


def _permit(ledger: _Ledger, asked: Permit, manifest: Manifest) -> Permit:
    session = ledger.session
    own = asked.level if manifest.level is None else manifest.level
    comparison = compare(manifest, session.query(_SQL["actual"], {"wanted": wanted(manifest)}))
    if asked.window.listed:
        _require_there(ledger, manifest, comparison)
    floor = asked.window.min_level
    if not asked.window.listed or asked.level >= floor:
        start_check(session, asked.service, asked.level)
        reasons = _doubts(ledger, manifest, comparison, own, asked.level)
        if asked.level > own and reasons:
            raise GateUnknown(
                f"{manifest.title} is to start with level {asked.level}, and nothing proves that it may",
                detail="\n".join(reasons[:_SHOWN]),
                hint=f"start it with its own level, {own}",
            )
        return asked
    try:
        start_check(session, asked.service, asked.level)
    except Fenced as error:
        if reasons := _doubts(ledger, manifest, comparison, own, floor):
            error.detail = "\n".join(["its manifest does not exempt it:", *reasons[:_SHOWN]])
            raise
        kinds = {known.name: known.kind for known in services.listed(session, ledger.project)}
        recorded = asked.build is not None and is_build_exempt(session, asked.service, asked.build, asked.level)
        if recorded or kinds.get(asked.service) == "external":
            return Permit(asked.service, asked.level, asked.build, asked.window, exempt=True)
        error.detail = (
            f"By its manifest it uses nothing that contracts up to level {floor} removed, so it works with this"
            f" database. But beats and sessions of level {asked.level} are refused, unless this manifest is recorded"
            f" for its version: migrator gate release {asked.service} VERSION --level {asked.level} --manifest FILE"
        )
        error.hint = (
            f"let it start with level {floor}, and ask for that:"
            f" migrator gate can-deploy {asked.service} --level {floor} --manifest FILE"
        )
        raise
    return asked


def _require_there(ledger: _Ledger, manifest: Manifest, comparison: Comparison) -> None:
    """All that the release uses exists, and nothing is about to take it away.

    Raises:
        Fenced: it is not so.
        GateUnknown: what is about to go is not known.
    """
    reasons = [_gone(ledger, each) for each in comparison.missing]
    reasons += [f"{name} is NOT NULL without a default, and INSERTs of it leave it out" for name in comparison.required]
    if reasons:
        raise Fenced(
            f"{manifest.title} does not fit this database: {len(reasons)} of its tables and columns",
            detail="\n".join(reasons[:_SHOWN]),
            hint='what is still to come: run "migrator expand" with the migrations of this build; what was contracted'
            " does not come back: deploy a newer build",
        )
    for record in ledger.records:
        phase = _going(record)
        if phase is None:
            continue
        text = ledger.text(record, phase)
        if text is None:
            raise GateUnknown(
                f"what {phase} of {record.id} is about to remove is not known here",
                hint="ask in the project that has the migration",
            )
        drops = drops_of(text)
        if used := [*_used(manifest, drops), *drops.unclear]:
            raise Fenced(
                f"{manifest.title} uses what {phase} of {record.id} is about to remove",
                detail="\n".join(used[:_SHOWN]),
                hint=f'"migrator gate {record.id}" says how far it is; deploy a build that does without',
            )


def _going(record: MigrationRecord) -> Phase | None:
    """The phase of a migration that removes something at this moment."""
    if record.state is State.CONTRACTING or (record.gate in STANDING and record.fence_direction == "contract"):
        return Phase.CONTRACT
    if record.state is State.ROLLING_BACK or (record.gate in STANDING and record.fence_direction == "rollback"):
        return Phase.ROLLBACK
    return None


def _gone(ledger: _Ledger, missing: Missing) -> str:
    """What is missing, and which contract removed it, if the ledger knows."""
    for record in ledger.records:
        if record.gate is not GateState.APPLIED:
            continue
        drops = drops_of(ledger.text(record, Phase.CONTRACT) or "")
        if any(_names(each.schema, each.relation, each.column, missing) for each in drops.things):
            return f"{missing} is gone: the contract of {record.id} (level {record.level}) removed it"
    return f"{missing} does not exist"


def _names(schema: str | None, relation: str, column: str | None, missing: Missing) -> bool:
    same_table = relation == missing.table and schema in (None, missing.schema)
    return same_table and column in (None, missing.column)


def _used(manifest: Manifest, drops: Drops) -> Iterator[str]:
    """What of it a release uses; a name without a schema may be in any."""
    for thing in sorted(drops.things, key=str):
        for table in manifest.tables:
            is_same = thing.relation == table.name and thing.schema in (None, table.schema)
            if is_same and (thing.column is None or table.uses(thing.column)):
                yield ".".join(filter(None, (table.schema, table.name, thing.column)))


def _doubts(ledger: _Ledger, manifest: Manifest, comparison: Comparison, own: int, up_to: int) -> list[str]:
    """Why a release may not run where contracts of levels above its own have run; empty: it may."""
    reasons = [f"it may use more than it says: {reason}" for reason in manifest.unseen]
    reasons += [f"{name} is NOT NULL, and it may write NULL" for name in comparison.null]
    reasons += list(comparison.types)
    for record in ledger.records:
        if not own < record.level <= up_to or record.state in (State.PENDING, State.ROLLED_BACK):
            continue
        if Phase.CONTRACT.value not in record.spec.get("phases", ()):
            continue
        text = ledger.text(record, Phase.CONTRACT)
        if text is None:
            reasons.append(f"what the contract of {record.id} (level {record.level}) removes is not known here")
            continue
        reasons += _doubts_of(record, text, manifest)
    return reasons


def _doubts_of(record: MigrationRecord, text: str, manifest: Manifest) -> Iterator[str]:
    place = f"the contract of {record.id} (level {record.level})"
    try:
        drops, tightened = drops_of(text), tightened_by(text)
    except MigratorError as error:
        yield f"{place} cannot be read: {error.message}"
        return
    yield from (f"{place} removes {name}" for name in _used(manifest, drops))
    yield from (f"what {place} removes cannot be told: {statement}" for statement in drops.unclear)
    for (schema, name), statement in tightened.items():
        for table in manifest.tables:
            if name == table.name and schema in (None, table.schema) and _writes(manifest, table.schema, name):
                yield f"{place} demands more of rows of {table}: {statement}"


def _writes(manifest: Manifest, schema: str, name: str) -> bool:
    table = manifest.table(schema, name)
    return table is not None and (table.inserts or table.every_column or any(each.writes for each in table.columns))
