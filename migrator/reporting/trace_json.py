"""What a scratch server did, for machines: ``trace`` in ``lint --json``, and ``traced`` at each finding."""

from __future__ import annotations

from typing import Any

from migrator.model.trace import ApplicationCheck, Trace, Traced


def document(trace: Trace) -> dict[str, Any]:
    """A trace as JSON."""
    return {
        "server_version": trace.server_version,
        "wanted_version": trace.wanted_major,
        "statements": [
            {
                "file": each.file,
                "line": each.line,
                "end_line": each.end_line,
                "statement": each.statement,
                **facts(each),
            }
            for each in trace.statements
        ],
        "disagreements": [
            {
                "code": each.code,
                "name": each.name,
                "file": each.file,
                "line": each.line,
                "statement": each.statement,
                "said": each.said,
                "seen": each.seen,
            }
            for each in trace.disagreements
        ],
        "base_failures": [
            {"file": each.file, "line": each.line, "statement": each.statement, **facts(each)}
            for each in trace.base_failures
        ],
        "application": _application(trace.application) if trace.application else None,
    }


def facts(traced: Traced) -> dict[str, Any]:
    """What one statement did, without its place."""
    return {
        "outcome": traced.outcome.value,
        "reason": traced.reason,
        "sqlstate": traced.sqlstate,
        "locks": [{"relation": lock.relation, "mode": lock.mode.title} for lock in traced.locks],
        "rewritten": list(traced.rewritten),
        "built": list(traced.built),
        "scanned": list(traced.scanned),
        "transactional": traced.transactional,
        "ms": traced.ms,
    }


def _application(check: ApplicationCheck) -> dict[str, Any]:
    return {
        "checked": check.checked,
        "run": check.run,
        "broken": [
            {
                "statement": each.statement,
                "at": each.at,
                "sqlstate": each.sqlstate,
                "message": each.message,
                "file": each.file,
                "line": each.line,
                "by": each.by,
                "prepared_only": each.prepared_only,
                "for_a_while": each.for_a_while,
            }
            for each in check.broken
        ],
        "unchecked": [{"statement": each.statement, "at": each.at, "reason": each.reason} for each in check.unchecked],
    }
