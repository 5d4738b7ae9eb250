"""A gate report as the document that ``migrator gate --json`` prints; see product.md, section 4."""

from __future__ import annotations

from typing import Any

from migrator.model.evidence import EvidenceItem, GateReport, Observation, Verdict

_RESULTS = {Verdict.PASS: "confirmed", Verdict.BLOCK: "blocked"}
"""As an analysis in a rollout wants it: anything else is neither success nor failure, and pauses."""


def document(report: GateReport) -> dict[str, Any]:
    """The report as plain data, without ``schema_version``; moments are ISO 8601 with their offset."""
    soak = report.soak
    return {
        "migration": report.migration,
        "verdict": report.verdict.value,
        "result": _RESULTS.get(report.verdict, "inconclusive"),
        "requires": dict(report.requires),
        "reasons": list(report.reasons),
        "sources": [_source(seen) for seen in report.observations],
        "soak": {
            "clean_since": soak.clean_since.isoformat() if soak.clean_since else None,
            "needs_s": soak.needs_s,
            "has_s": round(soak.has_s, 3),
        },
        "overrides": list(report.overrides),
        "notes": list(report.notes),
    }


def _source(seen: Observation) -> dict[str, Any]:
    return {
        "source": seen.source,
        "service": seen.service,
        "verdict": seen.verdict.value,
        "observed_at": seen.observed_at.isoformat(),
        "control": seen.control,
        "items": [_item(item) for item in seen.items],
        "exempt": [_item(item) for item in seen.exempt],
    }


def _item(item: EvidenceItem) -> dict[str, Any]:
    return {
        "instance": item.instance,
        "level": item.level,
        "version": item.version,
        "health": item.health,
        "last_seen_s": round(item.last_seen_s, 3),
        "why": item.why,
        "clears_with": item.clears_with,
    }
