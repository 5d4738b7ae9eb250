"""Findings for machines."""

from __future__ import annotations

import json
import re

import pytest

from migrator.lint.sources import Source
from migrator.reporting import lint_json
from tests.lint.linting import report_on


def test_the_document_has_the_keys_of_the_contract():
    document = lint_json.document(
        report_on(Source("a.sql", "DROP TABLE users;"), Source("b.sql", "SELECT 1; SELECT 2"))
    )

    assert (document["files"], document["statements"]) == (2, 3)
    assert re.fullmatch("[0-9a-f]{32}", document["findings"][0].pop("fingerprint"))
    assert document["findings"][0] == {
        "code": "BC002",
        "rule": "drop-table",
        "severity": "error",
        "category": "backward",
        "message": "dropping table users breaks running code that uses it",
        "file": "a.sql",
        "line": 1,
        "column": 1,
        "end_line": 1,
        "statement": "DROP TABLE users",
        "lock_mode": "ACCESS EXCLUSIVE",
        "blocks": "reads and writes",
        "why": "statements of the running version that name it fail from that moment, and its rows are gone",
        "fix": "-- contract.sql of a phased migration, when no code is left that uses it:\n-- DROP TABLE users",
        "relation": "users",
        "work": "brief",
        "breaks": ["reads", "writes", "prepared statements", "data"],
        "moves_to": "drop users",
    }


def test_it_is_plain_json():
    document = lint_json.document(report_on(Source("ä.sql", "DROP TABLE users; SELEC")))

    assert json.loads(json.dumps(document)) == document


def test_edits_are_places_in_the_file():
    text = "/* \N{MUSICAL SYMBOL G CLEF} */ CREATE INDEX CONCURRENTLY i ON t (a);\nDROP INDEX i, j;\n"
    report = report_on(Source("a.sql", "-- migrator: transaction = false\n" + text))

    (finding,) = (each for each in lint_json.document(report)["findings"] if each["code"] == "LK003")

    after = "-- migrator: transaction = false\n" + text
    for edit in reversed(finding["edits"]):
        after = after[: edit["start"]] + edit["text"] + after[edit["end"] :]
    assert finding["edits_are_safe"]
    assert after.splitlines()[2:] == ["DROP INDEX CONCURRENTLY i;", "DROP INDEX CONCURRENTLY j;"]


@pytest.mark.parametrize("sql", ["SELECT 1", "DROP TABLE users", "DROP TABLE a;\nDROP TABLE a;\nSELECT 'ä\n\n"])
def test_written_piece_by_piece_it_is_the_same_document(sql: str):
    report = report_on(Source("a.sql", sql))
    whole = {"schema_version": 1, **lint_json.document(report)}

    assert "".join(lint_json.pieces(report)) == json.dumps(whole, ensure_ascii=False, indent=2) + "\n"
