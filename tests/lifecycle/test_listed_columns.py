"""A column that is replaced while statistics objects and column lists of publications name it."""

from __future__ import annotations

import re

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

OFFLINE = "nobody is connected in this test"
TABLE = (
    "CREATE TABLE orders (id int PRIMARY KEY, total int NOT NULL, region text); CREATE SCHEMA more;"
    "INSERT INTO orders SELECT g, g % 7, 'r' || g % 3 FROM generate_series(1, 50) AS g;"
)
COUNTED = (
    'CREATE STATISTICS more."By total" (ndistinct, mcv) ON total, region FROM orders;'
    "CREATE STATISTICS twice ON (total * 2), region FROM orders; ALTER STATISTICS twice SET STATISTICS 400;"
    "COMMENT ON STATISTICS twice IS 'doubled';"
)
LISTED = (
    "CREATE PUBLICATION listed FOR TABLE orders (id, total);"
    "CREATE PUBLICATION filtered FOR TABLE orders (total, id) WHERE (id > 5) WITH (publish = 'insert');"
    "CREATE PUBLICATION by_total FOR TABLE orders WHERE (total > 5 AND id <> 9) WITH (publish = 'insert');"
)
RETYPE = "ALTER TABLE orders ALTER COLUMN total TYPE bigint"
SEEN = (
    "SELECT stxname::text, pg_get_statisticsobjdef(oid), coalesce(stxstattarget, -1) AS target,"
    " obj_description(oid, 'pg_statistic_ext') AS comment FROM pg_statistic_ext ORDER BY 1"
)
SENT = (
    "SELECT t.pubname::text, ARRAY(SELECT unnest(t.attnames) ORDER BY 1)::text[] AS names, t.rowfilter, p.pubinsert,"
    " p.pubupdate FROM pg_publication_tables AS t JOIN pg_publication AS p USING (pubname) ORDER BY 1"
)


def beside(sandbox: Sandbox) -> str:
    """What this server knows of it."""
    return COUNTED + (LISTED if sandbox.session.server_version >= 15 else "")


def seen(sandbox: Sandbox) -> list[object]:
    # The server writes columns in the order that they have in the table.
    objects = [(name, sorted(re.findall(r"\w+", text)), *rest) for name, text, *rest in sandbox.rows(SEEN)]
    return [*objects, *(sandbox.rows(SENT) if sandbox.session.server_version >= 15 else [])]


def test_they_are_as_before_around_a_column_of_another_type(sandbox: Sandbox) -> None:
    sandbox.execute(TABLE + beside(sandbox))
    sandbox.install()
    before, shape = seen(sandbox), sandbox.snapshot()
    migration = sandbox.new("retype", RETYPE)
    sandbox.expand(migration)
    sandbox.execute("UPDATE orders SET total = 8 WHERE id = 1")
    sandbox.rollback(migration, offline=OFFLINE)
    assert sandbox.snapshot() == shape
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.execute("UPDATE orders SET total = 9 WHERE id = 1")
    sandbox.contract(migration, offline=OFFLINE)

    assert seen(sandbox) == before
    assert sandbox.leftovers() == []
    sandbox.execute("UPDATE orders SET total = 3000000000 WHERE id = 1; ANALYZE orders")
    assert sandbox.value("SELECT count(*) FROM pg_statistic_ext_data") == 2


def test_they_are_as_before_where_the_type_changes_in_place(sandbox: Sandbox) -> None:
    sandbox.execute(TABLE + "ALTER TABLE orders ALTER total TYPE varchar(20);")
    sandbox.execute(beside(sandbox).replace("(total * 2)", "(total || '2')").replace("total > 5", "total > '5'"))
    before = seen(sandbox)
    migration = sandbox.new("retype", RETYPE.replace("bigint", "varchar(30)"))
    sandbox.finish(migration)

    assert seen(sandbox) == before
    shape = "SELECT atttypmod FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'total'"
    assert sandbox.value(shape) == 34


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("DROP STATISTICS twice", "statistics object public.twice"),
        ("CREATE STATISTICS late ON total, id FROM orders", "statistics object public.late"),
        ("ALTER STATISTICS twice SET STATISTICS 500", "statistics object public.twice"),
        ("ALTER PUBLICATION listed SET TABLE orders (id, total, region)", "publication listed"),
        ("ALTER PUBLICATION listed SET TABLE orders (id)", "publication listed"),
        ("DROP PUBLICATION filtered", "publication filtered"),
        ("ALTER PUBLICATION by_total SET TABLE orders WHERE (total > 6)", "publication by_total"),
        ("CREATE PUBLICATION late FOR TABLE orders (total, id)", "publication late"),
    ],
)
def test_what_was_changed_since_expand_stops_contract(sandbox: Sandbox, since: str, said: str) -> None:
    if "PUBLICATION" in since and sandbox.session.server_version < 15:
        pytest.skip("column lists came with PostgreSQL 15")
    sandbox.execute(TABLE + beside(sandbox))
    migration = sandbox.new("retype", RETYPE)
    sandbox.expand(migration)
    sandbox.backfill(migration)
    sandbox.execute(since)
    with pytest.raises(Refused, match="since it was planned") as caught:
        sandbox.contract(migration, offline=OFFLINE)
    assert said in refusal(caught.value)


def test_what_does_not_suit_the_new_type_is_refused_before_anything(sandbox: Sandbox) -> None:
    sandbox.execute(TABLE + COUNTED)
    with pytest.raises(Refused, match=r"statistics object public.twice on total of type text"):
        sandbox.new("retype", RETYPE.replace("bigint", "text"))
    if sandbox.session.server_version < 15:
        return
    sandbox.execute("DROP STATISTICS twice")
    sandbox.execute(
        "CREATE PUBLICATION p FOR TABLE orders WHERE (total > 5) WITH (publish = 'insert');"
        "CREATE TYPE mood AS ENUM ('1')"
    )
    for wanted, reason in (
        ("text", "operator does not exist: text > integer"),
        ("json USING to_json(total)", "operator does not exist: json > integer"),
    ):
        with pytest.raises(Refused) as caught:
            sandbox.new("retype", RETYPE.replace("bigint", wanted))
        assert "the row filter of publication p on total" in refusal(caught.value)
        assert reason in refusal(caught.value)
    sandbox.execute("ALTER PUBLICATION p SET TABLE orders WHERE (total IS NOT NULL)")
    with pytest.raises(Refused, match="only the server's own are allowed"):
        sandbox.new("retype", RETYPE.replace("bigint", "mood USING '1'::mood"))


@pytest.mark.parametrize(
    ("since", "beside", "said", "before", "after"),
    [
        (14, "ALTER TABLE orders ADD twice int GENERATED ALWAYS AS (total * 2) STORED", "that the application computes",
         "ALTER TABLE orders DROP COLUMN twice",
         "-- migrator: fill = total * 2\nALTER TABLE orders ADD COLUMN twice bigint NOT NULL"),
        (18, "ALTER TABLE orders ADD twice int GENERATED ALWAYS AS (total * 2) STORED", "VIRTUAL on PostgreSQL 18",
         "ALTER TABLE orders DROP COLUMN twice",
         "ALTER TABLE orders ADD COLUMN twice bigint GENERATED ALWAYS AS (total * 2) VIRTUAL"),
    ],
)  # fmt: skip
def test_what_is_refused_has_a_way_that_works(
    sandbox: Sandbox, since: int, beside: str, said: str, before: str, after: str
) -> None:
    if sandbox.session.server_version < since:
        pytest.skip(f"it came with PostgreSQL {since}")
    sandbox.execute(TABLE + beside)
    with pytest.raises(Refused) as caught:
        sandbox.new("retype", RETYPE)
    assert said in refusal(caught.value)
    for title, sql in (("before", before), ("retype", RETYPE), ("after", after)):
        sandbox.finish(sandbox.new(title, sql))
    assert sandbox.leftovers() == []
    sandbox.execute("UPDATE orders SET total = 3000000000 WHERE id = 1")
