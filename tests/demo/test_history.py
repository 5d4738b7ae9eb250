"""Lost writes and wrong reads, from values."""

from __future__ import annotations

import math

from migrator.demo.history import Findings, History, Moments, seeded_total
from migrator.demo.records import Operation, Seen

NEVER = Moments(math.inf, math.inf)
ALWAYS = Moments(0.0, 0.0)


def wrote(*seen: Seen, by: str = "shop-1", version: int = 1, started: float = 1.0) -> Operation:
    return Operation(by, version, "change", started, 1.0, writes=seen)


def read(*seen: Seen, version: int = 1, started: float = 2.0) -> Operation:
    return Operation("shop-2", version, "read", started, 1.0, reads=seen)


def compare(seeded: int, operations: list[Operation], rows: list[Seen], moments: Moments = ALWAYS) -> Findings:
    history = History(seeded, operations)
    history.compare_rows(rows)
    history.compare_missing()
    history.compare_reads(moments)
    return history.findings


def test_writes_that_are_all_there_are_found_right():
    operations = [wrote(Seen(1, 1, 10)), wrote(Seen(1, 2, 20), by="shop-2", version=2), wrote(Seen(3, 0, 30))]
    rows = [Seen(1, 2, 20), Seen(2, 0, seeded_total(2)), Seen(3, 0, 30)]

    findings = compare(2, operations, rows)

    assert (findings.lost_count, findings.wrong_count) == (0, 0)
    assert (findings.writes, findings.orders) == (3, 3)


def test_a_total_that_is_not_the_latest_written_is_lost():
    findings = compare(1, [wrote(Seen(1, 1, 10)), wrote(Seen(1, 2, 20))], [Seen(1, 2, 10)])

    assert findings.lost == ["order 1: total 20 was written, the database has 10 (revision 2)"]


def test_a_write_that_left_no_revision_is_lost():
    findings = compare(1, [wrote(Seen(1, 1, 10))], [Seen(1, 0, seeded_total(1))])

    assert findings.lost == ["order 1: revision 1 was written, the database has 0"]


def test_an_order_that_is_gone_is_lost():
    findings = compare(0, [wrote(Seen(5, 0, 10))], [])

    assert findings.lost == ["order 5 was written and is not in the database"]


def test_an_order_nobody_touched_must_keep_its_total():
    assert compare(1, [], [Seen(1, 0, seeded_total(1))]).lost_count == 0
    assert compare(1, [], [Seen(1, 0, None)]).lost_count == 1


def test_two_writes_of_one_revision_mean_that_one_of_them_is_lost():
    operations = [wrote(Seen(1, 1, 10)), wrote(Seen(1, 1, 20), by="shop-9")]

    assert compare(1, operations, [Seen(1, 1, 20)]).lost_count == 1


def test_a_read_must_show_what_was_written_under_its_revision():
    operations = [wrote(Seen(1, 1, 10)), read(Seen(1, 0, seeded_total(1)), Seen(1, 1, 10)), read(Seen(1, 1, 99))]

    findings = compare(1, operations, [Seen(1, 1, 10)])

    assert (findings.reads, findings.wrong_count) == (3, 1)
    assert "read 99 in revision 1, written was 10" in findings.wrong[0]


def test_version_2_may_find_a_row_from_before_expand_unfilled_until_the_backfill_is_done():
    unfilled = Seen(1, 0, None)
    row = [Seen(1, 0, seeded_total(1))]
    before, after = Moments(expanded=1.0, backfilled=5.0), Moments(expanded=1.0, backfilled=2.0)

    assert compare(1, [read(unfilled, version=2, started=3.0)], row, before).wrong_count == 0
    assert compare(1, [read(unfilled, version=2, started=3.0)], row, after).wrong_count == 1
    assert compare(1, [read(unfilled, version=1, started=3.0)], row, before).wrong_count == 1


def test_a_row_written_after_expand_must_be_filled_at_once():
    operations = [wrote(Seen(1, 1, 10), started=2.0), read(Seen(1, 1, None), version=2, started=3.0)]

    assert compare(1, operations, [Seen(1, 1, 10)], Moments(1.0, 9.0)).wrong_count == 1
    assert compare(1, operations, [Seen(1, 1, 10)], Moments(2.5, 9.0)).wrong_count == 0


def test_only_a_few_examples_are_kept():
    findings = compare(0, [wrote(Seen(number, 0, 1)) for number in range(100)], [])

    assert findings.lost_count == 100
    assert len(findings.lost) == 5
