"""A gate report for people: the verdict, why, and per service what each source saw and what clears it."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.model.evidence import EvidenceItem, GateReport, Observation, Verdict

_SHOWN_ITEMS = 20


def render(report: GateReport) -> str:
    """The whole report, several lines without a trailing newline."""
    return "\n".join(_lines(report))


def _lines(report: GateReport) -> Iterator[str]:
    yield f"gate of {report.migration}: {report.verdict.value}"
    for reason in report.reasons:
        yield f"  {reason}"
    for note in report.notes:
        yield f"  note: {note}"
    if report.soak.needs_s:
        yield f"  {_soak(report)}"
    services: list[str | None] = [*report.requires]
    if any(seen.service is None for seen in report.observations):
        services.append(None)
    for service in services:
        yield ""
        yield _heading(service, report)
        seen_by = [seen for seen in report.observations if seen.service == service]
        if not seen_by:
            yield "  no source says anything about it"
        for seen in seen_by:
            yield from _observation(seen)


def _soak(report: GateReport) -> str:
    soak = report.soak
    if soak.clean_since is None:
        return f"soak: not clean now; {soak.needs_s:.0f} s are needed"
    since = f"{soak.clean_since:%Y-%m-%d %H:%M:%S %Z}"
    if soak.complete:
        return f"soak: clean since {since}, longer than the {soak.needs_s:.0f} s that are needed"
    left = soak.needs_s - soak.has_s
    return f"soak: clean since {since}, {soak.has_s:.0f} s of {soak.needs_s:.0f} s; {left:.0f} s to go"


def _heading(service: str | None, report: GateReport) -> str:
    if service is None:
        return "of no listed service"
    level = report.requires[service]
    return f"{service} (exempt)" if level <= 0 else f"{service} (contract needs level {level})"


def _observation(seen: Observation) -> Iterator[str]:
    yield f"  {seen.verdict.value:<8}{seen.source}: {seen.control}"
    for item in seen.items[:_SHOWN_ITEMS]:
        yield f"    {_name(item)}: {item.why}"
    if len(seen.items) > _SHOWN_ITEMS:
        yield f"    and {len(seen.items) - _SHOWN_ITEMS} more"
    for item in seen.exempt[:_SHOWN_ITEMS]:
        yield f"    {_name(item)}: exempt, {item.why}"
    if len(seen.exempt) > _SHOWN_ITEMS:
        yield f"    and {len(seen.exempt) - _SHOWN_ITEMS} more that are exempt"
    if seen.verdict is Verdict.BLOCK:
        for text in dict.fromkeys(item.clears_with for item in seen.items[:_SHOWN_ITEMS] if item.clears_with):
            yield f"    clears with: {text}"


def _name(item: EvidenceItem) -> str:
    if item.health in ("session", "unmapped"):
        return item.instance
    age = f"{item.last_seen_s:.0f} s" if item.last_seen_s < 120 else f"{item.last_seen_s / 60:.0f} min"
    version = f" version {item.version}" if item.version else ""
    return f"{item.instance}{version}, {item.health}, {age} ago"
