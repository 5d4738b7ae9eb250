"""What the database itself does under a fence, one barrier per file; found, not registered.

A barrier is a module with ``kind``, equal to its file name, and the functions of ``Barrier``.
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
    """A module of this package. All its functions are idempotent and are called outside a transaction."""

    kind: str

    def plan(self, session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
        """What it would do, one line each; empty: not configured or not available."""
        ...

    def put_up(self, session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
        """Do it, after the fence is committed; what was done, for the decision."""
        ...

    def take_down(self, session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
        """Undo it before ``applied``; what was done."""
        ...

    def after_applied(self, session: Session, subject: Subject, listed: tuple[Service, ...]) -> list[str]:
        """What stays, or is cleaned up, once the shape is removed."""
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
