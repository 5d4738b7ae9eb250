"""Status for people: one line each, and below it what it waits for."""

from __future__ import annotations

from datetime import UTC, datetime

from migrator.backfill.progress import BackfillStatus
from migrator.execution.status import Overview, Standing
from migrator.ledger.state import GateState, State
from migrator.model.evidence import EvidenceItem, GateReport, Observation, Verdict
from migrator.reporting.status_text import lines

DONE = {"expand": "done", "backfill": "none", "contract": "pending"}


def standing(state: State, phases: dict[str, str], **changed) -> Standing:
    values = {"id": "20260101T000000_x", "title": "x", "level": 4, "gate": GateState.NONE, "backfill": None}
    return Standing(**{**values, "report": None, "problem": None, **changed, "state": state, "phases": phases})


def shown(*standings: Standing) -> list[str]:
    return list(lines(Overview("18.1", "", standings)))


def report(verdict: Verdict, *reasons: str, items: tuple[EvidenceItem, ...] = ()) -> GateReport:
    seen = Observation("heartbeat", "web", verdict, True, datetime(2026, 1, 1, tzinfo=UTC), "ok", items)
    return GateReport("20260101T000000_x", verdict, {}, reasons, (seen,))


def test_without_a_migration_it_says_so():
    assert shown() == ["no migrations, neither here nor in the database"]


def test_every_migration_is_a_line_of_a_table():
    running = {"expand": "done", "backfill": "running", "contract": "pending"}
    pending = {"expand": "pending", "backfill": "pending", "contract": "none"}

    header, first, second = shown(
        standing(State.PENDING, pending), standing(State.CONTRACTED, dict.fromkeys(running, "done"), level=12)
    )

    assert header.split() == ["MIGRATION", "LEVEL", "EXPAND", "BACKFILL", "CONTRACT", "STATE"]
    assert first.split() == ["20260101T000000_x", "4", "-", "-", "pending"]
    assert second.split() == ["20260101T000000_x", "12", "done", "done", "done", "contracted"]


def test_columns_stand_below_their_heads_however_short_the_ids_are():
    header, line = shown(standing(State.EXPANDED, DONE, id="0101"))

    assert line.index("done") == header.index("EXPAND")
    assert line.index("expanded") == header.index("STATE")


def test_one_row_is_one_row():
    running = {"expand": "done", "backfill": "running", "contract": "pending"}
    status = BackfillStatus(1, None, 100.0, 0.0, None, "stopped", "")

    assert shown(standing(State.BACKFILLING, running, backfill=status))[-1].strip() == "1 row"


def test_a_backfill_in_progress_shows_its_share_rate_and_what_it_waits_for():
    running = {"expand": "done", "backfill": "running", "contract": "pending"}
    status = BackfillStatus(12_345, None, 41.7, 1_500.4, 61.2, "throttled", "a standby is 3 s behind")

    _, line, below = shown(standing(State.BACKFILLING, running, backfill=status))

    assert "42 % throttled" in line
    assert below.strip() == "12,345 rows, 1,500 rows/s, 1 min 1 s left; a standby is 3 s behind"


def test_a_backfill_in_progress_shows_what_it_cost_and_what_is_to_be_known():
    running = {"expand": "done", "backfill": "running", "contract": "pending"}
    status = BackfillStatus(
        10, 20, 50.0, 5.0, None, "running", "", 2, rows_per_s_overall=4.0, hot_share=0.71, wal_bytes=12 << 20,
        growth_bytes=-(3 << 20), throttled_s=75.0, workers=3, notice="somebody holds a snapshot",
    )  # fmt: skip

    _, _, *below = shown(standing(State.BACKFILLING, running, backfill=status))

    assert [line.strip() for line in below] == [
        "10 rows, 5 rows/s (overall 4), 3 workers, 2 set aside so far",
        "12 MB of WAL, table -3 MB, 71 % HOT, throttled for 1 min 15 s",
        "somebody holds a snapshot",
    ]


def test_a_migration_that_may_be_contracted_says_with_which_command():
    assert shown(standing(State.EXPANDED, DONE, report=report(Verdict.PASS)))[-1].strip() == (
        'ready: "migrator contract 20260101T000000_x"'
    )


def test_who_blocks_stands_below_the_reasons():
    item = EvidenceItem("web-7", 3, "v1", "live", 4.0, "runs level 3, 4 is needed", "stop it")

    below = shown(standing(State.EXPANDED, DONE, report=report(Verdict.BLOCK, "one instance is old", items=(item,))))[
        2:
    ]

    assert [line.strip() for line in below] == [
        "contract waits: one instance is old",
        "web-7: runs level 3, 4 is needed",
    ]


def test_what_stopped_it_and_missing_files_are_told():
    below = shown(standing(State.FAILED, DONE, problem="it broke", in_folder=False))[2:]

    assert [line.strip() for line in below] == ["stopped: it broke", "its files are not in this folder"]


def test_a_phase_that_failed_is_not_said_to_run():
    phases = {"expand": "running", "backfill": "pending", "contract": "pending"}

    assert " running " in shown(standing(State.EXPANDING, phases))[1]
    _, line, reason = shown(standing(State.EXPANDING, phases, problem='relation "t" does not exist'))
    assert line.split()[2] == "stopped"
    assert reason == '    stopped: relation "t" does not exist'
