from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.errors import FilesDiffer
from migrator.ledger import files, state
from migrator.ledger.install import ensure_installed
from migrator.model.plan import Migration, Phase
from migrator.postgres.session import Session

MIGRATION = Migration(
    "20260101T000000_m", 1, "m", folder="migrations/20260101T000000_m",
    texts={Phase.EXPAND: "ALTER TABLE t\n  ADD a int;\n", Phase.CONTRACT: "SELECT 'ünï %s' || chr(10);\r\n"},
)  # fmt: skip


@pytest.fixture
def ledger(session: Session) -> Session:
    ensure_installed(session)
    state.register(session, "default", MIGRATION)
    return session


def edited(phase: Phase, text: str | None) -> Migration:
    texts = {key: value for key, value in MIGRATION.texts.items() if key is not phase}
    return replace(MIGRATION, texts=texts if text is None else {**texts, phase: text})


def test_nothing_is_compared_before_it_is_frozen(ledger: Session) -> None:
    files.check(ledger, "default", edited(Phase.EXPAND, "something else"))
    files.freeze(ledger, "default", MIGRATION, Phase.EXPAND)
    files.check(ledger, "default", edited(Phase.CONTRACT, "something else"))


def test_texts_are_kept_byte_for_byte(ledger: Session) -> None:
    files.freeze(ledger, "default", MIGRATION, Phase.EXPAND, Phase.CONTRACT)
    for phase, text in MIGRATION.texts.items():
        assert files.frozen_text(ledger, "default", MIGRATION.id, phase) == text
    assert files.frozen_text(ledger, "default", MIGRATION.id, Phase.BACKFILL) is None
    files.freeze(ledger, "default", MIGRATION, Phase.EXPAND, Phase.CONTRACT)


def test_a_difference_is_shown_line_by_line(ledger: Session) -> None:
    files.freeze(ledger, "default", MIGRATION, Phase.EXPAND)
    with pytest.raises(FilesDiffer, match=r"expand\.sql of 20260101T000000_m was changed") as error:
        files.check(ledger, "default", edited(Phase.EXPAND, "ALTER TABLE t\n  ADD b int;\n"))
    assert error.value.exit_code == 15
    assert error.value.at == "migrations/20260101T000000_m/expand.sql"
    lines = (error.value.detail or "").splitlines()
    assert lines[:2] == ["--- 20260101T000000_m/expand.sql as it ran", "+++ 20260101T000000_m/expand.sql now"]
    assert lines[3:] == [" ALTER TABLE t", "-  ADD a int;", "+  ADD b int;"]


@pytest.mark.parametrize("text", [None, "", "ALTER TABLE t\n  ADD a int;", "ALTER TABLE t\n  ADD a int;\n\n"])
def test_every_difference_counts(ledger: Session, text: str | None) -> None:
    files.freeze(ledger, "default", MIGRATION, Phase.EXPAND)
    with pytest.raises(FilesDiffer):
        files.check(ledger, "default", edited(Phase.EXPAND, text))
    with pytest.raises(FilesDiffer):
        files.freeze(ledger, "default", edited(Phase.EXPAND, text), Phase.EXPAND)


def test_a_file_that_comes_after_its_phase_was_frozen_without_one_is_a_difference(ledger: Session) -> None:
    files.freeze(ledger, "default", MIGRATION, Phase.ROLLBACK)
    files.check(ledger, "default", MIGRATION)
    with pytest.raises(FilesDiffer, match=r"rollback\.sql"):
        files.check(ledger, "default", edited(Phase.ROLLBACK, "DROP TABLE t;\n"))


def test_thawed_files_may_change(ledger: Session) -> None:
    files.freeze(ledger, "default", MIGRATION, Phase.EXPAND, Phase.CONTRACT)
    files.thaw(ledger, "default", MIGRATION.id)
    changed = edited(Phase.EXPAND, "new")
    files.freeze(ledger, "default", changed, Phase.EXPAND)
    assert files.frozen_text(ledger, "default", MIGRATION.id, Phase.EXPAND) == "new"


def test_projects_do_not_share_files(ledger: Session) -> None:
    state.register(ledger, "other", MIGRATION)
    files.freeze(ledger, "default", MIGRATION, Phase.EXPAND)
    files.check(ledger, "other", edited(Phase.EXPAND, "something else"))
