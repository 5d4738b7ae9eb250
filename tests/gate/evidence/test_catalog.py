from __future__ import annotations

import pytest

from migrator.config import SourceSettings
from migrator.model.evidence import Observation, Verdict
from tests.gate.evidence.asking import WEB, ask, subject_of
from tests.gate.world import World

COLUMN = "ALTER TABLE users DROP COLUMN legacy"
TABLE = "DROP TABLE users"


def looked(world: World, contract: str = COLUMN, allow: tuple[str, ...] = ()) -> Observation:
    source = SourceSettings(kind="catalog", allow=allow)
    [seen] = ask(world, subject_of(world, WEB, source=source, contract=contract))
    assert not seen.closed_world
    return seen


def test_nothing_depends(world: World) -> None:
    world.table()
    seen = looked(world)
    assert (seen.verdict, seen.control) == (Verdict.PASS, "nothing depends on public.users.legacy")


@pytest.mark.parametrize(
    ("made", "contract", "named"),
    [
        ("CREATE VIEW v AS SELECT legacy FROM users", COLUMN, "view public.v"),
        ("CREATE VIEW v AS SELECT id FROM users", TABLE, "view public.v"),
        ("CREATE MATERIALIZED VIEW m AS SELECT legacy FROM users", COLUMN, "materialized view public.m"),
        ("CREATE POLICY p ON users USING (legacy = 'x')", COLUMN, "policy public.users.p"),
        ("CREATE TABLE child (u int REFERENCES users)", TABLE, "foreign key public.child.child_u_fkey"),
        (
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT legacy FROM users; END",
            COLUMN,
            "function public.f",
        ),
        ("CREATE PUBLICATION gone FOR TABLE users", TABLE, "publication gone"),
    ],
)
def test_what_depends_blocks(world: World, made: str, contract: str, named: str) -> None:
    world.table()
    world.session.execute(made)
    seen = looked(world, contract)
    assert seen.verdict is Verdict.BLOCK
    assert [item.instance for item in seen.items] == [named]


@pytest.mark.parametrize(
    "made",
    [
        "CREATE VIEW v AS SELECT id FROM users",
        "CREATE TABLE child (u int REFERENCES users)",
        "CREATE PUBLICATION all_of_it FOR TABLE users",
        "CREATE POLICY p ON users USING (name = 'x')",
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT name FROM users'",
        "CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'legacy of users'; END $$",
    ],
)
def test_what_needs_other_columns_does_not(world: World, made: str) -> None:
    world.table()
    world.session.execute(made)
    assert looked(world).verdict is Verdict.PASS


def test_a_publication_with_the_column_in_its_list(world: World) -> None:
    if world.session.server_version < 15:
        pytest.skip("column lists of publications came with PostgreSQL 15")
    world.table()
    world.session.execute("CREATE PUBLICATION part_of_it FOR TABLE users (id, legacy)")
    assert [item.instance for item in looked(world).items] == ["publication part_of_it"]
    world.session.execute("ALTER PUBLICATION part_of_it SET TABLE users (id, name)")
    assert looked(world).verdict is Verdict.PASS
    world.session.execute("ALTER PUBLICATION part_of_it SET TABLE users WHERE (id > 1)")
    assert "filters" in looked(world).items[0].why


@pytest.mark.parametrize(
    "body", ["BEGIN RETURN (SELECT legacy FROM users); END", "BEGIN EXECUTE 'x' || 'users'; PERFORM 1 FROM users; END"]
)
def test_a_function_body_that_mentions_it_is_unknown_until_it_is_allowed_or_goes(world: World, body: str) -> None:
    world.table()
    world.session.execute(f"CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $${body}$$")
    seen = looked(world)
    assert seen.verdict is Verdict.UNKNOWN
    assert [item.instance for item in seen.items] == ["function public.f"]
    assert looked(world, allow=("public.f",)).verdict is Verdict.PASS
    assert looked(world, f"{COLUMN}; DROP FUNCTION f()").verdict is Verdict.PASS


def test_a_view_that_goes_too_is_no_dependent(world: World) -> None:
    world.table()
    world.session.execute("CREATE VIEW v AS SELECT legacy FROM users")
    assert looked(world, f"DROP VIEW v; {COLUMN}").verdict is Verdict.PASS
