"""What the rules for SQLite claim, held against the SQLite that Python brings."""

from __future__ import annotations

import sqlite3

import pytest

from migrator.lint.registry import dialect_rules

REFUSED = dialect_rules()["SQ003"]
if sqlite3.sqlite_version_info < (3, 35):
    pytest.skip("DROP COLUMN came with SQLite 3.35", allow_module_level=True)


@pytest.fixture
def connection():
    with sqlite3.connect(":memory:", isolation_level=None) as connection:
        connection.executescript("CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 2);")
        yield connection
    connection.close()


ADDED = "ALTER TABLE t ADD COLUMN n"


@pytest.mark.parametrize(
    "sql",
    [
        f"{ADDED} int UNIQUE", f"{ADDED} int PRIMARY KEY", f"{ADDED} int NOT NULL",
        f"{ADDED} int NOT NULL DEFAULT NULL",
        f"{ADDED} text DEFAULT CURRENT_TIMESTAMP", f"{ADDED} int DEFAULT (random())",
        f"{ADDED} int GENERATED ALWAYS AS (a) STORED", "ALTER TABLE t ALTER COLUMN a SET DEFAULT 1",
        "ALTER TABLE t ADD CONSTRAINT p PRIMARY KEY (a)", "ALTER TABLE t MODIFY a text",
    ],
)  # fmt: skip
def test_what_is_said_to_be_refused_is_refused(sql: str, connection: sqlite3.Connection):
    from tests.lint.test_dialects import codes

    assert REFUSED.code in codes(sql, "sqlite")
    with pytest.raises(sqlite3.OperationalError):
        connection.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        f"{ADDED} int", f"{ADDED} int NOT NULL DEFAULT 0", f"{ADDED} int CHECK (n > 0)", f"{ADDED} int AS (a)",
        f"{ADDED} text DEFAULT 'CURRENT_TIMESTAMP'", "ALTER TABLE t DROP COLUMN b", "ALTER TABLE t RENAME a TO c",
        "ALTER TABLE t RENAME COLUMN a TO c", "ALTER TABLE t RENAME TO u",
    ],
)  # fmt: skip
def test_what_is_not_said_to_be_refused_runs(sql: str, connection: sqlite3.Connection):
    from tests.lint.test_dialects import codes

    connection.execute(sql)

    assert REFUSED.code not in codes(sql, "sqlite")


CHILDREN = (
    "CREATE TABLE p (id integer PRIMARY KEY); INSERT INTO p VALUES (1);"
    "CREATE TABLE c (p int REFERENCES p ON DELETE CASCADE); INSERT INTO c VALUES (1);"
)
REBUILD = (
    "CREATE TABLE n (id integer PRIMARY KEY); INSERT INTO n SELECT * FROM p; DROP TABLE p; ALTER TABLE n RENAME TO p;"
)


@pytest.mark.parametrize(
    ("script", "left"),
    [
        (REBUILD, 0),
        (f"BEGIN; PRAGMA foreign_keys = OFF; {REBUILD} COMMIT;", 0),
        (f"PRAGMA foreign_keys = OFF; BEGIN; {REBUILD} COMMIT;", 1),
    ],
)
def test_a_rebuild_deletes_children_exactly_when_it_is_said(script: str, left: int, connection: sqlite3.Connection):
    from tests.lint.test_dialects import codes

    connection.executescript(f"{CHILDREN} PRAGMA foreign_keys = ON; {script}")

    assert connection.execute("SELECT count(*) FROM c").fetchone() == (left,)
    assert ("SQ001" in codes(script, "sqlite") or "SQ002" in codes(script, "sqlite")) is (left == 0)
