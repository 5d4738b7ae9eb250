"""Cases of moves from and to partitioned tables, whose rows come to other partitions all the time.

``items`` and what belongs to it are divided by ``n``, which ``touch`` sets at random: the key by which rows of both
find each other changes with it, by the foreign key.
"""

from __future__ import annotations

import re
from dataclasses import replace

from tests.lifecycle.cases import CASES, Case, code, divided, later_than_all
from tests.lifecycle.clients import Code

_LIKE = {(each.kind, each.name): each for each in CASES}
_TOUCH = "UPDATE items SET n = %(n)s WHERE id = %(id)s"
_FOLLOWING = "FOREIGN KEY (item, m) REFERENCES items ON DELETE CASCADE ON UPDATE CASCADE"


def by_n(table: str, column: str) -> str:
    """The end of a CREATE TABLE, with partitions, one of which is divided further."""
    return (
        f") PARTITION BY RANGE ({column}); CREATE TABLE {table}_1 PARTITION OF {table} FOR VALUES FROM (0) TO (1500)"
        f" WITH (fillfactor = 10);"
        f"CREATE TABLE {table}_2 PARTITION OF {table} FOR VALUES FROM (1500) TO (400000) PARTITION BY HASH ({column});"
        f"CREATE TABLE {table}_2a PARTITION OF {table}_2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        f"CREATE TABLE {table}_2b PARTITION OF {table}_2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        f"CREATE TABLE {table}_3 PARTITION OF {table} DEFAULT;"
    )


def items_by_n(column: str = "", value: str = "", rows: int = 3_000) -> str:
    name = column.split(maxsplit=1)[0] if column else ""
    return (
        "CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY, n integer NOT NULL"
        + (f", {column}" if column else "")
        + ", PRIMARY KEY (id, n)"
        + by_n("items", "n")
        + f"INSERT INTO items (n{', ' + name if name else ''}) SELECT g{', ' + value if value else ''}"
        f" FROM generate_series(1, {rows}) AS g; ANALYZE items;"
    )


MOVING = "of rows that change their partition"
_JOINED = "FROM items LEFT JOIN notes ON (item, m) = (id, n)"
_NOTES = f"CREATE TABLE notes (item bigint, m integer, value text, PRIMARY KEY (item, m), {_FOLLOWING})"
_TAGS = f"CREATE TABLE tags (item bigint, m integer, tag text, PRIMARY KEY (item, m, tag), {_FOLLOWING})"

PARTITIONED_MOVES = (
    *(
        replace(
            each,
            name=f"{name}, both on partitions",
            setup=divided(re.sub(r"series\(1, \d{4,}\)", "series(1, 1800)", each.setup))
            .replace("(fillfactor = 10); INSERT INTO notes", "(fillfactor = 10);INSERT INTO notes", 1)
            .replace(
                ") WITH (fillfactor = 10);INSERT",
                f") PARTITION BY RANGE ({column});"
                "CREATE TABLE notes_1 PARTITION OF notes FOR VALUES FROM (MINVALUE) TO (900) WITH (fillfactor = 10);"
                "CREATE TABLE notes_2 PARTITION OF notes DEFAULT;INSERT",
                1,
            )
            .replace("id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item", "id bigint DEFAULT nextval('s'), item")
            .replace("CREATE TABLE notes (id", f"CREATE SEQUENCE s; CREATE TABLE notes ({more}id"),
            new=replace(each.new, touch=touch or each.new.touch),
        )
        for name, column, more, touch in (
            ("to a table with a unique foreign key", "item", "", ""),
            # Rows of new code come to other partitions without a change of what they belong to.
            (
                "to several rows for each",
                "at",
                "at integer NOT NULL DEFAULT 1, ",
                f"WITH n AS (UPDATE notes SET at = (random() * 1800)::int WHERE item = %(id)s) {_TOUCH}",
            ),
            ("to the one of several rows that is chosen", "item", "", ""),
        )
        for each in [_LIKE["move_column", name]]
    ),
    Case(
        name=MOVING,
        kind="split_table",
        setup=items_by_n("value text CHECK (value <> '')", "'s' || g") + "GRANT SELECT ON items TO PUBLIC;",
        sql=f"-- migrator: from = items\n{_NOTES}",
        naive=f"{_NOTES}; GRANT SELECT ON notes TO PUBLIC; ALTER TABLE items DROP COLUMN value",
        old=code("value", touch_fills=False),
        new=Code(
            insert="WITH i AS (INSERT INTO items (n) VALUES (%(n)s) RETURNING id, n)"
            " INSERT INTO notes SELECT id, n, %(value)s FROM i RETURNING item",
            update="INSERT INTO notes SELECT id, n, %(value)s FROM items WHERE id = %(id)s"
            " ON CONFLICT (item, m) DO UPDATE SET value = EXCLUDED.value",
            touch=_TOUCH,
            read=f"SELECT n, notes.value {_JOINED} WHERE id = %(id)s",
            read_all=f"SELECT id, n, notes.value {_JOINED}",
            unfilled=(None,),
            touch_fills=False,
        ),
        final=(f"(SELECT count(*) = count(notes.value) {_JOINED})",),
    ),
    Case(
        name=MOVING,
        kind="unnest_column",
        # The value is the element that was written last.
        setup=items_by_n("tags text[]", "ARRAY['r' || g, 's' || g]") + "GRANT SELECT ON items TO PUBLIC;",
        existing="SELECT 'items', id, n, tags[2] FROM items",
        sql=f"-- migrator: unnest = items (tags)\n{_TAGS}",
        naive=f"{_TAGS}; GRANT SELECT ON tags TO PUBLIC; ALTER TABLE items DROP COLUMN tags",
        old=replace(_LIKE["unnest_column", "of elements that come and go"].old, touch=_TOUCH),
        new=Code(
            insert="WITH i AS (INSERT INTO items (n) VALUES (%(n)s) RETURNING id, n)"
            " INSERT INTO tags SELECT id, n, %(value)s FROM i RETURNING item",
            update="WITH gone AS (DELETE FROM tags WHERE item = %(id)s AND tag < %(value)s)"
            " INSERT INTO tags SELECT id, n, %(value)s FROM items WHERE id = %(id)s",
            touch=_TOUCH,
            read="SELECT n, (SELECT max(tag) FROM tags WHERE item = id) FROM items WHERE id = %(id)s",
            read_all="SELECT id, n, (SELECT max(tag) FROM tags WHERE item = id) FROM items",
            unfilled=(None,),
            values=later_than_all,
            touch_fills=False,
        ),
        final=("NOT EXISTS (SELECT FROM items WHERE NOT EXISTS (SELECT FROM tags WHERE item = id))",),
    ),
    Case(
        name=MOVING,
        kind="merge_tables",
        setup=items_by_n() + "CREATE TABLE notes (item bigint, m integer, value text NOT NULL CHECK (value <> ''),"
        f" size integer NOT NULL DEFAULT 1, PRIMARY KEY (item, m), {_FOLLOWING}" + by_n("notes", "m")
        + "INSERT INTO notes SELECT id, n, 's' || n FROM items WHERE n % 5 > 0; GRANT SELECT ON notes TO PUBLIC;"
        "ANALYZE notes;",
        existing=f"SELECT 'items', id, n, value {_JOINED}",
        sql="-- migrator: into = items\n-- migrator: nullable = value\nDROP TABLE notes",
        naive="ALTER TABLE items ADD COLUMN value text, ADD COLUMN size integer NOT NULL DEFAULT 1;"
        "GRANT SELECT (value, size) ON items TO PUBLIC; DROP TABLE notes",
        old=Code(
            insert="WITH i AS (INSERT INTO items (n) VALUES (%(n)s) RETURNING id, n)"
            " INSERT INTO notes (item, m, value) SELECT id, n, %(value)s FROM i RETURNING item",
            update="INSERT INTO notes (item, m, value) SELECT id, n, %(value)s FROM items WHERE id = %(id)s"
            " ON CONFLICT (item, m) DO UPDATE SET value = EXCLUDED.value",
            touch=_TOUCH,
            read=f"SELECT n, notes.value {_JOINED} WHERE id = %(id)s",
            read_all=f"SELECT id, n, notes.value {_JOINED}",
            touch_fills=False,
        ),
        new=_LIKE["merge_tables", "with rows for some"].new,
        final=("NOT EXISTS (SELECT FROM items WHERE size IS NULL)",),
    ),
)  # fmt: skip
