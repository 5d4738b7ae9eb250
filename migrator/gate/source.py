"""What a source of evidence is asked and answers, and finding the sources: one file each in ``evidence/``.

A source is a module with four names: ``kind``, equal to its file name; ``polled``, whether it sees only the moment
it looks (its samples must then leave no gap in the soak) or remembers what was in between; ``keeps_notes``, whether it
writes to the ledger what it compares with next time; and ``observe``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, cast

from migrator.config import IgnoredRole, SourceSettings
from migrator.errors import MigratorError
from migrator.ledger.services import Service
from migrator.model.evidence import Direction, Exempt, Observation
from migrator.postgres.session import Session
from migrator.sql.drops import Drops


def _nobody(service: str, version: str, level: int) -> Exempt | None:  # noqa: ARG001 - as those who know something
    return None


@dataclass(frozen=True, slots=True)
class Question:
    """Who still needs what is about to go?

    Attributes:
        direction: what is about to go: the old shape, or the new one.
        level: level of the migration.
        services: the listed services of the project.
        requires: level each service must have reached before a contract; 0: it never used the old shape.
        ignored: roles whose sessions say nothing about the application.
        own_pids: server processes of the connections that ask.
        required: whether UNKNOWN from this source makes the whole answer UNKNOWN.
        standby_url_envs: environment variables that hold the URLs of standbys to look at.
        local: look at the primary only, because table locks are held meanwhile.
        migration: id of the migration, under which notes are kept.
        drops: the relations and columns that are about to go.
        settings: those of the source that is asked.
        exempt_by: for service, version and level, by which manifest it may run below the required level; None: by none.
    """

    project: str
    direction: Direction
    level: int
    services: tuple[Service, ...]
    requires: Mapping[str, int]
    ignored: tuple[IgnoredRole, ...] = ()
    own_pids: frozenset[int] = frozenset()
    required: bool = True
    standby_url_envs: tuple[str, ...] = ()
    local: bool = False
    migration: str = ""
    drops: Drops = field(default_factory=Drops)
    settings: SourceSettings = field(default_factory=lambda: SourceSettings(kind="sessions"))
    exempt_by: Callable[[str, str, int], Exempt | None] = _nobody

    @property
    def concerned(self) -> tuple[Service, ...]:
        """The services that can need what is about to go; the others are exempt."""
        return tuple(service for service in self.services if not self.exempts(service.name))

    def exempts(self, service: str) -> bool:
        """Whether the migration says that the service never used the old shape.

        Nobody is exempt from a rollback: the statement is about the old shape, not about the new one.
        """
        return self.direction is Direction.CONTRACT and self.requires[service] <= 0

    def is_in_the_way(self, service: str, level: int | None, version: str = "") -> bool:
        """Whether code of this service at this level can need what is about to go; an unknown level always can.

        Code of a version whose manifest shows that it does not need it cannot.
        """
        if self.exempts(service):
            return False
        return level is None or (self._is_outside(service, level) and self.exempt(service, level, version) is None)

    def exempt(self, service: str, level: int | None, version: str) -> Exempt | None:
        """By which manifest code is not in the way that would be without it; None: it is, or it would not be anyway."""
        if self.direction is not Direction.CONTRACT or level is None or not version or self.exempts(service):
            return None
        return self.exempt_by(service, version, level) if self._is_outside(service, level) else None

    def _is_outside(self, service: str, level: int) -> bool:
        return level < self.requires[service] if self.direction is Direction.CONTRACT else level >= self.level

    def wanted(self, service: str) -> str:
        """What the service must run, for people."""
        if self.direction is Direction.CONTRACT:
            return f"level {self.requires[service]} or above"
        return f"level {self.level - 1} or below"


def asked_services(question: Question) -> tuple[str, ...]:
    """The concerned services that a source of the user's own is asked about: the one it names, or each."""
    names = tuple(service.name for service in question.concerned)
    only = question.settings.service
    return tuple(name for name in names if name == only) if only else names


_LAST: dict[tuple[str, str, str, SourceSettings], Any] = {}
"""What was read from outside the server at the last look of this process; its age is judged as any evidence's is."""

T = TypeVar("T")


def remembered(question: Question, ask: Callable[[], T]) -> T:
    """What ``ask`` returns, or, while table locks are held, what it returned at the look before.

    Nobody else's server may be waited for while applications wait for ours.

    Raises:
        MigratorError: locks are held and there was no look before.
    """
    key = (question.project, question.migration, question.direction.value, question.settings)
    if question.local:
        if key not in _LAST:
            raise MigratorError(f'source "{question.settings.kind}" was not asked before the locks were taken')
        return cast("T", _LAST[key])
    _LAST[key] = answer = ask()
    return answer


class Source(Protocol):
    """A module of ``evidence/``; see this module's docstring."""

    kind: str
    polled: bool
    keeps_notes: bool

    def observe(self, session: Session, question: Question) -> tuple[Observation, ...]:
        """Read the evidence now; one observation a concerned service, and one without a service for what fits none.

        Raises:
            MigratorError: it could not be read, which the caller makes UNKNOWN.
        """
        ...


@cache
def sources() -> Mapping[str, Source]:
    """All sources by kind, found in the folder.

    Raises:
        MigratorError: a file does not call itself by its name.
    """
    package = importlib.import_module("migrator.gate.evidence")
    found: dict[str, Source] = {}
    for module in pkgutil.iter_modules(package.__path__):
        source = cast("Source", importlib.import_module(f"{package.__name__}.{module.name}"))
        if source.kind != module.name:
            raise MigratorError(f'evidence/{module.name}.py calls itself "{source.kind}"')
        found[module.name] = source
    return MappingProxyType(found)
