"""A name that something has already, or that another contract has yet to take, is refused before expand."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

SPLIT = (
    "-- migrator: from = t\nCREATE TABLE n (k int PRIMARY KEY REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE, a text)"
)
SETUP = (
    "CREATE TABLE t (k int PRIMARY KEY, a text, b text); CREATE TABLE o (k int CONSTRAINT o_key PRIMARY KEY);"
    "CREATE SEQUENCE s; CREATE TYPE y AS ENUM ('a')"
)


@pytest.fixture
def tables(sandbox: Sandbox) -> Sandbox:
    sandbox.execute(SETUP)
    return sandbox


@pytest.mark.parametrize(
    "then", ["CREATE TABLE n (x int)", "CREATE VIEW n AS SELECT 1 AS x", "CREATE INDEX n ON t (b)"]
)
def test_the_table_of_a_split_and_another_one_in_one_migration(tables: Sandbox, then: str) -> None:
    with pytest.raises(Refused, match=r"cannot be made: before it, this migration gives the name to a table"):
        tables.new("both", f"{SPLIT}; {then}")


def test_what_has_a_name_already_is_told_when_the_migration_is_planned(tables: Sandbox) -> None:
    for sql, holder in {
        "CREATE INDEX o_key ON t (a)": "an index of o",
        "CREATE INDEX o ON t (a)": "a table",
        "ALTER TABLE t ADD CONSTRAINT o_key UNIQUE (a)": "an index of o",
        "ALTER TABLE t RENAME TO s": "a sequence",
        "CREATE TABLE y (x int)": "a type",
        "CREATE TABLE o_key (x int)": "an index of o",
        "ALTER SEQUENCE s RENAME TO o_key": "an index of o",
        "ALTER TABLE o RENAME CONSTRAINT o_key TO t_pkey": "an index of t",
        SPLIT.replace("TABLE n", "TABLE s"): "a sequence",
    }.items():
        with pytest.raises(Refused, match=f"cannot be made: {holder} has the name"):
            tables.new("taken", sql)


def test_what_has_a_name_since_is_told_before_expand(tables: Sandbox) -> None:
    index = tables.new("index", "CREATE INDEX n ON t (a)")
    tables.execute("CREATE SEQUENCE n")
    with pytest.raises(Refused, match=r'index "public.n" cannot be made: a sequence has the name') as error:
        tables.expand(index)
    assert "expand.sql:" in refusal(error.value)
    tables.execute("DROP SEQUENCE n")
    tables.expand(index)


def test_files_written_by_hand_free_a_name_before_they_take_it(tables: Sandbox) -> None:
    tables.write(
        "20260101T000000_hand",
        expand="-- step: one\nDROP INDEX o_key;\n-- step: two\nCREATE INDEX o_key ON public.o (k);\n"
        "-- step: three\nCREATE TABLE public.s (x int);\n-- step: four\nCREATE TABLE public.z (x int);\n"
        "-- step: five\nCREATE SEQUENCE public.z;\n",
    )
    (hand,) = tables.migrations()
    with pytest.raises(Refused) as error:
        tables.expand(hand)
    assert 'sequence "public.z" cannot be made' in refusal(error.value)


@pytest.mark.parametrize("later", ["CREATE INDEX n ON t (a)", "ALTER TABLE o ADD CONSTRAINT n UNIQUE (k)"])
def test_a_name_that_another_contract_has_yet_to_take(tables: Sandbox, later: str) -> None:
    first = tables.new("first", "ALTER TABLE t ADD CONSTRAINT n UNIQUE (b)")
    tables.expand(first)
    second = tables.new("second", later)
    with pytest.raises(Refused, match=f'index "public.n" cannot be made: contract of {first.id} has yet to give'):
        tables.expand(second)
    foreseen = tables.command("plan", second.id).err
    assert "expand will refuse it: " in foreseen
    assert "choose another name" in foreseen
