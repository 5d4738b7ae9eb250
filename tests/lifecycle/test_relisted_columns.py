"""Column lists and row filters of publications around columns that are renamed, dropped, merged and split."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from migrator.model.plan import Phase
from tests.support.sandbox import Sandbox, refusal

OFFLINE = "nobody is connected in this test"
SETUP = (
    "CREATE TABLE users (id int PRIMARY KEY, name text, age int, born date); INSERT INTO users VALUES (1, 'a', 5);"
    'CREATE PUBLICATION "Listed" FOR TABLE users (id, name, age);'
    "CREATE PUBLICATION more FOR TABLE users (name, id) WHERE (id > 5) WITH (publish = 'insert');"
    "CREATE PUBLICATION other FOR TABLE users (id, born); CREATE PUBLICATION every FOR TABLE users;"
)
SENT = (
    "SELECT p.pubname::text, ARRAY(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = r.prrelid"
    " AND a.attnum = ANY (r.prattrs::int2[]) ORDER BY 1), coalesce(pg_get_expr(r.prqual, r.prrelid), '')"
    " FROM pg_publication_rel AS r JOIN pg_publication AS p ON p.oid = r.prpubid ORDER BY 1"
)
RENAME = "ALTER TABLE users RENAME COLUMN name TO full_name"
DROP = "ALTER TABLE users DROP COLUMN name"
MERGE = (
    "-- migrator: up = concat_ws(' ', name, age)\n"
    "-- migrator: down = split_part(whole, ' ', 1), nullif(split_part(whole, ' ', 2), '')::int\n"
    "ALTER TABLE users ADD COLUMN whole text, DROP COLUMN name, DROP COLUMN age"
)
SPLIT = (
    "-- migrator: up = split_part(name, ' ', 1), split_part(name, ' ', 2)\n"
    "-- migrator: down = concat_ws(' ', first, last)\n"
    "ALTER TABLE users ADD COLUMN first text, ADD COLUMN last text, DROP COLUMN name"
)


@pytest.fixture(autouse=True)
def since_15(sandbox: Sandbox) -> None:
    if sandbox.session.server_version < 15:
        pytest.skip("column lists and row filters came with PostgreSQL 15")


def lists(sandbox: Sandbox) -> dict[str, str]:
    """What each list names, with its filter."""
    return {name: " ".join([*columns, condition]).strip() for name, columns, condition in sandbox.rows(SENT)}


@pytest.mark.parametrize(
    ("sql", "meanwhile", "after"),
    [
        (RENAME, ("age full_name id name", "full_name id name (id > 5)"),
         ("age full_name id", "full_name id (id > 5)")),
        (DROP, ("age id name", "id name (id > 5)"), ("age id", "id (id > 5)")),
        (MERGE, ("age id name whole", "id name whole (id > 5)"), ("id whole", "id whole (id > 5)")),
        (SPLIT, ("age first id last name", "first id last name (id > 5)"),
         ("age first id last", "first id last (id > 5)")),
    ],
    ids=["rename", "drop", "merge", "split"],
)  # fmt: skip
def test_lists_name_both_sides_until_contract(
    sandbox: Sandbox, sql: str, meanwhile: tuple[str, str], after: tuple[str, str]
) -> None:
    sandbox.execute(SETUP)
    sandbox.install()
    before, shape = lists(sandbox), sandbox.snapshot()
    migration = sandbox.new("change", sql)
    sandbox.expand(migration)
    assert lists(sandbox) == {**before, "Listed": meanwhile[0], "more": meanwhile[1]}
    sandbox.rollback(migration, offline=OFFLINE)
    assert (lists(sandbox), sandbox.snapshot()) == (before, shape)
    sandbox.finish(migration)

    assert lists(sandbox) == {**before, "Listed": after[0], "more": after[1]}
    assert sandbox.leftovers() == []
    sandbox.execute("UPDATE users SET born = now()")


def test_a_list_may_change_between_expand_and_contract(sandbox: Sandbox) -> None:
    sandbox.execute(SETUP)
    renaming, dropping = sandbox.new("rename", RENAME), sandbox.new("drop", "ALTER TABLE users DROP COLUMN age")
    sandbox.expand(renaming)
    sandbox.execute(
        'ALTER PUBLICATION "Listed" SET TABLE users (id, name, age, born); ALTER PUBLICATION more DROP TABLE users;'
        "CREATE PUBLICATION late FOR TABLE users (id, full_name)"
    )
    sandbox.finish(renaming)
    sandbox.finish(dropping)
    assert lists(sandbox) == {"Listed": "born full_name id", "every": "", "late": "id", "other": "born id"}


def test_a_list_that_contract_knows_nothing_of_stops_it(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE users (id int PRIMARY KEY, name text, age int); CREATE TABLE more (id int, a int)")
    for sql, column in ((RENAME, "full_name"), (DROP.replace("name", "age"), "age")):
        migration = sandbox.new("change", sql)
        sandbox.expand(migration)
        sandbox.backfill(migration)
        sandbox.execute(f"CREATE PUBLICATION late FOR TABLE users (id, {column})")
        with pytest.raises(Refused, match="since it was planned") as caught:
            sandbox.contract(migration, offline=OFFLINE)
        assert "publication late" in refusal(caught.value)
        sandbox.execute("ALTER PUBLICATION late SET TABLE users (id)")
        sandbox.contract(migration, offline=OFFLINE)
        sandbox.execute("DROP PUBLICATION late")


def test_a_filter_follows_a_rename(sandbox: Sandbox) -> None:
    sandbox.execute(
        "CREATE TABLE users (id int, name text); ALTER TABLE users REPLICA IDENTITY FULL;"
        "CREATE PUBLICATION p FOR TABLE users WHERE (name > 'b'); INSERT INTO users VALUES (1, 'c')"
    )
    sandbox.finish(sandbox.new("rename", RENAME))
    assert lists(sandbox) == {"p": "(full_name > 'b'::text)"}
    sandbox.execute("UPDATE users SET full_name = 'd'")


@pytest.mark.parametrize(
    ("publication", "sql", "reason", "instead"),
    [
        ("FOR TABLE users WHERE (age > 5) WITH (publish = 'insert')", DROP.replace("name", "age"),
         "publication p has a row filter that reads age", "users WHERE (id > 5)"),
        ("FOR TABLE users WHERE (age > 5) WITH (publish = 'insert')", MERGE,
         "publication p has a row filter that reads age", "users"),
        ("FOR TABLE users (name) WITH (publish = 'insert')", DROP, "publication p lists nothing else", "users (id)"),
        ("FOR TABLE users (name, age) WITH (publish = 'insert')", DROP + ";" + DROP.replace("name", "age"),
         "publication p lists nothing else", "users (id)"),
    ],
)  # fmt: skip
def test_what_is_refused_has_a_way_that_works(
    sandbox: Sandbox, publication: str, sql: str, reason: str, instead: str
) -> None:
    sandbox.execute("CREATE TABLE users (id int PRIMARY KEY, name text, age int)")
    sandbox.execute(f"CREATE PUBLICATION p {publication}")
    with pytest.raises(Refused) as caught:
        sandbox.new("change", sql)
    assert reason in refusal(caught.value)
    assert "each with -- migrator: phase = contract above it, so that both commit together" in refusal(caught.value)
    both = "-- migrator: phase = contract\nALTER PUBLICATION p {} TABLE {};\n"
    before = sandbox.new("before", both.format("DROP", "users") + both.format("ADD", instead))
    assert len({step.group for step in before.phase(Phase.CONTRACT)} - {None}) == 1
    sandbox.finish(before)
    sandbox.finish(sandbox.new("change", sql))
    assert sandbox.leftovers() == []
