from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.backfill.sizing import (
    CONSIDERATE_MS,
    FEWEST_BLOCKS,
    FIRST_BLOCKS,
    LONG_MS,
    MOST_BLOCKS,
    Aim,
    Answer,
    Size,
    after_refusal,
    answer,
    first_blocks,
    limits,
    most_blocks,
    next_size,
    pause_s,
)

SIZES = st.one_of(st.builds(Size, st.integers(1, 10_000)), st.builds(Size, st.just(1), st.integers(1, 300)))


@given(SIZES, st.floats(0, 1e6), st.floats(5, 60_000), st.integers(0, 300))
def test_size_stays_in_bounds_and_at_most_doubles_or_halves(size, took_ms, target_ms, in_block):
    following = next_size(size, took_ms, target_ms, in_block)
    assert 1 <= following.blocks <= MOST_BLOCKS
    assert following.blocks <= 2 * size.blocks
    if size.rows:
        assert max(1, size.rows // 2) <= following.rows <= 2 * size.rows
    elif following.rows:
        assert size.blocks == 1
        assert following.rows == max(1, in_block // 2)
        assert took_ms >= 2 * max(target_ms, LONG_MS)
    else:
        assert following.blocks >= min(MOST_BLOCKS, FEWEST_BLOCKS, size.blocks // 2)
        assert following.blocks >= FEWEST_BLOCKS or size.blocks < FEWEST_BLOCKS or took_ms > LONG_MS


@given(st.floats(0.001, 30), st.integers(1, 200), st.floats(5, 1_000))
def test_size_settles_where_a_batch_takes_the_target(ms_per_row, rows_per_block, target_ms):
    """By time alone it goes down to half a block, whose rows are then aimed at like any others."""
    size, took_ms = Size(32), 0.0
    for _ in range(40):
        took_ms = size.blocks * rows_per_block * ms_per_row
        size = next_size(size, took_ms, target_ms, rows_per_block)
        if size.rows:
            assert rows_per_block * ms_per_row >= 2 * max(target_ms, LONG_MS)
            return
    if size.blocks > FEWEST_BLOCKS:
        assert took_ms <= 1.1 * target_ms
    elif size.blocks < FEWEST_BLOCKS:
        assert took_ms <= max(1.6 * max(target_ms, LONG_MS), 2 * LONG_MS) or size.blocks == 1
    if size.blocks < FEWEST_BLOCKS:
        assert took_ms > 0.5 * max(target_ms, LONG_MS)
    elif FEWEST_BLOCKS < size.blocks < MOST_BLOCKS:
        assert took_ms >= 0.9 * target_ms


@pytest.mark.parametrize(("busy_ms", "target_ms"), [(90, 5), (90, 50)])
def test_a_machine_that_takes_long_for_anything_does_not_make_batches_tiny(busy_ms, target_ms):
    size = Size(64)
    for _ in range(40):
        size = next_size(size, busy_ms, target_ms, 60)
    assert size == Size(FEWEST_BLOCKS)


@given(SIZES, st.integers(1, 300))
def test_refusals_go_down_to_one_row(size, in_block):
    for _ in range(30):
        size = after_refusal(size, in_block)
    assert size.is_smallest


@given(st.floats(8_192, 1e10))
def test_batches_of_large_values_are_small(bytes_per_block):
    first, most = first_blocks(bytes_per_block), most_blocks(bytes_per_block)
    assert 1 <= first <= most <= MOST_BLOCKS
    assert first == 1 or first * bytes_per_block <= 1.5 * 8 * 2**20
    assert most == 1 or most * bytes_per_block <= 1.5 * 256 * 2**20


def test_rows_without_large_values_are_sized_by_time_alone():
    assert (first_blocks(8_192), most_blocks(8_192)) == (FIRST_BLOCKS, MOST_BLOCKS)


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


@given(st.floats(CONSIDERATE_MS, 60_000), st.lists(st.booleans(), max_size=50))
def test_batches_are_short_from_the_look_that_sees_others(target_ms, looks):
    aim = Aim()
    for is_noticed in looks:
        before, aim = aim, aim.after_look(target_ms, is_noticed=is_noticed)
        assert CONSIDERATE_MS <= aim.ms <= target_ms
        assert aim.ms == CONSIDERATE_MS if is_noticed else aim.ms >= before.ms


def looks_until_full(aim: Aim) -> int:
    looks = 0
    while aim.ms < 100:
        aim, looks = aim.after_look(100, is_noticed=False), looks + 1
    return looks


def test_batches_nobody_is_hurt_by_become_long_soon_and_slowly_once_somebody_was():
    assert looks_until_full(Aim()) == 19
    assert looks_until_full(Aim().after_look(100, is_noticed=True)) == 128


def test_a_target_that_is_shorter_than_considerate_batches_keeps_them_from_growing():
    aim = Aim()
    for _ in range(5):
        aim = aim.after_look(5, is_noticed=False)
    assert aim.ms == CONSIDERATE_MS
