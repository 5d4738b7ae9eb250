"""The arithmetic of a lease, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from migrator.client import Lease, LeaseLost
from migrator.client.lease import Answer, now


def lease(**more: Any) -> Lease:
    return Lease(service="web", level=42, version="1.0", **more)


@pytest.mark.parametrize(("ttl_s", "lasts_s"), [(45, 43), (6, 4), (3, 2)])
def test_it_lasts_from_when_the_beat_was_sent_until_well_before_the_row_is_stale(ttl_s: float, lasts_s: float) -> None:
    made, sent = lease(), now() - 1
    made._take(Answer(True, ttl_s, ""), sent)
    assert made._until == sent + lasts_s
    assert made.lease_valid


def test_an_answer_that_came_too_late_grants_nothing() -> None:
    made = lease()
    made._take(Answer(True, 45, ""), now() - 43.5)
    with pytest.raises(LeaseLost, match=r"ran out 0\.[5-9] s ago without a beat"):
        made.check()


@pytest.mark.parametrize(
    ("row", "why"),
    [(None, "did not answer"), ((False, 43, 45, 1, "too old"), "too old"), ((None, 0, 45, 1, ""), "gave no reason")],
)
def test_no_row_and_anything_but_ok_is_a_refusal(row: tuple[Any, ...] | None, why: str) -> None:
    made = lease()
    made._take(Answer.of(row, 45), now())
    assert why in made.refused
    with pytest.raises(LeaseLost, match=why):
        made.check()


def test_a_refusal_ends_a_lease_at_once_and_a_lowered_fence_grants_it_again() -> None:
    lost: list[str] = []
    made = lease(on_lost=lost.append)
    for _ in range(2):
        made._take(Answer(True, 45, ""), now())
        assert made.lease_valid
        made._take(Answer(False, 45, "too old"), now())
        made._take(Answer(False, 45, "too old"), now())
        assert not made.lease_valid
    assert lost == ["too old", "too old"]


def test_an_answer_after_the_end_grants_nothing() -> None:
    made = lease()
    made._end()
    made._take(Answer(True, 45, ""), now())
    with pytest.raises(LeaseLost, match="was stopped"):
        made.check()


def test_beats_come_every_third_of_the_ttl_and_not_in_step() -> None:
    made = lease()
    made._take(Answer(True, 45, ""), now())
    periods = [made._period_s() for _ in range(1000)]
    assert 13.5 <= min(periods) < 13.7
    assert 16.3 < max(periods) <= 16.5
