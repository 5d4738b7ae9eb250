"""A key that becomes rows of a junction table: what either version reads after any write of old or new code."""

from __future__ import annotations

import psycopg
import pytest

from migrator.model.schema import TableName
from tests.lifecycle.crossing import as_expanded, crossing, expanded_beside_old_code, waiting, write_between
from tests.lifecycle.extracting import POINTING, SETUP, SQL, TO_T
from tests.support.sandbox import Sandbox

SEEN = "SELECT v, p, ARRAY(SELECT x || coalesce(q, '-') FROM b WHERE k = a.id ORDER BY x) AS x FROM a WHERE id = 1"


@pytest.fixture
def extracted(sandbox: Sandbox) -> Sandbox:
    """Both tables as expand leaves them, without a ledger; row 9 was there before, and has no row yet."""
    return as_expanded(sandbox, SETUP + "INSERT INTO a VALUES (9, 9, 5, 'f')", SQL)


A = "INSERT INTO a VALUES (1, 1, 3, 'c'), (2, 2, 4, 'd')"
MORE = "INSERT INTO b VALUES (1, 7, 'g'), (1, 6, 'f')"
BARE = "INSERT INTO a (id) VALUES (1)"


@pytest.mark.parametrize(
    ("writes", "seen", "rows"),
    [
        # Old code: the pair it writes takes the place of the one it saw.
        ([A], (3, "c"), ["3c"]),
        ([A, "UPDATE a SET v = 5 WHERE id = 1"], (5, "c"), ["5c"]),
        ([A, "UPDATE a SET v = 5, p = 'e' WHERE id = 1"], (5, "e"), ["5e"]),
        ([A, "UPDATE a SET p = NULL WHERE id = 1"], (3, None), ["3-"]),
        ([A, "UPDATE a SET v = NULL, p = NULL WHERE id = 1"], (None, None), []),
        ([A, "UPDATE a SET v = NULL, p = NULL WHERE id = 1", "UPDATE a SET v = 3"], (3, None), ["3-"]),
        ([A, "UPDATE a SET v = v + 1, p = p || 'x'"], (4, "cx"), ["4cx"]),
        ([A, "UPDATE a SET n = 5"], (3, "c"), ["3c"]),
        ([BARE], (None, None), []),
        ([A, "INSERT INTO a VALUES (1, 1, 5, 'e') ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v, p = EXCLUDED.p"],
         (5, "e"), ["5e"]),
        ([A, "INSERT INTO a VALUES (1, 1, 5, 'e') ON CONFLICT (id) DO NOTHING"], (3, "c"), ["3c"]),
        ([A, "UPDATE a SET v = o.v, p = o.p FROM a AS o WHERE a.id = 1 AND o.id = 2"], (4, "d"), ["4d"]),
        ([A, "INSERT INTO a SELECT id + 10, n, v, p FROM a", "DELETE FROM a WHERE id = 2"], (3, "c"), ["3c"]),
        # The same beside rows of new code: they stay, but for the one that old code writes.
        ([A, MORE], (3, "c"), ["3c", "6f", "7g"]),
        ([A, MORE, "UPDATE a SET v = 5 WHERE id = 1"], (5, "c"), ["5c", "6f", "7g"]),
        ([A, MORE, "UPDATE a SET v = 7, p = 'new' WHERE id = 1"], (7, "new"), ["6f", "7new"]),
        ([A, MORE, "UPDATE a SET v = 7 WHERE id = 1"], (7, "c"), ["6f", "7c"]),
        ([A, MORE, "UPDATE a SET v = NULL WHERE id = 1"], (None, "c"), ["6f", "7g"]),
        ([A, MORE, "UPDATE a SET v = NULL WHERE id = 1", "UPDATE a SET v = 6 WHERE id = 1"], (6, "c"), ["6c", "7g"]),
        ([A, MORE, "UPDATE a SET p = 'new' WHERE id = 1"], (3, "new"), ["3new", "6f", "7g"]),
        # New code: what it writes to the row that old code sees goes across.
        ([BARE, "INSERT INTO b VALUES (1, 2, 'b')"], (2, "b"), ["2b"]),
        ([BARE, "INSERT INTO b VALUES (1, 2, 'b'), (1, 1, 'a')"], (2, "b"), ["1a", "2b"]),
        ([BARE, "INSERT INTO b SELECT 1, g, g FROM generate_series(1, 3) AS g"], (1, "1"), ["11", "22", "33"]),
        (["BEGIN", BARE, "INSERT INTO b VALUES (1, 2)", "COMMIT"], (2, None), ["2-"]),
        (["WITH a AS (INSERT INTO a (id) VALUES (1) RETURNING id) INSERT INTO b SELECT id, 4 FROM a"],
         (4, None), ["4-"]),
        ([A, "UPDATE b SET q = 'new' WHERE k = 1"], (3, "new"), ["3new"]),
        ([A, "UPDATE b SET q = NULL"], (3, None), ["3-"]),
        ([A, "INSERT INTO b VALUES (1, 3, NULL) ON CONFLICT (k, x) DO UPDATE SET q = EXCLUDED.q"], (3, None), ["3-"]),
        ([A, "INSERT INTO b VALUES (1, 3, 'z') ON CONFLICT DO NOTHING"], (3, "c"), ["3c"]),
        ([A, "UPDATE b SET x = 5 WHERE k = 1"], (5, "c"), ["5c"]),
        ([A, "UPDATE b SET x = x"], (3, "c"), ["3c"]),
        ([A, "DELETE FROM b WHERE k = 1"], (None, None), []),
        # What it writes to another one does not, and another one is seen when that goes.
        ([A, MORE, "UPDATE b SET q = 'new' WHERE x > 5"], (3, "c"), ["3c", "6new", "7new"]),
        ([A, MORE, "UPDATE b SET q = upper(q)"], (3, "C"), ["3C", "6F", "7G"]),
        ([A, MORE, "UPDATE b SET x = 8 WHERE x = 6"], (3, "c"), ["3c", "7g", "8f"]),
        ([A, MORE, "DELETE FROM b WHERE x = 6"], (3, "c"), ["3c", "7g"]),
        ([A, MORE, "DELETE FROM b WHERE x = 3"], (6, "f"), ["6f", "7g"]),
        ([A, MORE, "DELETE FROM b WHERE x < 7"], (7, "g"), ["7g"]),
        ([A, MORE, "DELETE FROM b"], (None, None), []),
        ([A, MORE, "DELETE FROM b WHERE k = 1", "INSERT INTO b VALUES (1, 9)"], (9, None), ["9-"]),
        ([A, MORE, "WITH gone AS (DELETE FROM b WHERE k = 1 AND x = 3) INSERT INTO b VALUES (1, 9, 'i')"],
         (6, "f"), ["6f", "7g", "9i"]),
        ([A, MORE, "UPDATE a SET v = NULL, p = NULL WHERE id = 1", "UPDATE b SET q = 'new' WHERE x = 6"],
         (None, None), ["6new", "7g"]),
        ([A, MORE, "UPDATE a SET v = NULL, p = NULL WHERE id = 1", "INSERT INTO b VALUES (1, 9, 'i')"],
         (9, "i"), ["6f", "7g", "9i"]),
        # One key takes the place of the next: the one that old code sees is there, as another row.
        ([A, "INSERT INTO b VALUES (1, 2, 'b'), (1, 1, 'a')", "UPDATE b SET x = x + 1 WHERE k = 1"],
         (3, "b"), ["2a", "3b", "4c"]),
        # A row that new code gives to another one.
        ([A, MORE, "UPDATE b SET k = 2 WHERE x = 3"], (6, "f"), ["6f", "7g"]),
        ([A, MORE, "UPDATE b SET k = 2 WHERE x = 7"], (3, "c"), ["3c", "6f"]),
        ([A, "UPDATE b SET k = 1 WHERE k = 2"], (3, "c"), ["3c", "4d"]),
        ([A, "DELETE FROM b WHERE k = 1", "UPDATE b SET k = 1 WHERE k = 2"], (4, "d"), ["4d"]),
        # Both, in turn and in one transaction.
        (["BEGIN", A, MORE, "DELETE FROM b WHERE x = 3", "UPDATE a SET v = 8 WHERE id = 1", "COMMIT"],
         (8, "f"), ["7g", "8f"]),
        (["BEGIN", A, "UPDATE a SET v = 8 WHERE id = 1", "INSERT INTO b VALUES (1, 1, 'a')",
          "DELETE FROM b WHERE x = 8", "COMMIT"], (1, "a"), ["1a"]),
        # Deletes and keys.
        ([A, MORE, "DELETE FROM a WHERE id = 1", BARE], (None, None), []),
        ([A, MORE, "UPDATE a SET id = 7 WHERE id = 1", "UPDATE a SET id = 1 WHERE id = 7"],
         (3, "c"), ["3c", "6f", "7g"]),
        ([A, MORE, "UPDATE a SET id = 7, v = 8 WHERE id = 1", "UPDATE a SET id = 1 WHERE id = 7"],
         (8, "c"), ["6f", "7g", "8c"]),
        ([A, MORE, "UPDATE a SET v = NULL WHERE id = 1", "UPDATE a SET id = 7 WHERE id = 1",
          "UPDATE a SET id = 1 WHERE id = 7"], (None, "c"), ["6f", "7g"]),
    ],
)  # fmt: skip
def test_both_tables_follow_whoever_writes(
    extracted: Sandbox, writes: list[str], seen: tuple[int | None, str | None], rows: list[str]
) -> None:
    for write in writes:
        extracted.execute(write)

    assert extracted.rows(SEEN) == [(*seen, rows)]


@pytest.mark.parametrize(
    ("on", "body", "writes", "seen", "rows"),
    [
        # It writes its row again.
        ("AFTER INSERT OR UPDATE ON b", "UPDATE b SET q = upper(q) WHERE x = NEW.x AND q <> upper(q); RETURN NULL",
         ["UPDATE b SET q = 'new' WHERE x = 3"], (3, "NEW"), ["3NEW"]),
        ("AFTER INSERT OR UPDATE ON b", "UPDATE b SET x = x + 100 WHERE x = NEW.x AND x < 100; RETURN NULL",
         ["UPDATE b SET x = 5 WHERE x = 3"], (105, "c"), ["105c"]),
        ("AFTER INSERT OR UPDATE ON a", "UPDATE a SET v = v + 100 WHERE id = NEW.id AND v < 100; RETURN NULL",
         ["UPDATE a SET v = 5 WHERE id = 1"], (105, "c"), ["105c"]),
        ("AFTER DELETE ON b", "INSERT INTO b VALUES (OLD.k, OLD.x, 'back'); RETURN NULL",
         ["DELETE FROM b WHERE x = 3"], (3, "back"), ["3back"]),
        # It changes the row on its way: what it lets in is what there is.
        ("BEFORE UPDATE ON a", "NEW.p = upper(NEW.p); RETURN NEW",
         ["UPDATE b SET q = 'new' WHERE x = 3"], (3, "NEW"), ["3NEW"]),
        ("BEFORE INSERT OR UPDATE ON b", "NEW.q = upper(NEW.q); RETURN NEW",
         ["UPDATE a SET p = 'new' WHERE id = 1"], (3, "NEW"), ["3NEW"]),
    ],
)  # fmt: skip
def test_what_triggers_of_the_author_write_is_what_both_tables_hold(
    extracted: Sandbox, on: str, body: str, writes: list[str], seen: tuple[int, str], rows: list[str]
) -> None:
    extracted.execute(A)
    extracted.execute(f"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; END $$")
    extracted.execute(f"CREATE TRIGGER f {on} FOR EACH ROW EXECUTE FUNCTION f()")
    for write in writes:
        extracted.execute(write)

    assert extracted.rows(SEEN) == [(*seen, rows)]


def test_keys_that_take_the_place_of_each_other_go_across(extracted: Sandbox) -> None:
    extracted.execute("INSERT INTO a VALUES (1, 1, 3, 'one'), (0, 0, 3, 'zero')")
    extracted.execute("INSERT INTO b VALUES (1, 7, 'one'), (0, 6, 'zero')")
    extracted.execute("UPDATE a SET id = id + 1 WHERE id < 2")

    assert extracted.rows("SELECT id, v, p FROM a WHERE id < 3 ORDER BY 1") == [(1, 3, "zero"), (2, 3, "one")]
    assert extracted.rows("SELECT * FROM b WHERE k < 3 ORDER BY 1, 2") == [
        (1, 3, "zero"), (1, 6, "zero"), (2, 3, "one"), (2, 7, "one")
    ]  # fmt: skip


def test_a_write_of_other_columns_locks_and_changes_nothing_in_the_other_table(extracted: Sandbox) -> None:
    extracted.execute(A + ";" + MORE)
    before = extracted.rows("SELECT xmin::text, xmax::text FROM b")
    with psycopg.connect(extracted.url) as old, psycopg.connect(extracted.url) as new:
        old.execute("UPDATE a SET n = 7, v = v WHERE id = 1")
        new.execute("SELECT FROM b WHERE k = 1 FOR UPDATE NOWAIT")
        new.execute("UPDATE b SET q = 'new' WHERE x = 6")
        old.execute("UPDATE a SET n = 8 WHERE id = 1")
        new.rollback()

    assert extracted.rows("SELECT xmin::text, xmax::text FROM b")[0][0] == before[0][0]


@pytest.mark.parametrize(
    ("write", "seen", "rows"),
    [
        ("INSERT INTO b VALUES (9, 7, 'g')", (5, "f"), ["5f", "7g"]),
        ("INSERT INTO b VALUES (9, 5, 'new')", (5, "new"), ["5new"]),
        # Where its writer gives nothing, it has what is there.
        ("INSERT INTO b VALUES (9, 5)", (5, "f"), ["5f"]),
        ("INSERT INTO b VALUES (9, 5); DELETE FROM b", (None, None), []),
        ("INSERT INTO b VALUES (9, 5); UPDATE b SET q = NULL", (5, None), ["5-"]),
        ("INSERT INTO b VALUES (9, 7, 'g'); UPDATE b SET x = 5", (5, "g"), ["5g"]),
        ("UPDATE a SET v = 6 WHERE id = 9", (6, "f"), ["6f"]),
        ("UPDATE a SET v = NULL, p = NULL WHERE id = 9", (None, None), []),
        ("UPDATE a SET p = 'old' WHERE id = 9", (5, "old"), ["5old"]),
        ("UPDATE a SET n = 1 WHERE id = 9", (5, "f"), ["5f"]),
    ],
)
def test_writes_before_the_backfill_and_then_the_backfill(
    sandbox: Sandbox, write: str, seen: tuple[int | None, str | None], rows: list[str]
) -> None:
    migration = expanded_beside_old_code(sandbox, SETUP + "INSERT INTO a VALUES (9, 9, 5, 'f')", SQL)
    sandbox.execute(write)
    sandbox.backfill(migration)

    assert sandbox.rows(SEEN.replace("id = 1", "id = 9")) == [(*seen, rows)]


@pytest.mark.parametrize(
    ("write", "seen"),
    [
        ("UPDATE a SET v = 6 WHERE id = 2", [(6, "f", ["6f"])]),
        ("UPDATE a SET v = NULL, p = NULL WHERE id = 2", [(None, None, [])]),
        ("UPDATE a SET p = NULL WHERE id = 2", [(5, None, ["5-"])]),
        ("INSERT INTO b VALUES (2, 5); DELETE FROM b WHERE k = 2", [(None, None, [])]),
        ("INSERT INTO b VALUES (2, 5, 'new')", [(5, "new", ["5new"])]),
        ("INSERT INTO b VALUES (2, 5); UPDATE b SET x = 8 WHERE k = 2", [(8, "f", ["8f"])]),
        ("INSERT INTO b VALUES (2, 8, 'h')", [(5, "f", ["5f", "8h"])]),
        ("DELETE FROM a WHERE id = 2", []),
    ],
)
def test_a_batch_that_has_read_a_row_does_not_bring_it_back(
    sandbox: Sandbox, write: str, seen: list[tuple[int | None, str | None, list[str]]]
) -> None:
    setup = SETUP + "INSERT INTO a SELECT g, g, 5, 'f' FROM generate_series(1, 3) AS g"
    migration = expanded_beside_old_code(sandbox, setup, SQL)
    write_between(sandbox, migration, TableName("public", "a"), "SELECT FROM a WHERE id = 1 FOR UPDATE", write)

    there = (5, "f", ["5f"])
    assert sandbox.rows(SEEN.replace("WHERE id = 1", "ORDER BY id")) == [there, *seen, there]


@pytest.mark.parametrize(
    ("first", "second", "seen"),
    [
        ("UPDATE a SET v = 5 WHERE id = 1", "INSERT INTO b VALUES (1, 9, 'i')", (5, "c", ["5c", "6f", "9i"])),
        ("INSERT INTO b VALUES (1, 9, 'i')", "UPDATE a SET v = 9 WHERE id = 1", (9, "c", ["6f", "9c"])),
        ("UPDATE b SET x = 9 WHERE x = 6", "UPDATE a SET v = 9 WHERE id = 1", (9, "c", ["9c"])),
        ("UPDATE a SET v = 9 WHERE id = 1", "UPDATE b SET x = 8 WHERE x = 6", (9, "c", ["8f", "9c"])),
        ("DELETE FROM b WHERE x = 3", "UPDATE a SET p = 'new' WHERE id = 1", (6, "new", ["6new"])),
        ("DELETE FROM b WHERE k = 1", "UPDATE a SET v = 8 WHERE id = 1", (8, None, ["8-"])),
        ("DELETE FROM b WHERE x = 6", "UPDATE a SET v = 6 WHERE id = 1", (6, "c", ["6c"])),
        ("UPDATE b SET q = 'new' WHERE x = 6", "DELETE FROM b WHERE x = 3", (6, "new", ["6new"])),
        ("DELETE FROM b WHERE x = 6", "DELETE FROM b WHERE x = 3", (None, None, [])),
        ("INSERT INTO b VALUES (1, 4, 'd')", "DELETE FROM b WHERE x = 3", (4, "d", ["4d", "6f"])),
        ("INSERT INTO b VALUES (1, 8, 'h')", "INSERT INTO b VALUES (1, 9, 'i')", (3, "c", ["3c", "6f", "8h", "9i"])),
        ("UPDATE b SET q = 'new' WHERE x = 6", "UPDATE a SET v = 6 WHERE id = 1", (6, "c", ["6c"])),
        ("UPDATE a SET v = 6, p = 'old' WHERE id = 1", "UPDATE b SET q = 'new' WHERE x = 6", (6, "new", ["6new"])),
    ],
)
def test_two_writers_of_one_row_lose_nothing(
    sandbox: Sandbox, first: str, second: str, seen: tuple[int | None, str | None, list[str]]
) -> None:
    as_expanded(sandbox, SETUP, SQL)
    sandbox.execute("INSERT INTO a VALUES (1, 1, 3, 'c'); INSERT INTO b VALUES (1, 6, 'f')")
    with psycopg.connect(sandbox.url) as one, psycopg.connect(sandbox.url) as two:
        one.execute(first)
        crossing(sandbox, one, two, second)

    assert sandbox.rows(SEEN) == [seen]


@pytest.mark.parametrize("isolation", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE])
def test_old_code_repeats_what_meets_a_key_that_new_code_is_giving(
    sandbox: Sandbox, isolation: psycopg.IsolationLevel
) -> None:
    as_expanded(sandbox, SETUP, SQL)
    sandbox.execute("INSERT INTO a VALUES (1, 1, 3, 'c'), (2, 2, NULL, NULL)")
    with psycopg.connect(sandbox.url) as old:
        old.isolation_level = isolation
        for key in (1, 2):
            old.execute("SELECT FROM a")
            sandbox.execute(f"INSERT INTO b VALUES ({key}, 6, 'f')")
            with pytest.raises(psycopg.errors.SerializationFailure):
                old.execute(f"UPDATE a SET v = 6 WHERE id = {key}")
            old.rollback()
        old.execute("UPDATE a SET v = 6 WHERE id = 1")

    assert sandbox.rows(SEEN) == [(6, "c", ["6c"])]


def test_old_code_at_repeatable_read_meets_other_keys_of_the_new_table_as_they_are(sandbox: Sandbox) -> None:
    as_expanded(sandbox, SETUP, SQL)
    sandbox.execute("CREATE UNIQUE INDEX ON b (x)")
    sandbox.execute("INSERT INTO a VALUES (1, 1, 3, 'c'), (2, 2, 4, 'd')")
    with psycopg.connect(sandbox.url) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.errors.UniqueViolation):
            old.execute("UPDATE a SET v = 4 WHERE id = 1")


def test_of_two_that_cross_each_other_one_is_ended_and_may_be_repeated(sandbox: Sandbox) -> None:
    as_expanded(sandbox, SETUP, SQL)
    sandbox.execute("INSERT INTO a VALUES (1, 1, 3, 'c')")
    write = "UPDATE b SET q = 'new' WHERE k = 1"
    with psycopg.connect(sandbox.url) as old, psycopg.connect(sandbox.url) as new:
        new.execute("SELECT FROM b WHERE k = 1 FOR UPDATE")
        new.execute("SET LOCAL deadlock_timeout = '50ms'")
        with waiting(sandbox, old, "UPDATE a SET v = 5 WHERE id = 1") as answer:
            with pytest.raises(psycopg.errors.DeadlockDetected):
                new.execute(write)
            new.rollback()
            answer.result(timeout=30)
        old.commit()
    sandbox.execute(write)

    assert sandbox.rows(SEEN) == [(5, "new", ["5new"])]


@pytest.mark.parametrize(
    ("actions", "writes", "seen", "rows"),
    [
        (("SET NULL", "CASCADE"), ["DELETE FROM t WHERE id = 3"], (None, "c"), ["6f"]),
        (("SET NULL", "CASCADE"), ["DELETE FROM t WHERE id = 6"], (3, "c"), ["3c"]),
        (("SET NULL", "CASCADE"), ["DELETE FROM t"], (None, "c"), []),
        (("CASCADE", "CASCADE"), ["UPDATE t SET id = 8 WHERE id = 7", "UPDATE t SET id = 7 WHERE id = 3"],
         (7, "c"), ["6f", "7c"]),
        (("CASCADE", "CASCADE"), ["UPDATE t SET id = 30 WHERE id = 6"], (3, "c"), ["3c", "30f"]),
        (("SET NULL", "SET NULL"), ["UPDATE t SET id = 30 WHERE id = 3"], (None, "c"), ["6f", "30c"]),
        # Each key takes the place of the next one, in one statement.
        (("CASCADE", "CASCADE"), ["INSERT INTO b VALUES (1, 2, 'b'), (1, 4, 'd')", "UPDATE t SET id = id - 1"],
         (2, "c"), ["1b", "2c", "3d", "5f"]),
        (("SET NULL", "SET NULL"), ["INSERT INTO b VALUES (1, 2, 'b'), (1, 4, 'd')", "UPDATE t SET id = id - 1"],
         (None, "c"), ["1b", "2c", "3d", "5f"]),
        (("CASCADE", "CASCADE"),
         ["INSERT INTO b VALUES (1, 2, 'b'), (1, 4, 'd')",
          "ALTER TABLE a DROP CONSTRAINT a_v_fkey, ADD FOREIGN KEY (v) REFERENCES t ON UPDATE CASCADE",
          "UPDATE t SET id = id - 1"],
         (2, "c"), ["1b", "2c", "3d", "5f"]),
    ],
)  # fmt: skip
def test_what_becomes_of_the_other_table_comes_to_both(
    sandbox: Sandbox, actions: tuple[str, str], writes: list[str], seen: tuple[int | None, str], rows: list[str]
) -> None:
    as_expanded(sandbox, POINTING.format(*actions).replace("1, 9)", "1, 7)"), TO_T)
    sandbox.execute("INSERT INTO a VALUES (1, 1, 3, 'c'), (2, 2, 6, 'x'); INSERT INTO b VALUES (1, 6, 'f')")
    for write in writes:
        sandbox.execute(write)

    assert sandbox.rows(SEEN) == [(*seen, rows)]


def test_a_user_that_goes_with_its_account_takes_its_rows_along(sandbox: Sandbox) -> None:
    as_expanded(sandbox, POINTING.format("CASCADE", "CASCADE"), TO_T)
    sandbox.execute("INSERT INTO a VALUES (1, 1, 3, 'c'), (2, 2, 6, 'x'); INSERT INTO b VALUES (1, 6, 'f')")
    sandbox.execute("DELETE FROM t WHERE id = 3")

    assert sandbox.rows("SELECT * FROM b") == [(2, 6, "x")]
