"""``set_column_options``: what stood there is put back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.model.objects import Objects
from tests.changes.plans import ID, Column, Phase, refusal, statements, users

SET = Column(
    "name", "text", storage="MAIN", settings=("SET STATISTICS 5", "SET COMPRESSION pglz", "SET (n_distinct=9)")
)
PLAIN = Column("size", "integer", storage="PLAIN", is_toastable=False)
KNOWN = replace(users(ID, SET, Column("new", "text"), PLAIN), objects=Objects(compressions=("pglz",)))


@pytest.mark.parametrize(
    ("setting", "before", "unset"),
    [
        ("SET STATISTICS 100", ["SET STATISTICS 5"], ["SET STATISTICS -1"]),
        ("SET STATISTICS -1", ["SET STATISTICS 5"], ["SET STATISTICS -1"]),
        ("SET STORAGE EXTERNAL", ["SET STORAGE MAIN"], ["SET STORAGE EXTENDED"]),
        ("SET COMPRESSION pglz", ["SET COMPRESSION pglz"], ["SET COMPRESSION default"]),
        ("SET (n_distinct = -0.5)", ["SET (n_distinct = 9)"], ["RESET (n_distinct)"]),
        ("RESET (n_distinct)", ["SET (n_distinct = 9)"], []),
    ],
)
def test_rollback_restores(setting: str, before: list[str], unset: list[str]):
    for column, restored in (("name", before), ("new", unset)):
        start = f"ALTER TABLE public.users ALTER COLUMN {column} "
        sql = f"ALTER TABLE users ALTER {column} {setting}"

        assert statements(sql, Phase.EXPAND, KNOWN) == [start + setting]
        assert statements(sql, Phase.ROLLBACK, KNOWN) == [start + each for each in restored]
        assert statements(sql, Phase.CONTRACT, KNOWN) == []


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("size SET STORAGE EXTERNAL", "always kept in the row"),
        ("size SET COMPRESSION pglz", "always kept in the row"),
        ("name SET COMPRESSION lz4", 'does not compress with "lz4"'),
        ("name SET (fillfactor = 3)", 'no option "fillfactor"'),
        ("missing SET STATISTICS 3", 'column "missing" of table "public.users" does not exist'),
        ("name SET STATISTICS 20000", "a number from 0 to 10000"),
    ],
)
def test_what_the_server_would_refuse_is_refused_before(setting: str, reason: str):
    assert reason in refusal(f"ALTER TABLE users ALTER {setting}", KNOWN).message


def test_a_column_of_the_same_migration_needs_no_undo():
    sql = "ALTER TABLE users ADD COLUMN b text, ALTER b SET STORAGE EXTERNAL, ALTER b SET STATISTICS 9"

    assert statements(sql, Phase.ROLLBACK) == ["ALTER TABLE public.users DROP COLUMN b"]


def test_a_column_that_a_copy_replaces_is_refused():
    sql = "ALTER TABLE users RENAME name TO b, ALTER name SET STATISTICS 9".replace(
        ", ALTER", "; ALTER TABLE users ALTER"
    )

    assert "two changes of column" in refusal(sql, KNOWN).message
