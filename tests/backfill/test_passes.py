from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.backfill.passes import (
    FEW,
    MANY,
    SMALLEST_TABLE,
    WINDOW,
    Parting,
    Place,
    Tally,
    after,
    decided,
    worth_trying,
)

MOST = st.sampled_from([1, FEW, MANY])
STEPS = st.lists(
    st.tuples(st.integers(WINDOW // 20, 3 * WINDOW), st.integers(0, 1_000), st.integers(0, 100)), min_size=1
)
"""Size of a batch in blocks, rows it updates, and how many percent of them are HOT."""


def swept(place: Place, most: int, steps):
    """Every batch until the segment is done; batch sizes, rows and HOT shares repeat."""
    number = 0
    while place.next_block < place.stop_block:
        size, rows, percent = steps[number % len(steps)]
        number += 1
        place = decided(place, most)
        stop = min(place.window_stop, place.next_block + size)
        yield place, stop
        place = after(place, stop, rows=rows, hot=rows * percent // 100)


@settings(deadline=None)
@given(start=st.integers(0, 5_000), length=st.integers(0, 5 * WINDOW), most=MOST, steps=STEPS)
def test_every_block_is_done_once_in_each_pass_and_last_by_the_one_that_leaves_nothing(start, length, most, steps):
    done: dict[tuple[int, int], list[tuple[int, int]]] = {}
    whole: list[tuple[int, int]] = []
    for place, stop in swept(Place.at(start, start + length), most, steps):
        assert place.window_start <= place.next_block < stop <= place.window_stop
        assert place.window_stop - place.window_start <= WINDOW
        done.setdefault((place.window_start, place.number), []).append((place.next_block, stop))
        if place.part == (0, 1):
            assert place.is_last_pass
            whole.append((place.next_block, stop))
    assert covers(sorted(whole), start, start + length)
    windows = Counter(window for window, _ in done)
    for (window, number), ranges in done.items():
        assert covers(ranges, window, min(start + length, window + WINDOW))
        assert number < windows[window] <= most


def covers(ranges, start, stop):
    """Whether ranges, in order, touch and neither overlap nor leave a gap."""
    for first, last in ranges:
        if first != start:
            return False
        start = last
    return start == stop


@settings(deadline=None)
@given(length=st.integers(1, 3 * WINDOW), most=MOST, steps=STEPS, row=st.integers(0, 2**31))
def test_a_row_that_stays_where_it_is_is_met_by_its_part_and_by_the_last_pass(length, most, steps, row):
    block = row % length
    met = [
        (place.number, place.passes)
        for place, stop in swept(Place.at(0, length), most, steps)
        if place.next_block <= block < stop and row & (place.part[1] - 1) == place.part[0]
    ]
    passes = met[-1][1]
    assert met[-1][0] == passes - 1
    assert [number for number, _ in met[:-1]] == ([row & (passes - 1)] if row & (passes - 1) < passes - 1 else [])


@settings(deadline=None)
@given(length=st.integers(1, 3 * WINDOW), most=MOST, steps=STEPS, cut=st.integers(0, 50))
def test_a_worker_that_takes_over_goes_on_where_the_last_committed_batch_ended(length, most, steps, cut):
    """What is stored is the place alone: read back, it leads through the same batches."""
    whole = list(swept(Place.at(0, length), most, [steps[0]]))
    if cut >= len(whole):
        return
    place, _ = whole[cut]
    assert list(swept(replace(place), most, [steps[0]])) == whole[cut:]


@settings(deadline=None)
@given(
    blocks=st.integers(1, 6),
    lines=st.integers(1, 40),
    most=MOST,
    cuts=st.lists(st.integers(0, 7), min_size=1, max_size=20),
)
def test_every_line_is_met_once_in_each_pass_where_batches_end_within_blocks(blocks, lines, most, cuts):
    """A cut of 0 ends the batch with its block, any other so many lines later if the block goes on so far."""
    place, number = Place.at(0, blocks), 0
    met: dict[int, list[tuple[int, int]]] = {}
    while place.next_block < place.stop_block:
        place = decided(place, most)
        cut = cuts[number % len(cuts)]
        number += 1
        inside = cut and place.line + cut < lines
        stop, line = (place.next_block, place.line + cut) if inside else (place.next_block + 1, 0)
        last = line if inside else lines
        met.setdefault(place.number, []).extend((place.next_block, each) for each in range(place.line, last))
        place = after(place, stop, rows=1, hot=0, line=line)
    every = [(block, line) for block in range(blocks) for line in range(lines)]
    assert met
    assert all(each == every for each in met.values())


def first_window(most: int, *, first: float, later: float) -> Place:
    place = decided(Place.at(0, 100 * WINDOW), most)
    while place.window_start == 0:
        share = first if place.number == 0 else later
        place = after(place, place.window_stop, rows=100, hot=round(100 * share))
        if place.window_start == 0:
            place = decided(place, most)
    return place


def test_passes_go_on_while_they_make_room():
    assert decided(first_window(MANY, first=0.0, later=0.8), MANY).passes == MANY


def test_tables_with_room_already_get_one_pass():
    assert decided(first_window(MANY, first=0.9, later=0.9), MANY).passes == 1


def test_passes_that_bring_nothing_stop_after_two_windows_and_are_tried_again_later():
    place = Place.at(0, 100 * WINDOW)
    passes = []
    while place.next_block < place.stop_block:
        place = decided(place, MANY)
        if place.number == 0:
            passes.append(place.passes)
        place = after(place, place.window_stop, rows=100, hot=0)
    assert passes[:2] == [MANY, MANY]
    again = passes.index(MANY, 2)
    assert set(passes[2:again]) == {1}
    assert again > 50


def test_passes_are_for_tables_where_an_update_can_be_hot_and_costs_more_if_it_is_not():
    assert worth_trying(blocks=10_000, indexes=3, is_indexed=False) == MANY
    assert worth_trying(blocks=10_000, indexes=1, is_indexed=False) == FEW
    assert worth_trying(blocks=10_000, indexes=3, is_indexed=True) == 1
    assert worth_trying(blocks=10_000, indexes=0, is_indexed=False) == 1
    assert worth_trying(blocks=SMALLEST_TABLE - 1, indexes=3, is_indexed=False) == 1


def test_of_no_rows_nothing_is_concluded():
    assert Tally().share == 1.0
    assert Tally(4, 1).plus(4, 3).share == 0.5


ROWS = st.lists(st.integers(1, 120), min_size=1, max_size=20)
"""Rows on each of some pages."""


@given(rows=ROWS, start=st.integers(0, 10**12), step=st.integers(1, 100), parts=st.sampled_from([FEW, MANY]))
def test_a_number_that_counts_up_makes_equal_parts_of_pages(rows, start, step, parts):
    start -= start % step
    pages = []
    for count in rows:
        pages.append(list(range(start, start + count * step, step)))
        start += count * step
    parting = Parting.by("id", pages, parts)
    assert parting is not None
    if max(rows) > 1:
        assert parting == Parting("id", step)
    for page in pages:
        counts = Counter(value // step % parts for value in page)
        assert max(counts.values()) - min(counts[part] for part in range(parts)) <= 1


def test_a_number_that_lies_in_no_order_does_not_make_parts():
    random = Random(1)
    assert Parting.by("id", [[random.randrange(10**6) for _ in range(60)] for _ in range(16)], MANY) is None
    assert Parting.by("id", [[7] * 60], MANY) is None
    assert Parting.by("id", [[]], MANY) is None


def test_some_gaps_leave_parts_equal_enough():
    random = Random(1)
    pages = [[value for value in range(60 * page, 60 * page + 60) if random.random() > 0.02] for page in range(16)]
    assert Parting.by("id", pages, MANY) == Parting("id", 1)
