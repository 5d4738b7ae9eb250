"""SET NOT NULL reads no row where an earlier statement proves that none is NULL, and every row where none does."""

from __future__ import annotations

import pytest

from migrator.planning.proof import effects_in_order
from migrator.sql.parser import parse_script

CHECK = "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL)"
VALIDATE = "ALTER TABLE t VALIDATE CONSTRAINT c"
SET = "ALTER TABLE t ALTER a SET NOT NULL"


@pytest.mark.parametrize(
    ("before", "scans"),
    [
        ([f"{CHECK} NOT VALID", VALIDATE], False),
        ([CHECK], False),
        ([f"{CHECK} NOT VALID, VALIDATE CONSTRAINT c"], False),
        ([], True),
        ([f"{CHECK} NOT VALID"], True),
        ([VALIDATE], True),
        ([CHECK, "ALTER TABLE t DROP CONSTRAINT c"], True),
        ([CHECK.replace("TABLE t", "TABLE app.t")], True),
        ([CHECK.replace("(a IS", "(b IS")], True),
        ([CHECK.replace("(a IS NOT NULL)", "(a IS NULL)")], True),
        ([CHECK.replace("(a IS NOT NULL)", "(a > 0)")], True),
        ([CHECK.replace("(a IS NOT NULL)", "(t.a IS NOT NULL)")], True),
        (["ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)"], True),
        (["UPDATE t SET a = 1"], True),
    ],
)
def test_a_validated_check_on_the_column_spares_the_scan(before: list[str], scans: bool):
    *_, effects = effects_in_order(parse_script(";".join([*before, SET])).statements)

    assert effects.scans_table is scans
    assert effects.strongest.blocks_reads


def test_a_statement_that_does_more_is_taken_at_its_worst():
    *_, effects = effects_in_order(parse_script(f"{CHECK}; {SET}, ADD CHECK (a > 0)").statements)

    assert effects.scans_table
