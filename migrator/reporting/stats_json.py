"""Sizes and rates for machines, version 1: what ``migrator lint --stats`` reads."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from migrator.model.stats import Stats


def document(stats: Stats) -> dict[str, Any]:
    """Statistics as JSON, without ``schema_version``."""
    return {key: value for key, value in asdict(stats).items() if key != "schema_version"}


def text(stats: Stats) -> str:
    """The whole document."""
    return json.dumps({"schema_version": 1, **document(stats)}, ensure_ascii=False, indent=2) + "\n"
