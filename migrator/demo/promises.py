"""What the story promised, and whether it was kept; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migrator.demo.history import Findings
from migrator.model.counts import counted


@dataclass(frozen=True, slots=True)
class Facts:
    """What was measured.

    Attributes:
        operations: how many the shop did, without those on the copy.
        failed: how many of them failed.
        errors: how often each error was met.
        findings: what the comparison with the database found; None: it was not made.
        longest_lock_ms: longest time our statements held locks that block others; None: they took none.
        lock_timeout_ms: how long they may.
        refused_exit: exit code of the contract tried while version 1 ran; None: it was not tried.
        restarted: whether version 1 could start while that contract was tried; None: it was not tried.
        fences: how often a fence was raised by that contract.
        alive_at_contract: processes of version 1 that had not ended when the contract was applied; None: it was not.
        died: processes that ended by themselves.
        stopped_at: what the story could not go on from; empty: it came to its end.
    """

    operations: int
    failed: int
    errors: dict[str, int]
    findings: Findings | None
    longest_lock_ms: float | None
    lock_timeout_ms: int
    refused_exit: int | None
    restarted: bool | None
    fences: int
    alive_at_contract: int | None
    died: Sequence[str] = ()
    stopped_at: str = ""


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise.

    Attributes:
        key: for machines.
        text: what was promised.
        kept: None: the story did not get that far.
        evidence: the numbers behind it, or what broke it.
    """

    key: str
    text: str
    kept: bool | None
    evidence: str


def judge(facts: Facts) -> list[Promise]:
    """Every promise with its verdict."""
    return [
        _no_failed_query(facts),
        *_data(facts.findings),
        _no_long_lock(facts),
        _refused(facts),
        Promise(
            "restart",
            "version 1 could start while the contract was refused",
            facts.restarted,
            _outcome(facts.restarted, "one more process started, worked and stopped", "it could not"),
        ),
        Promise(
            "no-fence",
            "a refused contract raises no fence",
            None if facts.refused_exit is None else facts.fences == 0,
            "not tried" if facts.refused_exit is None else f"raised {counted(facts.fences, 'times')}",
        ),
        Promise(
            "contract-on-proof",
            "the contract was applied after version 1 had ended",
            None if facts.alive_at_contract is None else facts.alive_at_contract == 0,
            "not applied" if facts.alive_at_contract is None else f"{facts.alive_at_contract} processes were running",
        ),
        Promise(
            "to-the-end",
            "every command did what it should",
            not facts.stopped_at,
            facts.stopped_at or "every exit code was the expected one",
        ),
    ]


def broken(promises: Sequence[Promise]) -> list[Promise]:
    """Those that were not kept; what was not reached is broken by the promise to get to the end."""
    return [each for each in promises if each.kept is False]


def _no_failed_query(facts: Facts) -> Promise:
    evidence = f"{facts.failed} of {facts.operations:,} operations failed"
    if facts.errors:
        evidence += ": " + "; ".join(f"{count} x {error}" for error, count in facts.errors.items())
    if facts.died:
        evidence += f"; ended by themselves: {', '.join(facts.died)}"
    kept = facts.failed == 0 and facts.operations > 0 and not facts.died
    return Promise("no-failed-query", "no query of the shop failed", kept, evidence)


def _data(findings: Findings | None) -> list[Promise]:
    lost = Promise("no-lost-write", "no write was lost", None, "not compared")
    wrong = Promise("right-reads", "every read saw what was written last, by either version", None, "not compared")
    if findings is None:
        return [lost, wrong]
    compared = f"{findings.writes:,} writes compared with {findings.orders:,} orders in the database"
    return [
        Promise(lost.key, lost.text, findings.lost_count == 0, _listed(findings.lost, findings.lost_count, compared)),
        Promise(
            wrong.key,
            wrong.text,
            findings.wrong_count == 0,
            _listed(findings.wrong, findings.wrong_count, f"{findings.reads:,} reads compared"),
        ),
    ]


def _no_long_lock(facts: Facts) -> Promise:
    text = f"no lock was held longer than lock_timeout ({facts.lock_timeout_ms} ms)"
    held_ms = facts.longest_lock_ms
    if held_ms is None:
        return Promise("no-long-lock", text, None, "none was taken")
    return Promise("no-long-lock", text, held_ms <= facts.lock_timeout_ms, f"the longest: {held_ms:.0f} ms")


def _refused(facts: Facts) -> Promise:
    text = "a contract tried while version 1 runs is refused (exit 10)"
    if facts.refused_exit is None:
        return Promise("refused", text, None, "not tried")
    return Promise("refused", text, facts.refused_exit == 10, f"exit {facts.refused_exit}")


def _listed(examples: Sequence[str], count: int, compared: str) -> str:
    if not count:
        return compared
    more = f"; and {count - len(examples)} more" if count > len(examples) else ""
    return f"{'; '.join(examples)}{more} ({compared})"


def _outcome(happened: bool | None, yes: str, no: str) -> str:
    return "not tried" if happened is None else yes if happened else no
