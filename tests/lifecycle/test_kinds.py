"""Every kind of change lives its whole life under load: no query fails, no committed write is lost."""

from __future__ import annotations

import pytest

from migrator.changes.moving.divided import FOLLOWS
from migrator.changes.registry import all_kinds
from tests.lifecycle.cases import CASES, Case
from tests.lifecycle.cases_of_moves import MOVING, PARTITIONED_MOVES
from tests.lifecycle.harness import Life
from tests.support.sandbox import Sandbox


@pytest.mark.parametrize("case", [*CASES, *PARTITIONED_MOVES], ids=str)
def test_life(sandbox: Sandbox, case: Case) -> None:
    if case.name == MOVING and sandbox.session.server_version < FOLLOWS:
        pytest.skip("foreign keys delete what points to such a row, without the tool as well")
    life = Life(sandbox, case)
    try:
        life.play()
    finally:
        for fleet in life.fleets:
            fleet.stop()
    life.assert_unharmed()
    assert sum(fleet.collisions for fleet in life.fleets) <= 2


def test_every_kind_has_a_case() -> None:
    assert {case.kind for case in CASES} == set(all_kinds())
