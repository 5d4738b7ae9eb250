"""``IF EXISTS`` and ``IF NOT EXISTS`` in databases that differ: what one of them lacks, another one has."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox

OFFLINE = "nobody is connected in this test"
DROP = "DROP TABLE IF EXISTS groups"
GROUPS = "CREATE TABLE groups (id int PRIMARY KEY); INSERT INTO groups VALUES (1)"


@pytest.mark.parametrize("planned", ["", GROUPS], ids=["planned without", "planned with"])
@pytest.mark.parametrize("found", ["", GROUPS], ids=["run without", "run with"])
def test_a_table_is_dropped_wherever_it_is(sandbox: Sandbox, planned: str, found: str) -> None:
    sandbox.execute("CREATE TABLE kept (id int)")
    sandbox.install()
    before = sandbox.snapshot()
    sandbox.execute(planned)
    migration = sandbox.new("groups gone", DROP)
    sandbox.execute(f"{DROP}; {found}")
    sandbox.expand(migration)
    assert sandbox.value("SELECT count(*) FROM pg_class WHERE relname = 'groups'") == bool(found)
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.snapshot() == before


def test_where_it_is_it_is_looked_at(sandbox: Sandbox) -> None:
    sandbox.install()
    migration = sandbox.new("groups gone", DROP)
    sandbox.execute(f"{GROUPS}; CREATE VIEW seen AS SELECT id FROM groups")
    with pytest.raises(Refused, match="is used by other objects"):
        sandbox.expand(migration)


def test_a_table_made_by_a_later_migration_is_not_dropped_by_it(sandbox: Sandbox) -> None:
    sandbox.install()
    first = sandbox.new("groups gone", DROP)
    sandbox.expand(first)
    second = sandbox.new("groups back", "CREATE TABLE groups (id int)")
    with pytest.raises(Refused, match="groups_gone"):
        sandbox.expand(second)


def test_rollback_leaves_what_was_there_before(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE kept (id int, a int); CREATE INDEX kept_a ON kept (a)")
    sandbox.install()
    before = sandbox.snapshot()
    migration = sandbox.new(
        "repeated",
        "CREATE TABLE IF NOT EXISTS kept (id int); CREATE INDEX IF NOT EXISTS kept_a ON kept (a);"
        "ALTER TABLE kept ADD COLUMN IF NOT EXISTS a int, ADD COLUMN IF NOT EXISTS b int",
    )
    sandbox.expand(migration)
    sandbox.rollback(migration, offline=OFFLINE, yes=True)
    assert sandbox.snapshot() == before
