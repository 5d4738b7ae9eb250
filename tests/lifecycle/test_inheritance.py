"""Tables that take part in inheritance: what would treat parent and children differently is refused, and says so."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

OFFLINE = "nobody is connected in this test"
PARENT = "CREATE TABLE parent (id int PRIMARY KEY, a text, b text, n int NOT NULL DEFAULT 1, v int[]);"
CHILD = "CREATE TABLE child (more int) INHERITS (parent); ALTER TABLE child ADD PRIMARY KEY (id);"
OTHERS = (
    "INSERT INTO parent VALUES (1, 'one', 'x');"
    "CREATE TABLE beside (id int PRIMARY KEY, {0}_id int UNIQUE REFERENCES {0} ON DELETE CASCADE, c text);"
    "CREATE TABLE many (id int PRIMARY KEY, {0}_id int REFERENCES {0}, d text);"
    "CREATE UNIQUE INDEX ON many ({0}_id) WHERE d = 'x';"
    "CREATE TABLE profiles (parent_id int PRIMARY KEY REFERENCES {0} ON DELETE CASCADE, bio text);"
)
ALONE = (PARENT + OTHERS).format("parent")
CHANGES = {
    "rename_column": "ALTER TABLE {0} RENAME COLUMN a TO z",
    "rename_table": "ALTER TABLE {0} RENAME TO z",
    "change_type": "ALTER TABLE {0} ALTER COLUMN n TYPE bigint",
    "change_type in place": "ALTER TABLE {0} ALTER COLUMN a TYPE varchar",
    "add_column": "ALTER TABLE {0} ADD COLUMN z int",
    "drop_column": "ALTER TABLE {0} DROP COLUMN a",
    "set_not_null": "ALTER TABLE {0} ALTER COLUMN a SET NOT NULL",
    "drop_not_null": "ALTER TABLE {0} ALTER COLUMN n DROP NOT NULL",
    "set_default": "ALTER TABLE {0} ALTER COLUMN a SET DEFAULT 'x'",
    "add_check": "ALTER TABLE {0} ADD CONSTRAINT z CHECK (n > 0)",
    "add_unique": "ALTER TABLE {0} ADD CONSTRAINT z UNIQUE (a)",
    "add_foreign_key": "ALTER TABLE {0} ADD CONSTRAINT z FOREIGN KEY (n) REFERENCES beside",
    "add_exclusion": "ALTER TABLE {0} ADD CONSTRAINT z EXCLUDE (n WITH =)",
    "create_index": "CREATE INDEX z ON {0} (a)",
    "split_column": "-- migrator: up = a, a\n-- migrator: down = y || z\n"
    "ALTER TABLE {0} ADD COLUMN y text, ADD COLUMN z text, DROP COLUMN a",
    "merge_columns": "-- migrator: up = a || b\n-- migrator: down = z, z\n"
    "ALTER TABLE {0} ADD COLUMN z text, DROP COLUMN a, DROP COLUMN b",
    "split_table": "-- migrator: from = {0}\n"
    "CREATE TABLE z (id int PRIMARY KEY REFERENCES {0} ON DELETE CASCADE ON UPDATE CASCADE, a text)",
    "unnest_column": "-- migrator: unnest = {0} (v)\nCREATE TABLE z (id int REFERENCES {0} ON DELETE CASCADE ON UPDATE"
    " CASCADE, x int, PRIMARY KEY (id, x))",
    "extract_junction": "-- migrator: extract = {0} (a, b)\nCREATE TABLE z (id int REFERENCES {0} ON DELETE CASCADE"
    " ON UPDATE CASCADE, a text, b text, PRIMARY KEY (id, a))",
    "move_column": "-- migrator: to = beside ({0}_id)\nALTER TABLE {0} DROP COLUMN a",
    "move_column into it": "-- migrator: to = {0} (id)\nALTER TABLE beside DROP COLUMN c",
    "move_column to many": "-- migrator: to = many ({0}_id)\n-- migrator: many = true\nALTER TABLE {0} DROP COLUMN a",
    "move_column to the chosen one": "-- migrator: to = many ({0}_id)\n-- migrator: where = d = 'x'\n"
    "ALTER TABLE {0} DROP COLUMN a",
    "merge_tables": "-- migrator: into = {0}\nDROP TABLE profiles",
    "partition_table": "-- migrator: partition = z DEFAULT\nCREATE TABLE {0} (LIKE {0}) PARTITION BY RANGE (id)",
    "drop_table": "DROP TABLE {0}",
    "set_schema": "CREATE SCHEMA z; ALTER TABLE {0} SET SCHEMA z",
    "set_row_level_security": "ALTER TABLE {0} ENABLE ROW LEVEL SECURITY",
    "set_replica_identity": "ALTER TABLE {0} REPLICA IDENTITY FULL",
}


IN_STEP = (
    "rename_column", "change_type", "split_column", "merge_columns", "split_table", "unnest_column", "extract_junction",
    "move_column", "move_column into it", "move_column to many", "move_column to the chosen one", "merge_tables",
)  # fmt: skip
"""Where triggers keep two shapes in step, which do not fire for rows of a child."""


@pytest.mark.parametrize("table", ["parent", "child"])
def test_what_would_treat_parent_and_children_differently_is_refused(sandbox: Sandbox, table: str) -> None:
    sandbox.execute((PARENT + CHILD + OTHERS).format(table))
    before = sandbox.snapshot()
    for sql in CHANGES.values():
        with pytest.raises(Refused, match=f'table "public.{table}" takes part in inheritance'):
            sandbox.new("refused", sql.format(table))
    assert sandbox.snapshot() == before
    assert sandbox.migrations() == []


def test_planned_without_a_database_it_is_refused_by_expand(sandbox: Sandbox) -> None:
    sandbox.execute((PARENT + CHILD + OTHERS).format("parent"))
    sandbox.install()
    for name in ("rename_column", "set_not_null", "drop_column", "add_column"):
        migration = sandbox.new(name, CHANGES[name].format("parent"), blind=True)
        before = sandbox.snapshot()
        with pytest.raises(Refused, match="takes part in inheritance"):
            sandbox.expand(migration)
        assert sandbox.snapshot() == before


@pytest.mark.parametrize("name", IN_STEP)
def test_a_child_that_came_after_expand_stops_contract_and_rollback(sandbox: Sandbox, name: str) -> None:
    sandbox.execute(ALONE)
    sandbox.install()
    before = sandbox.snapshot()
    migration = sandbox.new(name, CHANGES[name].format("parent"))
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.execute("CREATE TABLE late () INHERITS (parent); INSERT INTO late (id, a, b) VALUES (3, 'three', 'z')")
    expanded = sandbox.snapshot()
    for phase in (sandbox.contract, sandbox.rollback):
        with pytest.raises(Refused, match=r'"public\.parent" takes part in inheritance since expand') as caught:
            phase(migration, offline=OFFLINE)
        assert "NO INHERIT" in refusal(caught.value)
    assert sandbox.snapshot() == expanded
    sandbox.execute("ALTER TABLE late NO INHERIT parent")
    sandbox.rollback(migration, offline=OFFLINE, yes=True)
    assert sandbox.rows("SELECT id, a, b FROM late") == [(3, "three", "z")]
    sandbox.execute("DROP TABLE late")
    assert sandbox.snapshot() == before
