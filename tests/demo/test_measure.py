"""Numbers from operations."""

from __future__ import annotations

import pytest

from migrator.demo.measure import Numbers, Phase, percentile
from migrator.demo.records import Operation, Seen


def operation(started: float = 0.0, ms: float = 1.0, error: str | None = None, **more: object) -> Operation:
    return Operation("shop-1", 1, "read", started, ms, error, **more)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 99, 0.0),
        ([7.0], 50, 7.0),
        ([1.0, 2.0, 3.0, 4.0], 50, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 99, 4.0),
        ([float(number) for number in range(1, 101)], 99, 99.0),
        ([float(number) for number in range(1, 101)], 100, 100.0),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(values, share, expected):
    assert percentile(values, share) == expected


def test_a_failed_operation_is_counted_with_its_error():
    lost = '42703 column "total" does not exist'

    numbers = Numbers.of([operation(ms=2), operation(ms=9, error=lost), operation(ms=3, error=lost)])

    assert (numbers.operations, numbers.failed, numbers.errors) == (3, 2, {lost: 2})
    assert (numbers.p50_ms, numbers.max_ms) == (3, 9)


def test_reads_of_a_column_not_filled_yet_are_counted():
    reads = (Seen(1, 0, None), Seen(2, 0, 5))

    assert Numbers.of([operation(reads=reads)]).unfilled == 1


def test_an_operation_belongs_to_the_phase_it_started_in():
    earlier, later = Phase("a", "a", 0.0, ended=10.0), Phase("b", "b", 10.0, ended=20.0)
    operations = [operation(started=9.999, ms=500), operation(started=10.0), operation(started=19.0)]

    for phase in (earlier, later):
        phase.measure(operations)

    assert [phase.numbers.operations for phase in (earlier, later)] == [1, 2]
