from __future__ import annotations

from collections.abc import Iterator

import pytest

from migrator.config import ServiceSettings, SourceSettings
from migrator.model.evidence import Observation, Verdict
from migrator.postgres.connect import Database
from tests.gate.evidence.asking import ask, lower_fence, raise_fence, subject_of
from tests.gate.world import World, role

STATEMENTS = SourceSettings(kind="statements")
DROP = "ALTER TABLE users DROP COLUMN legacy"


@pytest.fixture
def world(counting_world: World) -> World:
    counting_world.table()
    return counting_world


@pytest.fixture
def web(world: World) -> Iterator[str]:
    """A role of the application."""
    with role(world.session) as name:
        world.session.execute(f'GRANT ALL ON users TO "{name}"')
        yield name


def looked(world: World, web: str, contract: str = DROP) -> Observation:
    service = ServiceSettings(name="web", db_roles=(web,))
    [seen] = ask(world, subject_of(world, service, source=STATEMENTS, contract=contract))
    assert seen.service is None
    assert not seen.closed_world
    return seen


def run(world: World, web: str, *statements: str) -> None:
    with world.connect(user=web) as connection:
        for statement in statements:
            connection.execute(statement)


def test_the_first_look_knows_nothing_and_the_second_compares(world: World, web: str) -> None:
    run(world, web, "SELECT legacy FROM users")
    first = looked(world, web)
    assert (first.verdict, first.control) == (Verdict.UNKNOWN, "statements are counted from now on")
    second = looked(world, web)
    assert second.verdict is Verdict.PASS
    assert second.control.startswith("0 of ")


def test_a_statement_that_uses_it_blocks_once_it_runs(world: World, web: str) -> None:
    looked(world, web)
    run(world, web, "SELECT name FROM users", "INSERT INTO users (id, name) VALUES (2, 'b')")
    assert looked(world, web).verdict is Verdict.PASS
    run(world, web, "SELECT legacy FROM users WHERE id = 1", "SELECT legacy FROM users WHERE id = 2")
    seen = looked(world, web)
    assert seen.verdict is Verdict.BLOCK
    [item] = seen.items
    assert item.instance == f"statement of role {web}"
    assert item.why.startswith(
        "ran 2 times on the primary since the last look, uses public.users.legacy: SELECT legacy"
    )
    assert looked(world, web).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM users",
        "SELECT to_jsonb(users) FROM users",
        "INSERT INTO users VALUES (7, 'a', 'b')",
        "COPY users TO STDOUT",
        "DO $$ BEGIN PERFORM legacy FROM users; END $$",
    ],
)
def test_what_may_take_every_column_is_never_a_pass(world: World, web: str, statement: str) -> None:
    looked(world, web)
    with world.connect(user=web) as connection:
        if statement.startswith("COPY"):
            with connection.cursor().copy(statement) as copy:
                list(copy)
        else:
            connection.execute(statement)
    assert looked(world, web).verdict in (Verdict.UNKNOWN, Verdict.BLOCK)


def test_a_statement_inside_a_function_is_seen(world: World, web: str) -> None:
    world.session.execute(
        "CREATE FUNCTION peek() RETURNS text LANGUAGE plpgsql AS"
        " $$ DECLARE found text; BEGIN SELECT legacy INTO found FROM users LIMIT 1; RETURN found; END $$"
    )
    looked(world, web)
    run(world, web, "SELECT peek()")
    assert looked(world, web).verdict is Verdict.BLOCK


def test_evicted_or_reset_counters_start_anew(world: World, web: str) -> None:
    looked(world, web)
    world.session.query("SELECT pg_stat_statements_reset()")
    seen = looked(world, web)
    assert seen.verdict is Verdict.UNKNOWN
    assert "reset" in seen.control
    assert looked(world, web).verdict is Verdict.PASS


def test_an_entry_that_vanished_starts_anew(world: World, web: str) -> None:
    run(world, web, "SELECT legacy FROM users")
    looked(world, web)
    world.session.query(
        "SELECT pg_stat_statements_reset(userid, dbid, queryid) FROM pg_stat_statements WHERE query LIKE '%legacy%'"
    )
    assert looked(world, web).verdict is Verdict.UNKNOWN


def test_without_the_extension_or_the_right_nothing_is_known(world: World, web: str) -> None:
    looked(world, web)
    world.session.execute(f'GRANT USAGE ON SCHEMA migrator TO "{web}"')
    world.session.execute(f'GRANT ALL ON ALL TABLES IN SCHEMA migrator TO "{web}"')
    subject = subject_of(world, ServiceSettings(name="web", db_roles=("other",)), source=STATEMENTS, contract=DROP)
    with Database(world.url.replace("postgres@", f"{web}@")).connect("look") as poor:
        [seen] = ask(World(world.url, world.database, poor), subject)
    assert seen.verdict is Verdict.UNKNOWN
    assert "pg_read_all_stats" in seen.control
    world.session.execute("DROP EXTENSION pg_stat_statements")
    assert "not installed" in looked(world, web).control


def test_counting_that_misses_functions_is_not_enough(world: World, web: str) -> None:
    looked(world, web)
    world.session.set("pg_stat_statements.track", "top")
    assert "track is top" in looked(world, web).control
    world.session.set("pg_stat_statements.track", "all")
    world.session.execute(f"ALTER ROLE \"{web}\" SET pg_stat_statements.track = 'none'")
    assert "ALTER ROLE" in looked(world, web).control


def test_under_a_fence_calls_since_the_last_look_before_it_count_until_it_is_lowered(world: World, web: str) -> None:
    looked(world, web)
    subject = subject_of(world, ServiceSettings(name="web", db_roles=(web,)), source=STATEMENTS, contract=DROP)
    raise_fence(world, subject)
    run(world, web, "SELECT legacy FROM users")
    for _ in range(2):
        assert looked(world, web).verdict is Verdict.BLOCK
    lower_fence(world, subject)
    assert looked(world, web).verdict is Verdict.BLOCK
    assert looked(world, web).verdict is Verdict.PASS


def test_the_contract_itself_does_not_count(world: World, web: str) -> None:
    """All evidence is read once more in the transaction that has dropped the column already."""
    looked(world, web)
    subject = subject_of(world, ServiceSettings(name="web", db_roles=(web,)), source=STATEMENTS, contract=DROP)
    assert looked(world, web).verdict is Verdict.PASS
    from migrator.gate.look import collect
    from migrator.ledger import services

    listed = services.listed(world.session, "default")
    with world.session.transaction():
        assert collect(world.session, subject, listed, local=True)[0].verdict is Verdict.PASS
        world.session.execute(DROP)
        [seen] = collect(world.session, subject, listed, local=True)
    assert seen.verdict is Verdict.PASS, seen


def test_where_the_role_is_shared_maintenance_does_not_count_and_queries_do(world: World) -> None:
    shared = ServiceSettings(name="web")
    subject = subject_of(world, shared, source=STATEMENTS, contract=DROP)
    ask(world, subject)
    world.session.execute("ANALYZE users")
    assert ask(world, subject)[0].verdict is Verdict.PASS
    world.session.query("SELECT legacy FROM users")
    assert ask(world, subject)[0].verdict is Verdict.BLOCK


def test_a_script_that_cannot_be_told_is_unknown(world: World, web: str) -> None:
    seen = looked(world, web, "DROP SCHEMA old")
    assert seen.verdict is Verdict.UNKNOWN
    assert "DROP SCHEMA old" in seen.control


def test_a_table_that_goes_and_a_partition_of_it(world: World, web: str) -> None:
    world.session.execute("CREATE TABLE part (id int, legacy int) PARTITION BY RANGE (id)")
    world.session.execute("CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10)")
    world.session.execute(f'GRANT ALL ON part, part_1 TO "{web}"')
    contract = "ALTER TABLE part DROP COLUMN legacy"
    looked(world, web, contract)
    run(world, web, "SELECT legacy FROM part_1")
    assert looked(world, web, contract).verdict is Verdict.BLOCK
