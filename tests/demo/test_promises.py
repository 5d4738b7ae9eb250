"""The verdicts, from values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.demo.history import Findings
from migrator.demo.promises import Facts, broken, judge

GOOD = Facts(
    operations=100,
    failed=0,
    errors={},
    findings=Findings(writes=10, orders=20, reads=30),
    longest_lock_ms=12.0,
    lock_timeout_ms=500,
    refused_exit=10,
    restarted=True,
    fences=0,
    alive_at_contract=0,
)


def test_a_story_without_a_fault_breaks_no_promise():
    promises = judge(GOOD)

    assert [promise.kept for promise in promises] == [True] * 9
    assert len({promise.key for promise in promises}) == 9


@pytest.mark.parametrize(
    ("change", "promise", "evidence"),
    [
        ({"failed": 1, "errors": {"42703 no column": 1}}, "no-failed-query", "1 of 100 operations failed: 1 x 42703"),
        ({"operations": 0}, "no-failed-query", "0 of 0"),
        ({"died": ["shop-3"]}, "no-failed-query", "shop-3"),
        ({"findings": Findings(lost=["order 7"], lost_count=4)}, "no-lost-write", "order 7; and 3 more"),
        ({"findings": Findings(wrong=["order 8"], wrong_count=1)}, "right-reads", "order 8"),
        ({"longest_lock_ms": 501.0}, "no-long-lock", "501 ms"),
        ({"refused_exit": 0}, "refused", "exit 0"),
        ({"restarted": False}, "restart", "could not"),
        ({"fences": 1}, "no-fence", "raised 1 time"),
        ({"alive_at_contract": 1}, "contract-on-proof", "1 processes"),
        ({"stopped_at": "expand failed"}, "to-the-end", "expand failed"),
    ],
)
def test_each_promise_is_broken_by_its_own_fact(change, promise, evidence):
    [verdict] = broken(judge(replace(GOOD, **change)))

    assert verdict.key == promise
    assert evidence in verdict.evidence


def test_what_was_not_reached_is_neither_kept_nor_broken():
    facts = replace(
        GOOD,
        findings=None,
        longest_lock_ms=None,
        refused_exit=None,
        restarted=None,
        alive_at_contract=None,
        stopped_at="expand failed",
    )

    promises = judge(facts)

    assert [promise.key for promise in broken(promises)] == ["to-the-end"]
    assert [promise.key for promise in promises if promise.kept is None] == [
        "no-lost-write", "right-reads", "no-long-lock", "refused", "restart", "no-fence", "contract-on-proof",
    ]  # fmt: skip
