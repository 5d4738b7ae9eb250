"""Every way in which the server may contradict lint is told from the others."""

from __future__ import annotations

import pytest

from migrator.lint.registry import all_rules
from migrator.lint.rule import Problem
from migrator.model.finding import Severity
from migrator.model.locks import LockMode
from migrator.trace.compare import Facts, differences

SHARE, SUE, AE = LockMode.SHARE, LockMode.SHARE_UPDATE_EXCLUSIVE, LockMode.ACCESS_EXCLUSIVE
REWRITES = (all_rules()["LK005"], Problem("m", "w"))
HEDGED = (all_rules()["LK005"], Problem("m", "w", severity=Severity.WARNING))
NOTE = (all_rules()["LK020"], Problem("m", "w", severity=Severity.INFO))


def codes(facts: Facts, predicted=None, problems=(), *, transactional=True, reported_before=False):
    found = differences(facts, predicted or {}, problems, transactional=transactional, reported_before=reported_before)
    return [each.code for each in found]


@pytest.mark.parametrize(
    ("facts", "predicted", "problems", "expected"),
    [
        (Facts(taken={"t": AE}, held={"t": AE}), {"t": AE}, (), []),
        (Facts(taken={"t": AE}, held={"t": AE}), {"t": SUE}, (), ["TR001"]),
        (Facts(taken={"t": AE}, held={"t": AE}), {}, (), ["TR001"]),
        (Facts(taken={"p": SHARE}, below={"t": frozenset({"p"})}, held={"t": SHARE}), {"t": SHARE}, (), []),
        (Facts(taken={"t": LockMode.ROW_SHARE}), {}, (), []),
        (Facts(held={"t": SUE}), {"t": AE}, (), ["TR002"]),
        (Facts(complete=False), {"t": AE}, (), []),
        (Facts(held={"t": AE}, rewritten=frozenset({"t"})), {"t": AE}, (), ["TR003"]),
        (Facts(held={"t": AE}, rewritten=frozenset({"t"})), {"t": AE}, (NOTE,), ["TR003"]),
        (Facts(held={"t": AE}, rewritten=frozenset({"t"})), {"t": AE}, (REWRITES,), []),
        (Facts(held={"t": AE}, scanned=frozenset({"t"}), refused=True), {"t": AE}, (), []),
        (Facts(held={"t": SUE}, scanned=frozenset({"t"})), {"t": SUE}, (), []),
        (Facts(held={"v": LockMode.EXCLUSIVE}, scanned=frozenset({"v"}), views=frozenset({"v"})), {}, (), []),
        (Facts(held={"t": AE}), {"t": AE}, (REWRITES,), ["TR004"]),
        (Facts(held={"t": AE}), {"t": AE}, (HEDGED,), []),
    ],
)
def test_differences(facts, predicted, problems, expected):
    assert codes(facts, predicted, problems) == expected


def test_a_statement_that_refuses_a_transaction_block():
    assert codes(Facts(transactional=False, complete=False)) == ["TR005"]
    assert codes(Facts(transactional=False, complete=False), transactional=False) == []


def test_work_under_a_lock_that_an_earlier_statement_was_reported_for():
    facts = Facts(held={"t": AE}, scanned=frozenset({"t"}))

    assert codes(facts) == ["TR003"]
    assert codes(facts, reported_before=True) == []
