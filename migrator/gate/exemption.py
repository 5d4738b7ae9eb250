"""Which releases may run below the level of a contract, because it leaves alone all that their manifests say they use.

The condition stands in docs/exemption.md. It is about one version of one service at one level, it rests on manifests
that were recorded for this version, and what cannot be told is never a yes: the release needs the level then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from migrator.errors import MigratorError, Refused, UsageError
from migrator.gate.ownership import level_of, services_of
from migrator.gate.subject import Subject
from migrator.ledger import decisions, files, manifests, services, state
from migrator.ledger.manifests import Build, Recorded
from migrator.ledger.services import Service
from migrator.ledger.state import STANDING, GateState, MigrationRecord, State
from migrator.model.compatible import compare, wanted
from migrator.model.evidence import Direction, Exempt
from migrator.model.manifest import Manifest
from migrator.model.phase import Phase
from migrator.model.plan import Migration
from migrator.postgres.queries import load
from migrator.postgres.session import Session
from migrator.sql.touches import Touches, touched_by

_SQL = load("migrator.gate.queries", "exemption.sql")
_USED = load("migrator.postgres.queries", "used.sql")


_NOTHING_TO_COME = (State.PENDING, State.ROLLED_BACK, State.COMPLETE)


@dataclass(slots=True)
class Exemptions:
    """What the manifests in the ledger say about one contract; asked for one version at a time, and remembered.

    Attributes:
        text: of the contract; None or empty: it is not known, so nobody is exempt.
        barriers: that will stand while it is contracted.
    """

    session: Session
    project: str
    text: str | None
    barriers: Sequence[str] = ()
    _found: dict[Build, Exempt | None] = field(default_factory=dict)
    _kept: bool | None = None
    _listed: tuple[Service, ...] | None = None

    def of(self, service: str, version: str, level: int) -> Exempt | None:
        """By which manifests this version is exempt; None: it is not."""
        build = Build(service, version, level)
        if build not in self._found:
            self._found[build] = self._judge(build)
        return self._found[build]

    def doubts(self, build: Build, recorded: Sequence[Recorded]) -> list[str]:
        """Why a version with these manifests is not exempt; empty: it is."""
        reasons = list(self._of_the_contract(build))
        if not recorded:
            reasons.append("no manifest of this version is recorded")
        reasons += [
            f"manifest {each.short} is of level {each.level}, not {build.level}"
            for each in recorded
            if each.level != build.level
        ]
        if reasons:
            return reasons
        try:
            touches = touched_by(self.text or "")
            found = [msgspec.json.decode(each.content, type=Manifest) for each in recorded]
        except MigratorError as error:
            return [f"the contract cannot be read: {error.message}"]
        except msgspec.DecodeError as error:
            return [f"the manifest cannot be read: {error}"]
        return list(dict.fromkeys(self._doubts(found, touches)))

    def _judge(self, build: Build) -> Exempt | None:
        if self._kept is None:
            self._kept = manifests.are_kept(self.session)
        if not self._kept or not build.version or not self.text:
            return None
        recorded = manifests.of_version(self.session, self.project, build.service, build.version)
        if self.doubts(build, recorded):
            return None
        last = recorded[-1]
        return Exempt(tuple(each.short for each in recorded), last.recorded_at, last.recorded_by)

    def _of_the_contract(self, build: Build) -> Iterator[str]:
        """What has nothing to do with manifests; barriers know levels, and nothing of versions."""
        if not self.text:
            yield "the text of the contract is not known here"
        if "login_trigger" in self.barriers or self.session.one(_SQL["login_trigger"]).there:
            yield "barrier login_trigger keeps sessions out by their level, whatever their version"
        if self._listed is None:
            self._listed = services.listed(self.session, self.project)
        for row in self.session.query(_SQL["roles"]):
            is_own = build.service in services_of(row.name, self._listed) and level_of(row.name) == build.level
            if is_own and ("roles" in self.barriers or not row.may_login):
                yield f'role "{row.name}" is closed with its level, whatever the version'

    def _doubts(self, found: Sequence[Manifest], touches: Touches) -> Iterator[str]:
        yield from (f"it may use more than it says: {reason}" for each in found for reason in each.unseen)
        if not all(each.statements for each in found):
            yield "no statement that it sends was recorded: migrator manifest … --recorded FILE"
        yield from (f"what the contract does cannot be told: {statement}" for statement in touches.unclear)
        for row in self.session.query(_SQL["routines"], {"names": sorted(touches.relations)}):
            yield f'function {row.name} mentions "{row.relation}", and who calls it is not known'
        for manifest in found:
            there = self.session.query(_USED["actual"], {"wanted": wanted(manifest)})
            yield from (f"it uses {each}, which does not exist" for each in compare(manifest, there).missing)
        names = sorted({table.name for each in found for table in each.tables})
        related: dict[str, set[tuple[str, str]]] = {name: {(name, "same")} for name in names}
        for row in self.session.query(_SQL["related"], {"names": names}):
            related[row.start].add((row.relation, row.takes))
        for manifest in found:
            for table in manifest.tables:
                for relation, takes in sorted(related[table.name]):
                    if relation in touches.tables:
                        yield f"the contract changes {relation}{_by(table.name, relation)}, which it uses"
                    for name, column in sorted(touches.columns):
                        if name == relation and takes != "rows" and (takes == "every" or table.uses(column)):
                            yield f"the contract changes {relation}.{column}{_by(table.name, relation)}, which it uses"


def _by(start: str, relation: str) -> str:
    return "" if start == relation else f" (by way of {start})"


def exemptions_for(session: Session, subject: Subject) -> Exemptions:
    """Of what wants to pass; nobody is exempt from a rollback, which takes the new shape away."""
    is_contract = subject.direction is Direction.CONTRACT
    text = subject.migration.texts.get(Phase.CONTRACT) if is_contract else None
    return Exemptions(session, subject.project, text, subject.gate.barriers)


def settle(session: Session, subject: Subject) -> list[Build]:
    """Write down whom the beats let pass a fence, and return them.

    In the transaction that raises it, under the lock of the services.
    """
    if subject.direction is not Direction.CONTRACT or not manifests.are_kept(session):
        return []
    settled: list[Build] = []
    manifests.revoke_all(session, subject.project, subject.migration.id)
    exemptions = exemptions_for(session, subject)
    if not exemptions.text:
        return settled
    for build in manifests.versions(session, subject.project):
        needed = subject.migration.requires.get(build.service)
        if build.level >= (needed.level if needed else subject.migration.level):
            continue
        found = exemptions.of(build.service, build.version, build.level)
        if found is not None:
            manifests.exempt(session, subject.project, subject.migration.id, build, list(found.manifests))
            settled.append(build)
    return settled


@dataclass(frozen=True, slots=True)
class Standing:
    """How a release stands to one contract that asks for a higher level; no doubts: it is exempt."""

    migration: str
    level: int
    doubts: tuple[str, ...]


def record(
    session: Session,
    project: str,
    build: Build,
    manifest: Manifest,
    content: str,
    actor: str,
    *,
    known: Sequence[Migration] = (),
    barriers: Sequence[str] = (),
) -> list[Standing]:
    """Keep what a version uses. A version may have several manifests; it uses what all of them say together.

    Args:
        session: outside a transaction.
        project: ledger key.
        build: the version, with the level that it beats with.
        manifest: what it uses.
        content: the manifest as a document.
        actor: for the record.
        known: migrations of the project, for texts that the ledger does not have yet.
        barriers: those that are configured.

    Returns:
        How it stands to each contract above its level, by level.

    Raises:
        UsageError: the manifest is of another service or level, or the version is empty.
        Refused: the service is not listed.
    """
    if not build.version.strip():
        raise UsageError("the version is empty")
    if manifest.service and manifest.service != build.service:
        raise UsageError(f'the manifest is of service "{manifest.service}", not "{build.service}"')
    if manifest.level is not None and manifest.level != build.level:
        raise UsageError(
            f"the manifest is of level {manifest.level}, and {build.version} is said to need level {build.level}",
            hint="make both where the release is built",
        )
    texts = {migration.id: migration.texts.get(Phase.CONTRACT) for migration in known}
    with session.transaction(lock_timeout_ms=10_000):
        listed = {service.name for service in services.lock(session, project)}
        if build.service not in listed:
            raise Refused(
                f'service "{build.service}" is not listed in this database',
                hint=f'add [[tool.migrator.gate.service]] name = "{build.service}" to pyproject.toml and run '
                '"migrator expand"',
            )
        is_new = manifests.put(session, project, build, content)
        recorded = manifests.of_version(session, project, build.service, build.version)
        standings = []
        for row in state.all_records(session, project):
            needed = row.requires.get(build.service, row.level)
            is_guarded = row.gate is GateState.APPLIED or _is_fenced(row)
            if needed <= build.level or (row.state in _NOTHING_TO_COME and not is_guarded):
                continue
            text = files.frozen_text(session, project, row.id, Phase.CONTRACT)
            if text is None and not is_guarded:
                text = texts.get(row.id)
            if is_guarded:
                state.lock(session, project, row.id)  # what migrator.confirmed() said of it stays true until it is over
            doubts = Exemptions(session, project, text, barriers).doubts(build, recorded)
            if is_guarded and not doubts:
                manifests.exempt(session, project, row.id, build, [each.short for each in recorded])
            elif is_guarded:
                manifests.revoke(session, project, row.id, build)
            standings.append(Standing(row.id, needed, tuple(doubts)))
        services.touch(session, project)
        if is_new:
            exempt = [each.migration for each in standings if not each.doubts]
            reason = f"{build}, exempt from {', '.join(exempt) or 'no contract'}"
            facts = {
                "service": build.service,
                "version": build.version,
                "level": build.level,
                "manifest": recorded[-1].sha256,
                "exempt": exempt,
            }
            decisions.append(session, project, None, "manifest", None, [reason], facts, actor)
    return standings


def _is_fenced(row: MigrationRecord) -> bool:
    return row.gate in STANDING and row.fence_direction == "contract"
