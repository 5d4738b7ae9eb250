"""What the author computes values with is understood by the server before anything is touched."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from migrator.authoring import new
from migrator.errors import Refused
from migrator.sql.parser import parse_script

SETUP = "CREATE TABLE people (id int PRIMARY KEY, age int, nick text NOT NULL)"


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("ALTER TABLE people ADD COLUMN x int DEFAULT 'abc'", "invalid input syntax for type integer"),
        ("ALTER TABLE people ADD COLUMN x no_such_type", 'type "no_such_type" does not exist'),
        ("-- migrator: down = length(1)\nALTER TABLE people DROP COLUMN nick", "function length(integer)"),
        ("-- migrator: fill = 'old'\nALTER TABLE people ALTER age SET NOT NULL", "syntax for type integer"),
        ("-- migrator: fill = no_such(id)\nALTER TABLE people ALTER age SET NOT NULL", "function no_such(integer)"),
    ],
)
def test_an_expression_the_server_does_not_understand_is_refused(session, tmp_path, sql, words):
    session.execute(SETUP)
    with pytest.raises(Refused) as refusal:
        new.create(
            "change people",
            parse_script(sql, "change.sql"),
            folder=tmp_path / "migrations",
            existing=[],
            project="default",
            session=session,
            now=datetime(2026, 1, 2, tzinfo=UTC),
        )
    assert words in refusal.value.message
    assert refusal.value.at is not None
    assert refusal.value.at.startswith("change.sql:")
    assert not list(tmp_path.glob("migrations/*"))


def test_an_expression_over_other_columns_is_understood(session, tmp_path):
    session.execute(SETUP)
    written = new.create(
        "fill age",
        parse_script("-- migrator: fill = id * 2\nALTER TABLE people ALTER age SET NOT NULL", "change.sql"),
        folder=tmp_path / "migrations",
        existing=[],
        project="default",
        session=session,
        now=datetime(2026, 1, 2, tzinfo=UTC),
    )
    assert written.migration.level == 1
