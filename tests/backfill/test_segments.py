from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.backfill.segments import LAST_LINE, Place, Span, segments_wanted, split


@given(st.integers(0, 1_000_000), st.integers(1, 300), st.integers(1, 500))
def test_segments_cover_every_block_exactly_once(blocks, parts, smallest):
    ranges = split(blocks, parts, smallest)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == blocks
    assert all(left[1] == right[0] for left, right in itertools.pairwise(ranges))
    assert len(ranges) <= parts
    if len(ranges) > 1:
        assert min(stop - start for start, stop in ranges) >= smallest


def test_table_without_blocks_is_one_empty_segment():
    assert split(0, 16) == ((0, 0),)


@given(st.integers(0, 300), st.integers(1, 8), st.lists(st.tuples(st.integers(1, 64), st.integers(0, 7)), max_size=400))
def test_batches_in_any_order_and_size_do_every_block_exactly_once(blocks, parts, attempts):
    positions = [list(pair) for pair in split(blocks, parts, smallest=1)]
    done = []
    everything = [(64, index % len(positions)) for index in range(len(positions) * 8)]
    for size, index in [*((size, index % len(positions)) for size, index in attempts), *everything]:
        start, stop = positions[index]
        end = min(stop, start + size)
        done.extend(range(start, end))
        positions[index][0] = end
    assert sorted(done) == list(range(blocks))


@given(st.integers(0, 10_000), st.integers(1, 5_000), st.data())
def test_halving_narrows_down_to_any_row_there_is(start, blocks, data):
    wanted = Place(data.draw(st.integers(start, start + blocks - 1)), data.draw(st.integers(1, LAST_LINE)))
    span = Span.of_blocks(start, start + blocks)
    for _ in range(64):
        if span.is_one_row:
            break
        left, right = span.halves()
        holding = [half for half in (left, right) if half.start <= wanted < half.stop]
        assert len(holding) == 1
        span = holding[0]
    assert span.start == wanted


def test_one_line_is_not_halved():
    with pytest.raises(ValueError, match="cannot be halved"):
        Span(Place(3, 4), Place(3, 5)).halves()


@given(st.integers(1, 64))
def test_there_are_several_segments_for_each_worker(workers):
    assert segments_wanted(workers) >= 4 * workers
