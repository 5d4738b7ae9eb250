"""Pairs of changes on one table: which there are."""

from __future__ import annotations

import itertools
import random
import shlex
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from tests.hunt.every_form import FORMS
from tests.hunt.forms import Form, Gone, beginning

WAYS = ("together", "apart:first", "apart:second")
"""In one migration; as two that are pending, the contract of the first or of the second tried first."""


@dataclass(frozen=True)
class Pair:
    """Two changes, the second of what the first one made of things, in one migration or in two.

    Attributes:
        way: one of ``WAYS``.
    """

    first: Form
    second: Form
    way: str

    def __str__(self) -> str:
        """What ``python -m tests.hunt --pairs SECONDS`` takes for it."""
        return shlex.join([str(self.first), str(self.second), self.way])

    def matches(self, wanted: Sequence[str]) -> bool:
        """Whether it is of these forms or kinds, in this order, and this way; of some with commas between, or any."""
        way = {self.way, self.way.partition(":")[0]}
        names = ({str(self.first), self.first.kind}, {str(self.second), self.second.kind}, way)
        return all(want == "any" or known & set(want.split(",")) for want, known in zip(wanted, names, strict=False))

    def draw(self, what: str, of: int) -> int:
        """A number below ``of``, the same every time that it is asked for."""
        return zlib.crc32(f"{self} {what}".encode()) % of

    @property
    def carries(self) -> bool:
        """Whether something comes along that does not with the plain SQL."""
        return (self.first.hangs and self.second.carries) or (self.first.carries and self.second.hangs)

    @property
    def can_be(self) -> bool:
        """Whether there is a schema for both, and something left for the second."""
        begun = beginning(self.first, self.second)
        try:
            return begun is not None and bool(self.second.written(self.first.after(begun[1], 1), 2))
        except Gone:
            return False


def all_pairs(seed: int = 0) -> list[Pair]:
    """Every one there is: first one of any two kinds, then a second one, and so on, in an order drawn by the seed."""
    chance, of_kinds = random.Random(seed), dict[frozenset[str], list[Pair]]()
    for each in itertools.product(FORMS, FORMS, WAYS):
        pair = Pair(*each)
        if pair.can_be:
            of_kinds.setdefault(frozenset([pair.first.kind, pair.second.kind]), []).append(pair)
    for found in of_kinds.values():
        chance.shuffle(found)
    groups = list(of_kinds.values())
    chance.shuffle(groups)
    return [pair for turn in itertools.zip_longest(*groups) for pair in turn if pair is not None]


def part(pairs: Sequence[Pair], piece: str) -> Sequence[Pair]:
    """``3/20``: the third of twenty pieces that follow each other and differ by one pair at most in length."""
    number, of = map(int, piece.split("/"))
    if not 1 <= number <= of:
        raise ValueError(f"part {piece}: the first number is between 1 and the second one")
    return pairs[len(pairs) * (number - 1) // of : len(pairs) * number // of]
