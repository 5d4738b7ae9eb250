"""A second tablespace, which belongs to a whole server: tests share it."""

from __future__ import annotations

import psycopg

TABLESPACE = "fast"


def make_tablespace(url: str) -> None:
    """Make it inside the folder of the server, if it is not there."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET allow_in_place_tablespaces = on")
        if connection.execute("SELECT FROM pg_tablespace WHERE spcname = %s", (TABLESPACE,)).rowcount == 0:
            connection.execute(f"CREATE TABLESPACE {TABLESPACE} LOCATION ''")
