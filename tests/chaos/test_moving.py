"""Old and new clients write the same few rows of two tables at the same time: both tables hold the same afterwards.

A deadlock or a serialization failure undoes a transaction, as does a key that another client was faster with; whatever
was committed must be in both shapes. The seed is printed.
"""

from __future__ import annotations

import collections
import contextlib
import os
import random
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from tests.support.sandbox import open_sandbox

SECONDS = float(os.environ.get("MIGRATOR_CHAOS_SECONDS", "20"))
ROWS = 3_000
EXPECTED = {"40001", "40P01", "23505", "23503"}
"""Serialization failure, deadlock, a key that is taken, a row that new code points to and that has gone."""


@dataclass(frozen=True)
class Case:
    """A change, and statements of both versions: ``i``, ``j`` are keys, ``a``, ``b`` values.

    Attributes:
        apart: a SELECT of what is in one shape and not in the other.
    """

    setup: str
    sql: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    apart: str


UNNEST = Case(
    "CREATE TABLE a (id int PRIMARY KEY, n int, v int[]);"
    f"INSERT INTO a SELECT g, 1, ARRAY[g % 7, g % 5, g % 7] FROM generate_series(1, {ROWS}) AS g",
    "-- migrator: unnest = a (v)\n"
    "CREATE TABLE b (k int REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE, x int, PRIMARY KEY (k, x))",
    (
        "UPDATE a SET v = ARRAY[{a},{b}] WHERE id = {i}",
        "UPDATE a SET v = v || {a} WHERE id = {i}",
        "UPDATE a SET v = array_remove(v, {a}) WHERE id IN ({i}, {j})",
        "UPDATE a SET v = NULL WHERE id = {i}",
        "UPDATE a SET n = {a} WHERE id = {i}",
        "DELETE FROM a WHERE id = {i}",
        "INSERT INTO a VALUES ({i}, 1, ARRAY[{a},{b},{a}]) ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v",
        "UPDATE a SET id = {j} WHERE id = {i}",
    ),
    (
        "INSERT INTO b VALUES ({i}, {a}) ON CONFLICT DO NOTHING",
        "INSERT INTO b SELECT {i}, g FROM generate_series({a}, {b}) AS g ON CONFLICT DO NOTHING",
        "DELETE FROM b WHERE k = {i} AND x = {a}",
        "DELETE FROM b WHERE k IN ({i}, {j}) AND x > {a}",
        "UPDATE b SET x = {a} WHERE k = {i} AND x = {b}",
        "UPDATE b SET k = {j} WHERE k = {i} AND x = {a}",
        "INSERT INTO a VALUES ({i}) ON CONFLICT DO NOTHING",
    ),
    "SELECT * FROM (SELECT id, v, ARRAY(SELECT DISTINCT e FROM unnest(v) AS e ORDER BY 1) AS elements,"
    " ARRAY(SELECT x FROM b WHERE k = id ORDER BY 1) AS rows FROM a) AS both_of WHERE elements <> rows",
)
LOOKED_UP = replace(
    UNNEST,
    setup=UNNEST.setup + "; CREATE TABLE t (x int PRIMARY KEY)",
    sql=UNNEST.sql.replace(" x int,", " x int REFERENCES t (x) ON DELETE CASCADE ON UPDATE CASCADE,"),
    new=(
        *UNNEST.new,
        "INSERT INTO t VALUES ({a}) ON CONFLICT DO NOTHING",
        "UPDATE t SET x = {a} WHERE x = {b}",
        "DELETE FROM t WHERE x = {a}",
    ),
)
SPLIT = Case(
    "CREATE TABLE a (id int PRIMARY KEY, n int, v int);"
    f"INSERT INTO a SELECT g, 1, g FROM generate_series(1, {ROWS}) AS g",
    "-- migrator: from = a\nCREATE TABLE b (k int PRIMARY KEY REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE, v int)",
    (
        "UPDATE a SET v = {a} WHERE id IN ({i}, {j})",
        "UPDATE a SET v = NULL WHERE id = {i}",
        "UPDATE a SET n = {a} WHERE id = {i}",
        "DELETE FROM a WHERE id = {i}",
        "INSERT INTO a VALUES ({i}, 1, {a}) ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v",
        "UPDATE a SET id = {j} WHERE id = {i}",
    ),
    (
        "INSERT INTO b VALUES ({i}, {a}) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v",
        "DELETE FROM b WHERE k = {i}",
        "UPDATE b SET v = {a} WHERE k IN ({i}, {j})",
        "UPDATE b SET v = NULL WHERE k = {i}",
        "INSERT INTO a VALUES ({i}) ON CONFLICT DO NOTHING",
    ),
    "SELECT id, a.v, b.v AS new FROM a LEFT JOIN b ON k = id WHERE a.v IS DISTINCT FROM b.v",
)
MOVE = Case(
    "CREATE TABLE a (id int PRIMARY KEY, n int, v int);"
    "CREATE TABLE b (k int PRIMARY KEY REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE, m int);"
    f"INSERT INTO a SELECT g, 1, g FROM generate_series(1, {ROWS}) AS g; INSERT INTO b SELECT id FROM a",
    "-- migrator: to = b\nALTER TABLE a DROP COLUMN v",
    (*SPLIT.old, "INSERT INTO b VALUES ({i}) ON CONFLICT DO NOTHING", "UPDATE b SET m = {a} WHERE k = {i}"),
    (
        "INSERT INTO b VALUES ({i}, 1, {a}) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v",
        "DELETE FROM b WHERE k = {i}",
        "UPDATE b SET v = {a} WHERE k IN ({i}, {j})",
        "UPDATE b SET v = NULL WHERE k = {i}",
        "UPDATE b SET k = {j} WHERE k = {i}",
        "INSERT INTO a VALUES ({i}) ON CONFLICT DO NOTHING",
    ),
    "SELECT id, a.v, b.v AS new FROM a JOIN b ON k = id WHERE a.v IS DISTINCT FROM b.v",
)
CHOSEN = Case(
    "CREATE TABLE a (id int PRIMARY KEY, n int, v int, held int);"
    "CREATE TABLE b (k int REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE, m int, w text, PRIMARY KEY (k, m));"
    "CREATE UNIQUE INDEX ON b (k) WHERE w = 'main';"
    f"INSERT INTO a SELECT g, 1, g, g FROM generate_series(1, {ROWS}) AS g;"
    "INSERT INTO b SELECT id, m, CASE m WHEN 1 THEN 'main' END FROM a, generate_series(1, 3) AS m",
    "-- migrator: to = b\n-- migrator: where = w = 'main'\nALTER TABLE a DROP COLUMN v",
    (
        "UPDATE a SET v = {a}, held = {a} WHERE id IN ({i}, {j})",
        "UPDATE a SET v = NULL, held = NULL WHERE id = {i}",
        "UPDATE a SET n = {a} WHERE id = {i}",
        "DELETE FROM a WHERE id = {i}",
        "INSERT INTO a VALUES ({i}, 1, {a}, {a}) ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v, held = EXCLUDED.held",
        "UPDATE a SET id = {j} WHERE id = {i}",
        "UPDATE b SET w = NULL WHERE k = {i}",
        "UPDATE b SET w = 'main' WHERE k = {i} AND m = {a}",
        "DELETE FROM b WHERE k = {i} AND m = {a}",
        "INSERT INTO b VALUES ({i}, {a}, 'main') ON CONFLICT DO NOTHING",
        "INSERT INTO b VALUES ({i}, {a}, 'main') ON CONFLICT (k) WHERE w = 'main' DO UPDATE SET w = NULL",
        "INSERT INTO b VALUES ({i}, {a}) ON CONFLICT (k, m) DO UPDATE SET w = 'main'",
    ),
    (
        "INSERT INTO b VALUES ({i}, {a}, 'main', {b}) ON CONFLICT (k) WHERE w = 'main' DO UPDATE SET v = EXCLUDED.v",
        "INSERT INTO b VALUES ({i}, {a}, NULL, {b}) ON CONFLICT DO NOTHING",
        "DELETE FROM b WHERE k = {i} AND m = {a}",
        "UPDATE b SET v = {a} WHERE k IN ({i}, {j})",
        "UPDATE b SET v = {a}, w = 'main' WHERE k = {i} AND m = {b}",
        "UPDATE b SET v = NULL WHERE k = {i}",
        "UPDATE b SET k = {j} WHERE k = {i} AND m = {a}",
        "UPDATE b SET w = NULL WHERE k = {i}",
        "UPDATE b SET w = 'main' WHERE k = {i} AND m = {a}",
    ),
    "SELECT id, a.v, b.v AS new FROM a JOIN b ON k = id AND w = 'main' WHERE a.v IS DISTINCT FROM b.v",
)
CHOICES = tuple(each for each in CHOSEN.old if " b " in each)
UNSEEN = replace(
    CHOSEN,
    old=("UPDATE a SET v = {a}, held = {a} WHERE id IN ({i}, {j})", *CHOICES),
    new=("UPDATE a SET v = NULL, held = NULL WHERE id = {i}", *CHOICES),
    apart=f"{CHOSEN.apart} UNION ALL SELECT id, v, held FROM a WHERE v IS DISTINCT FROM held",
)
"""Old code alone, which chooses other rows: what it reads is what it wrote."""
MERGE = Case(
    "CREATE TABLE a (id int PRIMARY KEY, n int);"
    "CREATE TABLE b (k int PRIMARY KEY REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE, v int NOT NULL);"
    f"INSERT INTO a SELECT g, 1 FROM generate_series(1, {ROWS}) AS g; INSERT INTO b SELECT id, id FROM a",
    "-- migrator: into = a\n-- migrator: nullable = v\nDROP TABLE b",
    (
        "INSERT INTO b VALUES ({i}, {a}) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v",
        "DELETE FROM b WHERE k = {i}",
        "UPDATE b SET v = {a} WHERE k IN ({i}, {j})",
        "UPDATE b SET k = {j} WHERE k = {i}",
        "INSERT INTO a VALUES ({i}) ON CONFLICT DO NOTHING",
        "DELETE FROM a WHERE id = {i}",
    ),
    (
        "UPDATE a SET v = {a} WHERE id IN ({i}, {j})",
        "UPDATE a SET v = NULL WHERE id = {i}",
        "UPDATE a SET n = {a} WHERE id = {i}",
        "DELETE FROM a WHERE id = {i}",
        "INSERT INTO a VALUES ({i}, 1, {a}) ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v",
        "UPDATE a SET id = {j} WHERE id = {i}",
    ),
    "SELECT id, a.v, b.v AS old FROM a LEFT JOIN b ON k = id WHERE a.v IS DISTINCT FROM b.v",
)
CASES = {
    "unnest": (UNNEST, "read committed", True),
    "unnest with a table of the values": (LOOKED_UP, "read committed", True),
    "unnest at repeatable read": (UNNEST, "repeatable read", False),
    "move": (MOVE, "read committed", True),
    "move to the chosen one": (CHOSEN, "read committed", True),
    "move to the chosen one, before new code": (UNSEEN, "read committed", True),
    "merge": (MERGE, "read committed", True),
    "split": (SPLIT, "read committed", False),
}
"""A case, its isolation, and whether clients write during the backfill too.

An older snapshot does not see the rows that the backfill makes, which contract counts; and of a table that is split
it makes those again which new code has deleted.
"""


@pytest.mark.chaos
@pytest.mark.timeout(0)
@pytest.mark.parametrize(("case", "isolation", "meanwhile"), CASES.values(), ids=CASES.keys())
def test_both_tables_hold_the_same_after_any_writes_at_once(
    tmp_path: Path, database_url: str, case: Case, isolation: str, meanwhile: bool
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    with open_sandbox(tmp_path, database_url) as sandbox:
        sandbox.execute(case.setup)
        sandbox.install()
        migration = sandbox.new("move", case.sql)
        sandbox.expand(migration)
        if not meanwhile:
            sandbox.backfill(migration)
        with writing(database_url, case, isolation, seed) as ended:
            sandbox.backfill(migration)
            time.sleep(SECONDS)

        print(dict(ended))
        assert sandbox.rows(case.apart) == []
        assert ended.keys() <= EXPECTED | {"committed"}
        assert ended["committed"] > 100


@contextlib.contextmanager
def writing(url: str, case: Case, isolation: str, seed: int) -> Iterator[collections.Counter[str]]:
    """Two clients of each version; how their transactions ended."""
    stop = threading.Event()
    ended: collections.Counter[str] = collections.Counter()

    def write(statements: tuple[str, ...], number: int) -> None:
        chance = random.Random(seed + number)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"SET default_transaction_isolation = '{isolation}'")
            connection.execute("SET deadlock_timeout = '20ms'")
            while not stop.is_set():
                try:
                    with connection.transaction():
                        for _ in range(chance.choice((1, 1, 2, 3))):
                            values = {name: chance.randrange(8) for name in "ijab"}
                            connection.execute(chance.choice(statements).format(**values))
                    ended["committed"] += 1
                except psycopg.Error as error:
                    state = error.sqlstate or str(error)
                    ended[
                        f"{state} of old code"
                        if statements is case.old and state == "23503" and case in (UNNEST, LOOKED_UP)
                        else state
                    ] += 1

    threads = [
        threading.Thread(target=write, args=(statements, number))
        for number, statements in enumerate((case.old, case.old, case.new, case.new))
    ]
    for thread in threads:
        thread.start()
    try:
        yield ended
    finally:
        stop.set()
        for thread in threads:
            thread.join()
