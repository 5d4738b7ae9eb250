"""Keys and exclusion constraints that a partition has by itself are not lost with a column of the table."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

TABLE = """
    CREATE TABLE stays (room integer NOT NULL, during int4range NOT NULL) PARTITION BY LIST (room);
    CREATE TABLE stays_1 PARTITION OF stays FOR VALUES IN (1);
    CREATE TABLE stays_2 PARTITION OF stays FOR VALUES IN (2);
    INSERT INTO stays VALUES (1, '[1,3)'), (2, '[1,3)');
"""
RETYPE = "ALTER TABLE stays ALTER during TYPE int8range USING int8range(lower(during), upper(during))"
OWN = ["EXCLUDE USING gist (during WITH &&)", "UNIQUE (during)", "PRIMARY KEY (room, during)"]
CONSTRAINTS = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'own'"


@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("sql", [RETYPE, "ALTER TABLE stays DROP COLUMN during"])
def test_they_keep_the_column_from_going(sandbox: Sandbox, own: str, sql: str) -> None:
    sandbox.execute(f"{TABLE} ALTER TABLE stays_1 ADD CONSTRAINT own {own}")
    if "DROP" in sql:
        sandbox.execute("ALTER TABLE stays ALTER during SET DEFAULT 'empty'")
    with pytest.raises(Refused) as caught:
        sandbox.new("change", sql)
    assert "constraint own on table public.stays_1" in refusal(caught.value)


@pytest.mark.parametrize("own", OWN[:2])
def test_around_another_type_they_go_before_and_come_after(sandbox: Sandbox, own: str) -> None:
    add = f"ALTER TABLE stays_1 ADD CONSTRAINT own {own}"
    sandbox.execute(f"{TABLE} {add}")
    for title, sql in (("before", "ALTER TABLE stays_1 DROP CONSTRAINT own"), ("retype", RETYPE), ("after", add)):
        sandbox.finish(sandbox.new(title, sql))
    assert sandbox.rows(CONSTRAINTS) == [(own,)]
    assert sandbox.leftovers() == []


def test_a_rename_leaves_them(sandbox: Sandbox) -> None:
    sandbox.execute(f"{TABLE} ALTER TABLE stays_1 ADD CONSTRAINT own {OWN[0]}")
    sandbox.finish(sandbox.new("rename", "ALTER TABLE stays RENAME during TO stay"))
    assert sandbox.rows(CONSTRAINTS) == [("EXCLUDE USING gist (stay WITH &&)",)]


def test_an_exclusion_constraint_of_a_small_table_comes_along_with_another_type(sandbox: Sandbox) -> None:
    sandbox.execute(f"CREATE TABLE stays (room integer, during int4range, CONSTRAINT own {OWN[0]})")
    sandbox.finish(sandbox.new("retype", RETYPE))
    assert sandbox.rows(CONSTRAINTS) == [(OWN[0],)]


def test_of_a_partitioned_table_each_partition_gets_one_by_itself(sandbox: Sandbox) -> None:
    sandbox.execute(TABLE)
    with pytest.raises(Refused) as caught:
        sandbox.new("add", f"ALTER TABLE stays ADD CONSTRAINT own {OWN[0]}")
    assert "add it to each by itself" in refusal(caught.value)
    added = ";".join(f"ALTER TABLE stays_{n} ADD CONSTRAINT own_{n} {OWN[0]}" for n in (1, 2))
    sandbox.finish(sandbox.new("add", added))
    assert sandbox.rows(CONSTRAINTS.replace("= 'own'", "LIKE 'own__'")) == [(OWN[0],), (OWN[0],)]


def test_what_a_partition_has_from_its_table_is_dropped_there(sandbox: Sandbox) -> None:
    sandbox.execute(f"{TABLE} ALTER TABLE stays ADD CONSTRAINT own UNIQUE (room, during), ADD CHECK (room > 0)")
    kept = "SELECT conname FROM pg_constraint WHERE conrelid = 'stays_1'::regclass AND contype IN ('u', 'c') ORDER BY 1"
    for (found,) in sandbox.rows(kept):
        with pytest.raises(Refused, match="from the table it is a part of"):
            sandbox.new("drop", f"ALTER TABLE stays_1 DROP CONSTRAINT {found}")
    for name in ("own", "stays_room_check"):
        sandbox.finish(sandbox.new("drop", f"ALTER TABLE stays DROP CONSTRAINT {name}"))
    assert sandbox.rows(kept) == []
