"""Two renamings of one column pending at once: a -> b at level 1, b -> c at level 2."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest

from migrator.errors import OutOfOrder
from migrator.model.plan import Migration
from tests.support.sandbox import Sandbox

NAMES = ("a", "b", "c")
OFFLINE = "nobody is connected"


@dataclass
class Chain:
    sandbox: Sandbox
    first: Migration
    second: Migration

    def settled(self, k: int) -> str:
        """The value under all three names."""
        ((a, b, c),) = self.sandbox.rows("SELECT a, b, c FROM t WHERE k = %(k)s", k=k)
        assert a == b == c
        return str(a)


@pytest.fixture
def chain(sandbox: Sandbox) -> Chain:
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, n int, a text DEFAULT 'd' UNIQUE)")
    sandbox.execute("INSERT INTO t SELECT g, g, 's' || g FROM generate_series(1, 200) AS g")
    first = sandbox.new("a to b", "ALTER TABLE t RENAME COLUMN a TO b")
    sandbox.expand(first)
    second = sandbox.new("b to c", "ALTER TABLE t RENAME COLUMN b TO c")
    sandbox.expand(second)
    return Chain(sandbox, first, second)


def test_all_three_names_settle_whichever_is_written(chain: Chain) -> None:
    sandbox = chain.sandbox
    for k, name in enumerate(NAMES, start=1000):
        sandbox.execute(f"INSERT INTO t (k, {name}) VALUES ({k}, 'i' || {k})")
        assert chain.settled(k) == f"i{k}"
    sandbox.execute("INSERT INTO t (k) VALUES (2000)")
    assert chain.settled(2000) == "d"
    sandbox.execute("DELETE FROM t WHERE k = 2000")
    for number, name in enumerate(itertools.chain(NAMES, reversed(NAMES), NAMES)):
        sandbox.execute(f"UPDATE t SET {name} = 'u{number}' WHERE k = 1000")
        assert chain.settled(1000) == f"u{number}"
        sandbox.execute("UPDATE t SET n = n + 1 WHERE k = 1000")
        assert chain.settled(1000) == f"u{number}"
    for k, name in enumerate(NAMES, start=1000):
        sandbox.execute(f"UPDATE t SET {name} = NULL WHERE k = {k}")
        assert chain.settled(k) == "None"


def test_rows_that_are_not_filled_settle_when_written(chain: Chain) -> None:
    for k, name in enumerate(NAMES, start=1):
        chain.sandbox.execute(f"UPDATE t SET {name} = 'u{k}' WHERE k = {k}")
        assert chain.settled(k) == f"u{k}"
    chain.sandbox.execute("UPDATE t SET n = 0 WHERE k = 4")
    assert chain.settled(4) == "s4"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["older first", "newer first"])
def test_backfills_in_any_order_fill_all(chain: Chain, order: tuple[int, int]) -> None:
    for place in order:
        chain.sandbox.backfill((chain.first, chain.second)[place])
    assert chain.sandbox.value("SELECT count(*) FROM t WHERE (a = b AND b = c) IS NOT TRUE") == 0


def test_contract_goes_in_the_order_of_levels(chain: Chain) -> None:
    sandbox = chain.sandbox
    for migration in (chain.first, chain.second):
        sandbox.backfill(migration)
    with pytest.raises(OutOfOrder, match=chain.first.id):
        sandbox.contract(chain.second, offline=OFFLINE)
    assert sandbox.state(chain.second) == "backfilled"
    sandbox.contract(chain.first, offline=OFFLINE)
    for k, name in ((1, "b"), (2, "c")):
        sandbox.execute(f"UPDATE t SET {name} = 'w{k}' WHERE k = {k}")
    assert sandbox.rows("SELECT k, b, c FROM t WHERE k <= 2 ORDER BY k") == [(1, "w1", "w1"), (2, "w2", "w2")]
    sandbox.contract(chain.second, offline=OFFLINE)
    assert sandbox.leftovers() == []
    assert sandbox.rows("SELECT k, c FROM t WHERE k <= 3 ORDER BY k") == [(1, "w1"), (2, "w2"), (3, "s3")]
    assert {line for line in sandbox.snapshot() if line.startswith(("column", "index"))} == {
        "column 1 t.k: integer NOT NULL",
        "column 2 t.n: integer",
        "column 3 t.c: text DEFAULT 'd'::text",
        "index t_a_key: CREATE UNIQUE INDEX t_a_key ON public.t USING btree (c)",
        "index t_pkey: CREATE UNIQUE INDEX t_pkey ON public.t USING btree (k)",
    }


def test_the_second_may_be_backfilled_after_the_first_is_contracted(chain: Chain) -> None:
    sandbox = chain.sandbox
    sandbox.backfill(chain.first)
    sandbox.contract(chain.first, offline=OFFLINE)
    sandbox.backfill(chain.second)
    sandbox.contract(chain.second, offline=OFFLINE)
    assert sandbox.value("SELECT count(*) FROM t WHERE c = 's' || k") == 200


def test_rollback_goes_from_the_newest_back(chain: Chain) -> None:
    sandbox = chain.sandbox
    with pytest.raises(OutOfOrder, match=chain.second.id):
        sandbox.rollback(chain.first, offline=OFFLINE)
    sandbox.execute("UPDATE t SET c = 'written by the newest' WHERE k = 1")
    sandbox.rollback(chain.second, offline=OFFLINE)
    sandbox.execute("UPDATE t SET b = 'written by the second' WHERE k = 2")
    assert sandbox.rows("SELECT a, b FROM t WHERE k = 2") == [("written by the second",) * 2]
    sandbox.rollback(chain.first, offline=OFFLINE)
    assert sandbox.rows("SELECT a FROM t WHERE k <= 2 ORDER BY k") == [
        ("written by the newest",),
        ("written by the second",),
    ]
    assert sandbox.leftovers() == []
