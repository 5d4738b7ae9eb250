from __future__ import annotations

import pytest

from migrator.config import SourceSettings
from migrator.model.evidence import Observation, Verdict
from tests.gate.evidence.asking import WEB, ask, subject_of
from tests.gate.world import World


def looked(world: World, query: str) -> Observation:
    [seen] = ask(world, subject_of(world, WEB, source=SourceSettings(kind="sql", query=query)))
    return seen


@pytest.mark.parametrize(
    ("query", "verdict"),
    [
        ("SELECT 'PASS' AS verdict, 'all gone' AS why", Verdict.PASS),
        ("SELECT 'BLOCK' AS verdict, 'job 7' AS why", Verdict.BLOCK),
        ("SELECT unnest(ARRAY['PASS', 'BLOCK', 'UNKNOWN']) AS verdict", Verdict.BLOCK),
        ("SELECT unnest(ARRAY['PASS', 'UNKNOWN']) AS verdict", Verdict.UNKNOWN),
        ("SELECT 'yes' AS verdict", Verdict.UNKNOWN),
        ("SELECT NULL AS verdict", Verdict.UNKNOWN),
        ("SELECT 1 AS other", Verdict.UNKNOWN),
        ("SELECT 'PASS' AS verdict WHERE false", Verdict.UNKNOWN),
        ("SELECT broken", Verdict.UNKNOWN),
        ("SELECT 'PASS' AS verdict FROM pg_sleep(60)", Verdict.UNKNOWN),
        ("CREATE TABLE written ()", Verdict.UNKNOWN),
    ],
)
def test_what_the_query_says(world: World, query: str, verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrator.gate.look._SOURCE_TIMEOUT_MS", 300)
    assert looked(world, query).verdict is verdict


def test_it_is_told_what_it_is_asked(world: World) -> None:
    query = "SELECT 'PASS' AS verdict, %(service)s || %(level)s::text || %(direction)s || %(migration)s AS why"
    assert looked(world, query).control == "web42contract2026_42"
