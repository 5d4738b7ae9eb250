"""Tables whose key becomes rows of a junction table, and the change that does it."""

from __future__ import annotations

SETUP = "CREATE TABLE a (id integer PRIMARY KEY, n integer, v integer, p text);"
SQL = (
    "-- migrator: extract = a (v AS x, p AS q)\nCREATE TABLE b (k integer REFERENCES a ON DELETE CASCADE"
    " ON UPDATE CASCADE, x integer, q text, PRIMARY KEY (k, x))"
)
POINTING = "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 9);" + SETUP.replace(
    "v integer", "v integer REFERENCES t ON DELETE {} ON UPDATE {}"
)
TO_T = SQL.replace("x integer", "x integer REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE")
