"""Kinds that are about two tables or several columns, under names that need quoting or fill all 63 bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from tests.support.sandbox import Sandbox

OFFLINE = "nobody is connected in this test"
NAMES = {
    "signs": ('us"er%s $migrator$', "${x} pro'files", 'na"me %(id)s', "it's $$ <%z%>", '"\\'),
    "keywords and comments": ("select", "Table", "-- step: x", "/* y; */ --", "user"),
    "alike in 62 bytes": ("t" * 62 + "1", "t" * 62 + "2", "c" * 62 + "1", "c" * 62 + "2", "c" * 62 + "3"),
    "63 bytes of other letters": ("ü" * 31, "таблица", "名" * 21, "ö" * 31, " é" * 21),
    "variables": ("new", "old", "tg_op", "migrator_up", "found"),
    "records": ("n", "excluded", "new", "held", "old"),
    "more variables": ("o", "e", "is_new", "attempt", "sync"),
}


@dataclass(frozen=True)
class Form:
    """A change with tables ``{t}`` and ``{u}``, columns ``{a}`` and ``{b}``, and a key ``{k}``, all quoted.

    Attributes:
        writes: what old and new code write after expand.
        seen: a query after all that, and what it must come to.
        naive: the same change as the server would do it; none: what contract leaves is looked at by ``seen`` alone.
    """

    setup: str
    sql: str
    writes: str
    seen: str
    rows: list[tuple[object, ...]]
    naive: str = ""


FORMS = {
    "split_table": Form(
        "CREATE TABLE {t} ({k} int PRIMARY KEY, {a} text DEFAULT 'x', {b} int);"
        "INSERT INTO {t} VALUES (1, 'one', 1), (2, NULL, 2)",
        "-- migrator: from = {t}\nCREATE TABLE {u} ({k} int PRIMARY KEY REFERENCES {t} ON DELETE CASCADE ON UPDATE"
        " CASCADE, {a} text, {b} int)",
        "INSERT INTO {t} VALUES (3, 'old', 3); INSERT INTO {t} ({k}) VALUES (4);"
        "INSERT INTO {u} ({k}, {a}) VALUES (4, 'new'); UPDATE {u} SET {b} = 7 WHERE {k} = 3",
        "SELECT {k}, {a}, {b} FROM {u} ORDER BY {k}",
        [(1, "one", 1), (2, None, 2), (3, "old", 7), (4, "new", None)],
        "CREATE TABLE {u} ({k} int PRIMARY KEY REFERENCES {t} ON DELETE CASCADE ON UPDATE CASCADE, {a} text, {b} int);"
        "ALTER TABLE {t} DROP COLUMN {a}, DROP COLUMN {b}",
    ),
    "move_column": Form(
        "CREATE TABLE {t} ({k} int PRIMARY KEY, {a} text); CREATE TABLE {u} ({b} int PRIMARY KEY REFERENCES {t});"
        "INSERT INTO {t} VALUES (1, 'one'), (2, NULL); INSERT INTO {u} VALUES (1), (2)",
        "-- migrator: to = {u} ({b})\nALTER TABLE {t} DROP COLUMN {a}",
        "INSERT INTO {t} VALUES (3, 'old'); INSERT INTO {u} VALUES (3); UPDATE {u} SET {a} = 'new' WHERE {b} = 2",
        "SELECT {b}, {a} FROM {u} ORDER BY 1",
        [(1, "one"), (2, "new"), (3, "old")],
        "ALTER TABLE {u} ADD COLUMN {a} text; ALTER TABLE {t} DROP COLUMN {a}",
    ),
    "move_column to many": Form(
        "CREATE TABLE {t} ({k} int PRIMARY KEY, {a} text);"
        "CREATE TABLE {u} (id int PRIMARY KEY, {b} int REFERENCES {t});"
        "INSERT INTO {t} VALUES (1, 'one'), (2, NULL); INSERT INTO {u} VALUES (1, 1), (2, 1), (3, 2)",
        "-- migrator: to = {u} ({b})\n-- migrator: many = true\nALTER TABLE {t} DROP COLUMN {a}",
        "UPDATE {u} SET {a} = 'new' WHERE id = 1; UPDATE {t} SET {a} = 'old' WHERE {k} = 2",
        "SELECT id, {a} FROM {u} ORDER BY 1",
        [(1, "new"), (2, "one"), (3, "old")],
        "ALTER TABLE {u} ADD COLUMN {a} text; ALTER TABLE {t} DROP COLUMN {a}",
    ),
    "extract_junction": Form(
        "CREATE TABLE {v} ({k} text PRIMARY KEY); INSERT INTO {v} VALUES ('one'), ('two'), ('%');"
        "CREATE TABLE {t} ({k} int PRIMARY KEY, {a} text REFERENCES {v}, {b} text);"
        "INSERT INTO {t} VALUES (1, 'one', 'x'), (2, NULL, NULL)",
        "-- migrator: extract = {t} ({a} AS {b}, {b} AS {a})\nCREATE TABLE {u} ({k} int REFERENCES {t}"
        " ON DELETE CASCADE ON UPDATE CASCADE, {b} text REFERENCES {v}, {a} text, PRIMARY KEY ({k}, {b}))",
        "INSERT INTO {t} VALUES (3, 'one', 'old'), (4, 'two', 'y'); UPDATE {t} SET {a} = '%', {b} = '%' WHERE {k} = 2;"
        "INSERT INTO {u} VALUES (3, 'two', 'new'); DELETE FROM {u} WHERE {k} = 4;"
        "UPDATE {u} SET {b} = 'two' WHERE {k} = 2; UPDATE {t} SET {k} = 5 WHERE {k} = 1",
        "SELECT {k}, {b}, {a} FROM {u} ORDER BY 1, 2",
        [(2, "two", "%"), (3, "one", "old"), (3, "two", "new"), (5, "one", "x")],
        "CREATE TABLE {u} ({k} int REFERENCES {t} ON DELETE CASCADE ON UPDATE CASCADE, {b} text REFERENCES {v},"
        " {a} text, PRIMARY KEY ({k}, {b})); ALTER TABLE {t} DROP COLUMN {a}, DROP COLUMN {b}",
    ),
    "unnest_column": Form(
        "CREATE TABLE {t} ({k} int PRIMARY KEY, {a} text[]); CREATE TABLE {v} ({k} text PRIMARY KEY);"
        "INSERT INTO {t} VALUES (1, '{one,two}'), (2, NULL)",
        "-- migrator: unnest = {t} ({a})\nCREATE TABLE {u} ({b} int REFERENCES {t} ON DELETE CASCADE ON UPDATE CASCADE,"
        " {a} text REFERENCES {v} ({k}) ON DELETE CASCADE ON UPDATE CASCADE, PRIMARY KEY ({b}, {a}))",
        "INSERT INTO {t} VALUES (3, '{old}'), (4, '{x,y}'); UPDATE {t} SET {a} = '{%}' WHERE {k} = 2;"
        "INSERT INTO {v} VALUES ('new'); INSERT INTO {u} VALUES (3, 'new'); DELETE FROM {u} WHERE {a} = 'x';"
        "UPDATE {u} SET {a} = 'new' WHERE {a} = 'y'; UPDATE {t} SET {k} = 5 WHERE {k} = 4",
        "SELECT {b}, {a} FROM {u} ORDER BY 1, 2",
        [(1, "one"), (1, "two"), (2, "%"), (3, "new"), (3, "old"), (5, "new")],
        "CREATE TABLE {u} ({b} int REFERENCES {t} ON DELETE CASCADE ON UPDATE CASCADE, {a} text REFERENCES {v} ({k})"
        " ON DELETE CASCADE ON UPDATE CASCADE, PRIMARY KEY ({b}, {a})); ALTER TABLE {t} DROP COLUMN {a}",
    ),
    "move_column to the chosen one": Form(
        "CREATE TABLE {t} ({k} int PRIMARY KEY, {a} text);"
        "CREATE TABLE {u} (id int PRIMARY KEY, {b} int REFERENCES {t}, {k} bool);"
        "CREATE UNIQUE INDEX ON {u} ({b}) WHERE {k};"
        "INSERT INTO {t} VALUES (1, 'one'), (2, NULL); INSERT INTO {u} VALUES (1, 1, true), (2, 1, NULL), (3, 2, true)",
        "-- migrator: to = {u} ({b})\n-- migrator: where = {k}\nALTER TABLE {t} DROP COLUMN {a}",
        "UPDATE {u} SET {a} = 'new' WHERE id < 3; UPDATE {t} SET {a} = 'old' WHERE {k} = 2",
        "SELECT id, {a} FROM {u} ORDER BY 1",
        [(1, "new"), (2, "new"), (3, "old")],
        "ALTER TABLE {u} ADD COLUMN {a} text; ALTER TABLE {t} DROP COLUMN {a}",
    ),
    "merge_tables": Form(
        "CREATE TABLE {t} ({k} int PRIMARY KEY);"
        "CREATE TABLE {u} ({a} int PRIMARY KEY REFERENCES {t} ON DELETE CASCADE,"
        " {b} text); INSERT INTO {t} VALUES (1), (2), (3); INSERT INTO {u} VALUES (1, 'one'), (2, NULL)",
        "-- migrator: into = {t}\nDROP TABLE {u}",
        "INSERT INTO {u} VALUES (3, 'old'); UPDATE {t} SET {b} = 'new' WHERE {k} = 2",
        "SELECT {k}, {b} FROM {t} ORDER BY 1",
        [(1, "one"), (2, "new"), (3, "old")],
        "ALTER TABLE {t} ADD COLUMN {b} text; DROP TABLE {u}",
    ),
    "partition_table": Form(
        "CREATE TABLE {t} ({a} int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, {b} text); CREATE INDEX ON {t} ({b});"
        "INSERT INTO {t} ({b}) VALUES ('one'), (NULL)",
        "-- migrator: partition = {p} FOR VALUES FROM (MINVALUE) TO (100)\n"
        "CREATE TABLE {t} (LIKE {t}) PARTITION BY RANGE ({a})",
        "INSERT INTO {t} ({b}) VALUES ('old')",
        "SELECT {a}, {b} FROM {u} ORDER BY 1",
        [(1, "one"), (2, None), (3, "old")],
    ),
    "partition_table by list": Form(
        "CREATE TABLE {t} ({a} text, {b} text); INSERT INTO {t} VALUES ('x', 'one'), (NULL, 'two')",
        "-- migrator: partition = {p} FOR VALUES IN ('x', NULL)\nCREATE TABLE {t} (LIKE {t}) PARTITION BY LIST ({a})",
        "INSERT INTO {t} VALUES ('x', 'old')",
        "SELECT {a}, {b} FROM {u} ORDER BY {b}",
        [("x", "old"), ("x", "one"), (None, "two")],
    ),
    "replace_materialized_view": Form(
        "CREATE TABLE {t} ({a} int, {b} text); INSERT INTO {t} VALUES (1, 'one'), (2, NULL);"
        "CREATE MATERIALIZED VIEW {u} AS SELECT {a}, {b} FROM {t}; CREATE UNIQUE INDEX ON {u} ({a});"
        "COMMENT ON COLUMN {u}.{b} IS '%s'",
        "-- migrator: phase = contract\nCREATE MATERIALIZED VIEW {u} AS SELECT {a}, {b}, 1 AS more FROM {t}",
        "SELECT",
        "SELECT {a}, {b}, more FROM {u} ORDER BY 1",
        [(1, "one", 1), (2, None, 1)],
    ),
    "split_column": Form(
        "CREATE TABLE {t} ({k} int PRIMARY KEY, whole text); INSERT INTO {t} VALUES (1, 'a b'), (2, NULL)",
        "-- migrator: up = split_part(whole, ' ', 1), split_part(whole, ' ', 2)\n"
        "-- migrator: down = {a} || ' ' || {b}\n"
        "ALTER TABLE {t} ADD COLUMN {a} text, ADD COLUMN {b} text, DROP COLUMN whole",
        "INSERT INTO {t} ({k}, whole) VALUES (3, 'c d'); INSERT INTO {t} ({k}, {a}, {b}) VALUES (4, 'e', 'f')",
        "SELECT {k}, {a}, {b} FROM {t} ORDER BY 1",
        [(1, "a", "b"), (2, None, None), (3, "c", "d"), (4, "e", "f")],
        "ALTER TABLE {t} ADD COLUMN {a} text, ADD COLUMN {b} text, DROP COLUMN whole",
    ),
    "merge_columns": Form(
        "CREATE TABLE {t} ({k} int PRIMARY KEY, {a} text, {b} text);"
        "INSERT INTO {t} VALUES (1, 'a', 'b'), (2, NULL, NULL)",
        "-- migrator: up = {a} || ' ' || {b}\n"
        "-- migrator: down = split_part(whole, ' ', 1), split_part(whole, ' ', 2)\n"
        "ALTER TABLE {t} ADD COLUMN whole text, DROP COLUMN {a}, DROP COLUMN {b}",
        "INSERT INTO {t} ({k}, whole) VALUES (3, 'c d'); INSERT INTO {t} ({k}, {a}, {b}) VALUES (4, 'e', 'f')",
        "SELECT {k}, whole FROM {t} ORDER BY 1",
        [(1, "a b"), (2, None), (3, "c d"), (4, "e f")],
        "ALTER TABLE {t} ADD COLUMN whole text, DROP COLUMN {a}, DROP COLUMN {b}",
    ),
}


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.mark.parametrize("is_naive", [True, False], ids=["columns and tables", "partitions and views"])
@pytest.mark.parametrize("names", NAMES)
def test_the_whole_life_under_odd_names(sandbox: Sandbox, names: str, is_naive: bool) -> None:
    t, u, a, b, k = (quoted(name) for name in NAMES[names])
    run = sandbox.session._connection.execute
    forms = [form for form in FORMS.values() if bool(form.naive) is is_naive]

    def put(texts: list[str]) -> str:
        """All forms after each other, each in a schema of its own."""
        schemas = ('"Form %s"', "form_%s")
        found = []
        for number, text in enumerate(texts):
            schema = schemas[number % 2] % number
            meant = {
                "t": f"{schema}.{t}",
                "u": f"{schema}.{u}",
                "p": u,
                "a": a,
                "b": b,
                "k": k,
                "s": schema,
                "v": f"{schema}.values",
            }
            found.append(re.sub(r"\{(\w)\}", lambda match, meant=meant: meant[match[1]], text))
        return ";\n".join(found)

    run(put([f"CREATE SCHEMA {{s}}; {form.setup}" for form in forms]))
    before = sandbox.snapshot()
    wanted = sandbox.shape_after(put([form.naive for form in forms])) if is_naive else None
    migration = sandbox.new("odd names", put([form.sql for form in forms]))
    sandbox.expand(migration)
    sandbox.rollback(migration, offline=OFFLINE, yes=True)
    assert sandbox.snapshot() == before
    sandbox.expand(migration)
    run(put([form.writes for form in forms]))
    sandbox.backfill(migration)
    sandbox.contract(migration, offline=OFFLINE)
    seen = [[tuple(row) for row in run(query).fetchall()] for query in put([form.seen for form in forms]).split(";\n")]
    assert seen == [form.rows for form in forms]
    assert wanted is None or sandbox.snapshot() == wanted
    assert sandbox.leftovers() == []
