"""S26, S28 to S34, S37: objects that are no columns, and how a migration runs, fails and is undone."""

from __future__ import annotations

import psycopg
import pytest

from migrator.errors import BudgetSpent, OutOfOrder, Refused
from migrator.postgres.session import ServerError
from tests.scenarios.stage import OFFLINE, Stage
from tests.support.sandbox import refusal

INDEXES = (
    'CREATE INDEX plain ON "Events" (name)',
    'CREATE INDEX hashed ON "Events" USING hash (name) WITH (fillfactor = 70)',
    "CREATE INDEX partial ON \"Events\" (id) WHERE name <> ''",
    'CREATE INDEX "Mixed" ON "Events" (name DESC NULLS LAST, id)',
    'CREATE INDEX patterns ON "Events" (name text_pattern_ops) INCLUDE (id)',
    'CREATE INDEX computed ON "Events" (lower(name))',
)


def test_s26_indexes_of_every_form_come_with_expand_and_go_with_contract(stage: Stage) -> None:
    """What is built concurrently is what CREATE INDEX would have made; a dropped index serves old code to the end."""
    stage.setup('CREATE TABLE "Events" (id int PRIMARY KEY, name text); CREATE INDEX gone ON "Events" (id, name)')
    wanted = stage.sandbox.shape_after(";".join((*INDEXES, "DROP INDEX gone")))
    migration = stage.expand(";".join((*INDEXES, "DROP INDEX gone")))
    assert stage.sandbox.value("SELECT to_regclass('gone') IS NOT NULL")
    stage.contract(migration)
    assert stage.sandbox.snapshot() == wanted


def test_s28_raw_sql_in_its_phase(stage: Stage) -> None:
    """What expand made is there for new code, ``undo`` takes it back, and the rest waits for contract."""
    total = "AGGREGATE {}(int) (SFUNC = int4pl, STYPE = int)"
    stage.setup(f"CREATE TABLE users (n int); INSERT INTO users VALUES (3), (4); CREATE {total.format('old_total')}")
    before = stage.sandbox.snapshot()
    migration = stage.expand(
        f"-- migrator: phase = expand\n-- migrator: undo = DROP AGGREGATE total(int)\nCREATE {total.format('total')};"
        "-- migrator: phase = contract\nDROP AGGREGATE old_total(int)"
    )
    assert stage.new.value("SELECT total(n) FROM users") == 7
    assert stage.old.value("SELECT old_total(n) FROM users") == 7
    stage.roll_back(migration)
    assert stage.sandbox.snapshot() == before
    stage.sandbox.expand(migration)
    stage.contract(migration)
    assert stage.new.fails("SELECT old_total(n) FROM users") == "42883"


def test_s29_an_expand_that_fails_can_be_run_again_or_undone(stage: Stage) -> None:
    """A failed statement takes its group back, keeps the state, names itself, and rollback leaves nothing."""
    total = "CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int)"
    stage.setup("CREATE TABLE users (id int PRIMARY KEY)")
    before = stage.sandbox.snapshot()
    migration = stage.plan(
        "CREATE TABLE notes (id int PRIMARY KEY);"
        f"-- migrator: phase = expand\n-- migrator: undo = DROP AGGREGATE total(int)\n{total}"
    )
    stage.sandbox.execute(total)
    with pytest.raises(ServerError, match='function "total" already exists'):
        stage.sandbox.expand(migration)
    assert stage.sandbox.state(migration) == "expanding"
    assert stage.sandbox.command("status").out.count('function "total" already exists') == 1
    assert stage.old.fails("INSERT INTO users VALUES (1)") == ""
    stage.sandbox.execute("DROP AGGREGATE total(int)")
    stage.roll_back(migration)
    assert stage.sandbox.snapshot() == before
    assert stage.sandbox.expand(migration)
    assert stage.sandbox.state(migration) == "complete"
    assert 'column "missing"' in stage.refused(
        "-- migrator: fill = missing\nALTER TABLE users ADD COLUMN n int NOT NULL"
    )


def test_s30_a_lock_that_others_hold_is_waited_for_in_short_attempts(stage: Stage) -> None:
    """While the table is locked nothing changes and the budget ends it; once free, the same command goes through."""
    stage.setup("CREATE TABLE users (id serial PRIMARY KEY, name text DEFAULT 'a')")
    stage.sandbox.configure(lock_timeout="50ms", lock_budget="100ms")
    migration = stage.plan("-- migrator: down = 'b'\nALTER TABLE users DROP COLUMN name")
    phases = (
        lambda: stage.sandbox.expand(migration),
        lambda: stage.sandbox.rollback(migration, offline=OFFLINE),
        lambda: stage.sandbox.expand(migration),
        lambda: stage.sandbox.contract(migration, offline=OFFLINE),
    )
    for phase in phases:
        with psycopg.connect(stage.sandbox.url) as holder:
            holder.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(BudgetSpent, match="a lock was refused") as caught:
                phase()
            assert "the checks before" in refusal(caught.value)
            assert holder.execute("INSERT INTO users DEFAULT VALUES RETURNING true").fetchone() == (True,)
        phase()
    assert stage.sandbox.state(migration) == "contracted"


def test_s31_row_security_holds_under_both_names(stage: Stage) -> None:
    """A role sees the rows its policy shows, by the old name of the column and by the new one."""
    alice = stage.role()
    stage.setup(
        "CREATE TABLE users (name text, note text); ALTER TABLE users ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY own ON users USING (name = current_user);"
        f"GRANT SELECT, UPDATE ON users TO {alice}; INSERT INTO users VALUES ('{alice}', 'a'), ('bob', 'b')"
    )
    migration = stage.expand("ALTER TABLE users RENAME name TO login; ALTER TABLE users RENAME note TO remark")
    client = stage.client(alice)
    client.run("UPDATE users SET remark = 'mine'")
    assert client.run("SELECT name, login, note, remark FROM users") == [(alice, alice, "mine", "mine")]
    stage.contract(migration)
    assert client.run("SELECT * FROM users") == [(alice, "mine")]
    assert stage.sandbox.value("SELECT remark FROM users WHERE login = 'bob'") == "b"


def test_s32_status_follows_and_the_order_is_kept(stage: Stage) -> None:
    """Pending, expanded, contracted; again is no change; out of order or beside each other is refused."""
    stage.setup("CREATE TABLE users (id int PRIMARY KEY, name text)")

    def states() -> list[str]:
        return [each["state"] for each in stage.sandbox.command("status", "--json").json()["migrations"]]

    migration = stage.plan("ALTER TABLE users RENAME name TO login")
    assert states() == ["pending"]
    with pytest.raises(OutOfOrder):
        stage.sandbox.contract(migration, offline=OFFLINE)
    stage.sandbox.expand(migration)
    assert states() == ["expanded"]
    assert not stage.sandbox.expand(migration)
    second = stage.plan("ALTER TABLE users DROP COLUMN name")
    with pytest.raises(Refused, match="is not contracted"):
        stage.sandbox.expand(second)
    stage.contract(migration)
    assert states() == ["contracted", "pending"]
    with pytest.raises(OutOfOrder):
        stage.sandbox.rollback(migration, offline=OFFLINE)


def test_s33_what_was_changed_beside_the_tool_is_noticed(stage: Stage) -> None:
    """A plan made for one shape is refused on another, with the difference, before anything is touched."""
    stage.setup("CREATE TABLE users (id int PRIMARY KEY, name text)")
    migration = stage.plan("ALTER TABLE users RENAME name TO login")
    stage.sandbox.execute("ALTER TABLE users ALTER name TYPE varchar(20); CREATE TABLE others (id int)")
    before = stage.sandbox.snapshot()
    with pytest.raises(Refused) as caught:
        stage.sandbox.expand(migration)
    assert "character varying(20)" in refusal(caught.value)
    assert "others" not in refusal(caught.value)
    assert stage.sandbox.snapshot() == before


def test_s37_pending_migrations_start_together_and_are_undone_together(stage: Stage) -> None:
    """One command expands all in the order of their levels; rollback goes from the newest back to the first shape."""
    stage.setup("CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'a')")
    before = stage.sandbox.snapshot()
    statements = (
        "ALTER TABLE users RENAME name TO nick",
        "ALTER TABLE users RENAME nick TO login",
        "CREATE TABLE notes (id int PRIMARY KEY)",
    )
    migrations = [stage.plan(statements[0])]
    stage.sandbox.expand(migrations[0])
    migrations += [stage.plan(sql) for sql in statements[1:]]
    stage.leave()
    assert stage.sandbox.command("expand").code == 0
    stage.new.run("UPDATE users SET login = 'b'")
    assert stage.old.run("SELECT name FROM users") == [("b",)]
    for migration in reversed(migrations):
        stage.roll_back(migration)
    assert stage.sandbox.snapshot() == before
    assert stage.old.run("SELECT * FROM users") == [(1, "b")]
