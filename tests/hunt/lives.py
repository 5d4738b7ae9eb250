"""A place for one life: databases, and roles for the application and a runner; and what many lives have covered."""

from __future__ import annotations

import contextlib
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.hunt.play import Life
from tests.support.sandbox import open_sandbox


@dataclass
class Covered:
    """What was played.

    Attributes:
        kinds: how many changes of each kind were expanded.
        together: kinds of changes of one migration, if there were several.
        refusals: phase, kinds and message of what the tool refused.
    """

    lives: int = 0
    expanded: int = 0
    kills: int = 0
    statements: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    together: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)

    def add(self, life: Life) -> None:
        self.lives += 1
        self.expanded += len(life.drawn)
        self.kills += life.kills
        self.statements += life.sent
        for kinds in life.drawn:
            self.kinds.update(kinds)
            if len(kinds) > 1:
                self.together["+".join(sorted(kinds))] += 1
        self.refusals.update(f"{phase} of {kinds}: {text}" for phase, kinds, text in life.refusals)

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {n}" for kind, n in self.kinds.most_common())
        return (
            f"{self.lives} lives, {self.expanded} migrations, {len(self.together)} combinations in one,"
            f" {self.kills} kills, {self.statements} statements, {sum(self.refusals.values())} refusals\n{kinds}"
        )


@contextlib.contextmanager
def life(admin: psycopg.Connection[Any], url_of: Callable[[str], str], folder: Path, seed: int) -> Iterator[Life]:
    """A life that is about to begin; its databases and its role go with it."""
    folder.mkdir(exist_ok=True)
    token = secrets.token_hex(5)
    played, reference = f"hunt_{token}", f"hunt_reference_{token}"
    role, owner = f"hunt_app_{token}", f"hunt_owner_{token}"
    for name in (role, owner):
        admin.execute(f"CREATE ROLE {name} LOGIN")
    # To see who is connected.
    admin.execute(f"GRANT pg_read_all_stats TO {owner}")
    for name in (played, reference):
        admin.execute(f"CREATE DATABASE {name} OWNER {owner}")
    try:
        with (
            psycopg.connect(url_of(reference), autocommit=True) as plain,
            open_sandbox(folder, url_of(played)) as sandbox,
        ):
            yield Life(sandbox, plain, role, seed, url_of(reference), owner)
    finally:
        for name in (played, reference):
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        for name in (role, owner):
            admin.execute(f"DROP ROLE {name}")
