"""``rename_enum_value``: at contract, for code that copes with both names."""

from __future__ import annotations

import pytest

from migrator.changes.registry import spec_from, spec_from_words
from migrator.errors import Refused
from migrator.model.schema import UserType
from migrator.planning import planner
from tests.changes.plans import MIGRATION, NOTHING, Phase, TableName, changes, plan, refusal, schema, statements

RENAME = "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'"
SQL = f"-- migrator: phase = contract\n{RENAME}"


def known(*labels: str, kind: str = "enum"):
    return schema(types={TableName("public", "mood"): UserType(kind, labels=labels or ("glad", "sad"))})


def test_it_is_renamed_at_contract_and_what_new_code_must_do_is_said():
    planned = plan(SQL, known())

    assert statements(SQL, Phase.CONTRACT, known()) == ["ALTER TYPE public.mood RENAME VALUE 'sad' TO 'blue'"]
    assert not planned.drafts[Phase.EXPAND]
    assert not planned.drafts[Phase.ROLLBACK]
    assert "must take 'sad' and 'blue' for one" in planned.notes[0]


def test_without_the_directive_it_is_refused_and_in_expand_it_is_the_authors_own():
    assert "whoever uses the other one fails" in refusal(RENAME, known()).message
    assert "phase = contract" in str(refusal(RENAME, known()).hint)
    (raw,) = changes(f"-- migrator: phase = expand\n-- migrator: undo = none\n{RENAME}", known())
    assert raw.kind.name == "raw_sql"


def test_a_change_given_as_words_or_as_a_table_is_the_same():
    (change,) = changes(SQL, known())

    words = ["rename_enum_value", "type=mood", "value=sad", "new_name=blue"]

    assert spec_from(change.as_table(), "x") == spec_from_words(words, "x") == (change.kind, change.spec)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (schema(), 'type "public.mood" does not exist'),
        (known(kind="domain"), "is a domain, not an enum"),
        (known("glad"), "has no value 'sad'"),
    ],
)
def test_what_cannot_be_renamed_is_refused_also_right_before_contract(facts, reason: str):
    assert reason in refusal(SQL, facts).message
    with pytest.raises(Refused, match=reason.replace('"', ".")):
        planner.check_before_contract(
            changes(SQL, facts), migration=MIGRATION, level=7, schema=facts, built=frozenset()
        )


def test_two_values_that_become_one_are_another_kind():
    (change,) = changes(RENAME, known("sad", "blue"))
    assert change.kind.name == "drop_enum_value"


def test_a_change_that_was_written_before_the_name_was_taken_is_refused():
    (change,) = changes(SQL, known())
    with pytest.raises(Refused, match="has a value 'blue' already"):
        planner.check_before_contract(
            [change], migration=MIGRATION, level=7, schema=known("sad", "blue"), built=frozenset()
        )


def test_without_a_database_it_is_said_that_nothing_was_checked():
    assert "could not be checked" in plan(SQL, NOTHING).notes[0]
