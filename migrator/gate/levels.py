"""Whether code of a level may run, by the rule that ``migrator.beat`` answers with; and which level a release needs."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.errors import Fenced, GateUnknown, OutOfOrder, Refused, UsageError
from migrator.ledger import decisions, manifests, releases, services
from migrator.ledger.manifests import Build
from migrator.ledger.releases import Release
from migrator.ledger.services import Window
from migrator.postgres.session import ServerError, Session

_NO_LEDGER = ("3F000", "42883")
"""Invalid schema name, undefined function."""


def start_check(session: Session, service: str, level: int, version: str = "") -> Window:
    """Whether code of a service at a level may start now.

    Args:
        session: of any role.
        service: its name.
        level: that it beats with.
        version: likewise; one that contracts leave alone may start below its service's level.

    Raises:
        Fenced: it may not.
        OutOfOrder: there is no ledger, so nothing was ever expanded here.
    """
    window = window_of(session, service)
    if not window.listed:
        raise Fenced(
            f'service "{service}" is not listed in this database',
            hint=f'add [[tool.migrator.gate.service]] name = "{service}" to pyproject.toml and run "migrator expand"',
        )
    if level < window.min_level and not is_exempt(session, Build(service, version, level)):
        raise Fenced(
            f'"{service}" at level {level} is too old: the database needs at least level {window.min_level}',
            hint="deploy a newer build; what it needs was removed, or is about to be",
        )
    if window.max_level is not None and level > window.max_level:
        raise Fenced(
            f'"{service}" at level {level} is too new: the database is expanded up to level {window.max_level}',
            hint='run "migrator expand" with the migrations of this build first',
        )
    return window


def window_of(session: Session, service: str) -> Window:
    """The levels a service may run now.

    Raises:
        OutOfOrder: there is no ledger.
    """
    try:
        return services.window(session, service)
    except ServerError as error:
        if error.sqlstate not in _NO_LEDGER:
            raise
        raise OutOfOrder("this database has no ledger", hint='run "migrator expand" first') from None


@dataclass(frozen=True, slots=True)
class Permit:
    """That a release may be deployed.

    Attributes:
        level: the one its code needs.
        build: the version or digest that was asked for; None: a level was.
        exempt: whether it may run below the level that its service needs, because it uses nothing that was removed.
    """

    service: str
    level: int
    build: str | None
    window: Window
    exempt: bool = False


def can_deploy(session: Session, service: str, *, build: str | None, level: int | None) -> Permit:
    """Whether a release, or code of a level, may be deployed now; before it becomes a crash loop.

    Args:
        session: of any role.
        service: its name.
        build: a version, an image digest, or an image reference with one (``registry/web@sha256:…``).
        level: instead of a build.

    Raises:
        Fenced: it is too old or too new, or the service is not listed.
        GateUnknown: nobody registered the build, or builds of different levels have this version.
        UsageError: neither or both are given.
    """
    if (build is None) == (level is None):
        raise UsageError(
            "can-deploy needs a VERSION or --level, and not both",
            hint=f'"migrator gate can-deploy {service} 1.42.0" or "migrator gate can-deploy {service} --level 42"',
        )
    if level is not None:
        return Permit(service, level, None, start_check(session, service, level))
    if not window_of(session, service).listed:
        start_check(session, service, 0)
    needs = level_of(session, service, build or "")
    try:
        return Permit(service, needs, build, start_check(session, service, needs))
    except Fenced as error:
        window = window_of(session, service)
        if needs < window.min_level and is_build_exempt(session, service, build or "", needs):
            return Permit(service, needs, build, window, exempt=True)
        error.detail = f"{build} of {service} is registered at level {needs}."
        raise


def is_build_exempt(session: Session, service: str, build: str, level: int) -> bool:
    """Whether beats of every version that a build was registered as are let pass below the level."""
    versions = {release.version for release in releases.find(session, service, _wanted(build))}
    return bool(versions) and all(is_exempt(session, Build(service, version, level)) for version in versions)


def is_exempt(session: Session, build: Build) -> bool:
    """Whether beats of a version are let pass below the level."""
    if not build.version:
        return False
    try:
        return manifests.is_exempt(session, build)
    except ServerError as error:
        if error.sqlstate not in _NO_LEDGER:
            raise
        return False  # a ledger of version 1 knows of no exemption


def _wanted(build: str) -> str:
    return build.rpartition("@")[2] if "@sha256:" in build else build


def level_of(session: Session, service: str, build: str) -> int:
    """The level that a version or digest needs.

    Raises:
        GateUnknown: nobody registered it, or builds of different levels have this version.
    """
    wanted = _wanted(build)
    found = releases.find(session, service, wanted)
    levels = sorted({release.level for release in found})
    if not levels:
        raise GateUnknown(
            f'nobody registered release "{wanted}" of "{service}": its level is unknown',
            hint=f"where it is built: migrator gate release {service} {wanted} --level N",
        )
    if len(levels) > 1:
        raise GateUnknown(
            f'release "{wanted}" of "{service}" was built at level {" and at level ".join(map(str, levels))}',
            detail="\n".join(f"{release.digest or 'no digest'}: level {release.level}" for release in found),
            hint="ask by the digest of the image",
        )
    return levels[0]


def register(session: Session, project: str, service: str, release: Release, actor: str) -> None:
    """Record which level a build needs; the same again is no error.

    Raises:
        Refused: the service is not listed, or the build is registered at another level.
        UsageError: the version is empty, or the digest is none.
    """
    if not release.version.strip():
        raise UsageError("the version is empty")
    if release.digest and not release.digest.startswith("sha256:"):
        raise UsageError(f'"{release.digest}" is no image digest', hint="sha256:… as the registry shows it")
    if service not in {known.name for known in services.listed(session, project)}:
        raise Refused(
            f'service "{service}" is not listed in this database',
            hint=f'add [[tool.migrator.gate.service]] name = "{service}" to pyproject.toml and run "migrator expand"',
        )
    with session.transaction(lock_timeout_ms=10_000):
        is_new = releases.put(session, project, service, release)
        if other := [known for known in _twins(session, service, release) if known.level != release.level]:
            raise Refused(
                f'{release.version} of "{service}" is registered at level {other[0].level}, not {release.level}',
                detail=f"as version {other[0].version}, digest {other[0].digest or 'none'}.",
                hint="code is what it is: a build that needs another level needs another version, or its own --digest",
            )
        if is_new:
            facts = {"service": service, "version": release.version, "digest": release.digest, "level": release.level}
            decisions.append(session, project, None, "release", None, [], facts, actor)


def _twins(session: Session, service: str, release: Release) -> list[Release]:
    """What is registered for the same code: the same digest, or without digests the same version."""
    if release.digest:
        return [known for known in releases.find(session, service, release.digest) if known.digest == release.digest]
    return [known for known in releases.find(session, service, release.version) if not known.digest]
