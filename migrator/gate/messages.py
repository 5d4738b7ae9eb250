"""A verdict as the error a person reads: who, since when, what clears it, what to run next."""

from __future__ import annotations

from itertools import groupby

from migrator.errors import GateBlocked, GateUnknown, GateWaiting, MigratorError
from migrator.model.evidence import Direction, EvidenceItem, GateReport, Observation, Verdict
from migrator.model.plan import Migration

_LONGEST_LIST = 12
_COUNTING = ("heartbeat", "sessions", "roles")
"""Sources whose items are instances or sessions of a level."""
_LOWERED = "the fence was lowered again: nothing changed."
_STANDS_ON = 'the fence that was raised by hand stands on, until "migrator gate abort {}"; nothing else changed.'


def error_for(
    report: GateReport, migration: Migration, direction: Direction, *, fenced: bool = False, by_hand: bool = False
) -> MigratorError:
    """The error for a report that is no PASS.

    Args:
        report: what the gate found.
        migration: what wants to pass.
        direction: contract or rollback.
        fenced: whether it was found under the fence, which is lowered by now unless it was raised by hand.
        by_hand: whether it was.
    """
    after = [] if not fenced else [_STANDS_ON.format(migration.id) if by_hand else _LOWERED]
    if report.verdict is Verdict.BLOCK:
        return _blocked(report, migration, direction, after)
    if report.verdict is Verdict.SOAKING:
        return _soaking(report, migration, direction, after)
    return _unknown(report, migration, direction, after)


def command(migration: Migration, direction: Direction) -> str:
    """What to run again."""
    return f"migrator {direction.value} {migration.id}"


def _subject(migration: Migration, direction: Direction) -> str:
    return f'{direction.value} of {migration.id} ("{migration.title}")'


def _at(migration: Migration, direction: Direction) -> str | None:
    return f"{migration.folder}/{direction.value}.sql" if migration.folder else None


def _blocked(report: GateReport, migration: Migration, direction: Direction, after: list[str]) -> GateBlocked:
    blocking = [seen for seen in report.observations if seen.verdict is Verdict.BLOCK]
    items = [item for seen in blocking for item in seen.items]
    clears = list(dict.fromkeys(item.clears_with for item in items if item.clears_with))
    hints = [f"{text}." for text in clears[:3]]
    hints.append(f'Then run "{command(migration, direction)}". All evidence: "migrator gate {migration.id} --json".')
    return GateBlocked(
        f"{_subject(migration, direction)} is closed: {_headline(blocking[0], report, migration, direction)}",
        at=_at(migration, direction),
        detail="\n".join([*_lines(items), *after]),
        hint="\n".join(hints),
    )


def _headline(seen: Observation, report: GateReport, migration: Migration, direction: Direction) -> str:
    if seen.source not in _COUNTING and seen.items:
        about = f' of "{seen.service}"' if seen.service is not None else ""
        more = f", and {len(seen.items) - 1} more" if len(seen.items) > 1 else ""
        return f"{seen.source}{about}: {seen.items[0].instance} {seen.items[0].why}{more}"
    count = len(seen.items)
    what = "instance" if seen.source == "heartbeat" else "session"
    plural = "" if count == 1 else "s"
    if seen.service is None:
        return f"{count} {what}{plural} of no listed service"
    levels = sorted({item.level for item in seen.items if item.level is not None})
    unknown = any(item.level is None for item in seen.items)
    names = [f"level {level}" for level in levels] + (["an unknown level"] if unknown else [])
    runs = "still runs" if count == 1 else "still run"
    needs = (
        f"it needs {report.requires.get(seen.service, migration.level)}"
        if direction is Direction.CONTRACT
        else f"it must be at {migration.level - 1} or below"
    )
    return f'{count} {what}{plural} of "{seen.service}" {runs} {" and ".join(names)}, {needs}'


def _lines(items: list[EvidenceItem]) -> list[str]:
    lines = [f"{item.instance} ({_seen(item)}): {item.why}" for item in items]
    more = len(lines) - _LONGEST_LIST
    return lines if more <= 0 else [*lines[:_LONGEST_LIST], f"and {more} more"]


def _seen(item: EvidenceItem) -> str:
    if item.health in ("session", "unmapped"):
        return "connected"
    if item.health in ("statement", "object", "used", "query", "http", "command"):
        return item.health
    age = f"{item.last_seen_s:.0f} s ago" if item.last_seen_s < 120 else f"{item.last_seen_s / 60:.0f} min ago"
    return f"stale, {age}" if item.health == "stale" else age


def _soaking(report: GateReport, migration: Migration, direction: Direction, after: list[str]) -> GateWaiting:
    soak = report.soak
    left = max(0.0, soak.needs_s - soak.has_s)
    polled = sorted({seen.source for seen in report.observations if seen.source != "heartbeat"})
    detail = f"clean since {soak.clean_since:%Y-%m-%d %H:%M:%S %Z}." if soak.clean_since else "not seen clean before."
    if polled:
        detail += (
            f"\n{' and '.join(polled)} must be looked at again within max_gap each time, or the soak starts anew:"
            " --wait does that."
        )
    detail = "\n".join([detail, *after])
    clean = f"clean for {soak.has_s:.0f} s of {soak.needs_s:.0f} s"
    return GateWaiting(
        f"{_subject(migration, direction)} must wait {left:.0f} s more: {clean}",
        at=_at(migration, direction),
        detail=detail,
        hint=f'"{command(migration, direction)} --wait {int(left // 60) + 1}min"',
    )


def _unknown(report: GateReport, migration: Migration, direction: Direction, after: list[str]) -> GateUnknown:
    reasons = list(report.reasons) or ["no source proves anything"]
    if not report.requires:
        hint = (
            "list the services that use this database, and let them beat:\n"
            '[[tool.migrator.gate.service]] name = "web" in pyproject.toml\n'
            "or, while every application is stopped:\n"
            f'{command(migration, direction)} --offline "why it is safe"'
        )
    else:
        hint = f'see "migrator gate {migration.id}"; then run "{command(migration, direction)}"'
    return GateUnknown(
        f"{_subject(migration, direction)} has no proof: {reasons[0]}",
        at=_at(migration, direction),
        detail="\n".join([*reasons[1:], *after]) or None,
        hint=hint,
    )


def by_service(report: GateReport) -> list[tuple[str | None, list[Observation]]]:
    """Observations by service, those of no service first."""

    def key(seen: Observation) -> str:
        return seen.service or ""

    ordered = sorted(report.observations, key=key)
    return [(service or None, list(group)) for service, group in groupby(ordered, key=key)]
