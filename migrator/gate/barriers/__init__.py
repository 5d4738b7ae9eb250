"""Fences that the database enforces by itself, for code that asks nobody before it starts: one kind per file.

A barrier is a module whose name is its ``kind``. It is put up after the fence is committed, and taken down on every way
back; each of its functions is idempotent, opens its own transactions, and says in one line each what it did.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Protocol, cast

from migrator.errors import MigratorError
from migrator.gate.look import Subject
from migrator.ledger.services import Service
from migrator.postgres.session import Session


class Barrier(Protocol):
    """A module of this folder; see its docstring."""

    kind: str

    def plan(self, session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
        """What it would do, one line each; empty: not configured or not available."""
        ...

    def put_up(self, session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
        """Put it up; what was done, recorded in the decision. Called after the fence row is committed."""
        ...

    def take_down(self, session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
        """Undo it before ``applied``: abort, drain timeout, lease expiry noticed."""
        ...

    def after_applied(self, session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
        """What stays, or is cleaned up, once the contract is applied."""
        ...


@cache
def barriers() -> Mapping[str, Barrier]:
    """All barriers by kind, found in the folder.

    Raises:
        MigratorError: a file does not call itself by its name.
    """
    found: dict[str, Barrier] = {}
    for module in pkgutil.iter_modules(__path__):
        barrier = cast("Barrier", importlib.import_module(f"{__name__}.{module.name}"))
        if barrier.kind != module.name:
            raise MigratorError(f'barriers/{module.name}.py calls itself "{barrier.kind}"')
        found[module.name] = barrier
    return MappingProxyType(found)
