"""What is moved to another tablespace: lint has nothing against what was written for it, and large tables stay."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox

MOVE = "ALTER TABLE t SET TABLESPACE fast"


def test_lint_objects_to_the_statement_by_hand_and_not_where_the_size_was_looked_at(sandbox: Sandbox):
    sandbox.execute("CREATE TABLE t (a integer PRIMARY KEY)")
    sandbox.new("move", f"{MOVE}; ALTER INDEX t_pkey SET TABLESPACE fast")
    assert sandbox.command("lint", "migrations").code == 0

    sandbox.write("by_hand", manifest="level = 2", expand=MOVE)

    assert "LK018" in sandbox.command("lint", "migrations").out


def test_a_table_that_has_grown_since_it_was_planned_is_refused_before_anything_runs(sandbox: Sandbox):
    sandbox.execute("CREATE TABLE t (a integer PRIMARY KEY, b text)")
    migration = sandbox.new("move", MOVE)
    sandbox.execute(
        "ALTER TABLE t ALTER b SET STORAGE PLAIN;"
        "INSERT INTO t SELECT g, repeat('x', 7000) FROM generate_series(1, 5000) AS g"
    )

    with pytest.raises(Refused, match="reads and writes would wait"):
        sandbox.expand(migration)

    assert sandbox.value("SELECT reltablespace::int FROM pg_class WHERE oid = 't'::regclass") == 0
