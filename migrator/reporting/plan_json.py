"""A plan for machines, version 1; see the contract of ``plan --json``."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from migrator.model.plan import Migration, Phase, Step


def document(
    migration: Migration, phases: tuple[Phase, ...], lock_timeout_ms: int, notes: tuple[str, ...] = ()
) -> dict[str, Any]:
    """One migration as JSON.

    Args:
        migration: what to show.
        phases: which phases of it.
        lock_timeout_ms: wall limit of a transaction group.
        notes: for its author, of a migration that is planned just now.
    """
    return {
        "migration": {"id": migration.id, "level": migration.level, "title": migration.title},
        "phases": [
            {"phase": phase.value, "steps": [_step(step, lock_timeout_ms) for step in migration.phase(phase)]}
            for phase in phases
            if migration.phase(phase)
        ],
        "schema_fingerprint": _fingerprint(migration),
        "notes": list(notes),
    }


def _step(step: Step, lock_timeout_ms: int) -> dict[str, Any]:
    effects = step.effects
    return {
        "id": step.id,
        "sql": step.sql,
        "lock_mode": effects.strongest.title,
        "relation": effects.relation,
        "blocks_reads": effects.strongest.blocks_reads,
        "blocks_writes": effects.strongest.blocks_writes,
        "rewrites_table": effects.rewrites_table,
        "scans_table": effects.scans_table,
        "transactional": step.group is not None,
        "transaction": step.group,
        "lock_timeout_ms": lock_timeout_ms if step.group is not None and step.timed else None,
        "undo": step.undo,
        "reason": step.reason,
    }


def _fingerprint(migration: Migration) -> str | None:
    """Hash of the facts the plan relies on; None when it was made without a database."""
    if not migration.assumed:
        return None
    return hashlib.sha256(json.dumps(migration.assumed, sort_keys=True).encode()).hexdigest()
