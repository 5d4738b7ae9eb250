"""``python -m tests.hunt SEED [COUNT [FILE]]``: play lives again and say what was covered.

One life alone is told from its first statement to its last; ``FILE`` gets what the tool refused, and how often.

``python -m tests.hunt --pairs SECONDS [FORM [FORM [WAY]]]``: play pairs of changes for so long, those of these forms
only: a kind, or ``kind:form``, see ``forms.py``; ``any``, or some with commas between. The way: ``together``, or
``apart`` with ``:first`` or ``:second``, the one whose contract is tried first. The order is the same every time: one
pair of any two kinds, then a second one, and so on. ``--part 3/20``: the third of twenty pieces of it, one after the
other; all pairs are played when each piece has been, with ``inf`` for the time. Which were is for you to remember.
"""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import psycopg

from migrator import embedded
from migrator.errors import MigratorError
from tests.conftest import wanted_installation
from tests.hunt.lives import Covered, life
from tests.hunt.pairs import all_pairs, part
from tests.hunt.playing_pairs import sample
from tests.support.tablespaces import make_tablespace


def main(first: int, count: int = 1, file: str = "") -> int:
    covered, failed = Covered(), list[int]()
    with (
        embedded.start(major=wanted_installation().major, settings=embedded.FAST) as server,
        psycopg.connect(server.url(), autocommit=True) as admin,
    ):
        for seed in range(first, first + count):
            started = time.monotonic()
            with tempfile.TemporaryDirectory() as folder, life(admin, server.url, Path(folder), seed) as played:
                try:
                    played.play()
                except (AssertionError, MigratorError, psycopg.Error) as error:
                    failed.append(seed)
                    print(f"=== seed {seed} failed: {type(error).__name__}: {error}", flush=True)
                    if count == 1:
                        traceback.print_exc()
                covered.add(played)
                if count == 1:
                    print("\n".join(played.told))
                    print("\n".join(f"refused: {each}" for each in played.refusals))
            print(f"seed {seed}: {time.monotonic() - started:.1f} s", flush=True)
    print(f"failed: {failed}\n{covered}")
    if file:
        Path(file).write_text("\n\n".join(f"{n} x {text}" for text, n in covered.refusals.most_common()))
    return bool(failed)


def pairs(seconds: float, *words: str) -> int:
    """Play pairs, and tell what each came to."""
    wanted, piece = list(words), "1/1"
    if "--part" in wanted:
        at = wanted.index("--part")
        piece = wanted[at + 1]
        del wanted[at : at + 2]
    outcomes, failed = Counter[str](), list[str]()
    with (
        embedded.start(major=wanted_installation().major, settings=embedded.FAST) as server,
        psycopg.connect(server.url(), autocommit=True) as admin,
    ):
        make_tablespace(server.url())
        chosen = part([each for each in all_pairs() if each.matches(wanted)], piece)
        for played in sample(admin, server.url, chosen, time.monotonic() + seconds):
            print(f"{played.pair}: {played.outcome}" + f" ({played.refusal})" * bool(played.refusal), flush=True)
            outcomes["failed" if played.failed else played.outcome] += 1
            failed += [str(played.pair)] * played.failed
    print("\n".join(f"{n} {outcome}" for outcome, n in outcomes.most_common()))
    print(f"{outcomes.total()} of {len(chosen)}; failed: {failed}")
    return bool(failed)


if __name__ == "__main__":
    if sys.argv[1] == "--pairs":
        sys.exit(pairs(float(sys.argv[2]), *sys.argv[3:]))
    sys.exit(main(*map(int, sys.argv[1:3]), *sys.argv[3:]))
