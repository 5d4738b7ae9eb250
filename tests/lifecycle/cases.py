"""One case for each kind and form of change: a schema, the change, and the code of both versions."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.lifecycle.clients import Code, Value


def same(seen: Value, committed: Value) -> bool:
    return bool(seen == committed)


def sometimes_null(chance: random.Random) -> str | None:
    return None if chance.random() < 0.15 else f"v{chance.randrange(10**9)}"


_COUNTED = itertools.count(1)


def later_than_all(chance: random.Random) -> str:
    return f"v{next(_COUNTED):09}"


def two_words(chance: random.Random) -> str:
    return f"v{chance.randrange(10**9)} w{chance.randrange(10**9)}"


ON_MATERIALIZED = (
    "CREATE UNIQUE INDEX entries_id ON entries (id); CREATE INDEX entries_value ON entries (lower(value)) WHERE n > 5;"
    "COMMENT ON MATERIALIZED VIEW entries IS 'what there was'; COMMENT ON COLUMN entries.value IS 'the value';"
    "COMMENT ON INDEX entries_value IS 'for search'; GRANT SELECT (n), INSERT ON entries TO PUBLIC;"
    "ALTER MATERIALIZED VIEW entries ALTER value SET STATISTICS 7, ALTER value SET STORAGE EXTERNAL;"
)
MATERIALIZED = (
    "CREATE MATERIALIZED VIEW entries WITH (fillfactor=70) AS SELECT id, n, value FROM items;" + ON_MATERIALIZED
)


STORED = (
    "CREATE VIEW items_seen AS SELECT id, value FROM items WHERE value >= 0;"
    "CREATE MATERIALIZED VIEW items_sums AS SELECT value % 500 AS rest, sum(value) AS sum FROM items_seen GROUP BY 1;"
    "CREATE UNIQUE INDEX items_sums_rest ON items_sums (rest); GRANT SELECT ON items_sums TO PUBLIC;"
    "CREATE VIEW items_read AS SELECT rest, sum FROM items_sums;"
)
VIEWED = (
    "CREATE VIEW items_seen WITH (check_option=cascaded) AS SELECT id, n, value FROM items WHERE n IS NOT NULL;"
    "CREATE VIEW items_more AS SELECT id, value, n FROM items_seen;"
    "ALTER VIEW items_more ALTER n SET DEFAULT 3; COMMENT ON VIEW items_more IS 'what the code uses';"
    "COMMENT ON COLUMN items_more.value IS 'the value'; GRANT SELECT (id), UPDATE (n) ON items_more TO PUBLIC;"
    "GRANT SELECT ON items_seen TO PUBLIC;"
)


_UPSERT_BY_NAME = (
    "INSERT INTO items (n, value) VALUES (%(n)s, %(value)s) ON CONFLICT ON CONSTRAINT one DO UPDATE"
    " SET n = EXCLUDED.n RETURNING id"
)


@dataclass(frozen=True)
class Case:
    """A life of one migration.

    Attributes:
        kind: of ``changes.registry``.
        setup: the schema with its rows.
        sql: what ``migrator new --sql`` gets.
        naive: the same without directives: what the final shape must be.
        old, new: the code of both versions.
        existing: rows of ``setup`` as ``(table, id, n, value)`` SQL.
        seen_as: whether a value read is right for the value committed.
        seen_finally: the same once the contract is done.
        loses: whether a rollback loses what new code wrote, and must say so.
        hides: whether a rollback hides what new code wrote until the next expand, and must say so.
        moves: whether the column ends up last in its table.
        repair: what an operator has to run before rollback, which is refused until then; ``repaired``: the value it
            writes for one of new code.
        leaves: what rollback cannot take back, as SQL.
        final: conditions that must be true at the end, as SQL.
    """

    name: str
    kind: str
    sql: str
    old: Code
    new: Code
    setup: str = ""
    naive: str = ""
    existing: str = "SELECT 'items', id, n, value FROM items"
    seen_as: Callable[[Value, Value], bool] = same
    seen_finally: Callable[[Value, Value], bool] | None = None
    loses: bool = False
    hides: bool = False
    moves: bool = False
    repair: str = ""
    repaired: Callable[[Value], Value] = lambda value: value
    leaves: str = ""
    final: tuple[str, ...] = ()

    @property
    def final_sql(self) -> str:
        return self.naive or self.sql

    def __str__(self) -> str:
        return f"{self.kind}-{self.name}"


ROWS = 4_000
FIRST_NOTE = "(SELECT notes.value FROM notes WHERE item = items.id ORDER BY id LIMIT 1)"

MAIN_PART = "(SELECT part FROM members WHERE item = id AND account = main)"
MAIN_NOTE = "(SELECT notes.value FROM notes WHERE item = items.id AND role = 'main')"


def items(column: str = "value text", *, rows: int = ROWS, value: str = "'s' || g", more: str = "") -> str:
    """A table ``items`` with a column that the change is about, filled."""
    name = column.split(maxsplit=1)[0]
    return (
        f"CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer NOT NULL, {column}{more});"
        f"INSERT INTO items (n, {name}) SELECT g, {value} FROM generate_series(1, {rows}) AS g;"
        "ANALYZE items;"
    )


def divided(setup: str) -> str:
    """The same with ``items`` in two partitions."""
    return setup.replace(
        ");INSERT",
        ") PARTITION BY RANGE (id); CREATE TABLE items_1 PARTITION OF items FOR VALUES FROM (MINVALUE) TO (1500);"
        "CREATE TABLE items_2 PARTITION OF items FOR VALUES FROM (1500) TO (MAXVALUE);INSERT",
        1,
    )


def code(column: str, *, on: str = "items", **options: Any) -> Code:
    """Code that reads and writes ``column`` of ``items``, or of a view of it."""
    return Code(
        insert=f"INSERT INTO {on} (n, {column}) VALUES (%(n)s, %(value)s) RETURNING id",
        update=f"UPDATE {on} SET {column} = %(value)s WHERE id = %(id)s",
        touch=f"UPDATE {on} SET n = %(n)s WHERE id = %(id)s",
        read=f"SELECT n, {column} FROM {on} WHERE id = %(id)s",
        read_all=f"SELECT id, n, {column} FROM {on}",
        **options,
    )


def code_without(**options: Any) -> Code:
    """Code that does not know the column."""
    return Code(
        insert="INSERT INTO items (n) VALUES (%(n)s) RETURNING id",
        touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
        read="SELECT n FROM items WHERE id = %(id)s",
        read_all="SELECT id, n FROM items",
        **options,
    )


def partitioned(*partitions: str) -> str:
    """A table ``items`` in partitions by id."""
    return (
        "CREATE SEQUENCE ids; CREATE SEQUENCE more_ids START 1000000;"
        "CREATE TABLE items (id bigint PRIMARY KEY, n integer NOT NULL, value text) PARTITION BY RANGE (id);"
        + "".join(f"CREATE TABLE {each};" for each in partitions)
        + "CREATE INDEX items_value ON items (value);"
        f"INSERT INTO items SELECT nextval('ids'), g, 's' || g FROM generate_series(1, {ROWS}) AS g; ANALYZE items;"
    )


def code_of_part(sequence: str, condition: str, table: str) -> Code:
    """Code that reads and writes the rows of one partition through ``items``."""
    return Code(
        insert=f"INSERT INTO items (id, n, value) VALUES (nextval('{sequence}'), %(n)s, %(value)s) RETURNING id",
        update="UPDATE items SET value = %(value)s WHERE id = %(id)s",
        touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
        read="SELECT n, value FROM items WHERE id = %(id)s",
        read_all=f"SELECT id, n, value FROM items WHERE id {condition}",
        table=table,
    )


def calling(condition: str) -> Code:
    """Code that reads and writes ``value`` of ``items`` where a condition that is always true holds."""
    return Code(
        insert=f"INSERT INTO items (n, value) SELECT %(n)s, %(value)s WHERE {condition} RETURNING id",
        update=f"UPDATE items SET value = %(value)s WHERE id = %(id)s AND {condition}",
        read=f"SELECT n, value FROM items WHERE id = %(id)s AND {condition}",
        read_all="SELECT id, n, value FROM items",
    )


def reading(view: str, columns: str = "value") -> Code:
    """Code that writes ``items``, and looks into a materialized view whenever it reads, whatever rows are there."""
    seen = f"(SELECT count(({columns})) FROM {view} WHERE id = %(id)s) >= 0"
    return Code(
        insert="INSERT INTO items (n, value) VALUES (%(n)s, %(value)s) RETURNING id",
        update="UPDATE items SET value = %(value)s WHERE id = %(id)s",
        read=f"SELECT n, value FROM items WHERE id = %(id)s AND {seen}",
        read_all=f"SELECT id, n, value FROM items WHERE (SELECT count(({columns})) FROM {view}) >= 0",
    )


def drawing(sequence: str) -> Code:
    """Code that draws from a sequence at each write."""
    return calling(f"nextval('{sequence}') IS NOT NULL")


TOUCHED = (
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    "CREATE TRIGGER touched BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touch();"
    "CREATE TRIGGER more_touched BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touch();"
)


def naming(ids: str) -> Code:
    """Code that names the key of the rows it inserts, drawn from a sequence."""
    return Code(
        insert=f"INSERT INTO items (id, n, value) VALUES (nextval('{ids}'), %(n)s, %(value)s) RETURNING id",
        update="UPDATE items SET value = %(value)s WHERE id = %(id)s",
        touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
        read="SELECT n, value FROM items WHERE id = %(id)s",
        read_all="SELECT id, n, value FROM items",
    )


def keyed(how: str) -> str:
    """A table ``items`` with a key that is filled so, and what the rows of code that names it draw from."""
    named = "id, " if "serial" not in how and "IDENTITY" not in how else ""
    return (
        f"CREATE SEQUENCE down INCREMENT BY -1;"
        f"CREATE TABLE items (id {how}, n integer NOT NULL, value text);"
        f"INSERT INTO items ({named}n, value) SELECT {'g, ' if named else ''}g, 's' || g"
        f" FROM generate_series(1, {ROWS}) AS g; ANALYZE items;"
    )


_CASES = (
    Case(
        name="of a serial column whose sequence old code names",
        kind="add_identity",
        setup=keyed("serial PRIMARY KEY") + "COMMENT ON SEQUENCE items_id_seq IS 'numbers';"
        "GRANT USAGE ON items_id_seq TO PUBLIC; ALTER SEQUENCE items_id_seq CACHE 3;",
        sql="ALTER TABLE items ALTER id DROP DEFAULT, ALTER id ADD GENERATED ALWAYS AS IDENTITY;"
        "SELECT setval(pg_get_serial_sequence('items', 'id'), (SELECT max(id) FROM items))",
        naive="ALTER TABLE items ALTER id DROP DEFAULT; DROP SEQUENCE items_id_seq;"
        "ALTER TABLE items ALTER id ADD GENERATED ALWAYS AS IDENTITY (CACHE 3);"
        "GRANT USAGE ON items_id_seq TO PUBLIC; COMMENT ON SEQUENCE items_id_seq IS 'numbers'",
        old=naming("items_id_seq"),
        new=code("value"),
    ),
    Case(
        name="of a serial column",
        kind="add_identity",
        setup=keyed("bigserial PRIMARY KEY"),
        sql="ALTER TABLE items ALTER id ADD GENERATED BY DEFAULT AS IDENTITY (START WITH 100000)",
        naive="ALTER TABLE items ALTER id DROP DEFAULT; DROP SEQUENCE items_id_seq;"
        "ALTER TABLE items ALTER id ADD GENERATED BY DEFAULT AS IDENTITY (START WITH 100000)",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="of a column whose values old code draws elsewhere",
        kind="add_identity",
        setup=keyed("bigint PRIMARY KEY"),
        sql="-- migrator: phase = expand\nALTER TABLE items ALTER id ADD GENERATED ALWAYS AS IDENTITY",
        old=naming("down"),
        new=code("value"),
    ),
    Case(
        name="old code names values to the end",
        kind="set_identity",
        setup=keyed("bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"),
        sql="ALTER TABLE items ALTER id SET GENERATED ALWAYS",
        old=naming("down"),
        new=code("value"),
    ),
    Case(
        name="new code names values",
        kind="set_identity",
        setup=keyed("bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
        sql="ALTER TABLE items ALTER id SET GENERATED BY DEFAULT",
        old=code("value"),
        new=naming("down"),
    ),
    Case(
        name="old code draws to the end",
        kind="drop_identity",
        setup=keyed("bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
        sql="ALTER TABLE items ALTER id DROP IDENTITY",
        old=code("value"),
        new=naming("down"),
    ),
    Case(
        name="computed to the end",
        kind="drop_expression",
        setup=items("value text", more=", twice text GENERATED ALWAYS AS (value || value) STORED"),
        sql="ALTER TABLE items ALTER twice DROP EXPRESSION",
        old=Code(
            insert="INSERT INTO items (n, value) VALUES (%(n)s, %(value)s) RETURNING id",
            update="UPDATE items SET value = %(value)s WHERE id = %(id)s",
            read="SELECT n, left(twice, length(twice) / 2) FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, left(twice, length(twice) / 2) FROM items",
        ),
        new=code("value"),
    ),
    Case(
        name="with a foreign key",
        kind="create_table",
        setup=items(),
        sql="CREATE TABLE labels (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer NOT NULL,"
        " value text, item bigint REFERENCES items (id))",
        old=code("value"),
        new=Code(
            insert="INSERT INTO labels (n, value, item) VALUES (%(n)s, %(value)s, 1) RETURNING id",
            update="UPDATE labels SET value = %(value)s WHERE id = %(id)s",
            read="SELECT n, value FROM labels WHERE id = %(id)s",
            read_all="SELECT id, n, value FROM labels",
            table="labels",
        ),
        loses=True,
    ),
    Case(
        name="nullable",
        kind="add_column",
        setup="CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer NOT NULL);"
        f"INSERT INTO items (n) SELECT g FROM generate_series(1, {ROWS}) AS g",
        sql="ALTER TABLE items ADD COLUMN value text",
        existing="SELECT 'items' AS name, id, n, NULL AS value FROM items",
        old=code_without(),
        new=code("value", values=sometimes_null),
        loses=True,
    ),
    Case(
        name="with a constant default",
        kind="add_column",
        setup="CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer NOT NULL);"
        f"INSERT INTO items (n) SELECT g FROM generate_series(1, {ROWS}) AS g",
        sql="ALTER TABLE items ADD COLUMN value text DEFAULT 'en'",
        existing="SELECT 'items' AS name, id, n, 'en' AS value FROM items",
        old=code_without(default="en"),
        new=code("value", values=sometimes_null),
        loses=True,
    ),
    Case(
        name="with a default that goes when old code is gone",
        kind="add_column",
        setup=items("other text"),
        sql="ALTER TABLE items ADD COLUMN value text NOT NULL DEFAULT 'en'; ALTER TABLE items ALTER value DROP DEFAULT",
        existing="SELECT 'items' AS name, id, n, 'en' AS value FROM items",
        old=code_without(default="en"),
        new=code("value"),
        loses=True,
    ),
    Case(
        name="filled by an UPDATE, and NOT NULL",
        kind="add_column",
        setup=items("other text", rows=3 * ROWS),
        sql="ALTER TABLE items ADD COLUMN value text; UPDATE items SET value = 'row' WHERE n % 2 = 0;"
        "UPDATE items SET value = 'odd ' || other WHERE value IS NULL; UPDATE items SET value = '' WHERE value IS NULL;"
        "ALTER TABLE items ALTER value SET NOT NULL, ALTER value SET DEFAULT 'none'",
        existing="SELECT 'items' AS name, id, n, '' AS value FROM items",
        old=code_without(default=""),
        new=code("value", unfilled=(None,)),
        seen_as=lambda seen, committed: (
            seen in ("row", "none", "") or str(seen).startswith("odd ") if committed == "" else seen == committed
        ),
        loses=True,
    ),
    Case(
        name="nullable, filled by an UPDATE",
        kind="add_column",
        setup=items("other text", rows=3 * ROWS),
        sql="ALTER TABLE items ADD COLUMN value text; UPDATE items SET value = 'row ' || n",
        existing="SELECT 'items' AS name, id, n, '' AS value FROM items",
        old=code_without(default="", touch_fills=False),
        new=code("value", unfilled=(None,), touch_fills=False),
        seen_as=lambda seen, committed: str(seen).startswith("row ") if committed == "" else seen == committed,
        loses=True,
    ),
    Case(
        name="with a CHECK, a key and a reference inside",
        kind="add_column",
        setup="CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer NOT NULL);"
        f"INSERT INTO items (n) SELECT g FROM generate_series(1, {ROWS}) AS g;"
        "CREATE TABLE owners (id integer PRIMARY KEY); INSERT INTO owners VALUES (1)",
        sql="ALTER TABLE items ADD COLUMN value text CHECK (value <> '') CHECK (length(value) < 90) UNIQUE,"
        " ADD COLUMN owner integer DEFAULT 1 REFERENCES owners ON DELETE SET NULL",
        existing="SELECT 'items' AS name, id, n, NULL AS value FROM items",
        old=code_without(),
        new=code("value", values=lambda chance: f"v{chance.getrandbits(60)}"),
        loses=True,
        final=("4 = (SELECT count(*) FROM pg_constraint WHERE conname LIKE 'items%' AND contype IN ('c', 'u', 'f'))",),
    ),
    Case(
        name="NOT NULL with a default",
        kind="add_column",
        setup="CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer NOT NULL);"
        f"INSERT INTO items (n) SELECT g FROM generate_series(1, {ROWS}) AS g",
        sql="ALTER TABLE items ADD COLUMN value integer NOT NULL DEFAULT 7",
        existing="SELECT 'items' AS name, id, n, 7 AS value FROM items",
        old=code_without(default=7),
        new=code("value", values=lambda chance: chance.randrange(1000)),
        loses=True,
    ),
    Case(
        name="NOT NULL with a default that differs from row to row",
        kind="add_column",
        setup=items("other text", rows=3 * ROWS),  # as for identity below
        sql="ALTER TABLE items ADD COLUMN value text NOT NULL DEFAULT 'r0.' || (random() * 1000000000)::int",
        existing="SELECT 'items' AS name, id, n, 'r' AS value FROM items",
        old=code_without(default="r"),
        new=code("value", unfilled=(None,)),
        # A row written before expand is filled by the backfill alone, whoever touches it before.
        seen_as=lambda seen, committed: seen == committed or (committed == "r" and str(seen or "r0.")[:3] == "r0."),
        seen_finally=lambda seen, committed: seen == committed or (committed == "r" and seen[:3] == "r0."),
        loses=True,
    ),
    Case(
        name="identity",
        kind="add_column",
        setup=items("other text", rows=3 * ROWS),  # more than one batch, however few passes
        sql="ALTER TABLE items ADD COLUMN number integer GENERATED ALWAYS AS IDENTITY",
        existing="SELECT 'items' AS name, id, n, true AS value FROM items",
        old=code_without(default=True),
        new=Code(
            insert="INSERT INTO items (n) VALUES (%(n)s) RETURNING id",
            touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, number > 0 FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, number > 0 FROM items",
            default=True,
        ),
        seen_as=lambda seen, committed: seen in (None, committed),
        seen_finally=same,
        loses=True,
        final=(
            "(SELECT count(DISTINCT number) = count(*) FROM items)",
            "nextval('items_number_seq') > (SELECT max(number) FROM items)",
        ),
    ),
    Case(
        name="NOT NULL with fill",
        kind="add_column",
        setup=items("other text", rows=3 * ROWS),  # more than one batch, however few writes
        sql="-- migrator: fill = 'row ' || n\nALTER TABLE items ADD COLUMN value text NOT NULL",
        naive="ALTER TABLE items ADD COLUMN value text NOT NULL DEFAULT ''; ALTER TABLE items ALTER value DROP DEFAULT",
        existing="SELECT 'items' AS name, id, n, '' AS value FROM items",
        old=code_without(default=""),
        new=code("value", unfilled=(None,)),
        seen_as=lambda seen, committed: str(seen).startswith("row ") if committed == "" else seen == committed,
        loses=True,
    ),
    Case(
        name="with everything on it",
        kind="rename_column",
        setup=items("value text NOT NULL DEFAULT 'none' CHECK (value <> '')", rows=10_000, more=" UNIQUE")
        + "CREATE INDEX items_lower ON items (lower(value)) INCLUDE (n) WHERE value <> 'x';",
        sql="ALTER TABLE items RENAME COLUMN value TO label",
        old=code("value"),
        new=code("label", unfilled=(None,)),
        final=("NOT EXISTS (SELECT FROM items WHERE label IS NULL)",),
    ),
    Case(
        name="nullable",
        kind="rename_column",
        setup=items("value text", rows=10_000, value="CASE WHEN g % 5 > 0 THEN 's' || g END"),
        sql="ALTER TABLE items RENAME COLUMN value TO label",
        old=code("value", values=sometimes_null),
        # The limit its page names: NULL written by new code into a row that is not filled yet is not seen.
        new=code(
            "label",
            values=sometimes_null,
            updates=lambda chance: f"w{chance.randrange(10**9)}",
            unfilled=(None,),
        ),
    ),
    Case(
        name="nullable",
        kind="drop_column",
        setup=items("value text"),
        sql="ALTER TABLE items DROP COLUMN value",
        old=code("value", values=sometimes_null),
        new=code_without(default=None),
    ),
    Case(
        name="NOT NULL with down",
        kind="drop_column",
        setup=items("value text NOT NULL"),
        sql="-- migrator: down = 'none'\nALTER TABLE items DROP COLUMN value",
        naive="ALTER TABLE items DROP COLUMN value",
        old=code("value"),
        new=code_without(default="none"),
    ),
    Case(
        name="with fill",
        kind="set_not_null",
        setup=items("value text", rows=10_000, value="CASE WHEN g % 3 > 0 THEN 's' || g END"),
        sql="-- migrator: fill = 'row ' || n\nALTER TABLE items ALTER COLUMN value SET NOT NULL",
        naive="UPDATE items SET value = '' WHERE value IS NULL; ALTER TABLE items ALTER COLUMN value SET NOT NULL",
        old=code("value", values=sometimes_null),
        new=code("value"),
        seen_as=lambda seen, committed: seen == committed or (committed is None and str(seen).startswith("row ")),
        seen_finally=lambda seen, committed: str(seen).startswith("row ") if committed is None else seen == committed,
    ),
    Case(
        name="without fill",
        kind="set_not_null",
        setup=items("value text"),
        sql="ALTER TABLE items ALTER COLUMN value SET NOT NULL",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="plain",
        kind="create_index",
        setup=items("value text"),
        sql="CREATE INDEX items_value ON items (value, n)",
        old=code("value", values=sometimes_null),
        new=code("value", values=sometimes_null),
    ),
    Case(
        name="on partitions",
        kind="rename_column",
        setup=divided(items("value text NOT NULL DEFAULT 'none' CHECK (value <> '')", rows=10_000))
        + "CREATE UNIQUE INDEX items_once ON items (value, id); CREATE INDEX items_lower ON items (lower(value), n)"
        " WHERE value <> 'x'; CREATE INDEX items_own ON items_1 (value DESC);"
        "CREATE VIEW firsts AS SELECT value FROM items_1;",
        sql="ALTER TABLE items RENAME COLUMN value TO label",
        old=code("value"),
        new=code("label", unfilled=(None,)),
        final=("NOT EXISTS (SELECT FROM items WHERE label IS NULL)",),
    ),
    Case(
        name="unique",
        kind="create_index",
        setup=items("value text"),
        sql="CREATE UNIQUE INDEX items_value_key ON items (value)",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="positive",
        kind="add_check",
        setup=items("value text"),
        sql="ALTER TABLE items ADD CHECK (value <> '' AND n >= 0)",
        old=code("value", values=sometimes_null),
        new=code("value", values=sometimes_null),
    ),
    Case(
        name="to another table",
        kind="add_foreign_key",
        setup="CREATE TABLE labels (id bigint PRIMARY KEY); INSERT INTO labels SELECT generate_series(0, 99);"
        + items("value bigint", value="g % 100"),
        sql="ALTER TABLE items ADD FOREIGN KEY (value) REFERENCES labels",
        old=code("value", values=lambda chance: chance.randrange(100)),
        new=code("value", values=lambda chance: chance.randrange(100)),
    ),
    Case(
        name="deferrable",
        kind="add_unique",
        setup=items("value text"),
        sql="ALTER TABLE items ADD UNIQUE (value, n) INCLUDE (id) DEFERRABLE INITIALLY DEFERRED",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="over a column that is unique already",
        kind="add_primary_key",
        setup=items("value text", more=", UNIQUE (id)").replace(" PRIMARY KEY", "", 1),
        sql="ALTER TABLE items ADD PRIMARY KEY (id)",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="published, with upserts of old code and a foreign key",
        kind="change_primary_key",
        setup=items("value text")
        + "CREATE TABLE notes (item bigint CONSTRAINT note_of REFERENCES items); INSERT INTO notes VALUES (1), (2);"
        "CREATE PUBLICATION sent FOR TABLE items;",
        sql="ALTER TABLE items ADD CONSTRAINT one UNIQUE (id);"
        "ALTER TABLE items DROP CONSTRAINT items_pkey, ADD PRIMARY KEY (n, id)",
        naive="ALTER TABLE items ADD CONSTRAINT one UNIQUE (id); ALTER TABLE notes DROP CONSTRAINT note_of;"
        "ALTER TABLE items DROP CONSTRAINT items_pkey, ADD PRIMARY KEY (n, id);"
        "ALTER TABLE notes ADD CONSTRAINT note_of FOREIGN KEY (item) REFERENCES items (id)",
        old=replace(
            code("value"),
            insert="INSERT INTO items (n, value) VALUES (%(n)s, %(value)s) ON CONFLICT (id) DO UPDATE"
            " SET n = EXCLUDED.n RETURNING id",
        ),
        new=code("value"),
    ),
    Case(
        name="another order of columns",
        kind="change_primary_key",
        setup=items("value text", more=", CONSTRAINT items_pkey PRIMARY KEY (id, n)").replace(" PRIMARY KEY", "", 1),
        sql="ALTER TABLE items DROP CONSTRAINT items_pkey; ALTER TABLE items ADD CONSTRAINT by_n PRIMARY KEY (n, id)",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="check",
        kind="drop_constraint",
        setup=items("value text CONSTRAINT filled CHECK (value <> '')"),
        sql="ALTER TABLE items DROP CONSTRAINT filled",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="unique, for upserts of old code",
        kind="drop_constraint",
        setup=items("value text", more=" CONSTRAINT one UNIQUE"),
        sql="ALTER TABLE items DROP CONSTRAINT one",
        old=Code(
            insert="INSERT INTO items (n, value) VALUES (%(n)s, %(value)s) ON CONFLICT (value) DO UPDATE"
            " SET n = EXCLUDED.n RETURNING id",
            update="UPDATE items SET value = %(value)s WHERE id = %(id)s",
            read="SELECT n, value FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, value FROM items",
        ),
        new=code("value"),
    ),
    Case(
        name="unique, for another one of its name that upserts name",
        kind="drop_constraint",
        setup=items("value text", more=" CONSTRAINT one UNIQUE"),
        sql="ALTER TABLE items DROP CONSTRAINT one; ALTER TABLE items ADD CONSTRAINT one UNIQUE (value, n)",
        old=replace(code("value"), insert=_UPSERT_BY_NAME),
        new=replace(code("value"), insert=_UPSERT_BY_NAME),
    ),
    Case(
        name="check, for a narrower one of its name",
        kind="drop_constraint",
        setup=items("value text CONSTRAINT filled CHECK (value <> '')"),
        sql="ALTER TABLE items DROP CONSTRAINT filled, ADD CONSTRAINT filled CHECK (length(value) > 1)",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="of a key",
        kind="rename_constraint",
        setup=items("value text", more=" CONSTRAINT one UNIQUE"),
        sql="ALTER TABLE items RENAME CONSTRAINT one TO just_one",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="plain",
        kind="drop_index",
        setup=items("value text") + "CREATE INDEX items_value ON items (value);",
        sql="DROP INDEX items_value",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="plain",
        kind="rename_index",
        setup=items("value text") + "CREATE INDEX items_value ON items (value);",
        sql="ALTER INDEX items_value RENAME TO items_by_value",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="at contract",
        kind="drop_not_null",
        setup=items("value text NOT NULL"),
        sql="ALTER TABLE items ALTER COLUMN value DROP NOT NULL",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="at expand",
        kind="drop_not_null",
        setup=items("value text NOT NULL"),
        sql="-- migrator: phase = expand\nALTER TABLE items ALTER COLUMN value DROP NOT NULL",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="at contract",
        kind="set_default",
        setup=items("value text NOT NULL DEFAULT 'a'"),
        sql="ALTER TABLE items ALTER COLUMN value DROP DEFAULT",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="at expand",
        kind="set_default",
        setup=items("value text NOT NULL DEFAULT 'a'"),
        sql="-- migrator: phase = expand\nALTER TABLE items ALTER COLUMN value SET DEFAULT 'b'",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="old code writes it to the end",
        kind="drop_table",
        setup=items("value text") + items("value text").replace("items", "entries"),
        sql="DROP TABLE entries",
        existing="SELECT 'items', id, n, value FROM items UNION ALL SELECT 'entries', id, n, value FROM entries",
        old=Code(
            insert="INSERT INTO entries (n, value) VALUES (%(n)s, %(value)s) RETURNING id",
            update="UPDATE entries SET value = %(value)s WHERE id = %(id)s",
            read="SELECT n, value FROM entries WHERE id = %(id)s",
            read_all="SELECT id, n, value FROM entries",
            table="entries",
        ),
        new=code("value"),
    ),
    Case(
        name="that writes pass through",
        kind="create_view",
        setup=items("value text"),
        sql="CREATE VIEW entries AS SELECT id, n, value FROM items",
        old=code("value"),
        new=Code(
            insert="INSERT INTO entries (n, value) VALUES (%(n)s, %(value)s) RETURNING id",
            update="UPDATE entries SET value = %(value)s WHERE id = %(id)s",
            touch="UPDATE entries SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, value FROM entries WHERE id = %(id)s",
            read_all="SELECT id, n, value FROM entries",
        ),
    ),
    Case(
        name="with an index of its own",
        kind="create_materialized_view",
        setup=items("value text"),
        sql="CREATE MATERIALIZED VIEW entries WITH (fillfactor=70) AS SELECT id, n, value FROM items;"
        "CREATE UNIQUE INDEX entries_id ON entries (id); GRANT SELECT ON entries TO PUBLIC",
        old=code("value"),
        new=reading("entries"),
        final=("(SELECT relispopulated FROM pg_class WHERE oid = 'entries'::regclass)",),
    ),
    Case(
        name="with a column behind the others",
        kind="replace_materialized_view",
        setup=items("value text") + MATERIALIZED,
        sql="-- migrator: phase = expand\nCREATE MATERIALIZED VIEW entries WITH (fillfactor=70) AS"
        " SELECT id, n, value, upper(value) AS loud FROM items WHERE n > 0",
        naive="DROP MATERIALIZED VIEW entries; CREATE MATERIALIZED VIEW entries WITH (fillfactor=70) AS"
        " SELECT id, n, value, upper(value) AS loud FROM items WHERE n > 0;" + ON_MATERIALIZED,
        old=reading("entries", "id, n, value"),
        new=reading("entries", "id, n, value"),
        final=("(SELECT count(loud) FROM entries) >= 4000",),
    ),
    Case(
        name="with a column less and one more",
        kind="replace_materialized_view",
        setup=items("value text", more=", more text") + MATERIALIZED.replace("SELECT id", "SELECT more, id"),
        sql="-- migrator: phase = contract\nCREATE MATERIALIZED VIEW entries WITH (fillfactor=70) AS"
        " SELECT id, n, value, upper(value) AS loud FROM items",
        naive="DROP MATERIALIZED VIEW entries; CREATE MATERIALIZED VIEW entries WITH (fillfactor=70) AS"
        " SELECT id, n, value, upper(value) AS loud FROM items;" + ON_MATERIALIZED,
        old=reading("entries", "more, id, n, value"),
        new=reading("entries", "id, n, value"),
        final=(
            "(SELECT count(loud) FROM entries) > 4000",
            "(SELECT relispopulated FROM pg_class WHERE oid = 'entries'::regclass)",
        ),
    ),
    Case(
        name="while it is read",
        kind="refresh_materialized_view",
        setup=items("value text") + "CREATE MATERIALIZED VIEW entries AS SELECT id, n, value FROM items;"
        "CREATE UNIQUE INDEX entries_id ON entries (id);",
        sql="REFRESH MATERIALIZED VIEW entries",
        old=reading("entries"),
        new=reading("entries"),
        final=("(SELECT count(*) FROM entries) > 4000",),
    ),
    Case(
        name="that writes pass through",
        kind="drop_view",
        setup=items("value text") + "CREATE VIEW entries AS SELECT id, n, value FROM items;",
        sql="DROP VIEW entries",
        old=Code(
            insert="INSERT INTO entries (n, value) VALUES (%(n)s, %(value)s) RETURNING id",
            update="UPDATE entries SET value = %(value)s WHERE id = %(id)s",
            read="SELECT n, value FROM entries WHERE id = %(id)s",
            read_all="SELECT id, n, value FROM entries",
        ),
        new=code("value"),
    ),
    Case(
        name="with a column behind the others",
        kind="replace_view",
        setup=items("value text") + "CREATE VIEW entries AS SELECT id, n, value FROM items;"
        "COMMENT ON VIEW entries IS 'what there is'; GRANT SELECT ON entries TO PUBLIC;",
        sql="CREATE OR REPLACE VIEW entries AS SELECT id, n, value, upper(value) AS loud FROM items",
        old=code("value", on="entries"),
        new=Code(
            insert="INSERT INTO entries (n, value) VALUES (%(n)s, %(value)s) RETURNING id",
            update="UPDATE entries SET value = %(value)s WHERE id = %(id)s",
            read="SELECT n, lower(loud) FROM entries WHERE id = %(id)s",
            read_all="SELECT id, n, lower(loud) FROM entries",
        ),
    ),
    Case(
        name="with a column less",
        kind="replace_view",
        setup=items("value text", more=", more text") + "CREATE VIEW entries WITH (security_barrier=true) AS"
        " SELECT more, id, n, value FROM items; GRANT SELECT (n), UPDATE ON entries TO PUBLIC;"
        "COMMENT ON COLUMN entries.value IS 'the value'; ALTER VIEW entries ALTER n SET DEFAULT 5;",
        sql="CREATE OR REPLACE VIEW entries WITH (security_barrier=true) AS SELECT id, n, value FROM items",
        naive="DROP VIEW entries; CREATE VIEW entries WITH (security_barrier=true) AS SELECT id, n, value FROM items;"
        "GRANT SELECT (n), UPDATE ON entries TO PUBLIC; ALTER VIEW entries ALTER n SET DEFAULT 5;"
        "COMMENT ON COLUMN entries.value IS 'the value'",
        old=Code(
            insert="INSERT INTO entries (n, value, more) VALUES (%(n)s, %(value)s, 'x') RETURNING id",
            update="UPDATE entries SET value = %(value)s WHERE id = %(id)s",
            read="SELECT n, value, more FROM entries WHERE id = %(id)s",
            read_all="SELECT id, n, value FROM entries WHERE more IS NULL OR more <> ''",
        ),
        new=code("value", on="entries"),
        final=("has_table_privilege('public', 'entries', 'UPDATE')",),
    ),
    Case(
        name="that only new code calls",
        kind="create_function",
        setup=items("value text"),
        sql="CREATE FUNCTION upper_of(value text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN upper(value); END$$",
        old=code("value"),
        new=Code(
            insert="INSERT INTO items (n, value) VALUES (%(n)s, lower(upper_of(%(value)s))) RETURNING id",
            update="UPDATE items SET value = lower(upper_of(%(value)s)) WHERE id = %(id)s",
            read="SELECT n, lower(upper_of(value)) FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, lower(upper_of(value)) FROM items",
        ),
    ),
    Case(
        name="with another signature",
        kind="create_function",
        setup=items("value text") + "CREATE FUNCTION shown(text) RETURNS text LANGUAGE sql AS 'SELECT $1';",
        sql="CREATE FUNCTION shown(value text, n integer) RETURNS text LANGUAGE sql AS $$SELECT value$$;"
        "DROP FUNCTION shown(text)",
        old=Code(
            insert="INSERT INTO items (n, value) VALUES (%(n)s, shown(%(value)s)) RETURNING id",
            update="UPDATE items SET value = %(value)s WHERE id = %(id)s",
            read="SELECT n, shown(value) FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, shown(value) FROM items",
        ),
        new=Code(
            insert="INSERT INTO items (n, value) VALUES (%(n)s, shown(%(value)s, 1)) RETURNING id",
            update="UPDATE items SET value = %(value)s WHERE id = %(id)s",
            read="SELECT n, shown(value, n) FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, shown(value, n) FROM items",
        ),
    ),
    Case(
        name="that both versions call",
        kind="replace_function",
        setup=items("value text") + "CREATE FUNCTION shown(value text) RETURNS text LANGUAGE sql AS 'SELECT $1';",
        sql="CREATE OR REPLACE FUNCTION shown(value text) RETURNS text LANGUAGE plpgsql STABLE"
        " AS $$BEGIN RETURN value; END$$",
        old=Code(
            insert="INSERT INTO items (n, value) VALUES (%(n)s, shown(%(value)s)) RETURNING id",
            update="UPDATE items SET value = %(value)s WHERE id = %(id)s",
            read="SELECT n, shown(value) FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, shown(value) FROM items",
        ),
        new=Code(
            insert="INSERT INTO items (n, value) VALUES (%(n)s, shown(%(value)s)) RETURNING id",
            touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, shown(value) FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, shown(value) FROM items",
        ),
    ),
    Case(
        name="that old code calls",
        kind="drop_function",
        setup=items("value text") + "CREATE FUNCTION shown(value text) RETURNS text LANGUAGE sql AS 'SELECT $1';",
        sql="DROP FUNCTION shown",
        old=Code(
            insert="INSERT INTO items (n, value) VALUES (%(n)s, shown(%(value)s)) RETURNING id",
            update="UPDATE items SET value = %(value)s WHERE id = %(id)s",
            read="SELECT n, shown(value) FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, shown(value) FROM items",
        ),
        new=code("value"),
    ),
    Case(
        name="with its function, for both versions",
        kind="create_trigger",
        setup=items("value text", more=", seen integer"),
        sql="CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.seen := 1; RETURN NEW; END$$;\n"
        "-- migrator: phase = expand\n"
        "CREATE TRIGGER see BEFORE INSERT OR UPDATE OF value ON items FOR EACH ROW EXECUTE FUNCTION see()",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="that rejects what old code writes",
        kind="create_trigger",
        setup=items("value text")
        + "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$;",
        sql="-- migrator: phase = contract\n"
        "CREATE TRIGGER refuse BEFORE UPDATE OF value ON items FOR EACH ROW EXECUTE FUNCTION refuse()",
        old=code("value"),
        new=Code(
            insert="INSERT INTO items (n, value) VALUES (%(n)s, %(value)s) RETURNING id",
            touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, value FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, value FROM items",
        ),
    ),
    Case(
        name="that old code counts on",
        kind="drop_trigger",
        setup=items("value text")
        + "CREATE FUNCTION number() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.n := coalesce(NEW.n, 7);"
        " RETURN NEW; END$$; CREATE TRIGGER number BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION number();",
        sql="DROP TRIGGER number ON items",
        old=Code(
            insert="INSERT INTO items (n, value) VALUES (nullif(%(n)s, 7), %(value)s) RETURNING id",
            update="UPDATE items SET value = %(value)s WHERE id = %(id)s",
            read="SELECT n, value FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, value FROM items",
        ),
        new=code("value"),
    ),
    Case(
        name="that old code can do without",
        kind="drop_trigger",
        setup=items("value text", more=", seen integer")
        + "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.seen := 1; RETURN NEW; END$$;"
        "CREATE TRIGGER see BEFORE INSERT ON items FOR EACH ROW WHEN (NEW.n > 0) EXECUTE FUNCTION see();",
        sql="-- migrator: phase = expand\nDROP TRIGGER see ON items",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="with a column of it",
        kind="create_enum",
        setup=items("other text"),
        existing="SELECT 'items', id, n, NULL AS value FROM items",
        sql="CREATE TYPE mood AS ENUM ('glad', 'sad'); ALTER TABLE items ADD COLUMN value mood",
        old=code_without(),
        new=code(
            "value",
            values=lambda chance: chance.choice(("glad", "sad", None)),
        ),
        loses=True,
    ),
    Case(
        name="that only new code writes",
        kind="add_enum_value",
        setup="CREATE TYPE mood AS ENUM ('glad', 'sad');" + items("value mood", value="'glad'"),
        sql="ALTER TYPE mood ADD VALUE 'calm' BEFORE 'sad'",
        old=code("value", values=lambda chance: chance.choice(("glad", "sad"))),
        new=code("value", values=lambda chance: chance.choice(("glad", "calm", "sad"))),
        repair="UPDATE items SET value = 'sad' WHERE value = 'calm'",
        repaired=lambda value: "sad" if value == "calm" else value,
        leaves="ALTER TYPE mood ADD VALUE 'calm' BEFORE 'sad'",
        final=("'calm'::mood < 'sad'::mood",),
    ),
    Case(
        name="that new code reads under both names",
        kind="rename_enum_value",
        setup="CREATE TYPE mood AS ENUM ('glad', 'sad');"
        + items("value mood", value="'sad'", more=" DEFAULT 'sad' CHECK (value < 'sad' OR n >= 0)"),
        sql="-- migrator: phase = contract\nALTER TYPE mood RENAME VALUE 'sad' TO 'blue'",
        naive="ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'",
        old=code("value", values=lambda chance: chance.choice(("glad", "sad"))),
        new=Code(
            insert="INSERT INTO items (n, value) VALUES (%(n)s, %(value)s) RETURNING id",
            update="UPDATE items SET value = %(value)s WHERE id = %(id)s",
            touch="UPDATE items SET n = %(n)s WHERE id = %(id)s AND (value::text IN ('sad', 'blue', 'glad'))",
            read="SELECT n, value::text FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, value::text FROM items",
            values=lambda chance: "glad",
        ),
        seen_as=lambda seen, committed: seen in ((committed,) if committed == "glad" else ("sad", "blue")),
        seen_finally=lambda seen, committed: seen == ("blue" if committed == "sad" else committed),
    ),
    Case(
        name="of a column, with a default and a CHECK",
        kind="rename_type",
        setup="CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE DOMAIN word AS text;"
        + items("value mood", value="'sad'", more=" DEFAULT 'sad' CHECK (value < 'sad' OR n >= 0), w word"),
        sql="ALTER TYPE mood RENAME TO temper; ALTER DOMAIN word RENAME TO term",
        old=code("value", values=lambda chance: chance.choice(("glad", "sad"))),
        new=code("value", values=lambda chance: chance.choice(("glad", "sad"))),
    ),
    Case(
        name="with a replacement, in a column and an array",
        kind="drop_enum_value",
        setup="CREATE TYPE mood AS ENUM ('glad', 'sad', 'blue');"
        "COMMENT ON TYPE mood IS 'how it is'; REVOKE USAGE ON TYPE mood FROM PUBLIC;"
        + items(
            "value mood", value="'sad'", more=" NOT NULL DEFAULT 'blue' CHECK (value > 'glad' OR n >= 0), moods mood[]"
        )
        + "CREATE INDEX items_value ON items (value) WHERE value <> 'sad'; CREATE INDEX two ON items (moods, value);"
        " UPDATE items SET moods = '{glad,blue,NULL}';"
        "CREATE TABLE others (id integer PRIMARY KEY, mood mood); INSERT INTO others VALUES (1, 'blue'), (2, NULL);",
        sql="ALTER TYPE mood RENAME VALUE 'blue' TO 'sad'",
        naive="ALTER TYPE mood RENAME TO old_mood; CREATE TYPE mood AS ENUM ('glad', 'sad');"
        "COMMENT ON TYPE mood IS 'how it is'; REVOKE USAGE ON TYPE mood FROM PUBLIC; DROP INDEX items_value, two;"
        "ALTER TABLE items DROP CONSTRAINT items_check, ALTER value DROP DEFAULT,"
        " ALTER value TYPE mood USING replace(value::text, 'blue', 'sad')::mood, ALTER value SET DEFAULT 'sad',"
        " ALTER moods TYPE mood[] USING array_replace(moods::text[], 'blue', 'sad')::mood[];"
        "ALTER TABLE items ADD CONSTRAINT items_check CHECK (value > 'glad' OR n >= 0);"
        "CREATE INDEX items_value ON items (value) WHERE value <> 'sad'; CREATE INDEX two ON items (moods, value);"
        "ALTER TABLE others ALTER mood TYPE mood USING replace(mood::text, 'blue', 'sad')::mood; DROP TYPE old_mood",
        old=code("value", values=lambda chance: chance.choice(("glad", "sad", "blue"))),
        new=code("value", values=lambda chance: chance.choice(("glad", "sad")), prepares=False),
        moves=True,
        seen_as=lambda seen, committed: seen in (committed, "sad" if committed == "blue" else committed),
        seen_finally=lambda seen, committed: seen == ("sad" if committed == "blue" else committed),
        final=(
            "(SELECT bool_and(moods::text = '{glad,sad,NULL}') FROM items WHERE moods IS NOT NULL)",
            "(SELECT mood = 'sad' FROM others WHERE id = 1)",
        ),
    ),
    Case(
        name="that old code casts to",
        kind="drop_type",
        setup=items("value text") + "CREATE TYPE mood AS ENUM ('glad', 'sad');",
        sql="DROP TYPE mood",
        old=Code(
            insert="INSERT INTO items (n, value) VALUES (%(n)s, %(value)s::text || left('glad'::mood::text, 0))"
            " RETURNING id",
            read="SELECT n, value FROM items WHERE id = %(id)s AND 'glad'::mood < 'sad'::mood",
            read_all="SELECT id, n, value FROM items",
        ),
        new=code("value"),
    ),
    Case(
        name="both names at once",
        kind="rename_table",
        setup=items("value text NOT NULL DEFAULT 'none'", more=" UNIQUE") + "GRANT SELECT ON items TO PUBLIC;",
        sql="ALTER TABLE items RENAME TO things",
        old=code("value"),
        new=Code(
            insert="INSERT INTO things (n, value) VALUES (%(n)s, %(value)s) ON CONFLICT (value) DO UPDATE"
            " SET n = EXCLUDED.n RETURNING id",
            update="UPDATE things SET value = %(value)s WHERE id = %(id)s",
            touch="UPDATE things SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, value FROM things WHERE id = %(id)s FOR UPDATE",
            read_all="SELECT id, n, value FROM things",
        ),
    ),
    Case(
        name="primary key with everything on it",
        kind="change_type",
        setup=items("value text", rows=10_000).replace("id bigint", "id integer", 1)
        + "CREATE TABLE notes (id integer PRIMARY KEY, item integer NOT NULL CONSTRAINT note_of"
        " REFERENCES items ON DELETE CASCADE); INSERT INTO notes SELECT id, id FROM items WHERE id <= 100;"
        "ALTER TABLE items ADD parent integer REFERENCES items;"
        "CREATE INDEX items_id_n ON items (id DESC, n) INCLUDE (value);"
        "COMMENT ON COLUMN items.id IS 'the id'; ALTER TABLE items ADD CONSTRAINT small CHECK (id > 0);",
        sql="ALTER TABLE items ALTER COLUMN id TYPE bigint",
        old=code("value", prepares=False),
        new=code("value", prepares=False),
        moves=True,
    ),
    Case(
        name="text to bigint",
        kind="change_type",
        setup=items("value text NOT NULL DEFAULT '0'", rows=10_000, value="(g % 1000)::text")
        + "CREATE INDEX items_value ON items (value, n);",
        sql="ALTER TABLE items ALTER COLUMN value TYPE bigint USING value::bigint",
        naive="ALTER TABLE items ALTER COLUMN value DROP DEFAULT, ALTER COLUMN value TYPE bigint USING value::bigint,"
        " ALTER COLUMN value SET DEFAULT '0'::text::bigint",
        old=code("value", values=lambda chance: str(chance.randrange(1000)), prepares=False),
        new=code("value", values=lambda chance: str(chance.randrange(1000)), prepares=False),
        seen_as=lambda seen, committed: str(seen) == committed,
        moves=True,
    ),
    Case(
        name="under views that all code goes through",
        kind="change_type",
        setup=items("value integer NOT NULL DEFAULT 0", rows=10_000, value="g")
        + "ALTER TABLE items ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY positive ON items FOR ALL TO PUBLIC USING (value >= 0) WITH CHECK (value >= 0 AND n >= 0);"
        "CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER passed BEFORE UPDATE OF value, n ON items FOR EACH ROW WHEN (OLD.value < NEW.value)"
        " EXECUTE FUNCTION pass(); ALTER TABLE items ENABLE ALWAYS TRIGGER passed;" + VIEWED,
        sql="ALTER TABLE items ALTER COLUMN value TYPE bigint",
        naive="DROP VIEW items_more, items_seen; DROP POLICY positive ON items; DROP TRIGGER passed ON items;"
        "ALTER TABLE items ALTER COLUMN value TYPE bigint;"
        "CREATE POLICY positive ON items FOR ALL TO PUBLIC USING (value >= 0) WITH CHECK (value >= 0 AND n >= 0);"
        "CREATE TRIGGER passed BEFORE UPDATE OF value, n ON items FOR EACH ROW WHEN (OLD.value < NEW.value)"
        " EXECUTE FUNCTION pass(); ALTER TABLE items ENABLE ALWAYS TRIGGER passed;" + VIEWED,
        old=code("value", on="items_more", values=lambda chance: chance.randrange(1000), prepares=False),
        new=code("value", on="items_more", values=lambda chance: chance.randrange(1000), prepares=False),
        moves=True,
    ),
    Case(
        name="under materialized views",
        kind="change_type",
        setup=items("value integer NOT NULL DEFAULT 0", rows=10_000, value="g") + STORED,
        sql="ALTER TABLE items ALTER COLUMN value TYPE bigint",
        naive="DROP VIEW items_read; DROP MATERIALIZED VIEW items_sums; DROP VIEW items_seen;"
        "ALTER TABLE items ALTER COLUMN value TYPE bigint;" + STORED,
        old=code("value", values=lambda chance: chance.randrange(1000), prepares=False),
        new=code("value", values=lambda chance: chance.randrange(1000), prepares=False),
        moves=True,
        final=("(SELECT count(*) > 100 FROM items_read)",),
    ),
    Case(
        name="two names out of one",
        kind="split_column",
        setup=items("value text NOT NULL DEFAULT 'a b'", rows=10_000, value="'s' || g || ' t' || g")
        + "CREATE INDEX items_value ON items (value); GRANT SELECT (value) ON items TO PUBLIC;",
        sql="-- migrator: up = split_part(value, ' ', 1), split_part(value, ' ', 2)\n"
        "-- migrator: down = concat_ws(' ', a, b)\n"
        "ALTER TABLE items ADD COLUMN a text, ADD COLUMN b text, DROP COLUMN value",
        naive="ALTER TABLE items ADD COLUMN a text, ADD COLUMN b text, DROP COLUMN value;"
        "GRANT SELECT (a), SELECT (b) ON items TO PUBLIC",
        old=code("value", values=two_words),
        new=Code(
            insert="INSERT INTO items (n, a, b) VALUES (%(n)s, split_part(%(value)s, ' ', 1),"
            " split_part(%(value)s, ' ', 2)) RETURNING id",
            update="UPDATE items SET a = split_part(%(value)s, ' ', 1), b = split_part(%(value)s, ' ', 2)"
            " WHERE id = %(id)s",
            touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, a || ' ' || b FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, a || ' ' || b FROM items",
            values=two_words,
            unfilled=(None,),
        ),
        final=("NOT EXISTS (SELECT FROM items WHERE a IS NULL OR b IS NULL)",),
    ),
    Case(
        name="hours and minutes",
        kind="merge_columns",
        setup=items("hours integer", rows=10_000, value="g % 24", more=", minutes integer")
        + "UPDATE items SET minutes = n % 60 WHERE n % 7 > 0;",
        existing="SELECT 'items', id, n, hours * 60 + minutes AS value FROM items",
        sql="-- migrator: up = hours * 60 + minutes\n-- migrator: down = length / 60, length % 60\n"
        "ALTER TABLE items ADD COLUMN length integer, DROP COLUMN hours, DROP COLUMN minutes",
        old=Code(
            insert="INSERT INTO items (n, hours, minutes) VALUES (%(n)s, %(value)s / 60, %(value)s %% 60) RETURNING id",
            update="UPDATE items SET hours = %(value)s / 60, minutes = %(value)s %% 60 WHERE id = %(id)s",
            touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, hours * 60 + minutes FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, hours * 60 + minutes FROM items",
            values=lambda chance: chance.randrange(1440),
        ),
        new=code(
            "length",
            values=lambda chance: None if chance.random() < 0.1 else chance.randrange(1440),
            # NULL written into a row that is not filled yet is not seen, as its page says.
            updates=lambda chance: chance.randrange(1440),
            unfilled=(None,),
        ),
    ),
    Case(
        name="to a table with a unique foreign key",
        kind="move_column",
        setup=items("value text CHECK (value <> '')", rows=10_000)
        + "CREATE TABLE notes (item bigint NOT NULL UNIQUE REFERENCES items ON DELETE CASCADE, note integer)"
        " WITH (fillfactor = 10);"
        "INSERT INTO notes SELECT id, n FROM items; GRANT SELECT (value) ON items TO PUBLIC; ANALYZE notes;",
        sql="-- migrator: to = notes (item)\nALTER TABLE items DROP COLUMN value",
        naive="ALTER TABLE notes ADD COLUMN value text; GRANT SELECT (value) ON notes TO PUBLIC;"
        "ALTER TABLE items DROP COLUMN value",
        old=Code(
            insert="WITH i AS (INSERT INTO items (n, value) VALUES (%(n)s, %(value)s) RETURNING id, n)"
            " INSERT INTO notes (item, note) SELECT id, n FROM i RETURNING item",
            update="UPDATE items SET value = %(value)s WHERE id = %(id)s",
            touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, value FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, value FROM items",
            touch_fills=False,
        ),
        new=Code(
            insert="WITH i AS (INSERT INTO items (n) VALUES (%(n)s) RETURNING id, n)"
            " INSERT INTO notes (item, note, value) SELECT id, n, %(value)s FROM i RETURNING item",
            update="UPDATE notes SET value = %(value)s WHERE item = %(id)s",
            touch="WITH n AS (UPDATE notes SET note = 1 WHERE item = %(id)s)"
            " UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, notes.value FROM items LEFT JOIN notes ON item = id WHERE id = %(id)s",
            read_all="SELECT id, n, notes.value FROM items LEFT JOIN notes ON item = id",
            unfilled=(None,),
            touch_fills=False,
        ),
        final=("NOT EXISTS (SELECT FROM notes WHERE value IS NULL)",),
    ),
    Case(
        name="to several rows for each",
        kind="move_column",
        setup=items("value text CHECK (value <> '')", rows=6_000)
        + "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item bigint REFERENCES items)"
        " WITH (fillfactor = 10); INSERT INTO notes (item) SELECT id FROM items, generate_series(1, 2);"
        "CREATE INDEX ON notes (item); ANALYZE notes;",
        sql="-- migrator: to = notes\n-- migrator: many = true\nALTER TABLE items DROP COLUMN value",
        naive="ALTER TABLE notes ADD COLUMN value text; ALTER TABLE items DROP COLUMN value",
        old=Code(
            insert="WITH i AS (INSERT INTO items (n, value) VALUES (%(n)s, %(value)s) RETURNING id)"
            " INSERT INTO notes (item) SELECT id FROM i RETURNING item",
            update="UPDATE items SET value = %(value)s WHERE id = %(id)s",
            touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, value FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, value FROM items",
            touch_fills=False,
        ),
        # It writes and reads the first of the rows, which is not the last one that was written when old code writes.
        new=Code(
            insert="WITH i AS (INSERT INTO items (n) VALUES (%(n)s) RETURNING id)"
            " INSERT INTO notes (item, value) SELECT id, %(value)s FROM i RETURNING item",
            update="UPDATE notes SET value = %(value)s WHERE id = (SELECT min(id) FROM notes WHERE item = %(id)s)",
            touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read=f"SELECT n, {FIRST_NOTE} FROM items WHERE id = %(id)s",
            read_all=f"SELECT id, n, {FIRST_NOTE} FROM items",
            unfilled=(None,),
            touch_fills=False,
        ),
        # What one of two rows has of its own: old code has read it, and goes on to.
        hides=True,
        final=("NOT EXISTS (SELECT FROM notes WHERE value IS NULL)",),
    ),
    Case(
        name="to the one of several rows that is chosen",
        kind="move_column",
        setup=items("value text CHECK (value <> '')", rows=6_000)
        + "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item bigint REFERENCES items,"
        " role text) WITH (fillfactor = 10); INSERT INTO notes (item, role) SELECT id, role FROM items,"
        " unnest(ARRAY['main', 'other']) AS role; CREATE UNIQUE INDEX ON notes (item) WHERE role = 'main';"
        "ANALYZE notes;",
        sql="-- migrator: to = notes\n-- migrator: where = role = 'main'\nALTER TABLE items DROP COLUMN value",
        naive="ALTER TABLE notes ADD COLUMN value text; ALTER TABLE items DROP COLUMN value",
        old=Code(
            insert="WITH i AS (INSERT INTO items (n, value) VALUES (%(n)s, %(value)s) RETURNING id)"
            " INSERT INTO notes (item, role) SELECT id, role FROM i, unnest(ARRAY['main', NULL]) AS role"
            " RETURNING item",
            update="UPDATE items SET value = %(value)s WHERE id = %(id)s",
            touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, value FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, value FROM items",
            touch_fills=False,
        ),
        new=Code(
            insert="WITH i AS (INSERT INTO items (n) VALUES (%(n)s) RETURNING id)"
            " INSERT INTO notes (item, role, value) SELECT id, 'main', %(value)s FROM i RETURNING item",
            update="UPDATE notes SET value = %(value)s WHERE item = %(id)s AND role = 'main'",
            touch="WITH n AS (UPDATE notes SET value = 'own' WHERE item = %(id)s AND role = 'other')"
            " UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read=f"SELECT n, {MAIN_NOTE} FROM items WHERE id = %(id)s",
            read_all=f"SELECT id, n, {MAIN_NOTE} FROM items",
            unfilled=(None,),
            touch_fills=False,
        ),
        # What rows that are not chosen have of their own, old code does not read.
        hides=True,
        final=(
            "NOT EXISTS (SELECT FROM notes WHERE value IS NULL AND role = 'main')",
            "EXISTS (SELECT FROM notes WHERE value = 'own' AND role = 'other')",
        ),
    ),
    Case(
        name="by a row for each row",
        kind="split_table",
        # Few rows in a block, so that the first batch is a short one.
        setup=items("value text CHECK (value <> '')", rows=6_000).replace(");INSERT", ") WITH (fillfactor = 10);INSERT")
        + "GRANT SELECT ON items TO PUBLIC;",
        sql="-- migrator: from = items\n"
        "CREATE TABLE notes (item bigint PRIMARY KEY REFERENCES items ON DELETE CASCADE, value text)",
        naive="CREATE TABLE notes (item bigint PRIMARY KEY REFERENCES items ON DELETE CASCADE, value text);"
        "GRANT SELECT ON notes TO PUBLIC; ALTER TABLE items DROP COLUMN value",
        old=code("value", touch_fills=False),
        new=Code(
            insert="WITH i AS (INSERT INTO items (n) VALUES (%(n)s) RETURNING id)"
            " INSERT INTO notes SELECT id, %(value)s FROM i RETURNING item",
            update="INSERT INTO notes VALUES (%(id)s, %(value)s)"
            " ON CONFLICT (item) DO UPDATE SET value = EXCLUDED.value",
            touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, notes.value FROM items LEFT JOIN notes ON item = id WHERE id = %(id)s",
            read_all="SELECT id, n, notes.value FROM items LEFT JOIN notes ON item = id",
            unfilled=(None,),
            touch_fills=False,
        ),
        final=("(SELECT count(*) = count(value) FROM items LEFT JOIN notes ON item = id)",),
    ),
    Case(
        name="of elements that come and go",
        kind="unnest_column",
        # Few rows in a block, so that the first batch is a short one. The value is the element that was written last.
        setup=items("tags text[]", rows=6_000, value="ARRAY['r' || g, 's' || g]").replace(
            ");INSERT", ") WITH (fillfactor = 10);INSERT"
        )
        + "GRANT SELECT ON items TO PUBLIC;",
        existing="SELECT 'items', id, n, tags[2] FROM items",
        sql="-- migrator: unnest = items (tags)\n"
        "CREATE TABLE tags (item bigint REFERENCES items ON DELETE CASCADE, tag text, PRIMARY KEY (item, tag))",
        naive="CREATE TABLE tags (item bigint REFERENCES items ON DELETE CASCADE, tag text, PRIMARY KEY (item, tag));"
        "GRANT SELECT ON tags TO PUBLIC; ALTER TABLE items DROP COLUMN tags",
        old=Code(
            insert="INSERT INTO items (n, tags) VALUES (%(n)s, ARRAY['q', %(value)s]) RETURNING id",
            update="UPDATE items SET tags = tags[2:] || %(value)s::text WHERE id = %(id)s",
            touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, (SELECT max(e) FROM unnest(tags) AS e) FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, (SELECT max(e) FROM unnest(tags) AS e) FROM items",
            values=later_than_all,
            touch_fills=False,
        ),
        new=Code(
            insert="WITH i AS (INSERT INTO items (n) VALUES (%(n)s) RETURNING id)"
            " INSERT INTO tags SELECT id, %(value)s FROM i RETURNING item",
            update="WITH gone AS (DELETE FROM tags WHERE item = %(id)s AND tag < %(value)s)"
            " INSERT INTO tags VALUES (%(id)s, %(value)s)",
            touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, (SELECT max(tag) FROM tags WHERE item = id) FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, (SELECT max(tag) FROM tags WHERE item = id) FROM items",
            unfilled=(None,),
            values=later_than_all,
            touch_fills=False,
        ),
        final=("NOT EXISTS (SELECT FROM items WHERE NOT EXISTS (SELECT FROM tags WHERE item = items.id))",),
    ),
    Case(
        name="of one account that becomes several",
        kind="extract_junction",
        # Few rows in a block, so that the first batch is a short one. Old code goes from one account to the other.
        setup=items("role text", rows=6_000, more=", main integer NOT NULL DEFAULT 1, account integer").replace(
            ");INSERT", ") WITH (fillfactor = 10);INSERT"
        )
        + "UPDATE items SET account = 1; GRANT SELECT ON items TO PUBLIC; ANALYZE items;",
        existing="SELECT 'items', id, n, role FROM items",
        sql="-- migrator: extract = items (account, role AS part)\nCREATE TABLE members"
        " (item bigint REFERENCES items ON DELETE CASCADE, account integer, part text, PRIMARY KEY (item, account))",
        naive="CREATE TABLE members (item bigint REFERENCES items ON DELETE CASCADE, account integer, part text,"
        " PRIMARY KEY (item, account));"
        "GRANT SELECT ON members TO PUBLIC; ALTER TABLE items DROP COLUMN account, DROP COLUMN role",
        old=Code(
            insert="INSERT INTO items (n, account, role) VALUES (%(n)s, 1, %(value)s) RETURNING id",
            update="UPDATE items SET account = 3 - account, main = 3 - main, role = %(value)s WHERE id = %(id)s",
            touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, CASE WHEN account = main THEN role ELSE 'torn' END FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, CASE WHEN account = main THEN role ELSE 'torn' END FROM items",
            touch_fills=False,
        ),
        new=Code(
            insert="WITH i AS (INSERT INTO items (n) VALUES (%(n)s) RETURNING id) INSERT INTO members"
            " SELECT id, a, CASE a WHEN 1 THEN %(value)s ELSE 'own' END FROM i, unnest(ARRAY[1, 9]) AS a"
            " ORDER BY a RETURNING item",
            update="WITH own AS (INSERT INTO members VALUES (%(id)s, 9, 'own') ON CONFLICT DO NOTHING)"
            " INSERT INTO members SELECT id, main, %(value)s FROM items WHERE id = %(id)s"
            " ON CONFLICT (item, account) DO UPDATE SET part = EXCLUDED.part",
            touch="WITH gone AS (DELETE FROM members WHERE item = %(id)s AND account = 9)"
            " UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read=f"SELECT n, {MAIN_PART} FROM items WHERE id = %(id)s",
            read_all=f"SELECT id, n, {MAIN_PART} FROM items",
            unfilled=(None,),
            touch_fills=False,
        ),
        # What rows have that old code does not see.
        hides=True,
        final=(
            "NOT EXISTS (SELECT FROM items WHERE (SELECT count(*) FROM members WHERE item = id AND account < 9) <> 1)",
            "EXISTS (SELECT FROM members WHERE account = 9)",
        ),
    ),
    Case(
        name="with rows for some",
        kind="merge_tables",
        # Few rows in a block, so that the first batch is a short one.
        setup="CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer NOT NULL)"
        " WITH (fillfactor = 10); INSERT INTO items (n) SELECT generate_series(1, 6000); ANALYZE items;"
        "CREATE TABLE notes (item bigint PRIMARY KEY REFERENCES items ON DELETE CASCADE, value text NOT NULL CHECK"
        " (value <> ''), size integer NOT NULL DEFAULT 1); INSERT INTO notes SELECT id, 's' || n FROM items"
        " WHERE n % 5 > 0; GRANT SELECT ON notes TO PUBLIC; ANALYZE notes;",
        existing="SELECT 'items', id, n, value FROM items LEFT JOIN notes ON item = id",
        sql="-- migrator: into = items\n-- migrator: nullable = value\nDROP TABLE notes",
        naive="ALTER TABLE items ADD COLUMN value text, ADD COLUMN size integer NOT NULL DEFAULT 1;"
        "GRANT SELECT (value, size) ON items TO PUBLIC; DROP TABLE notes",
        old=Code(
            insert="WITH i AS (INSERT INTO items (n) VALUES (%(n)s) RETURNING id)"
            " INSERT INTO notes (item, value) SELECT id, %(value)s FROM i RETURNING item",
            update="INSERT INTO notes (item, value) VALUES (%(id)s, %(value)s)"
            " ON CONFLICT (item) DO UPDATE SET value = EXCLUDED.value",
            touch="UPDATE items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, notes.value FROM items LEFT JOIN notes ON item = id WHERE id = %(id)s",
            read_all="SELECT id, n, notes.value FROM items LEFT JOIN notes ON item = id",
            touch_fills=False,
        ),
        new=code(
            "value",
            values=sometimes_null,
            # NULL written into a row that is not filled yet is not seen, as its page says.
            updates=lambda chance: f"v{chance.randrange(10**9)}",
            unfilled=(None,),
        ),
        final=("NOT EXISTS (SELECT FROM items WHERE size IS NULL)",),
    ),
    Case(
        name="longer varchar in place",
        kind="change_type",
        setup=items("value varchar(20) NOT NULL DEFAULT 'none'", more=" UNIQUE"),
        sql="ALTER TABLE items ALTER COLUMN value TYPE varchar(40)",
        old=code("value", prepares=False),
        new=code("value", prepares=False),
    ),
    Case(
        name="beside a default partition",
        kind="attach_partition",
        setup=partitioned(
            "items_1 PARTITION OF items FOR VALUES FROM (0) TO (1000000)",
            "items_rest PARTITION OF items DEFAULT",
            "items_2 (id bigint PRIMARY KEY, n integer NOT NULL, value text)",
        )
        + "INSERT INTO items_2 SELECT nextval('more_ids'), g, 's' || g FROM generate_series(1, 100) AS g;",
        existing="SELECT 'items', id, n, value FROM items UNION ALL SELECT 'more', id, n, value FROM items_2",
        sql="ALTER TABLE items ATTACH PARTITION items_2 FOR VALUES FROM (1000000) TO (MAXVALUE)",
        old=code_of_part("ids", "< 1000000", "items"),
        new=code_of_part("more_ids", ">= 1000000", "more"),
        hides=True,
    ),
    Case(
        name="concurrently",
        kind="detach_partition",
        setup=partitioned(
            "items_1 PARTITION OF items FOR VALUES FROM (0) TO (1000000)",
            "items_2 PARTITION OF items FOR VALUES FROM (1000000) TO (MAXVALUE)",
        ),
        existing="SELECT 'items', id, n, value FROM items",
        sql="ALTER TABLE items DETACH PARTITION items_1 CONCURRENTLY",
        naive="ALTER TABLE items DETACH PARTITION items_1;"
        "ALTER TABLE items_1 ADD CHECK (id IS NOT NULL AND id >= '0'::bigint AND id < '1000000'::bigint)",
        old=code_of_part("ids", "< 1000000", "items"),
        new=code_of_part("more_ids", ">= 1000000", "more"),
    ),
    Case(
        name="with everything on it",
        kind="partition_table",
        setup=items("value text DEFAULT 'none' CHECK (value <> '')", more=", label bigint, number serial")
        + "CREATE TABLE labels (id bigint PRIMARY KEY); INSERT INTO labels VALUES (1);"
        "ALTER TABLE items ADD FOREIGN KEY (label) REFERENCES labels; CREATE INDEX items_value ON items (lower(value));"
        "ALTER TABLE items ADD CONSTRAINT one UNIQUE (n, id); COMMENT ON TABLE items IS 'the items';"
        "ALTER TABLE items ALTER n SET STATISTICS 50; GRANT SELECT, INSERT ON items TO PUBLIC;"
        "GRANT UPDATE (n) ON items TO PUBLIC; CREATE FUNCTION label() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN NEW.label := 1; RETURN NEW; END'; CREATE TRIGGER label BEFORE INSERT ON items"
        " FOR EACH ROW WHEN (NEW.label IS NULL) EXECUTE FUNCTION label();",
        sql="-- migrator: partition = items_1 FOR VALUES FROM (MINVALUE) TO (1000000)\n"
        "CREATE TABLE items (LIKE items) PARTITION BY RANGE (id)",
        naive="DROP TRIGGER label ON items; ALTER TABLE items RENAME TO items_1;"
        "ALTER INDEX items_pkey RENAME TO items_1_pkey; ALTER INDEX one RENAME TO items_1_one;"
        "ALTER INDEX items_value RENAME TO items_1_value; ALTER TABLE items_1 ALTER id DROP IDENTITY;"
        "CREATE TABLE items (LIKE items_1 INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (id);"
        "ALTER TABLE items ADD PRIMARY KEY (id), ADD CONSTRAINT one UNIQUE (n, id),"
        " ADD CONSTRAINT items_label_fkey FOREIGN KEY (label) REFERENCES labels,"
        " ALTER id ADD GENERATED ALWAYS AS IDENTITY;"
        "CREATE INDEX items_value ON items (lower(value)); ALTER SEQUENCE items_number_seq OWNED BY items.number;"
        "GRANT SELECT, INSERT ON items TO PUBLIC; GRANT UPDATE (n) ON items TO PUBLIC;"
        "COMMENT ON TABLE items IS 'the items'; ALTER TABLE items ALTER n SET STATISTICS 50;"
        "CREATE TRIGGER label BEFORE INSERT ON items FOR EACH ROW WHEN (NEW.label IS NULL) EXECUTE FUNCTION label();"
        "ALTER TABLE items ATTACH PARTITION items_1 FOR VALUES FROM (MINVALUE) TO (1000000)",
        old=code("value", values=sometimes_null),
        new=code("value", values=sometimes_null),
        final=(
            "(SELECT count(*) = count(*) FILTER (WHERE tableoid = 'items_1'::regclass) FROM items)",
            "(SELECT count(DISTINCT number) = count(*) FROM items)",
            "nextval('items_id_seq') > (SELECT max(id) FROM items)",
            "obj_description('items'::regclass) = 'the items'",
            "(SELECT attstattarget = 50 FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'n')",
            "(SELECT bool_and(indisvalid) AND count(*) = 3 FROM pg_index WHERE indrelid = 'items'::regclass)",
            "(SELECT reltuples > 0 FROM pg_class WHERE oid = 'items'::regclass)",
        ),
    ),
    Case(
        name="of a key",
        kind="reindex",
        setup=items("value text", more=" UNIQUE"),
        sql="REINDEX INDEX items_value_key",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="to another tablespace",
        kind="reindex",
        setup=items("value text", more=" UNIQUE"),
        sql="ALTER INDEX items_value_key SET TABLESPACE fast",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="of a small one",
        kind="set_tablespace",
        setup=items("value text"),
        sql="ALTER TABLE items SET TABLESPACE fast",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="over a range of a small table",
        kind="add_exclusion",
        setup=items("value bigint", rows=500, value="g"),
        sql="ALTER TABLE items ADD CONSTRAINT apart EXCLUDE USING gist (int8range(value, value, '[]') WITH &&)",
        old=code("value", values=lambda chance: chance.randrange(10**12)),
        new=code("value", values=lambda chance: chance.randrange(10**12)),
    ),
    Case(
        name="of a table and a column",
        kind="comment",
        setup=items("value text") + "COMMENT ON COLUMN items.value IS 'before';",
        sql="COMMENT ON TABLE items IS 'it''s \\ all'; COMMENT ON COLUMN items.value IS NULL",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="statistics and storage",
        kind="set_column_options",
        setup=items("value text")
        + "ALTER TABLE items ALTER value SET (n_distinct = -0.5), ALTER value SET STATISTICS 7;",
        sql="ALTER TABLE items ALTER value SET STATISTICS 500, ALTER value SET STORAGE EXTERNAL,"
        " ALTER value RESET (n_distinct), ALTER value SET COMPRESSION pglz",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="fillfactor and autovacuum",
        kind="set_table_options",
        setup=items("value text") + "ALTER TABLE items SET (fillfactor = 90, autovacuum_enabled = off);",
        sql="ALTER TABLE items SET (fillfactor = 70, toast.autovacuum_enabled = false), RESET (autovacuum_enabled)",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="that new code draws from",
        kind="create_sequence",
        setup=items("value text", rows=500),
        sql="CREATE SEQUENCE numbers START WITH 1000 CACHE 5",
        old=code("value"),
        new=drawing("numbers"),
    ),
    Case(
        name="another step at expand",
        kind="alter_sequence",
        setup=items("value text", rows=500) + "CREATE SEQUENCE numbers AS integer MAXVALUE 1000000;",
        sql="ALTER SEQUENCE numbers AS bigint INCREMENT BY 10 NO MAXVALUE CACHE 5 CYCLE",
        old=drawing("numbers"),
        new=drawing("numbers"),
    ),
    Case(
        name="narrower at contract",
        kind="alter_sequence",
        setup=items("value text", rows=500) + "CREATE SEQUENCE numbers CYCLE;",
        sql="ALTER SEQUENCE numbers AS integer NO CYCLE",
        old=drawing("numbers"),
        new=drawing("numbers"),
    ),
    Case(
        name="of an identity",
        kind="alter_sequence",
        setup=keyed("bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
        sql="ALTER TABLE items ALTER id SET INCREMENT BY 5 SET CACHE 3",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="that old code draws from",
        kind="drop_sequence",
        setup=items("value text", rows=500) + "CREATE SEQUENCE numbers;",
        sql="DROP SEQUENCE numbers",
        old=drawing("numbers"),
        new=code("value"),
    ),
    Case(
        name="of a default",
        kind="rename_sequence",
        setup=items("value text", rows=500)
        + "CREATE SEQUENCE numbers; ALTER TABLE items ALTER n SET DEFAULT nextval('numbers');",
        sql="ALTER SEQUENCE numbers RENAME TO items_n_seq",
        old=drawing("numbers"),
        new=code("value"),
    ),
    Case(
        name="with a table and its comment",
        kind="create_schema",
        setup=items(rows=500),
        sql="CREATE SCHEMA app; CREATE SEQUENCE app.numbers; CREATE TYPE app.mood AS ENUM ('glad');"
        "CREATE TABLE app.labels (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer NOT NULL, value text);"
        "COMMENT ON TABLE app.labels IS 'new'; COMMENT ON SCHEMA app IS 'of new code'",
        old=code("value"),
        new=Code(
            insert="INSERT INTO app.labels (n, value) VALUES (%(n)s, %(value)s) RETURNING id",
            update="UPDATE app.labels SET value = %(value)s WHERE id = %(id)s",
            read="SELECT n, value FROM app.labels WHERE id = %(id)s",
            read_all="SELECT id, n, value FROM app.labels",
            table="labels",
        ),
        loses=True,
    ),
    Case(
        name="that is empty",
        kind="drop_schema",
        setup=items("value text", rows=500) + "CREATE SCHEMA app;",
        sql="DROP SCHEMA app",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="whose functions new code calls",
        kind="create_extension",
        setup=items("value text", rows=500),
        sql="CREATE EXTENSION unaccent WITH SCHEMA public",
        old=code("value"),
        new=calling("unaccent('é') = 'e'"),
    ),
    Case(
        name="to a version",
        kind="update_extension",
        setup=items("value text", rows=500) + "CREATE EXTENSION hstore VERSION '1.4';",
        sql="ALTER EXTENSION hstore UPDATE TO '1.7'",
        old=calling("hstore('a', 'b') -> 'a' = 'b'"),
        new=calling("hstore('a', 'b') -> 'a' = 'b'"),
        leaves="ALTER EXTENSION hstore UPDATE TO '1.7'",
    ),
    Case(
        name="whose functions old code calls",
        kind="drop_extension",
        setup=items("value text", rows=500) + "CREATE EXTENSION unaccent;",
        sql="DROP EXTENSION unaccent",
        old=calling("unaccent('é') = 'e'"),
        new=code("value"),
    ),
    Case(
        name="that lets rows through and one that keeps them back",
        kind="create_policy",
        setup=items("value text", rows=500) + "ALTER TABLE items ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY everybody ON items USING (true);",
        sql="CREATE POLICY own ON items FOR SELECT TO pg_monitor USING (n > 0 AND value <> '');"
        "CREATE POLICY never ON items AS RESTRICTIVE FOR DELETE USING (false)",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="with another condition",
        kind="alter_policy",
        setup=items("value text", rows=500) + "CREATE POLICY own ON items USING (n > 0);",
        sql="ALTER POLICY own ON items TO pg_monitor USING (n > 1) WITH CHECK (n > 2)",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="beside another one",
        kind="drop_policy",
        setup=items("value text", rows=500) + "ALTER TABLE items ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY own ON items USING (n > 0); CREATE POLICY everybody ON items USING (true);",
        sql="DROP POLICY own ON items",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="with its policy",
        kind="set_row_level_security",
        setup=items("value text", rows=500),
        sql="CREATE POLICY everybody ON items USING (true); ALTER TABLE items ENABLE ROW LEVEL SECURITY,"
        " FORCE ROW LEVEL SECURITY",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="on a table to a role and everybody",
        kind="grant",
        setup=items("value text", rows=500) + "GRANT SELECT ON items TO pg_monitor; CREATE SEQUENCE numbers;",
        sql="GRANT SELECT, UPDATE (n, value) ON items TO pg_monitor WITH GRANT OPTION;"
        "GRANT INSERT ON items TO PUBLIC; GRANT ALL ON SEQUENCE numbers TO pg_monitor",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="on a table and a column",
        kind="revoke",
        setup=items("value text", rows=500)
        + "GRANT SELECT, INSERT ON items TO pg_monitor WITH GRANT OPTION; GRANT UPDATE (n) ON items TO pg_monitor;",
        sql="REVOKE INSERT, UPDATE (n) ON items FROM pg_monitor;"
        "REVOKE GRANT OPTION FOR SELECT ON items FROM pg_monitor",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="by a unique index",
        kind="set_replica_identity",
        setup=items("value text NOT NULL", rows=500) + "CREATE UNIQUE INDEX items_value ON items (value);"
        "ALTER TABLE items REPLICA IDENTITY FULL; CREATE PUBLICATION p FOR TABLE items;",
        sql="ALTER TABLE items REPLICA IDENTITY USING INDEX items_value",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="of a table that is written",
        kind="create_publication",
        setup=items("value text", rows=500),
        sql="CREATE PUBLICATION p FOR TABLE items WITH (publish = 'insert, update')",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="one table more and one less",
        kind="alter_publication",
        setup=items("value text", rows=500)
        + "CREATE TABLE labels (id bigint PRIMARY KEY); CREATE PUBLICATION p FOR TABLE labels;",
        sql="ALTER PUBLICATION p ADD TABLE items; ALTER PUBLICATION p DROP TABLE labels",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="of a table that is written",
        kind="drop_publication",
        setup=items("value text", rows=500) + "CREATE PUBLICATION p FOR TABLE items;",
        sql="DROP PUBLICATION p",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="in both at once",
        kind="set_schema",
        setup=items("value text NOT NULL DEFAULT 'none'", rows=500, more=" UNIQUE, other serial")
        + "GRANT SELECT ON items TO PUBLIC; CREATE SCHEMA app;",
        sql="ALTER TABLE items SET SCHEMA app",
        old=code("value"),
        new=Code(
            insert="INSERT INTO app.items (n, value) VALUES (%(n)s, %(value)s) ON CONFLICT (value) DO UPDATE"
            " SET n = EXCLUDED.n RETURNING id",
            update="UPDATE app.items SET value = %(value)s WHERE id = %(id)s",
            touch="UPDATE app.items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, value FROM app.items WHERE id = %(id)s FOR UPDATE",
            read_all="SELECT id, n, value FROM app.items",
        ),
    ),
    Case(
        name="with all that is in it",
        kind="rename_schema",
        setup="CREATE SCHEMA shop; SET search_path = shop, public;"
        "CREATE TABLE parts (id int) PARTITION BY LIST (id);"
        "CREATE TABLE part PARTITION OF parts DEFAULT;"
        + items("value text NOT NULL DEFAULT 'none'", rows=500, more=" UNIQUE, other serial")
        + "CREATE VIEW seen AS SELECT id, value FROM items; CREATE MATERIALIZED VIEW made AS SELECT id FROM items;"
        "CREATE FUNCTION same(id bigint, n bigint DEFAULT 0) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';"
        "REVOKE ALL ON FUNCTION same FROM PUBLIC;"
        "ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO PUBLIC; RESET search_path;"
        "GRANT SELECT ON shop.items TO PUBLIC; GRANT USAGE ON SCHEMA shop TO PUBLIC; COMMENT ON SCHEMA shop IS 'it';",
        existing="SELECT 'items', id, n, value FROM shop.items",
        sql="ALTER SCHEMA shop RENAME TO sales",
        naive="ALTER SCHEMA shop RENAME TO sales",
        old=code("value", on="shop.items"),
        new=Code(
            insert="INSERT INTO sales.items (n, value) VALUES (%(n)s, %(value)s) ON CONFLICT (value) DO UPDATE"
            " SET n = EXCLUDED.n RETURNING id",
            update="UPDATE sales.items SET value = %(value)s WHERE id = sales.same(n => 0, id => %(id)s)",
            touch="UPDATE sales.items SET n = %(n)s WHERE id = %(id)s",
            read="SELECT n, value FROM sales.items WHERE id = sales.same(%(id)s) FOR UPDATE",
            read_all="SELECT items.id, n, seen.value FROM sales.items JOIN sales.seen USING (id)",
        ),
    ),
    Case(
        name="in a new table",
        kind="create_domain",
        setup=items(rows=500),
        sql="CREATE DOMAIN word AS text COLLATE \"C\" DEFAULT 'none' CONSTRAINT filled CHECK (VALUE <> '') NOT NULL;"
        "CREATE TABLE labels (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer NOT NULL, value word);"
        "COMMENT ON DOMAIN word IS 'not empty'",
        old=code("value"),
        new=Code(
            insert="INSERT INTO labels (n, value) VALUES (%(n)s, %(value)s) RETURNING id",
            update="UPDATE labels SET value = %(value)s WHERE id = %(id)s",
            read="SELECT n, value FROM labels WHERE id = %(id)s",
            read_all="SELECT id, n, value FROM labels",
            table="labels",
        ),
        loses=True,
    ),
    Case(
        name="with a column of it",
        kind="create_type",
        setup=items("other text", rows=500),
        existing="SELECT 'items', id, n, NULL AS value FROM items",
        sql="CREATE TYPE address AS (street text, number integer); ALTER TABLE items ADD COLUMN place address",
        old=code_without(),
        new=Code(
            insert="INSERT INTO items (n, place) VALUES (%(n)s, ROW(%(value)s, 1)) RETURNING id",
            update="UPDATE items SET place.street = %(value)s WHERE id = %(id)s",
            read="SELECT n, (place).street FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, (place).street FROM items",
        ),
        loses=True,
    ),
    Case(
        name="another default",
        kind="alter_domain",
        setup="CREATE DOMAIN word AS text DEFAULT 'none'; " + items("value word", rows=500),
        sql="ALTER DOMAIN word SET DEFAULT 'some'",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="a check",
        kind="alter_domain",
        setup="CREATE DOMAIN word AS text CONSTRAINT old CHECK (VALUE > ''); " + items("value word", rows=500),
        sql="ALTER DOMAIN word ADD CONSTRAINT filled CHECK (VALUE <> ''); ALTER DOMAIN word DROP CONSTRAINT old",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="of two columns and an expression",
        kind="create_statistics",
        setup=items("value text", rows=500),
        sql="CREATE STATISTICS both_of ON n, value, (lower(value)) FROM items;"
        "ALTER STATISTICS both_of SET STATISTICS 50",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="of statistics that are there",
        kind="set_statistics_target",
        setup=items("value text", rows=500) + "CREATE STATISTICS stays ON n, value FROM items;",
        sql="ALTER STATISTICS stays SET STATISTICS 70",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="and another target for what stays",
        kind="drop_statistics",
        setup=items("value text", rows=500)
        + "CREATE STATISTICS goes ON n, value FROM items; CREATE STATISTICS stays (mcv) ON n, value FROM items;",
        sql="DROP STATISTICS goes; ALTER STATISTICS stays SET STATISTICS 70",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="of a CHECK and a foreign key",
        kind="validate_constraint",
        setup=items("value text", more=", parent bigint")
        + "ALTER TABLE items ADD CONSTRAINT filled CHECK (value <> '') NOT VALID;"
        "ALTER TABLE items ADD CONSTRAINT known FOREIGN KEY (parent) REFERENCES items (id) NOT VALID;",
        sql="ALTER TABLE items VALIDATE CONSTRAINT filled, VALIDATE CONSTRAINT known",
        leaves="ALTER TABLE items VALIDATE CONSTRAINT filled, VALIDATE CONSTRAINT known",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="deferred, and deferrable no more",
        kind="alter_constraint",
        setup=items(
            "value text",
            more=", parent bigint CONSTRAINT known REFERENCES items,"
            " mother bigint CONSTRAINT seen REFERENCES items DEFERRABLE",
        ),
        sql="ALTER TABLE items ALTER CONSTRAINT known DEFERRABLE INITIALLY DEFERRED,"
        " ALTER CONSTRAINT seen NOT DEFERRABLE",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="among others",
        kind="rename_trigger",
        setup=items("value text", rows=500) + TOUCHED,
        sql="ALTER TRIGGER touched ON items RENAME TO a_touched",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="off at contract, and for replication at expand",
        kind="switch_trigger",
        setup=items("value text", rows=500) + TOUCHED,
        sql="ALTER TABLE items DISABLE TRIGGER touched, ENABLE ALWAYS TRIGGER more_touched",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="on at expand",
        kind="switch_trigger",
        setup=items("value text", rows=500) + TOUCHED + "ALTER TABLE items DISABLE TRIGGER touched;",
        sql="-- migrator: phase = expand\nALTER TABLE items ENABLE TRIGGER touched",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="that binds both",
        kind="rename_policy",
        setup=items("value text", rows=500)
        + "CREATE POLICY everybody ON items USING (true); ALTER TABLE items ENABLE ROW LEVEL SECURITY;",
        sql="ALTER POLICY everybody ON items RENAME TO whoever",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="of a table at contract, and of a view and a sequence at expand",
        kind="set_owner",
        setup=items("value text", rows=500) + "CREATE VIEW seen AS SELECT id, n FROM items; CREATE SEQUENCE numbers;",
        sql="-- migrator: keep = SELECT, UPDATE\nALTER TABLE items OWNER TO pg_database_owner;"
        "-- migrator: phase = expand\nALTER VIEW seen OWNER TO pg_database_owner;"
        "-- migrator: phase = expand\nALTER SEQUENCE numbers OWNER TO pg_database_owner",
        naive="ALTER TABLE items OWNER TO pg_database_owner; GRANT SELECT, UPDATE ON items TO current_user;"
        "ALTER VIEW seen OWNER TO pg_database_owner; ALTER SEQUENCE numbers OWNER TO pg_database_owner",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="of a table that is new",
        kind="set_owner",
        setup=items("value text", rows=500),
        sql="CREATE TABLE entries (id bigint); ALTER TABLE entries OWNER TO pg_database_owner",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="at contract and at expand",
        kind="set_view_options",
        setup=items("value text", rows=500) + "CREATE VIEW seen WITH (security_barrier) AS SELECT id, n FROM items;"
        "CREATE VIEW more AS SELECT id, n FROM items WHERE n > 0;",
        sql="ALTER VIEW seen RESET (security_barrier);"
        "-- migrator: phase = expand\nALTER VIEW more SET (check_option = local)",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="of an index and a materialized view",
        kind="set_index_options",
        setup=items("value text", rows=500) + "CREATE INDEX items_value ON items (value) WITH (fillfactor = 90);"
        "CREATE MATERIALIZED VIEW heap AS SELECT 1;",
        sql="ALTER INDEX items_value SET (fillfactor = 60, deduplicate_items = off);"
        "ALTER MATERIALIZED VIEW heap SET (autovacuum_enabled = off)",
        old=code("value"),
        new=code("value"),
    ),
    Case(
        name="in every phase",
        kind="raw_sql",
        setup=items("value text", rows=10_000)
        + "ALTER TABLE items ADD note text; ALTER TABLE items ALTER note SET DEFAULT 'seen';"
        "CREATE STATISTICS before ON n, value FROM items;",
        sql="-- migrator: phase = expand\n-- migrator: undo = DROP STATISTICS later\n"
        "CREATE STATISTICS later (ndistinct) ON n, value FROM items;\n"
        "-- migrator: phase = backfill\nUPDATE items SET note = 'seen' WHERE note IS NULL;\n"
        "-- migrator: phase = contract\nDROP STATISTICS before",
        old=code("value"),
        new=code("value"),
    ),
)

_DIVIDED = {
    ("add_column", "NOT NULL with fill"),
    ("add_column", "NOT NULL with a default that differs from row to row"),
    ("drop_column", "nullable"),
    ("set_not_null", "with fill"),
    ("add_check", "positive"),
    ("create_index", "plain"),
    ("add_primary_key", "over a column that is unique already"),
    ("change_primary_key", "another order of columns"),
    ("add_foreign_key", "to another table"),
    ("split_column", "two names out of one"),
    ("change_type", "text to bigint"),
}
CASES = (
    *_CASES,
    *(
        replace(each, name=f"{each.name}, on partitions", setup=divided(each.setup))
        for each in _CASES
        if (each.kind, each.name) in _DIVIDED
    ),
    *(
        replace(
            each,
            name=f"{each.name}, on partitions",
            setup=divided(each.setup.replace(" UNIQUE", "")),
            new=replace(each.new, insert=each.new.insert.replace("ON CONFLICT (value)", "ON CONFLICT (id)")),
        )
        for each in _CASES
        if each.kind == "rename_table"
    ),
)
