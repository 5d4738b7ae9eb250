"""What hangs on columns that move to another table: it is there afterwards, or it is known that it is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lifecycle.harness import unplaced_lines
from tests.support.sandbox import Sandbox

OFFLINE = "nobody is connected in this test"
SETUP = (
    "CREATE TABLE t (id int PRIMARY KEY, a text, v int[], n int); INSERT INTO t VALUES (1, 'x', '{1}', 1);"
    "CREATE TABLE u (t_id int PRIMARY KEY REFERENCES t ON DELETE CASCADE, a_2 text); INSERT INTO u VALUES (1, 'y');"
    "CREATE TABLE many (id int, t_id int REFERENCES t); INSERT INTO many VALUES (1, 1); CREATE INDEX ON many (t_id);"
    "COMMENT ON COLUMN t.a IS 'it''s'; ALTER TABLE t ALTER a SET STATISTICS 500, ALTER a SET STORAGE external,"
    " ALTER a SET (n_distinct = 7), ALTER v SET STATISTICS 400; COMMENT ON COLUMN u.a_2 IS 'of a_2';"
    "ALTER TABLE u ALTER a_2 SET STATISTICS 300;"
    "GRANT SELECT (id, a, v), INSERT (id, a), UPDATE (a, v) ON t TO ROLE;"
    "GRANT SELECT (a_2) ON u TO ROLE WITH GRANT OPTION;"
    "GRANT SELECT (id) ON t TO OTHER"
)
NEW = "CREATE TABLE s (t_id int REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE, {}, PRIMARY KEY (t_id{}))"


@pytest.fixture
def roles(sandbox: Sandbox) -> Iterator[tuple[str, str]]:
    """One with rights on single columns, and one with the right to read the key alone."""
    number = sandbox.value("SELECT oid FROM pg_database WHERE datname = current_database()")
    names = (f"columns_{number}", f"key_{number}")
    sandbox.execute("".join(f"CREATE ROLE {name};" for name in names))
    yield names
    sandbox.execute("".join(f"DROP OWNED BY {name}; DROP ROLE {name};" for name in names))


SETTINGS = " STATISTICS 500 STORAGE e {n_distinct=7}"


@pytest.mark.parametrize(
    ("sql", "lines", "table_rights"),
    [
        (
            f"-- migrator: from = t\n{NEW.format('a text', '')}",
            {
                "column s.t_id: integer NOT NULL ACL ROLE=ar/postgres",
                f"column s.a: text ACL ROLE=arw/postgres{SETTINGS}",
                "comment on table column public.s.a: it's",
            },
            set(),
        ),
        (
            f"-- migrator: unnest = t (v)\n{NEW.format('x int', ', x')}",
            {
                "column s.t_id: integer NOT NULL ACL ROLE=arw/postgres",
                "column s.x: integer NOT NULL ACL ROLE=arw/postgres",
            },
            {"grant on s: DELETE to ROLE f"},
        ),
        (
            f"-- migrator: extract = t (n, a AS b)\n{NEW.format('n int, b text', ', n')}",
            {
                "column s.t_id: integer NOT NULL ACL ROLE=ar/postgres",
                f"column s.b: text ACL ROLE=arw/postgres{SETTINGS}",
                "comment on table column public.s.b: it's",
            },
            set(),
        ),
        (
            "-- migrator: to = u (t_id)\nALTER TABLE t DROP COLUMN a",
            {
                f"column u.a: text ACL ROLE=arw/postgres{SETTINGS}",
                "comment on table column public.u.a: it's",
            },
            set(),
        ),
        (
            "-- migrator: to = many (t_id)\n-- migrator: many = true\nALTER TABLE t DROP COLUMN a",
            {
                f"column many.a: text ACL ROLE=arw/postgres{SETTINGS}",
                "comment on table column public.many.a: it's",
            },
            set(),
        ),
        (
            "-- migrator: into = t\nDROP TABLE u",
            {
                "column t.a_2: text ACL ROLE=r*/postgres STATISTICS 300",
                "comment on table column public.t.a_2: of a_2",
            },
            set(),
        ),
    ],
    ids=["split_table", "unnest_column", "extract_junction", "move_column", "move_column to many", "merge_tables"],
)
def test_what_hangs_on_columns_goes_with_them(
    sandbox: Sandbox, roles: tuple[str, str], sql: str, lines: set[str], table_rights: set[str]
) -> None:
    def named(text: str) -> str:
        return text.replace("ROLE", roles[0]).replace("OTHER", roles[1])

    sandbox.execute(named(SETUP))
    before = sandbox.snapshot()
    sandbox.install()
    migration = sandbox.new("move", sql)
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.rollback(migration, offline=OFFLINE)
    assert sandbox.snapshot() == before
    sandbox.finish(migration)

    found = unplaced_lines(sandbox.snapshot()) - unplaced_lines(before)
    assert set(map(named, lines | table_rights)) <= found
    assert not [line for line in found if roles[1] in line and " t.id:" not in line]
    assert {line for line in found if line.startswith("grant ")} == set(map(named, table_rights))
