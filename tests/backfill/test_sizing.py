from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.backfill.sizing import (
    FEWEST_BLOCKS,
    FIRST_BLOCKS,
    MOST_BLOCKS,
    Answer,
    after_refusal,
    answer,
    first_blocks,
    limits,
    most_blocks,
    next_blocks,
    pause_s,
)


@given(st.integers(1, 10_000), st.floats(0, 1e6), st.floats(5, 60_000))
def test_size_stays_in_bounds_and_at_most_doubles_or_halves(blocks, took_ms, target_ms):
    size = next_blocks(blocks, took_ms, target_ms)
    assert 1 <= size <= MOST_BLOCKS
    assert size >= FEWEST_BLOCKS or blocks < FEWEST_BLOCKS
    assert size <= 2 * blocks
    assert size >= min(MOST_BLOCKS, blocks // 2)


@given(st.floats(0.01, 50), st.floats(5, 1_000))
def test_size_settles_where_a_batch_takes_the_target(ms_per_block, target_ms):
    blocks = 32
    for _ in range(40):
        blocks = next_blocks(blocks, blocks * ms_per_block, target_ms)
    wanted = min(MOST_BLOCKS, max(FEWEST_BLOCKS, target_ms / ms_per_block))
    assert blocks == pytest.approx(wanted, rel=0.1, abs=1)


@given(st.floats(8_192, 1e10))
def test_batches_of_large_values_are_small(bytes_per_block):
    first, most = first_blocks(bytes_per_block), most_blocks(bytes_per_block)
    assert 1 <= first <= most <= MOST_BLOCKS
    assert first == 1 or first * bytes_per_block <= 1.5 * 8 * 2**20
    assert most == 1 or most * bytes_per_block <= 1.5 * 256 * 2**20


def test_rows_without_large_values_are_sized_by_time_alone():
    assert (first_blocks(8_192), most_blocks(8_192)) == (FIRST_BLOCKS, MOST_BLOCKS)


def test_refusals_go_down_to_one_block():
    blocks = MOST_BLOCKS
    for _ in range(20):
        blocks = after_refusal(blocks)
    assert blocks == 1


@given(st.integers(5, 60_000), st.integers(1, 60_000))
def test_a_batch_that_waits_ends_before_the_application_looks_for_deadlocks(target_ms, deadlock_timeout_ms):
    chosen = limits(target_ms, deadlock_timeout_ms)
    if chosen.waits_allowed:
        assert chosen.lock_ms < chosen.statement_ms < deadlock_timeout_ms
        assert chosen.target_ms < chosen.statement_ms


@given(st.integers(1, 1_000), st.floats(0, 0.999))
def test_pauses_are_short(refusals, jitter):
    assert 0 < pause_s(refusals, jitter) <= 2.0


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("55P03", Answer.AGAIN),
        ("40P01", Answer.AGAIN),
        ("40001", Answer.AGAIN),
        ("57014", Answer.AGAIN),
        ("22P02", Answer.ROW),
        ("23514", Answer.ROW),
        ("P0001", Answer.ROW),
        ("42703", Answer.STOP),
        ("53100", Answer.STOP),
        ("", Answer.STOP),
    ],
)
def test_errors_mean(sqlstate, expected):
    assert answer(sqlstate) is expected
