from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from migrator.config import ServiceSettings, SourceSettings
from migrator.gate.barriers import quarantine
from migrator.gate.look import Subject
from migrator.ledger import services
from migrator.ledger.services import Service
from migrator.model.evidence import Verdict
from tests.gate.evidence.asking import ask, subject_of
from tests.gate.world import World, role

STATEMENTS = SourceSettings(kind="statements")
DROP = "ALTER TABLE users DROP COLUMN legacy"


@pytest.fixture
def world(counting_world: World) -> World:
    counting_world.session.execute("CREATE TABLE users (id int PRIMARY KEY, legacy text, name text)")
    counting_world.session.execute("INSERT INTO users VALUES (1, 'a', 'a')")
    return counting_world


@pytest.fixture
def web(world: World) -> Iterator[str]:
    with role(world.session) as name:
        world.session.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON users TO "{name}"')
        yield name


def subject(world: World, web: str, *, contract: str = DROP, barriers: tuple[str, ...] = ("quarantine",)) -> Subject:
    service = ServiceSettings(name="web", db_roles=(web,))
    return subject_of(world, service, source=STATEMENTS, contract=contract, barriers=barriers)


def watched(world: World, found: Subject) -> None:
    """Look until the statements of the table's own making are counted."""
    for _ in range(2):
        [seen] = ask(world, found)
    assert seen.verdict is Verdict.PASS


def listed(world: World) -> tuple[Service, ...]:
    return services.listed(world.session, "default")


def privileges(world: World) -> list[tuple[object, ...]]:
    """Every privilege on the table and its columns."""
    rows = world.session.query(
        "SELECT 0 AS n, g.grantee, g.privilege_type, g.is_grantable FROM pg_class AS c, aclexplode(c.relacl) AS g"
        " WHERE c.oid = 'users'::regclass UNION ALL"
        " SELECT a.attnum, g.grantee, g.privilege_type, g.is_grantable"
        " FROM pg_attribute AS a, aclexplode(a.attacl) AS g"
        " WHERE a.attrelid = 'users'::regclass AND NOT a.attisdropped ORDER BY 1, 2, 3"
    )
    return [tuple(row) for row in rows]


NEW_CODE = (
    "SELECT id, name FROM users WHERE id = 1",
    "SELECT count(*) FROM users",
    "INSERT INTO users (id, name) VALUES (2, 'b')",
    "UPDATE users SET name = 'c' WHERE id = 2",
    "DELETE FROM users WHERE id = 2",
)
OLD_CODE = (
    "SELECT legacy FROM users",
    "SELECT * FROM users",
    "SELECT to_jsonb(users) FROM users",
    "INSERT INTO users VALUES (3, 'x', 'y')",
    "UPDATE users SET legacy = 'x'",
    "DELETE FROM users WHERE legacy = 'x'",
)


def test_old_code_is_refused_new_code_is_not_and_everything_is_undone(world: World, web: str) -> None:
    with role(world.session) as other:
        world.session.execute("GRANT SELECT ON users TO PUBLIC")
        world.session.execute(f'GRANT UPDATE (legacy, name), INSERT (id) ON users TO "{other}"')
        found = subject(world, web)
        watched(world, found)
        before = privileges(world)
        assert quarantine.plan(world.session, found, listed(world))
        done = quarantine.put_up(world.session, found, listed(world))
        assert done == ["public.users.legacy is quarantined: applications have no privilege on it"]
        with world.connect(user=web) as connection:
            for statement in NEW_CODE:
                connection.execute(statement)
            for statement in OLD_CODE:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)
        assert quarantine.put_up(world.session, found, listed(world)) == []
        assert quarantine.take_down(world.session, found, listed(world)) == [
            "privileges on public.users are as they were"
        ]
        assert privileges(world) == before
        assert quarantine.take_down(world.session, found, listed(world)) == []


def test_after_the_drop_privileges_are_table_level_again(world: World, web: str) -> None:
    found = subject(world, web)
    watched(world, found)
    before = privileges(world)
    quarantine.put_up(world.session, found, listed(world))
    world.session.execute(DROP)
    quarantine.after_applied(world.session, found, listed(world))
    assert privileges(world) == before
    with world.connect(user=web) as connection:
        connection.execute("SELECT * FROM users")


def test_a_table_that_goes(world: World, web: str) -> None:
    found = subject(world, web, contract="DROP TABLE users")
    watched(world, found)
    before = privileges(world)
    quarantine.put_up(world.session, found, listed(world))
    with world.connect(user=web) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT 1 FROM users")
    quarantine.take_down(world.session, found, listed(world))
    assert privileges(world) == before


def refused(world: World, found: Subject) -> str:
    before = privileges(world)
    [line] = quarantine.put_up(world.session, found, listed(world))
    assert line.startswith("no quarantine: ")
    assert privileges(world) == before
    assert quarantine.take_down(world.session, found, listed(world)) == []
    return line


def test_not_unasked(world: World, web: str) -> None:
    found = subject(world, web, barriers=())
    watched(world, found)
    assert quarantine.plan(world.session, found, listed(world)) == []
    assert quarantine.put_up(world.session, found, listed(world)) == []


def test_not_while_a_statement_takes_all_columns(world: World, web: str) -> None:
    found = subject(world, web)
    watched(world, found)
    with world.connect(user=web) as connection:
        connection.execute("SELECT * FROM users")
    assert "SELECT * FROM users" in refused(world, found)


def test_not_without_having_watched(world: World, web: str) -> None:
    assert "counted from now on" in refused(world, subject(world, web))


def test_not_where_an_application_owns_the_table(world: World, web: str) -> None:
    world.session.execute(f'ALTER TABLE users OWNER TO "{web}"')
    found = subject(world, web)
    watched(world, found)
    assert "owns the table or bypasses privileges" in refused(world, found)


@pytest.mark.parametrize("way", ["ALTER ROLE {} SUPERUSER", "GRANT pg_read_all_data TO {}"])
def test_not_where_an_application_bypasses_privileges(world: World, web: str, way: str) -> None:
    world.session.execute(way.format(f'"{web}"'))
    found = subject(world, web)
    watched(world, found)
    assert "bypasses privileges" in refused(world, found)


def test_not_where_privileges_were_passed_on(world: World, web: str) -> None:
    world.session.execute(f'GRANT SELECT ON users TO "{web}" WITH GRANT OPTION')
    found = subject(world, web)
    watched(world, found)
    assert "WITH GRANT OPTION" in refused(world, found)


def test_not_where_a_trigger_runs_with_the_writers_rights(world: World, web: str) -> None:
    world.session.execute("CREATE TABLE copies (id int)")
    world.session.execute(
        "CREATE FUNCTION copy_back() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN UPDATE users SET legacy = 'x' WHERE id = NEW.id; RETURN NEW; END $$"
    )
    world.session.execute("CREATE TRIGGER t AFTER INSERT ON copies FOR EACH ROW EXECUTE FUNCTION copy_back()")
    found = subject(world, web)
    watched(world, found)
    assert "copy_back" in refused(world, found)
