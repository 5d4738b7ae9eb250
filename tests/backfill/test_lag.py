from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from migrator.backfill.lag import LagTracker, Standby

MB = 1 << 20


def test_a_standby_that_keeps_up_does_not_pause():
    tracker = LagTracker(2.0)
    for second in range(10):
        assert tracker.look(second, second * MB, [Standby("r1", second * MB, 0.1)]) is None


def test_paused_replay_is_seen_although_the_server_reports_no_lag():
    tracker = LagTracker(2.0)
    answers = [tracker.look(second, 100 + second, [Standby("r1", 100, None)]) for second in range(6)]
    assert answers[:3] == [None, None, None]
    assert answers[5] == "standby r1 is 4.0 s behind, limit 2 s"


def test_lag_of_the_servers_own_measure_counts_at_once():
    assert "3.1 s behind" in LagTracker(2.0).look(0.0, 200, [Standby("r1", 100, 3.1)])


def test_an_old_measure_of_a_standby_that_has_caught_up_does_not_count():
    assert LagTracker(2.0).look(0.0, 100, [Standby("r1", 100, 30.0)]) is None


def test_bytes_behind_count_too_and_the_worst_standby_is_named():
    reason = LagTracker(2.0).look(
        0.0, 900 * MB, [Standby("near", 890 * MB, 0.1), Standby("far", 100 * MB, 2.5), Standby("mid", 600 * MB, 0.1)]
    )
    assert reason == "standby far is 800 MB behind, limit 256 MB"


def test_it_ends_when_the_standby_has_caught_up():
    tracker = LagTracker(1.0)
    tracker.look(0, 100, [Standby("r1", 50, None)])
    assert tracker.look(5, 200, [Standby("r1", 50, None)]) is not None
    assert tracker.look(6, 200, [Standby("r1", 200, None)]) is None


@given(st.lists(st.tuples(st.floats(0.01, 5), st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=50))
def test_a_standby_that_replays_everything_never_pauses(steps):
    tracker, now, written = LagTracker(0.5), 0.0, 0
    for pause, grown, _ in steps:
        now, written = now + pause, written + grown
        assert tracker.look(now, written, [Standby("r1", written, None)]) is None
