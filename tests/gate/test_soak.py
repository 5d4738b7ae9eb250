from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.gate.soak import clean_since, soak
from migrator.ledger.services import Sample

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HERE = ("7001", 1)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def sample(seconds: float, clean: bool = True, identity: tuple[str, int] = HERE) -> Sample:
    return Sample(ago(seconds), clean, *identity)


def since(*samples: Sample, remembered: datetime | None = None, max_gap_s: float | None = 60) -> datetime | None:
    return clean_since(samples, remembered, now=NOW, identity=HERE, max_gap_s=max_gap_s)


def test_no_sample_is_not_clean() -> None:
    assert since(remembered=ago(1000)) is None


def test_an_unclean_look_now_is_not_clean() -> None:
    assert since(sample(50), sample(0, clean=False), remembered=ago(1000)) is None


def test_samples_without_a_gap_reach_back_to_the_first() -> None:
    assert since(sample(120), sample(60), sample(0)) == ago(120)


def test_a_gap_just_too_long_starts_anew() -> None:
    assert since(sample(180), sample(60.001), sample(0)) == NOW
    assert since(sample(180.001), sample(60), sample(0)) == ago(60)


def test_an_unclean_sample_starts_anew() -> None:
    assert since(sample(50), sample(40, clean=False), sample(30), sample(0)) == ago(30)


def test_what_is_remembered_shortens_the_run_of_a_polled_source() -> None:
    assert since(sample(50), sample(0), remembered=ago(20)) == ago(20)
    assert since(sample(50), sample(0), remembered=ago(2000)) == ago(50)


def test_sources_that_remember_need_one_look_only() -> None:
    assert since(sample(0), remembered=ago(2000), max_gap_s=None) == ago(2000)
    assert since(sample(900), sample(0), remembered=ago(2000), max_gap_s=None) == ago(2000)


def test_an_unclean_sample_ends_what_is_remembered_too() -> None:
    assert since(sample(90, clean=False), sample(0), remembered=ago(2000), max_gap_s=None) == NOW


@pytest.mark.parametrize("identity", [("7002", 1), ("7001", 2)])
@pytest.mark.parametrize("max_gap_s", [60, None])
def test_a_failover_starts_anew(identity: tuple[str, int], max_gap_s: float | None) -> None:
    samples = (sample(50, identity=identity), sample(20), sample(0))
    assert since(*samples, remembered=ago(2000), max_gap_s=max_gap_s) == ago(20)


def test_a_clock_that_went_back_is_not_clean() -> None:
    assert since(sample(-3600), sample(0)) is None
    assert since(sample(0), remembered=ago(-3600)) is None


def test_the_soak_counts_from_there() -> None:
    assert not soak(ago(899), now=NOW, needs_s=900).complete
    assert soak(ago(900), now=NOW, needs_s=900).complete
    assert not soak(None, now=NOW, needs_s=0).complete


@given(st.lists(st.tuples(st.integers(0, 500), st.booleans()), max_size=20), st.integers(0, 600))
def test_nothing_unclean_and_no_gap_is_ever_inside_the_soak(looks: list[tuple[int, bool]], remembered: int) -> None:
    samples = [sample(seconds, clean) for seconds, clean in sorted(looks, reverse=True)]
    start = since(*samples, remembered=ago(remembered))
    if start is None:
        return
    assert start >= ago(remembered)
    inside = [one for one in samples if one.at >= start]
    assert all(one.clean for one in inside)
    moments = [start, *(one.at for one in inside), NOW]
    before = [one.at for one in samples if one.at <= start]
    assert before or start == NOW
    assert all((later - earlier).total_seconds() <= 60 for earlier, later in pairwise(moments))
