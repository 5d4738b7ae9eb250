"""What is known of a schema, and taking back what a transaction did to it."""

from __future__ import annotations

import sys

from migrator.lint.catalog import Catalog, Column, Table

KEY = ("public", "t")


def changed(catalog: Catalog, names: str) -> None:
    for name in names:
        catalog.set_column(catalog.tables[KEY], Column(name))


def columns(catalog: Catalog) -> str:
    return "".join(catalog.tables[KEY].columns)


def test_marks_are_returned_to_whatever_was_changed_since():
    catalog = Catalog()
    catalog.start_file(1)
    before = catalog.mark()
    catalog.put_table(Table(KEY))
    changed(catalog, "ab")
    first = catalog.mark()
    changed(catalog, "cd")
    second = catalog.mark()
    changed(catalog, "ef")

    catalog.rewind(second)
    assert columns(catalog) == "abcd"
    changed(catalog, "gh")
    catalog.rewind(second)
    assert columns(catalog) == "abcd"
    changed(catalog, "i")
    catalog.rewind(first)
    assert columns(catalog) == "ab"
    catalog.rewind(before)
    assert KEY not in catalog.tables


def test_many_changes_of_a_table_in_one_file_leave_no_trail():
    catalog = Catalog()
    catalog.start_file(1)
    catalog.put_table(Table(KEY))
    for _ in range(1_000):
        changed(catalog, "abc")

    held = sum(sys.getsizeof(old) for *_, old in catalog._journal)
    assert (len(catalog._journal), held) == (1, sys.getsizeof(None))
