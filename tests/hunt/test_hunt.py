"""Lives drawn at random: no query fails, no committed write is lost, a rollback leaves what was there before, and what
contract leaves is what the plain SQL would have made.

A seed that failed is played again by ``python -m tests.hunt SEED``. With ``MIGRATOR_HUNT_SEED`` those from that one on
are played, and what nobody has seen is left to longer runs.
"""

from __future__ import annotations

import itertools
import os
import secrets
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.hunt.lives import Covered, life

SECONDS = float(os.environ.get("MIGRATOR_CHAOS_SECONDS", "120"))
SEEDS = range(4)


def play(admin: psycopg.Connection[Any], server: Any, folder: Path, seed: int, covered: Covered) -> None:
    print(f"seed {seed}: python -m tests.hunt {seed}")
    with life(admin, server.url, folder, seed) as played:
        try:
            played.play()
        finally:
            print("\n".join(played.told))
        covered.add(played)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_life_that_was_drawn_once(
    tmp_path: Path, postgres_server: Any, postgres_admin: psycopg.Connection[Any], seed: int
) -> None:
    covered = Covered()
    play(postgres_admin, postgres_server, tmp_path, seed, covered)
    assert covered.statements > 50


@pytest.mark.chaos
@pytest.mark.timeout(0)
def test_lives_that_nobody_has_seen(
    tmp_path: Path, postgres_server: Any, postgres_admin: psycopg.Connection[Any]
) -> None:
    deadline, covered = time.monotonic() + SECONDS, Covered()
    first = os.environ.get("MIGRATOR_HUNT_SEED")
    seeds = itertools.count(int(first)) if first else iter(lambda: secrets.randbits(31), -1)
    while time.monotonic() < deadline:
        seed = next(seeds)
        play(postgres_admin, postgres_server, tmp_path / str(seed), seed, covered)
    print(covered)
    assert covered.expanded > covered.lives // 2
