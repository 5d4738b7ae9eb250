"""Events for people: lines where nobody watches, a bar on a terminal."""

from __future__ import annotations

import io
import os
import pty

import pytest

from migrator.model.events import BackfillProgress, Note, PhaseDone, StepDone, StepRetried, StepStarted
from migrator.reporting.events_text import TextListener, progress_line

M = "20260101T000000_x"


def progress(
    done: int,
    state: str = "running",
    total: int = 100,
    eta: float | None = 3661.0,
    step: str = "fill",
    rows_per_s: float = 1234.5,
    overall: float = 0.0,
):
    return BackfillProgress(M, step, state, done * 1_000, done, total, rows_per_s, eta, rows_per_s_overall=overall)


def lines(*events: object) -> list[str]:
    stream = io.StringIO()
    listener = TextListener(stream)
    for event in events:
        listener(event)  # type: ignore[arg-type]
    listener.close()
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Note("mind this"), "note: mind this"),
        (StepDone(M, "expand", "add", 1, 3, 12.4, 1), "expand 1/3 add: 12 ms"),
        (StepDone(M, "expand", "add", 1, 3, 12.4, 4), "expand 1/3 add: 12 ms, attempt 4"),
        (StepDone(M, "expand", "add", 2, 3, 0.0, 0, skipped=True), "expand 2/3 add: done by an earlier run"),
        (PhaseDone(M, "expand"), f"{M}: expand done"),
        (PhaseDone(M, "expand", already=True), f"{M}: expand was done already"),
        (
            StepRetried(M, "expand", "add", 2, 1.25, "lock timeout", "pid 7: SELECT"),
            "expand add: lock refused (lock timeout, held by pid 7: SELECT), attempt 3 in 1.2 s",
        ),
        (
            StepRetried(M, "expand", "add", 1, 0.5, "deadlock", ""),
            "expand add: lock refused (deadlock), attempt 2 in 0.5 s",
        ),
    ],
)
def test_each_event_is_one_row(event: object, line: str):
    assert lines(event) == [line]


def test_a_statement_is_shown_before_it_runs_only_when_asked_for():
    started = StepStarted(M, "expand", "add", 1, 3, "ALTER TABLE t ADD a int")
    stream = io.StringIO()
    TextListener(stream, verbose=True)(started)

    assert lines(started) == []
    assert stream.getvalue() == "expand 1/3 add\nALTER TABLE t ADD a int;\n"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (progress(25), "backfill fill running: 25 %, 25,000 rows, 1,234 rows/s, 1 h 1 min left"),
        (progress(25, eta=61.0), "backfill fill running: 25 %, 25,000 rows, 1,234 rows/s, 1 min 1 s left"),
        (progress(25, eta=0.4), "backfill fill running: 25 %, 25,000 rows, 1,234 rows/s, 0 s left"),
        (progress(25, eta=None), "backfill fill running: 25 %, 25,000 rows, 1,234 rows/s"),
        (progress(100, "verifying"), "backfill fill verifying: 100 %, 100,000 rows, 1,234 rows/s"),
        (progress(0, "done", total=0), "backfill fill done: 100 %, 0 rows, 1,234 rows/s"),
        (progress(0, total=0, eta=None), "backfill fill running: 0 rows, 1,234 rows/s"),
        (
            BackfillProgress(M, "fill", "done", 1, 1, 1, 0.0, None, rejected=1),
            "backfill fill done: 100 %, 1 row, 1 rejected",
        ),
        (progress(100, "done", rows_per_s=0.0), "backfill fill done: 100 %, 100,000 rows"),
        (progress(100, "done", rows_per_s=0.0, overall=430.2), "backfill fill done: 100 %, 100,000 rows, 430 rows/s"),
        (
            progress(25, eta=None, rows_per_s=0.0, overall=430.2),
            "backfill fill running: 25 %, 25,000 rows, 0 rows/s (overall 430)",
        ),
    ],
)
def test_progress_is_share_rows_rate_and_time_left(event: BackfillProgress, line: str):
    assert progress_line(event) == line


def test_elsewhere_progress_is_a_line_at_once_then_every_ten_seconds_and_at_the_end():
    stream, now = io.StringIO(), [0.0]
    listener = TextListener(stream, clock=lambda: now[0])

    for second in range(26):
        now[0] = float(second)
        listener(progress(second))
    listener(progress(100, "done"))

    assert [line.split(": ")[1].split(",")[0] for line in stream.getvalue().splitlines()] == [
        "0 %", "10 %", "20 %", "100 %",
    ]  # fmt: skip


@pytest.fixture
def terminal():
    """A stream that is a terminal, and a function that returns what it was sent."""
    main, other = pty.openpty()
    stream = os.fdopen(other, "w")

    def sent() -> str:
        stream.flush()
        os.set_blocking(main, False)
        text = b""
        try:
            while chunk := os.read(main, 65536):
                text += chunk
        except BlockingIOError:
            pass
        return text.decode(errors="replace")

    yield stream, sent
    stream.close()
    os.close(main)


def test_on_a_terminal_progress_is_a_bar_that_steps_aside_for_lines(terminal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream, sent = terminal
    listener = TextListener(stream)

    listener(progress(10))
    listener(progress(20, total=0, eta=None))
    listener(Note("in between"))
    listener(progress(60, step="other"))
    listener(progress(100, "done"))
    listener(PhaseDone(M, "backfill"))
    listener.close()
    listener.close()

    text = sent()
    assert "fill done" in text
    assert "note: in between" in text
    assert f"{M}: backfill done" in text
    assert "100%" in text
