"""Kinds are found, and ``[[change]]`` tables become changes again."""

from __future__ import annotations

import pytest

from migrator.changes.registry import all_kinds, kind_named, spec_from
from migrator.errors import UsageError
from tests.changes.plans import changes

EXAMPLES = [
    "CREATE TABLE t (a int REFERENCES users)",
    "ALTER TABLE users ADD COLUMN locale text COLLATE \"C\" NOT NULL DEFAULT 'en'",
    "ALTER TABLE users RENAME COLUMN name TO full_name",
    "ALTER TABLE users DROP COLUMN name",
    "-- migrator: fill = ''\nALTER TABLE users ALTER COLUMN name SET NOT NULL",
    "CREATE UNIQUE INDEX i ON users (name)",
]


def test_every_module_of_kinds_is_one_kind_with_a_page_and_an_example():
    kinds = all_kinds()

    assert {"add_column", "create_index", "create_table", "drop_column", "rename_column", "set_not_null"} <= set(kinds)
    for name, kind in kinds.items():
        assert kind.name == name
        assert "Example:" in str(type(kind).__doc__)
        assert "What happens" in str(type(kind).__doc__)


@pytest.mark.parametrize(
    "name", ["add_column", "create_index", "create_table", "drop_column", "rename_column", "set_not_null"]
)
def test_the_example_on_a_kinds_page_is_of_that_kind(name: str):
    page = str(type(kind_named(name)).__doc__)
    example = page.split("Example:", 1)[1].lstrip(":")

    behind = {"add_check"} if name == "add_column" else set()  # a CHECK inside ADD COLUMN
    assert {change.kind.name for change in changes(example)} == {name, *behind}


@pytest.mark.parametrize("sql", EXAMPLES)
def test_a_change_written_as_a_table_is_read_back_equal(sql: str):
    (change,) = changes(sql)

    assert spec_from(change.as_table(), "migration.toml") == (change.kind, change.spec)


def test_parameters_at_their_defaults_are_left_out():
    (change,) = changes("ALTER TABLE users ADD COLUMN locale text")

    assert change.as_table() == {
        "kind": "add_column", "schema": "public", "table": "users", "column": "locale", "type": "text",
    }  # fmt: skip


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(UsageError) as caught:
        kind_named("rename_colum")
    assert caught.value.hint == 'did you mean "rename_column"?'
    with pytest.raises(UsageError) as caught:
        kind_named("")
    assert "kinds: add_check, " in str(caught.value.hint)


@pytest.mark.parametrize(
    ("table", "message", "hint"),
    [
        (
            {"kind": "rename_column", "schema": "public", "table": "users", "column": "name", "newname": "x"},
            '[[change]] of kind rename_column: unknown key "newname"',
            'did you mean "new_name"?',
        ),
        (
            {"kind": "drop_column", "schema": "public", "table": "users"},
            "[[change]] of kind drop_column: missing key `column`",
            '"migrator explain drop_column" tells its keys',
        ),
        (
            {"kind": "rename_column", "schema": "public", "column": "name"},
            "[[change]] of kind rename_column: missing keys `table`, `new_name`",
            '"migrator explain rename_column" tells its keys',
        ),
        (
            {"kind": "drop_column", "schema": "public", "table": "users", "column": 3},
            "[[change]] of kind drop_column: column: expected `str`, got `int`",
            '"migrator explain drop_column" tells its keys',
        ),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(table, message: str, hint: str | None):
    with pytest.raises(UsageError) as caught:
        spec_from(table, "migrations/x/migration.toml")

    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert caught.value.at == "migrations/x/migration.toml"
