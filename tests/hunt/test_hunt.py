"""Lives drawn at random: no query fails, no committed write is lost, a rollback leaves what was there before, and what
contract leaves is what the plain SQL would have made.

A seed that failed is played again by ``python -m tests.hunt SEED``. With ``MIGRATOR_HUNT_SEED`` those from that one on
are played, and what nobody has seen is left to longer runs. Pairs of changes: ``python -m tests.hunt --pairs``.
"""

from __future__ import annotations

import itertools
import os
import secrets
import shlex
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrator.changes.registry import all_kinds
from tests.hunt.every_form import FORMS
from tests.hunt.lives import Covered, life
from tests.hunt.pairs import all_pairs, part
from tests.hunt.playing_pairs import sample
from tests.support.tablespaces import make_tablespace

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
def test_pairs_of_changes(postgres_server: Any, postgres_admin: psycopg.Connection[Any]) -> None:
    """A sample by seed: each pair is undone without a trace and ends as the plain SQL, or is refused."""
    seed = int(os.environ.get("MIGRATOR_HUNT_SEED") or secrets.randbits(31))
    print(f"seed {seed}")
    make_tablespace(postgres_server.url())
    deadline = time.monotonic() + min(SECONDS, 600)
    played = list(sample(postgres_admin, postgres_server.url, all_pairs(seed), deadline))
    assert [f"python -m tests.hunt --pairs 60 {each.pair}: {each.outcome}" for each in played if each.failed] == []
    assert any(each.outcome.endswith("done") for each in played)


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


def test_every_kind_is_in_pairs() -> None:
    assert {form.kind for form in FORMS} == set(all_kinds())


def test_all_pairs_are_played_once_when_every_part_was() -> None:
    order = all_pairs()
    assert [pair for number in range(1, 21) for pair in part(order, f"{number}/20")] == order
    kinds = [frozenset([pair.first.kind, pair.second.kind]) for pair in order]
    first = len(set(kinds))
    assert set(kinds[:first]) == set(kinds), "any two kinds come once before any come twice"
    with pytest.raises(ValueError, match="part 0/20"):
        part(order, "0/20")


def test_pairs_are_found_by_kinds_forms_and_ways() -> None:
    every = all_pairs()

    def found(*wanted: str) -> set[str]:
        return {str(pair) for pair in every if pair.matches(wanted)}

    natural, other = found("any", "grant", "apart:first"), found("any", "grant", "apart:second")
    assert natural
    assert found("any", "grant", "apart") == natural | other
    assert found("revoke,comment", "grant", "apart:first") == {
        "revoke grant apart:first",
        "comment grant apart:first",
    }
    assert all(name in found(*shlex.split(name)) for name in natural)
