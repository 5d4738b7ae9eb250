"""Messages with a number in them are in the singular for one."""

from __future__ import annotations

import pytest

from migrator.model.counts import counted


@pytest.mark.parametrize(
    ("number", "said", "wanted"),
    [
        (1, "rows", "1 row"),
        (1200, "rows", "1,200 rows"),
        (0, "rows of t hold NULL in hold", "0 rows of t hold NULL in hold"),
        (1, "rows of t hold NULL in hold", "1 row of t holds NULL in hold"),
        (1, "rows of t hold a and have no b: they are lost", "1 row of t holds a and has no b: they are lost"),
        (1, "values of (a) in t occur more than once", "1 value of (a) in t occurs more than once"),
        (1, 'last number drawn of sequence "s" is not 1', 'last number drawn of sequence "s" is not 1'),
    ],
)
def test_one_of_them_does_what_several_do(number: int, said: str, wanted: str):
    assert counted(number, said) == wanted
