"""Names that need quoting, that fill all 63 bytes, or that are alike in all of those."""

from __future__ import annotations

import pytest

from tests.support.sandbox import Sandbox

OFFLINE = "nobody is connected"
LONG = "n" * 59
NAMES = (
    ("public", "users", "name", "full_name"),
    ("public", "Users", "Name", "FullName"),
    ("public", "select", "order", "group"),
    ("my schema", "a.b", "c.d", "e.f"),
    ("public", 'quo"ted', 'co"lumn', 'ot"her'),
    ("public", "it's", "it's", "that's"),
    ("public", "per%cent", "%s", "%(id)s"),
    ("public", "$migrator$", "$1", "$migrator$"),
    ("public", "back\\slash", "a\\b", "c\\d"),
    ("public", "größe", "länge", "größe"),
    ("public", "t" * 63, "a" * 63, "b" * 63),
    ("public", "ü" * 31, "ä" * 31, "ö" * 31),
    ("public", LONG + "old1", LONG + "old2", LONG + "new3"),
    ("public", "${x}", "{y}", "## z"),
    ("public", "-- step: x", "/* y", "z; DROP TABLE z"),
    ("public", "new\nline", "tab\tbed", "a  b"),
    ("Migrator", "migrator", "migrator_up", "zzz_migrator_2"),
    ("public", "new", "old", "new"),
    ("public", "tg_op", "tg_op2", "taken"),
)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.mark.parametrize(("schema", "table", "old", "new"), NAMES, ids=[f"{each[1]}.{each[2]}"[:40] for each in NAMES])
def test_the_whole_life_under_an_awkward_name(sandbox: Sandbox, schema: str, table: str, old: str, new: str) -> None:
    full, a, b = f"{quoted(schema)}.{quoted(table)}", quoted(old), quoted(new)
    sandbox.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    sandbox.execute(f"CREATE TABLE {full} (k int PRIMARY KEY, {a} text DEFAULT 'it''s $migrator$' UNIQUE)")
    sandbox.execute(f"CREATE INDEX ON {full} (lower({a})) WHERE {a} <> 'x'")
    sandbox.session.execute(f"INSERT INTO {full} SELECT g, 's' || g FROM generate_series(1, 50) AS g")
    rename = f"ALTER TABLE {full} RENAME COLUMN {a} TO {b}"
    before, wanted = sandbox.snapshot(), sandbox.shape_after(rename)
    migration = sandbox.new("an awkward name", rename)
    assert sandbox.expand(migration)
    sandbox.session.execute(f"INSERT INTO {full} (k, {b}) VALUES (100, 'new')")
    sandbox.session.execute(f"UPDATE {full} SET {a} = 'old' WHERE k = 1")
    sandbox.session.execute(f"INSERT INTO {full} (k) VALUES (101)")
    seen = sandbox.rows(f"SELECT {a}, {b} FROM {full} WHERE k IN (1, 100, 101) ORDER BY k")
    assert seen == [("old", "old"), ("new", "new"), ("it's $migrator$",) * 2]
    sandbox.rollback(migration, offline=OFFLINE)
    assert sandbox.snapshot() == before
    sandbox.finish(migration)
    assert sandbox.snapshot() == wanted
    assert sandbox.leftovers() == []
    assert sandbox.value(f"SELECT count(*) FROM {full} WHERE {b} IN ('old', 'new', 's50')") == 3


def test_names_alike_in_their_first_63_bytes_do_not_meet(sandbox: Sandbox) -> None:
    """Everything that is made of them must differ: triggers, functions, copies of indexes."""
    tables = ("t" * 62 + "1", "t" * 62 + "2")
    columns = ("c" * 62 + "1", "c" * 62 + "2")
    changes = []
    for number, table in enumerate(tables):
        sandbox.execute(
            f"CREATE TABLE {table} (k int PRIMARY KEY, {columns[0]} text UNIQUE, {columns[1]} text UNIQUE);"
            f"CREATE INDEX {'i' * 62}{number} ON {table} ({columns[0]}, {columns[1]})"
        )
        changes += [f"ALTER TABLE {table} RENAME {column} TO {'d' * 62}{column[-1]}" for column in columns]
    wanted = sandbox.shape_after("; ".join(changes))
    migration = sandbox.new("all alike", "; ".join(changes))
    sandbox.expand(migration)
    assert sandbox.value("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'zzz%%'") == 8
    for table in tables:
        sandbox.execute(f"INSERT INTO {table} (k, {columns[0]}, {'d' * 62}2) VALUES (1, 'x', 'y')")
        assert sandbox.rows(f"SELECT * FROM {table}") == [(1, "x", "y", "x", "y")]
    sandbox.backfill(migration)
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.snapshot() == wanted
