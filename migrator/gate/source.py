"""What a source of evidence is asked and answers, and finding the sources: one file each in ``evidence/``.

A source is a module with three names: ``kind``, equal to its file name; ``polled``, whether it sees only the moment
it looks (its samples must then leave no gap in the soak) or remembers what was in between; and ``observe``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Protocol, cast

from migrator.config import IgnoredRole
from migrator.errors import MigratorError
from migrator.ledger.services import Service
from migrator.model.evidence import Direction, Observation
from migrator.postgres.session import Session


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

    @property
    def concerned(self) -> tuple[Service, ...]:
        """The services that can need what is about to go; the others are exempt."""
        return tuple(service for service in self.services if not self.exempts(service.name))

    def exempts(self, service: str) -> bool:
        """Whether the migration says that the service never used the old shape.

        Nobody is exempt from a rollback: the statement is about the old shape, not about the new one.
        """
        return self.direction is Direction.CONTRACT and self.requires[service] <= 0

    def is_in_the_way(self, service: str, level: int | None) -> bool:
        """Whether code of this service at this level can need what is about to go; an unknown level always can."""
        if self.exempts(service):
            return False
        if level is None:
            return True
        return level < self.requires[service] if self.direction is Direction.CONTRACT else level >= self.level

    def wanted(self, service: str) -> str:
        """What the service must run, for people."""
        if self.direction is Direction.CONTRACT:
            return f"level {self.requires[service]} or above"
        return f"level {self.level - 1} or below"


class Source(Protocol):
    """A module of ``evidence/``; see this module's docstring."""

    kind: str
    polled: bool

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
