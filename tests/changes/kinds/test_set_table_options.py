"""``set_table_options``: what stood there is put back, what was not set is reset."""

from __future__ import annotations

import pytest

from tests.changes.plans import Phase, refusal, statements, users

KNOWN = users(options=("fillfactor=90", "toast.autovacuum_enabled=off"))


def test_rollback_restores_and_resets():
    sql = "ALTER TABLE users SET (fillfactor = 70, autovacuum_enabled, toast.autovacuum_enabled = true)"

    assert statements(sql, Phase.EXPAND, KNOWN) == [
        "ALTER TABLE public.users SET (fillfactor = 70, autovacuum_enabled, toast.autovacuum_enabled = true)"
    ]
    assert statements(sql, Phase.ROLLBACK, KNOWN) == [
        "ALTER TABLE public.users SET (fillfactor = 90, toast.autovacuum_enabled = off)",
        "ALTER TABLE public.users RESET (autovacuum_enabled)",
    ]
    assert statements(sql, Phase.CONTRACT, KNOWN) == []


def test_what_was_not_set_needs_no_undo_of_a_reset():
    sql = "ALTER TABLE users RESET (fillfactor, autovacuum_enabled)"

    assert statements(sql, Phase.ROLLBACK, KNOWN) == ["ALTER TABLE public.users SET (fillfactor = 90)"]


@pytest.mark.parametrize(
    ("sql", "reason", "hint"),
    [
        ("SET (fillfaktor = 3)", 'no storage parameter "fillfaktor"', "fillfactor"),
        ("SET (toast.fillfactor = 3)", "no storage parameter", None),
        ("SET (user_catalog_table = on)", "no storage parameter", None),
    ],
)
def test_refusals(sql: str, reason: str, hint: str | None):
    refused = refusal(f"ALTER TABLE users {sql}", KNOWN)

    assert reason in refused.message
    assert hint is None or hint in str(refused.hint)


def test_a_partitioned_table_has_none():
    known = users(kind="partitioned table")

    assert "has no storage parameters" in refusal("ALTER TABLE users SET (fillfactor = 70)", known).message
