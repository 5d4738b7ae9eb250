"""Whatever a file holds: no crash, and every position lies in it."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from migrator.lint.fixing import fix, overlaid
from migrator.lint.registry import all_rules
from migrator.lint.report import Report
from migrator.lint.selection import everything
from migrator.lint.sources import Source
from migrator.model.finding import Severity
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


@pytest.mark.parametrize("seed", range(4))
def test_fixes_of_mixed_files_parse_bring_no_error_and_are_done_at_once(seed: int):
    chosen = random.Random(seed)
    for _ in range(25):
        text = chosen.choice([";\n", ";\r\n", "; "]).join(chosen.choice(PIECES) for _ in range(chosen.randint(1, 3)))
        text = chosen.choice(["{}", "BEGIN;\n{};\nCOMMIT;\n", "-- migrator: transaction = false\n{};"]).format(text)
        phase, with_unsafe = chosen.choice([None, None, Phase.EXPAND]), chosen.random() < 0.3
        version = chosen.choice([14, 18])
        source = Source("a.sql", text, phase, phased=phase is not None)

        def lint(files: Mapping[str, bytes], source: Source = source, version: int = version) -> Report:
            return report_on(*overlaid([source], files), selection=everything(), pg_version=version)

        before = {finding.code for finding in lint({}).findings if finding.severity is Severity.ERROR}
        result = fix(lint, lambda _, text=text: text.encode(), with_unsafe=with_unsafe, may_move=lambda *_: True)

        left = [each for each in result.report.findings if each.repair and (each.repair.is_safe or with_unsafe)]
        errors = {each.code for each in result.report.findings if each.severity is Severity.ERROR}
        assert not result.broken, text
        assert left == [], text
        # the CHECK that lets SET NOT NULL read nothing refuses NULL in its place
        assert errors - before <= {"BC008"}, text
