"""Status for machines, version 1; see the contract of ``status --json``."""

from __future__ import annotations

from typing import Any

from migrator.execution.status import Overview, Standing


def document(overview: Overview) -> dict[str, Any]:
    """The whole document without ``schema_version``."""
    return {
        "database": {
            "server_version": overview.server_version,
            "system_identifier": overview.system_identifier,
        },
        "migrations": [_migration(each) for each in overview.migrations],
    }


def _migration(standing: Standing) -> dict[str, Any]:
    backfill = None
    if standing.backfill is not None:
        status = standing.backfill
        backfill = {
            "rows_done": status.rows_done,
            "rows_total": status.rows_total,
            "percent": round(status.percent, 1),
            "rows_per_s": round(status.rows_per_s, 1),
            "eta_s": None if status.eta_s is None else round(status.eta_s, 1),
            "state": status.state,
            "reason": status.reason,
            "rejected": status.rejected,
            "rows_per_s_overall": round(status.rows_per_s_overall, 1),
            "hot_share": None if status.hot_share is None else round(status.hot_share, 3),
            "wal_bytes": status.wal_bytes,
            "growth_bytes": status.growth_bytes,
            "throttled_s": round(status.throttled_s, 1),
            "workers": status.workers,
            "processes": status.processes,
            "notice": status.notice,
        }
    return {
        "id": standing.id,
        "title": standing.title,
        "level": standing.level,
        "state": standing.state.value,
        "gate": standing.gate.value,
        "phases": standing.phases,
        "backfill": backfill,
        "blocked_by": _blockers(standing),
        "problem": standing.problem,
        "in_folder": standing.in_folder,
        "notes": list(standing.notes),
    }


def _blockers(standing: Standing) -> list[dict[str, Any]]:
    if standing.report is None:
        return []
    return [
        {
            "source": observation.source,
            "service": observation.service,
            "instance": item.instance,
            "level": item.level,
            "version": item.version,
            "health": item.health,
            "last_seen_s": round(item.last_seen_s, 1),
            "why": item.why,
            "clears_with": item.clears_with,
        }
        for observation in standing.report.observations
        for item in observation.items
    ]
