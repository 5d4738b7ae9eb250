"""Lint against what PostgreSQL 14 and 18 did with the probes: long locks, breaking changes, and what nobody notices."""

from __future__ import annotations

import pytest

from migrator.trace.scratch import Scratch
from tests.lint.acceptance.probes import VERSIONS, Probe, of_version, on_server, truth
from tests.lint.acceptance.score import BREAKING_FOUND, HARMLESS_FLAGGED, LONG_FOUND, score

ONLY_REFRESH_WAITS = "index-on-materialized-view"
LOOKED_AT_AGAIN = (("long", 24), ("harmless", 24), ("changes", 12))
"""One probe in so many is run again: the file is as good as the servers it was written from."""


def test_lint_finds_what_hurts_and_is_quiet_about_the_rest():
    found = score()

    assert found.long_share >= LONG_FOUND, found.report()
    assert found.breaking_share >= BREAKING_FOUND, found.report()
    assert found.harmless_share <= HARMLESS_FLAGGED, found.report()
    assert found.long > 150
    assert found.breaking > 80
    assert found.harmless > 120


@pytest.mark.parametrize("major", VERSIONS)
def test_the_probes_are_what_their_files_say(major: int):
    known = truth()[str(major)]

    for kind in ("long", "harmless", "changes"):
        assert set(known[kind]) == {probe.name for probe in of_version(kind, major)}
    assert [name for name, seen in known["long"].items() if not seen["long"]] == [ONLY_REFRESH_WAITS]
    assert [name for name, seen in known["harmless"].items() if seen["long"] or seen["broken"]] == []
    assert [name for kind in ("long", "harmless") for name, seen in known[kind].items() if seen["failed"]] == []


def test_the_server_still_does_what_the_file_says(scratch: Scratch):
    major = scratch.runner.server_version
    if major not in VERSIONS:
        pytest.skip("the truth is of other versions")
    chosen: list[tuple[str, Probe]] = [
        (kind, probe) for kind, step in LOOKED_AT_AGAIN for probe in of_version(kind, major)[::step]
    ]

    for kind, probe in chosen:
        assert on_server(scratch, probe) == truth()[str(major)][kind][probe.name], probe.name
