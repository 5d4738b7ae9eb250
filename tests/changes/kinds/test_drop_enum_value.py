"""``drop_enum_value`` as text: what is recognised as it."""

from __future__ import annotations

from migrator.changes.registry import spec_from, spec_from_words
from migrator.model.schema import UserType
from tests.changes.plans import NOTHING, TableName, changes, refusal, schema

SQL = "ALTER TYPE mood RENAME VALUE 'sad' TO 'ok'"


def test_it_is_what_two_values_becoming_one_is_and_words_say_the_same():
    facts = schema(types={TableName("public", "mood"): UserType("enum", labels=("sad", "ok"))})
    (change,) = changes(SQL, facts)

    words = ["drop_enum_value", "type=mood", "value=sad", "replacement=ok"]

    assert spec_from(change.as_table(), "x") == spec_from_words(words, "x") == (change.kind, change.spec)


def test_a_name_that_is_no_value_is_a_renaming_and_without_a_database_nobody_knows():
    facts = schema(types={TableName("public", "mood"): UserType("enum", labels=("sad", "happy"))})
    assert "whoever uses the other one fails" in refusal(SQL, facts).message
    assert "whoever uses the other one fails" in refusal(SQL, NOTHING).message
