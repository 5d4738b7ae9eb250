"""``ADD CONSTRAINT … NOT NULL column``, which PostgreSQL has from 18 on."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

TABLE = "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT g, 'v' FROM generate_series(1, 50) AS g;"
DIVIDED = (
    "CREATE TABLE t (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);"
    "CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (20); CREATE TABLE t_2 PARTITION OF t DEFAULT;"
    "INSERT INTO t SELECT g, 'v' FROM generate_series(1, 50) AS g;"
)
FOUND = "SELECT conname, convalidated FROM pg_constraint WHERE contype = 'n' AND conname = 'v_there' ORDER BY conrelid"


@pytest.fixture
def newest(sandbox: Sandbox) -> Sandbox:
    if sandbox.session.server_version < 18:
        pytest.skip("PostgreSQL has such constraints from 18 on")
    return sandbox


@pytest.mark.parametrize("table", [TABLE, DIVIDED])
@pytest.mark.parametrize(
    ("sql", "is_valid"),
    [
        ("ALTER TABLE t ADD CONSTRAINT v_there NOT NULL v", True),
        ("ALTER TABLE t ADD CONSTRAINT v_there NOT NULL v NOT VALID", False),
        ("ALTER TABLE t ADD CONSTRAINT v_there NOT NULL v NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT v_there", True),
    ],
)
def test_it_binds_from_contract_on(newest: Sandbox, table: str, sql: str, is_valid: bool) -> None:
    newest.execute(table)
    before, wanted = newest.snapshot(), newest.shape_after(sql)
    newest.install()
    migration = newest.new("there", sql)

    newest.expand(migration)
    newest.execute("INSERT INTO t VALUES (100, NULL); DELETE FROM t WHERE id = 100")
    newest.rollback(migration, offline="nobody is connected in this test")
    assert newest.snapshot() == before
    newest.finish(migration)

    assert newest.snapshot() == wanted
    assert set(newest.rows(FOUND)) == {("v_there", is_valid)}
    assert newest.leftovers() == ([] if is_valid else ["constraint v_there"] * len(newest.rows(FOUND)))


def test_rows_that_hold_null_are_counted_before_anything_changes(newest: Sandbox) -> None:
    newest.execute(f"{TABLE} UPDATE t SET v = NULL WHERE id < 4")
    newest.install()
    migration = newest.new("there", "ALTER TABLE t ADD CONSTRAINT v_there NOT NULL v")
    newest.expand(migration)
    newest.backfill(migration)

    with pytest.raises(Refused, match=r"3 rows of public\.t hold NULL in v"):
        newest.contract(migration, offline="nobody is connected in this test")

    assert newest.rows(FOUND) == []


def test_one_that_is_not_valid_is_validated_by_a_later_migration(newest: Sandbox) -> None:
    newest.execute(f"{TABLE} UPDATE t SET v = NULL WHERE id = 4")
    newest.install()
    newest.finish(newest.new("there", "ALTER TABLE t ADD CONSTRAINT v_there NOT NULL v NOT VALID"))
    later = newest.new("valid", "ALTER TABLE t VALIDATE CONSTRAINT v_there")
    newest.execute("UPDATE t SET v = '' WHERE id = 4")

    newest.finish(later)

    assert newest.rows(FOUND) == [("v_there", True)]


def test_with_fill_no_row_is_left(newest: Sandbox) -> None:
    newest.execute(f"{TABLE} UPDATE t SET v = NULL WHERE id < 4")
    newest.install()
    newest.finish(newest.new("there", "-- migrator: fill = 'x'\nALTER TABLE t ADD CONSTRAINT v_there NOT NULL v"))

    assert newest.rows(FOUND) == [("v_there", True)]
    assert newest.value("SELECT count(*) FROM t WHERE v = 'x'") == 3


def test_older_servers_have_none(sandbox: Sandbox) -> None:
    if sandbox.session.server_version >= 18:
        pytest.skip("this one has")
    sandbox.execute(TABLE)

    with pytest.raises(Refused) as refused:
        sandbox.new("there", "ALTER TABLE t ADD CONSTRAINT v_there NOT NULL v")

    assert "18 and later do" in refusal(refused.value)
    assert "ALTER COLUMN v SET NOT NULL" in refusal(refused.value)
