from __future__ import annotations

import typing

from migrator.config import SourceSettings
from migrator.gate.source import sources


def test_every_source_that_can_be_configured_is_found() -> None:
    kinds = typing.get_args(typing.get_type_hints(SourceSettings)["kind"])
    assert set(kinds) == set(sources())


def test_sources_say_whether_they_remember() -> None:
    assert {kind: source.polled for kind, source in sources().items()} == {"heartbeat": False, "sessions": True}
