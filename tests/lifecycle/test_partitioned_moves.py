"""Columns that move from or to partitioned tables: as between ordinary ones, whatever partition rows come to."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

import pytest

from migrator.changes.moving.divided import FOLLOWS
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.postgres.session import ServerError
from tests.support.sandbox import Sandbox, refusal

WRITES = 100
KEY = (
    "PARTITION BY RANGE ({key}); CREATE TABLE {table}_1 PARTITION OF {table} FOR VALUES FROM (MINVALUE) TO (5);"
    "CREATE TABLE {table}_2 PARTITION OF {table} FOR VALUES FROM (5) TO (MAXVALUE) PARTITION BY LIST ({key});"
    "CREATE TABLE {table}_2a PARTITION OF {table}_2 FOR VALUES IN (5, 6, 7);"
    "CREATE TABLE {table}_2b PARTITION OF {table}_2 DEFAULT"
)
CASCADES = "ON DELETE CASCADE ON UPDATE CASCADE"


@dataclass(frozen=True)
class Form:
    """Two tables in a schema ``{s}``, ``{a}`` and ``{b}`` where they may be partitioned, and how columns move.

    Attributes:
        old, new: statements of either version; ``{k}``, ``{j}`` keys, ``{v}`` a value, ``{t}`` when.
        shown: what is compared.
        pointed_to: the table that the foreign key points to.
        keys: what the tables are divided by.
    """

    setup: str
    sql: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    shown: str = "SELECT a::text AS one FROM {s}.a UNION ALL SELECT 'b' || b::text FROM {s}.b ORDER BY 1"
    pointed_to: str = "a"
    keys: tuple[str, str] = ("id", "k")

    @property
    def is_made(self) -> bool:
        """Whether the new table is made by the change."""
        return "CREATE TABLE {s}.b" in self.sql


OLD = (
    "INSERT INTO {s}.a (id, c) VALUES ({k}, '{v}')", "INSERT INTO {s}.a (id) VALUES ({k})",
    "UPDATE {s}.a SET c = '{v}' WHERE id = {k}", "UPDATE {s}.a SET c = NULL WHERE id = {k}",
    "UPDATE {s}.a SET id = {j} WHERE id = {k}", "UPDATE {s}.a SET id = {j}, c = '{v}' WHERE id = {k}",
    "UPDATE {s}.a SET id = {j}, n = 3 WHERE id = {k}", "UPDATE {s}.a SET id = id + 1, c = c || '{v}' WHERE id >= {k}",
    "UPDATE {s}.a SET id = id - 1 WHERE id <= {k}", "UPDATE {s}.a SET n = 1", "DELETE FROM {s}.a WHERE id = {k}",
    "WITH d AS (DELETE FROM {s}.a WHERE id < {k} RETURNING *) INSERT INTO {s}.a (id, c) SELECT id, c FROM d",
)  # fmt: skip
NEW = (
    "INSERT INTO {s}.b (k, c) VALUES ({k}, '{v}')", "INSERT INTO {s}.b (k) VALUES ({k})",
    "UPDATE {s}.b SET c = '{v}' WHERE k = {k}", "UPDATE {s}.b SET c = NULL WHERE k = {k}",
    "UPDATE {s}.b SET k = {j} WHERE k = {k}", "UPDATE {s}.b SET k = {j}, c = '{v}' WHERE k = {k}",
    "DELETE FROM {s}.b WHERE k = {k}", "INSERT INTO {s}.b (k) SELECT id FROM {s}.a ON CONFLICT DO NOTHING",
)  # fmt: skip
A = (
    "CREATE TABLE {s}.a (id int PRIMARY KEY, n int, c text) {a};"
    "INSERT INTO {s}.a VALUES (1, 1, 'x'), (5, 5, 'y'), (8, 8, NULL);"
)
FORMS = {
    "one": Form(
        A + f"CREATE TABLE {{s}}.b (k int UNIQUE REFERENCES {{s}}.a {CASCADES}, m int) {{b}};"
        "INSERT INTO {s}.b VALUES (5)",
        "-- migrator: to = {s}.b\nALTER TABLE {s}.a DROP COLUMN c",
        OLD,
        (*NEW, "UPDATE {s}.b SET m = 1"),
    ),
    "one, back": Form(
        "CREATE TABLE {s}.b (k int PRIMARY KEY, n int) {b}; INSERT INTO {s}.b VALUES (1), (5), (8);"
        f"CREATE TABLE {{s}}.a (id int UNIQUE REFERENCES {{s}}.b {CASCADES}, n int, c text) {{a}};"
        "INSERT INTO {s}.a VALUES (1, 1, 'x'), (5, 5, 'y')",
        "-- migrator: to = {s}.b (k)\nALTER TABLE {s}.a DROP COLUMN c",
        OLD,
        NEW[:7],
        pointed_to="b",
    ),
    "many": Form(
        A.replace("c text", "c text, d int").replace("')", "', 9)").replace("NULL)", "NULL, NULL)")
        + "CREATE TABLE {s}.b (i serial, at int, k int REFERENCES {s}.a ON DELETE CASCADE, m int) {b};"
        "INSERT INTO {s}.b (at, k) VALUES (1, 1), (2, 5), (8, 5)",
        "-- migrator: to = {s}.b (k)\n-- migrator: many = true\nALTER TABLE {s}.a DROP COLUMN c, DROP COLUMN d",
        tuple(each for each in OLD if " id = id" not in each),
        (
            "INSERT INTO {s}.b (at, k, c) VALUES ({j}, {k}, '{v}')", "INSERT INTO {s}.b (at, k) VALUES ({j}, {k})",
            "UPDATE {s}.b SET c = '{v}' WHERE i = {j}", "UPDATE {s}.b SET c = NULL, d = {k} WHERE i = {j}",
            "UPDATE {s}.b SET at = {k} WHERE i = {j}", "UPDATE {s}.b SET at = {k}, c = '{v}' WHERE i = {j}",
            "UPDATE {s}.b SET at = {k}, d = {j}, m = 2 WHERE at = {j}",
            "UPDATE {s}.b SET at = {k}, c = NULL WHERE i = {j}", "UPDATE {s}.b SET at = {j}, k = {k} WHERE i = {j}",
            "UPDATE {s}.b SET k = {k}, c = '{v}', at = {j} WHERE i = {j}",
            "UPDATE {s}.b SET at = at + 3", "DELETE FROM {s}.b WHERE i = {j}",
        ),
        "SELECT a::text AS one FROM {s}.a UNION ALL SELECT 'b' || ROW(i, at, k, m, c, d)::text FROM {s}.b ORDER BY 1",
        keys=("id", "at"),
    ),
    "chosen": Form(
        A + f"CREATE TABLE {{s}}.b (i serial, k int REFERENCES {{s}}.a {CASCADES}, main bool) {{b}};"
        "CREATE UNIQUE INDEX ON {s}.b (k) WHERE main;"
        "INSERT INTO {s}.b (k, main) VALUES (1, true), (5, false), (5, true)",
        "-- migrator: to = {s}.b (k)\n-- migrator: where = main\nALTER TABLE {s}.a DROP COLUMN c",
        OLD,
        (
            "INSERT INTO {s}.b (k, main, c) VALUES ({k}, true, '{v}')",
            "INSERT INTO {s}.b (k, main) VALUES ({k}, true)",
            "INSERT INTO {s}.b (k, main, c) VALUES ({k}, false, '{v}')", "UPDATE {s}.b SET c = '{v}' WHERE i = {j}",
            "UPDATE {s}.b SET main = NOT main WHERE i = {j}", "UPDATE {s}.b SET main = (i = {j}) WHERE k = {k}",
            "UPDATE {s}.b SET k = {k} WHERE i = {j}", "UPDATE {s}.b SET k = {k}, c = '{v}' WHERE i = {j}",
            "UPDATE {s}.b SET k = {k}, main = true WHERE i = {j}", "DELETE FROM {s}.b WHERE i = {j}",
        ),
        "SELECT a::text AS one FROM {s}.a UNION ALL SELECT 'b' || ROW(i, k, main, c)::text FROM {s}.b ORDER BY 1",
    ),
    "split": Form(
        A,
        "-- migrator: from = {s}.a\nCREATE TABLE {s}.b (k int PRIMARY KEY REFERENCES {s}.a "
        f"{CASCADES}, c text)",
        OLD,
        NEW,
        "SELECT a::text AS one FROM {s}.a UNION ALL SELECT 'b' || ROW(k, c)::text FROM {s}.b WHERE c IS NOT NULL"
        " ORDER BY 1",
    ),
    "unnest": Form(
        "CREATE TABLE {s}.a (id int PRIMARY KEY, n int, c int[]) {a};"
        "INSERT INTO {s}.a VALUES (1, 1, '{{1, 2}}'), (8, 8, NULL);",
        "-- migrator: unnest = {s}.a (c)\nCREATE TABLE {s}.b (k int REFERENCES {s}.a "
        f"{CASCADES}, v int, PRIMARY KEY (k, v))",
        (
            "INSERT INTO {s}.a (id, c) VALUES ({k}, '{{{j}, {v}}}')", "INSERT INTO {s}.a (id) VALUES ({k})",
            "UPDATE {s}.a SET c = '{{{j}, {v}}}' WHERE id = {k}", "UPDATE {s}.a SET c = c || {v} WHERE id = {k}",
            "UPDATE {s}.a SET id = {j} WHERE id = {k}", "UPDATE {s}.a SET id = {j}, c = c[2:] || {v} WHERE id = {k}",
            "UPDATE {s}.a SET id = id + 1, c = c || {k} WHERE id >= {k}",
            "UPDATE {s}.a SET id = id - 1 WHERE id <= {k}", "DELETE FROM {s}.a WHERE id = {k}",
        ),
        (
            "INSERT INTO {s}.b VALUES ({k}, {v})", "DELETE FROM {s}.b WHERE k = {k} AND v > {j}",
            "UPDATE {s}.b SET v = {v} WHERE k = {k} AND v = (SELECT min(v) FROM {s}.b WHERE k = {k})",
            "UPDATE {s}.b SET k = {j} WHERE k = {k}",
        ),
    ),
    "merge": Form(
        "CREATE TABLE {s}.b (k int PRIMARY KEY, m int) {b}; INSERT INTO {s}.b VALUES (1), (5), (8);"
        f"CREATE TABLE {{s}}.a (id int UNIQUE REFERENCES {{s}}.b {CASCADES}, n int, c text,"
        " d int NOT NULL DEFAULT 7) {a};"
        "INSERT INTO {s}.a VALUES (1, 1, 'x', 3), (5, 5, 'y', 7)",
        "-- migrator: into = {s}.b\nDROP TABLE {s}.a",
        OLD,
        NEW[:7],
        pointed_to="b",
    ),
    "merge, strictly": Form(
        "CREATE TABLE {s}.b (k int PRIMARY KEY, m int) {b}; INSERT INTO {s}.b VALUES (1), (5), (8);"
        f"CREATE TABLE {{s}}.a (id int UNIQUE REFERENCES {{s}}.b {CASCADES}, n int, c text NOT NULL) {{a}};"
        "INSERT INTO {s}.a VALUES (1, 1, 'x'), (5, 5, 'y')",
        "-- migrator: into = {s}.b\nDROP TABLE {s}.a",
        OLD,
        (*NEW[:7], "UPDATE {s}.b SET k = {j}, c = NULL, n = NULL WHERE k = {k}"),
        pointed_to="b",
    ),
}  # fmt: skip
DIVIDED = {"one, back": ("b",), "split": ("a",), "unnest": ("a",)}
FORMS_AND_SIDES = [(name, sides) for name in FORMS for sides in DIVIDED.get(name, ("a", "b", "ab"))]


def stand(sandbox: Sandbox, form: Form, schema: str, divided: str) -> list[str]:
    """Tables as expand leaves them; what the backfill sends, and what counts before contract."""
    clauses = {
        table: KEY.format(table=f"{schema}.{table}", key=key) if table in divided else ""
        for table, key in zip("ab", form.keys, strict=True)
    }
    sandbox.execute(f"CREATE SCHEMA {schema};" + form.setup.format(s=schema, **clauses))
    migration = sandbox.new(f"in {schema}", form.sql.format(s=schema))
    for step in migration.phase(Phase.EXPAND):
        sandbox.session.execute(step.sql)
    return [step.sql for step in migration.phase(Phase.BACKFILL)]


def outcome(sandbox: Sandbox, statement: str) -> str:
    try:
        sandbox.session.execute(statement)
    except ServerError as error:
        return error.sqlstate or "lost"
    return ""


def attempt(sandbox: Sandbox, statement: str) -> str:
    """The outcome of a statement that is not to stay."""
    sandbox.session.execute("BEGIN")
    try:
        return outcome(sandbox, statement)
    finally:
        sandbox.session.execute("ROLLBACK")


def is_followed(statement: str, form: Form, divided: str, version: int) -> bool:
    """Whether what the statement does to other tables is the same on this version, partitioned or not."""
    key = dict(zip("ab", form.keys, strict=True))[form.pointed_to]
    changes_key = f".{form.pointed_to} SET {key} = " in statement
    return version >= FOLLOWS or not changes_key or form.pointed_to not in divided


@pytest.mark.parametrize("seed", range(int(os.environ.get("MOVES_FROM", "0")), int(os.environ.get("MOVES_TO", "1"))))
@pytest.mark.parametrize(("name", "divided"), FORMS_AND_SIDES)
def test_rows_are_what_they_would_be_in_ordinary_tables(sandbox: Sandbox, name: str, divided: str, seed: int) -> None:
    form, chance = FORMS[name], random.Random(f"{name} {divided} {seed}")
    plain, parted = stand(sandbox, form, "plain", ""), stand(sandbox, form, "parted", divided)
    told = []
    for place in range(WRITES):
        # Where the new table is made, a row that changes its partition gets its rows there before the backfill.
        if place == (0 if form.is_made else WRITES // 2):
            for fill in (*plain, *parted):
                sandbox.session.execute(fill)
        statement = chance.choice(chance.choice([form.old, form.new]))
        k, j, v = chance.randrange(10), chance.randrange(10), place + 10
        here, there = (statement.format(s=schema, k=k, j=j, v=v) for schema in ("plain", "parted"))
        if not is_followed(statement, form, divided, sandbox.session.server_version):
            continue
        if "id = id " in statement and (attempt(sandbox, here) or attempt(sandbox, there)):
            continue  # Whether keys collide on the way depends on the order in which rows lie.
        results = outcome(sandbox, here), outcome(sandbox, there)
        told.append(f"{there}; -- {results[1]}")
        wanted, found = (sandbox.rows(form.shown.format(s=schema)) for schema in ("plain", "parted"))
        assert bool(results[0]) == bool(results[1]), "\n".join([*told[-30:], str(results)])
        assert wanted == found, "\n".join(told[-30:])
    assert any(each.endswith("-- ") for each in told)


MOVED = "UPDATE parted.{table} SET {key} = 7, c = {value} WHERE {key} = 1"


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("one", "'z'", [("(7,1,z)",), ("b(7,,z)",)]),
        ("chosen", "'z'", [("(7,1,z)",), ("b(1,7,t,z)",)]),
        ("split", "'z'", [("(7,1,z)",), ("b(7,z)",)]),
        ("unnest", "'{2, 3}'", [('(7,1,"{2,3}")',), ("b(7,2)",), ("b(7,3)",)]),
        ("merge", "'z'", [("(7,1,z,3)",), ("b(7,,1,z,3)",)]),
    ],
)
def test_what_is_written_with_a_new_partition_is_kept_on_every_version(
    sandbox: Sandbox, name: str, value: str, wanted: list[tuple[str]]
) -> None:
    form = FORMS[name]
    (fill, *_) = stand(sandbox, form, "parted", form.pointed_to)
    if name == "one":
        sandbox.execute("INSERT INTO parted.b VALUES (1)")
    sandbox.execute("DELETE FROM parted.a WHERE id > 1; DELETE FROM parted.b WHERE k > 1")
    sandbox.session.execute(fill)
    key = dict(zip("ab", form.keys, strict=True))[form.pointed_to]
    sandbox.execute(MOVED.format(table=form.pointed_to, key=key, value=value))
    if sandbox.session.server_version < FOLLOWS and name in ("one", "chosen"):
        # As without the tool: the foreign key has deleted the rows, and what they held is where old code reads it.
        wanted = wanted[:1]
    if sandbox.session.server_version < FOLLOWS and name == "merge":
        # Deleted by the foreign key, and made again.
        wanted = [("(7,1,z,3)",), wanted[1]]
    assert sandbox.rows(form.shown.format(s="parted")) == wanted


@pytest.mark.parametrize("divided", ["", "a"])
@pytest.mark.parametrize("name", ["one", "split", "unnest", "merge", "chosen"])
def test_old_code_goes_on_between_the_steps_of_a_rollback(sandbox: Sandbox, name: str, divided: str) -> None:
    form = FORMS[name]
    stand(sandbox, form, "parted", divided)
    (migration,) = sandbox.migrations()
    if name == "one":
        sandbox.execute("INSERT INTO parted.b VALUES (1)")
    key, table = ("k", "b") if form.pointed_to == "b" else ("id", "a")
    for place, step in enumerate(migration.phase(Phase.ROLLBACK)):
        value = f"'{{{place}}}'" if name == "unnest" else f"'{place}'"
        sandbox.execute(f"UPDATE parted.a SET c = {value} WHERE id IN (1, 2)")
        # To the next key, by turns.
        sandbox.execute(f"UPDATE parted.{table} SET {key} = 3 - {key} WHERE {key} IN (1, 2)")
        assert sandbox.rows("SELECT c::text FROM parted.a WHERE id IN (1, 2)") == [(value.strip("'"),)], step.id
        if not step.sql.startswith("LOCK"):
            sandbox.session.execute(step.sql)


@pytest.mark.parametrize("divided", ["", "a"])
@pytest.mark.parametrize("name", ["split", "merge"])
def test_another_row_may_take_the_place_of_one_by_the_same_statement(sandbox: Sandbox, name: str, divided: str) -> None:
    for fill in stand(sandbox, FORMS[name], "parted", divided):
        sandbox.session.execute(fill)
    sandbox.execute("WITH d AS (DELETE FROM parted.a WHERE id = 1 RETURNING *) INSERT INTO parted.a SELECT * FROM d")
    assert sandbox.rows("SELECT a.c, b.c AS new FROM parted.a JOIN parted.b ON k = id WHERE k = 1") == [("x", "x")]


@pytest.mark.parametrize(
    ("setup", "sql", "said"),
    [
        (
            A.format(s="public", a=KEY.format(table="a", key="id"))
            + "CREATE TABLE b (k int UNIQUE REFERENCES a ON UPDATE CASCADE)",
            "-- migrator: to = b\nALTER TABLE a DROP COLUMN c",
            "replace the foreign key by one with ON DELETE RESTRICT, or CASCADE",
        ),
        (
            "CREATE TABLE b (k int PRIMARY KEY);"
            "CREATE TABLE a (id int UNIQUE REFERENCES b ON UPDATE CASCADE, c text) " + KEY.format(table="a", key="id"),
            "-- migrator: to = b (k)\nALTER TABLE a DROP COLUMN c",
            "by one without ON UPDATE CASCADE",
        ),
        (
            "CREATE TABLE a (id int PRIMARY KEY, c text);"
            "CREATE TABLE b (k int REFERENCES a, at int) " + KEY.format(table="b", key="at"),
            "-- migrator: to = b\nALTER TABLE a DROP COLUMN c",
            "let both tables have at, and be found by that as well",
        ),
        (
            "CREATE TABLE b (k int PRIMARY KEY);"
            "CREATE TABLE a (id int REFERENCES b, at int, c text) " + KEY.format(table="a", key="at"),
            "-- migrator: into = b\nDROP TABLE a",
            "let both tables have at, and be found by that as well",
        ),
        (
            "CREATE TABLE a (id int, at int, c text, PRIMARY KEY (id, at)) " + KEY.format(table="a", key="at"),
            "-- migrator: from = a\nCREATE TABLE b (k int PRIMARY KEY REFERENCES a (id) ON DELETE CASCADE, c text)",
            "let both tables have at, and be found by that as well",
        ),
        (
            "CREATE TABLE a (id int PRIMARY KEY, c text)",
            f"-- migrator: from = a\nCREATE TABLE b (k int PRIMARY KEY REFERENCES a {CASCADES}) PARTITION BY LIST (k)",
            "a later migration divides it: -- migrator: partition =",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_refused_with_a_way(sandbox: Sandbox, setup: str, sql: str, said: str) -> None:
    sandbox.execute(setup)
    with pytest.raises(Refused) as caught:
        sandbox.new("move", sql)
    assert said in refusal(caught.value)


def test_what_is_attached_with_rows_behind_the_backfill_is_counted(sandbox: Sandbox) -> None:
    sandbox.execute(
        "CREATE TABLE a (id int PRIMARY KEY, c text) PARTITION BY RANGE (id);"
        "CREATE TABLE a_1 PARTITION OF a FOR VALUES FROM (0) TO (10); INSERT INTO a VALUES (1, 'x');"
        "CREATE TABLE a_2 (LIKE a INCLUDING ALL); INSERT INTO a_2 VALUES (11, 'y')"
    )
    sandbox.install()
    migration = sandbox.new("split", FORMS["split"].sql.format(s="public"))
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.execute("ALTER TABLE a ATTACH PARTITION a_2 FOR VALUES FROM (10) TO (20)")
    offline = "nobody is connected in this test"
    with pytest.raises(Refused) as caught:
        sandbox.contract(migration, offline=offline)
    assert "holds values of c and has no row in public.b" in refusal(caught.value)
    # The triggers are on the partition; a write brings the row.
    sandbox.execute("UPDATE a SET c = c || '!' WHERE id = 11; DELETE FROM b WHERE k = 1; DELETE FROM a WHERE id = 1")
    sandbox.execute("ALTER TABLE a DETACH PARTITION a_1")
    sandbox.contract(migration, offline=offline)
    assert sandbox.rows("SELECT k, c FROM b") == [(11, "y!")]
    assert sandbox.leftovers() == []
