from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.backfill.lag import Standby
from migrator.backfill.throttle import SMALLEST_BUDGET, Limits, Memory, Readings, Slot, decide

MB = 1 << 20
QUIET = Readings(at_s=100.0, written=0)


def test_without_a_signal_everything_runs():
    decision = decide(QUIET, Limits(), Memory(), 4)
    assert (decision.stops, decision.share, decision.reason) == (False, 1.0, "")


@pytest.mark.parametrize(
    ("changes", "limits", "reason"),
    [
        ({"standbys": [Standby("r2", 0, 3.1)], "written": 5}, {}, "standby r2 is 3.1 s behind, limit 2 s"),
        (
            {"standbys": [Standby("r2", 0, 0.1)], "written": 300 * MB},
            {},
            "standby r2 is 300 MB behind, limit 256 MB",
        ),
        (
            {"slots": [Slot("cdc", "reserved", 9_000 * MB)]},
            {},
            "replication slot cdc keeps 9000 MB of WAL, limit 8192 MB",
        ),
        (
            {"slots": [Slot("cdc", "extended", 90 * MB, 600 * MB, 100_000 * MB)]},
            {},
            "replication slot cdc is lost after 600 MB more of WAL, limit 1024 MB",
        ),
        (
            {"slots": [Slot("cdc", "unreserved", 90 * MB, 0, 64 * MB)]},
            {},
            "replication slot cdc is about to be lost: its WAL is over max_slot_wal_keep_size",
        ),
        ({"unarchived": 41}, {}, "41 WAL segments wait for the archive, limit 40"),
        ({"archive_fails": "0001"}, {}, "archiving of WAL fails, last for 0001"),
        ({"wal_directory_bytes": 11 * MB}, {"wal_directory_bytes": 10 * MB}, "pg_wal has 11 MB, limit 10 MB"),
        ({"growth_bytes": 11 * MB}, {"growth_bytes": 10 * MB}, "the table has grown by 11 MB, limit 10 MB"),
        ({"vacuumed": ("public.t",)}, {}, "public.t is being vacuumed to prevent wraparound"),
        ({"external": ("pager: 3 alerts",)}, {}, "pager: 3 alerts"),
    ],
)
def test_signals_that_stop(changes, limits, reason):
    decision = decide(replace(QUIET, **changes), Limits(**limits), Memory(), 1)
    assert (decision.stops, decision.reason) == (True, reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"active": 26}, "26 sessions are active, limit 25"),
        ({"waiting": 11}, "11 sessions wait for locks, limit 10"),
        ({"blocked_by_us": 1}, "1 session waits for a row the backfill has locked"),
    ],
)
def test_signals_that_slow_down(changes, reason):
    decision = decide(replace(QUIET, **changes), Limits(), Memory(), 1)
    assert (decision.stops, decision.share, decision.reason) == (False, 0.5, reason)


@pytest.mark.parametrize(
    "changes",
    [
        {"active": 25},
        {"waiting": 10},
        {"unarchived": 40},
        {"growth_bytes": 1 << 50},
        {"slots": [Slot("cdc", "extended", 8_000 * MB, 40 * MB, 64 * MB)]},
        {"standbys": [Standby("r1", 0, 1.9)], "written": 100},
    ],
)
def test_what_is_within_the_limits_is_no_signal(changes):
    assert decide(replace(QUIET, **changes), Limits(), Memory(), 1).reason == ""


def test_a_limit_that_is_off_says_nothing():
    readings = replace(
        QUIET, written=1 << 40, standbys=[Standby("r", 0, 1e6)], slots=[Slot("s", "extended", 1 << 50, 1, 2)],
        unarchived=999, archive_fails="x", waiting=999, active=10, stalled=10,
    )  # fmt: skip
    off = Limits(
        lag_s=None, lag_bytes=None, slot_bytes=None, slot_room_bytes=None, unarchived=None, lock_waits=None,
        stalled_percent=None, forced_checkpoints=None,
    )  # fmt: skip
    memory = Memory(stalled_looks=9)
    assert decide(readings, off, memory, 1).reason == ""


def test_what_stops_is_named_before_what_slows_down_and_the_worst_first():
    readings = replace(QUIET, active=90, unarchived=50, growth_bytes=90 * MB)
    assert decide(readings, Limits(growth_bytes=10 * MB), Memory(), 1).reason.startswith("the table has grown")


def test_sessions_must_wait_for_storage_in_three_looks_in_a_row():
    stalled, memory, answers = replace(QUIET, active=10, stalled=4), Memory(), []
    for look in (stalled, stalled, QUIET, stalled, stalled, stalled):
        decision = decide(look, Limits(), memory, 1)
        memory = decision.memory
        answers.append(decision.reason)
    assert answers[:5] == [""] * 5
    assert answers[5] == "4 of 10 active sessions wait for storage or WAL, limit 30 %"


def test_checkpoints_forced_by_wal_count_and_those_asked_for_by_people_do_not():
    def after(wal_mb: int, requested: int) -> str:
        memory = Memory()
        for second in range(30):
            share = second / 29
            readings = Readings(100.0 + second, int(wal_mb * MB * share), requested=5 + int(requested * share))
            decision = decide(readings, Limits(), memory, 1)
            memory = decision.memory
        return decision.reason

    assert after(3000, 3) == "3 checkpoints within a minute were forced by WAL, limit 2"
    assert after(100, 3) == ""
    assert after(3000, 1) == ""


def test_checkpoints_of_long_ago_do_not_count():
    memory = Memory()
    for second in range(200):
        readings = Readings(100.0 + second, second * 10 * MB, requested=5 + second // 80)
        decision = decide(readings, Limits(), memory, 1)
        assert decision.reason == ""
        memory = decision.memory


def test_wal_rate():
    memory = Memory()
    for quarter in range(8):
        decision = decide(Readings(100 + quarter / 4, quarter * 5 * MB), Limits(wal_bytes_per_s=10 * MB), memory, 1)
        memory = decision.memory
    assert decision.reason == "the server writes 20.0 MB/s of WAL, limit 10.0 MB/s"


def test_the_budget_is_shared_so_more_workers_get_less_each():
    slow = replace(QUIET, blocked_by_us=1)
    memory = decide(slow, Limits(), Memory(), 2).memory
    assert memory.budget == 1.0
    later = replace(QUIET, at_s=QUIET.at_s + 0.5)
    assert decide(later, Limits(), memory, 2).share == 0.5
    assert decide(later, Limits(), memory, 8).share == 0.125


def test_speed_is_halved_at_once_and_comes_back_by_tenths():
    memory = decide(replace(QUIET, blocked_by_us=1), Limits(), Memory(), 1).memory
    shares = []
    for second in range(1, 40):
        decision = decide(Readings(100.0 + second, 0), Limits(), memory, 1)
        memory = decision.memory
        shares.append(decision.share)
    assert shares[:4] == [0.5] * 4
    assert shares[5] == pytest.approx(0.6)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_long_stop_halves_once():
    memory = Memory()
    for second in range(50):
        readings = Readings(100.0 + second, 0, external=("no",))
        memory = decide(readings, Limits(), memory, 2).memory
    assert memory.budget == 1.0


@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 30), st.integers(0, 3), st.integers(0, 60), st.booleans(), st.integers(1, 64),
            st.integers(0, 10**9),
        ),
        max_size=60,
    )
)  # fmt: skip
def test_whatever_the_server_says_the_decision_is_sound(looks):
    memory, now, written = Memory(), 100.0, 0
    for pause, blocked, active, stops, workers, wal in looks:
        now, written = now + pause, written + wal
        readings = Readings(
            now, written, blocked_by_us=blocked, active=active, external=("no",) if stops else (),
            standbys=[Standby("r", written // 2, None)], requested=written // (512 * MB),
        )  # fmt: skip
        decision = decide(readings, Limits(), memory, workers)
        assert 0 < decision.share <= 1
        assert decision.share * workers >= min(SMALLEST_BUDGET, workers) - 1e-9
        assert bool(decision.reason) or not decision.stops
        if stops:
            assert decision.stops
        if decision.reason:
            assert decision.memory.budget is not None
        # What the next process must be told stays small.
        assert len(decision.memory.positions) <= 120
        assert len(decision.memory.checkpoints) <= 700
        memory = decision.memory


@given(st.integers(1, 64), st.floats(0.1, 64))
def test_without_signals_full_speed_comes_back_within_a_minute(workers, budget):
    memory, now = Memory(budget=budget, changed_s=100.0), 100.0
    while now < 160.0:
        now += 0.25
        memory = decide(Readings(now, 0), Limits(), memory, workers).memory
    assert memory.budget is None
