from __future__ import annotations

import threading

import pytest

from migrator.ledger import decisions
from migrator.ledger.install import ensure_installed
from migrator.postgres.connect import Database
from migrator.postgres.session import ServerError, Session

UNGUARDED = "ALTER TABLE migrator.decision DISABLE TRIGGER decision_is_append_only"


@pytest.fixture
def chain(session: Session) -> Session:
    ensure_installed(session)
    for number in range(1, 6):
        append(session, number)
    return session


def append(session: Session, number: int, *, project: str = "default") -> int:
    return decisions.append(
        session,
        project,
        f"m{number % 2}",
        "contract",
        "BLOCK",
        [f"reason {number}", 'with "quotes"'],
        {"n": number},
        "me",
    )


def test_a_chain_is_numbered_without_gaps_and_whole(chain: Session) -> None:
    assert [each.seq for each in decisions.recent(chain, "default")] == [5, 4, 3, 2, 1]
    assert decisions.first_broken_link(chain) is None


def test_what_was_appended_comes_back(chain: Session) -> None:
    last = decisions.recent(chain, "default", limit=1)[0]
    assert (last.migration, last.kind, last.verdict, last.actor) == ("m1", "contract", "BLOCK", "me")
    assert last.reasons == ["reason 5", 'with "quotes"']
    assert last.evidence == {"n": 5}
    assert last.session_role == chain.one("SELECT session_user AS name").name
    assert [each.seq for each in decisions.recent(chain, "default", "m0")] == [4, 2]
    append(chain, 6, project="other")
    assert len(decisions.recent(chain, "default")) == 5
    assert [each.seq for each in decisions.recent(chain, "other")] == [6]


def test_an_empty_chain_is_whole(session: Session) -> None:
    ensure_installed(session)
    assert decisions.first_broken_link(session) is None


@pytest.mark.parametrize(
    "statement",
    ["UPDATE migrator.decision SET actor = 'x'", "DELETE FROM migrator.decision", "TRUNCATE migrator.decision"],
)
def test_rows_cannot_be_changed(chain: Session, statement: str) -> None:
    with pytest.raises(ServerError, match="append-only"):
        chain.execute(statement)
    assert len(decisions.recent(chain, "default")) == 5


@pytest.mark.parametrize(
    "column",
    [
        "actor = 'somebody else'",
        "verdict = 'PASS'",
        "reasons = '[]'",
        """evidence = '{"n": 33}'""",
        "at = at + interval '1 us'",
        "kind = 'gate'",
        "migration = NULL",
        "project = 'other'",
        "session_role = 'nobody'",
        "hash = encode(sha256('forged'), 'hex')",
        "previous_hash = ''",
    ],
)
def test_a_row_changed_behind_its_guard_is_found(chain: Session, column: str) -> None:
    chain.execute(UNGUARDED)
    chain.execute(f"UPDATE migrator.decision SET {column} WHERE seq = 3")
    assert decisions.first_broken_link(chain) == 3


@pytest.mark.parametrize("seq", [1, 3])
def test_a_row_removed_behind_its_guard_is_found(chain: Session, seq: int) -> None:
    chain.execute(UNGUARDED)
    chain.execute(f"DELETE FROM migrator.decision WHERE seq = {seq}")
    assert decisions.first_broken_link(chain) == seq + 1


def test_a_row_recomputed_whole_breaks_the_link_to_the_next(chain: Session) -> None:
    chain.execute(UNGUARDED)
    chain.execute("UPDATE migrator.decision SET actor = 'somebody else' WHERE seq = 3")
    chain.execute(
        "UPDATE migrator.decision AS d SET hash = encode(sha256(convert_to(migrator.decision_body(d.seq, d.at,"
        " d.project, d.migration, d.kind, d.verdict, d.reasons, d.evidence, d.actor, d.session_role, d.previous_hash),"
        " 'UTF8')), 'hex') WHERE seq = 3"
    )
    assert decisions.first_broken_link(chain) == 4


def test_the_time_zone_of_who_looks_does_not_matter(chain: Session) -> None:
    for zone in ("UTC", "Asia/Kathmandu", "America/New_York"):
        chain.set("TimeZone", zone)
        chain.set("DateStyle", "German")
        chain.set("extra_float_digits", "0")
        assert decisions.first_broken_link(chain) is None
        append(chain, 7)
    chain.set("TimeZone", "UTC")
    assert decisions.first_broken_link(chain) is None


def test_writers_at_once_make_one_chain(database: Database, chain: Session) -> None:
    def write() -> None:
        with database.connect("writer") as session:
            for number in range(20):
                append(session, number)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert chain.one("SELECT max(seq) AS last, count(*) AS n FROM migrator.decision") == (85, 85)
    assert decisions.first_broken_link(chain) is None


def test_a_decision_of_a_transaction_that_is_rolled_back_leaves_no_gap(chain: Session) -> None:
    with pytest.raises(ZeroDivisionError), chain.transaction():
        append(chain, 6)
        raise ZeroDivisionError
    assert append(chain, 6) == 6
    assert decisions.first_broken_link(chain) is None
