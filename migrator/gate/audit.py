"""What people did by hand and everybody is to see ever after, and whether the log of decisions is whole."""

from __future__ import annotations

from migrator.errors import Refused, UsageError
from migrator.gate.override import standing
from migrator.ledger import decisions, overrides
from migrator.ledger.state import MigrationRecord
from migrator.postgres.session import Session


def notes(session: Session, record: MigrationRecord) -> tuple[str, ...]:
    """One line each: a fence raised by hand, database fences left up, every override there ever was."""
    lines = []
    if record.fenced_by_hand:
        since = f"{record.fence_at:%Y-%m-%d %H:%M:%S %Z}" if record.fence_at else "?"
        who = _whom_it_refuses(record)
        lines.append(
            f"fence raised by hand since {since}: {who} cannot start; it has no deadline and stands until"
            f' "migrator gate abort {record.id} --reason …"'
        )
    lines += [standing(one) for one in overrides.every(session, record.project, record.id)]
    return tuple(lines)


def _whom_it_refuses(record: MigrationRecord) -> str:
    if record.fence_direction == "rollback":
        return f"code at level {record.level} or above"
    exceptions = [f"{name}: {level}" for name, level in sorted(record.requires.items()) if level != record.level]
    return f"code below level {record.level}" + (f" ({', '.join(exceptions)})" if exceptions else "")


def verify_log(session: Session, noted: str | None) -> tuple[int, str]:
    """Check every link of the chain of decisions; number and hash of its end, to be noted elsewhere.

    Args:
        session: any.
        noted: an end that was noted earlier, ``SEQ:HASH``. The chain alone cannot show that its last rows are missing.

    Raises:
        Refused: a decision was changed, removed or added by other means.
        UsageError: ``noted`` is not of that form.
    """
    broken = decisions.first_broken_link(session)
    if broken is not None and broken > decisions.last_link(session)[0]:
        raise Refused(
            f"the log of decisions was cut or added to: {', '.join(decisions.unrecorded(session))} is applied without"
            " exactly one decision that says so",
            hint="compare with a backup",
        )
    if broken is not None:
        raise Refused(
            f"the log of decisions is not whole: decision {broken} does not fit the one before it",
            detail="a row was changed, removed or put in by other means than this tool.",
            hint=f'compare with a backup: "migrator gate log" shows what is there, around number {broken}',
        )
    if noted is not None:
        _check_noted(session, noted)
    return decisions.last_link(session)


def _check_noted(session: Session, noted: str) -> None:
    number, _, wanted = noted.partition(":")
    if not number.isdecimal() or not wanted:
        raise UsageError(f'"{noted}" is no end of a log', hint='SEQ:HASH, as "migrator gate verify-log" prints it')
    found = decisions.link(session, int(number))
    if found is None:
        raise Refused(
            f"the log of decisions was cut: decision {number} was there when its hash was noted, and is not now"
        )
    if found != wanted:
        raise Refused(f"the log of decisions was rewritten: decision {number} has another hash than the one noted")
