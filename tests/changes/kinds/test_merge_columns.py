"""``merge_columns``: the way back is one expression for each column that goes."""

from __future__ import annotations

import pytest

from migrator.changes.registry import spec_from_words
from tests.changes.plans import ID, Column, Phase, changes, drafts, refusal, statements, users

KNOWN = users(ID, Column("x", "integer"), Column("y", "integer"))
SQL = """-- migrator: up = x * 60 + y
-- migrator: down = xy / 60, xy % 60
ALTER TABLE users ADD COLUMN xy integer, DROP COLUMN x, DROP COLUMN y"""


def test_the_statement_and_the_words_say_the_same():
    (change,) = changes(SQL, KNOWN)
    words = ["merge_columns", "table=users", "columns=x", "columns=y", "into=xy", "type=int", "up=(x * 60) + y"]

    kind, spec = spec_from_words([*words, "down=xy / 60", "down=xy % 60"], "--change")

    assert (kind, spec) == (change.kind, change.spec)


def test_both_old_columns_go_with_the_trigger():
    dropped = [step.id for step in drafts(SQL, Phase.CONTRACT, KNOWN) if step.group == "drop-users"]

    assert dropped == ["drop-trigger-sync", "drop-function-sync", "drop-x", "drop-y", "drop-state"]


def test_the_function_takes_the_new_column_to_each_old_one():
    (function,) = [text for text in statements(SQL, Phase.EXPAND, KNOWN) if text.startswith("CREATE FUNCTION")]

    assert "NEW.x := new.xy / 60; NEW.y := new.xy % 60;" in function


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SQL.replace(", xy % 60", ""), "down gives 1 value for 2 columns: x, y"),
        (SQL.replace("* 60 + y", "* 60 + y + id"), 'up of xy names column "id"'),
        (SQL.replace("xy integer", "xy integer DEFAULT 0"), "comes with more than a type"),
        (SQL.replace("DROP COLUMN y", "DROP COLUMN z"), 'up of xy names column "y"'),
    ],
)
def test_what_cannot_be_done_safely_is_refused(text: str, reason: str):
    assert reason in refusal(text, KNOWN).message
