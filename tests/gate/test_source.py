from __future__ import annotations

import typing

from migrator.config import GateSettings, SourceSettings
from migrator.gate.barriers import barriers
from migrator.gate.source import sources


def test_every_source_that_can_be_configured_is_found() -> None:
    kinds = typing.get_args(typing.get_type_hints(SourceSettings)["kind"])
    assert set(kinds) == set(sources())


def test_only_heartbeats_remember_what_was_between_two_looks() -> None:
    assert {kind for kind, source in sources().items() if not source.polled} == {"heartbeat"}


def test_sources_that_count_keep_notes() -> None:
    assert {kind for kind, source in sources().items() if source.keeps_notes} == {"statements", "table_stats"}


def test_every_barrier_that_can_be_configured_is_found() -> None:
    hint = typing.get_type_hints(GateSettings)["barriers"]
    assert set(typing.get_args(typing.get_args(hint)[0])) == set(barriers())
