"""Whatever a file holds: no crash, and every position lies in it."""

from __future__ import annotations

import random

import pytest

from migrator.lint.registry import all_rules
from migrator.lint.selection import everything
from migrator.lint.sources import Source
from migrator.model.plan import Phase
from tests.lint.linting import report_on

PIECES = [
    text
    for rule in all_rules().values()
    for example in (*rule.good, *rule.bad)
    for text in (example.sql, example.earlier, getattr(example, "fix", ""))
    if text
]
NOISE = ['"', "ä", "'", "--", "/*", ";", "$$", "(", "\r\n", "日", "\t", " because ", " until ", "\ufeff", "\x0c"]


@pytest.mark.parametrize("seed", range(8))
def test_mutated_files_neither_crash_nor_point_outside(seed: int):
    chosen = random.Random(seed)
    for _ in range(100):
        text = ";\n".join(chosen.choice(PIECES) for _ in range(chosen.randint(1, 4)))
        for _ in range(chosen.randint(0, 2)):
            place = chosen.randrange(len(text) + 1)
            text = text[:place] + chosen.choice(NOISE) + text[place + chosen.randint(0, 3) :]
        if chosen.random() < 0.3:
            text = text.replace("users", '"Ü ""x"')
        phase = chosen.choice([None, *Phase])
        report = report_on(
            Source("a.sql", text, phase, phased=phase is not None),
            selection=everything(),
            pg_version=chosen.choice([12, 14, 18]),
        )
        lines = text.split("\n")
        for finding in report.findings:
            line = lines[finding.line - 1]
            assert 1 <= finding.column <= len(line) + 1, (finding, text)
            assert finding.line <= finding.end_line <= len(lines)
            assert finding.length >= 1
            assert (finding.file, finding.line) in report.lines
