"""S26, S28 to S33, S37, B2, B6, B8, B26, B27: objects that are no columns; how a migration runs, fails, is undone."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from migrator.client import application_name
from migrator.errors import BudgetSpent, GateBlocked, OutOfOrder, Refused
from migrator.model.plan import Migration
from migrator.postgres.session import ServerError
from tests.scenarios.crowd import SERVICE
from tests.scenarios.stage import BATCH, OFFLINE, Stage
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
    stage.setup(
        'CREATE TABLE "Events" (id int PRIMARY KEY, name text); CREATE INDEX gone ON "Events" (id, name);'
        "INSERT INTO \"Events\" VALUES (1, 'a'), (2, NULL)"
    )
    wanted = stage.sandbox.shape_after(";".join((*INDEXES, "DROP INDEX gone")))
    migration = stage.expand(";".join((*INDEXES, "DROP INDEX gone")))
    assert stage.sandbox.value("SELECT to_regclass('gone') IS NOT NULL")
    stage.contract(migration)
    assert stage.sandbox.snapshot() == wanted


def test_s28_raw_sql_in_its_phase(stage: Stage) -> None:
    """What expand made is there for new code, ``undo`` takes it back, and the rest waits for contract."""
    total = "AGGREGATE {}(int) (SFUNC = int4pl, STYPE = int)"
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY, n int); INSERT INTO users VALUES (1, 3), (2, 4);"
        f"CREATE {total.format('old_total')}"
    )
    before = stage.sandbox.snapshot()
    migration = stage.expand(
        f"-- migrator: phase = expand\n-- migrator: undo = DROP AGGREGATE total(int)\nCREATE {total.format('total')};"
        "-- migrator: phase = contract\nDROP AGGREGATE old_total(int)"
    )
    assert stage.new.value("SELECT total(n) FROM users") == 7
    assert stage.old.value("SELECT old_total(n) FROM users") == 7
    stage.roll_back(migration)
    assert stage.sandbox.snapshot() == before
    stage.expand_again(migration)
    stage.contract(migration)
    assert stage.new.fails("SELECT old_total(n) FROM users") == "42883"


def test_s29_an_expand_that_fails_can_be_run_again_or_undone(stage: Stage) -> None:
    """A failed statement takes its group back, keeps the state, names itself, and rollback leaves nothing."""
    total = "CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int)"
    stage.setup("CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'a')")
    before = stage.sandbox.snapshot()
    migration = stage.expand(
        "CREATE TABLE notes (id int PRIMARY KEY); ALTER TABLE users RENAME name TO nick;"
        f"-- migrator: phase = expand\n-- migrator: undo = DROP AGGREGATE total(int)\n{total}"
    )
    stage.roll_back(migration)
    stage.sandbox.execute(total)
    with pytest.raises(ServerError, match='function "total" already exists'):
        stage.sandbox.expand(migration)
    assert stage.sandbox.state(migration) == "expanding"
    assert stage.sandbox.command("status").out.count('function "total" already exists') == 1
    assert stage.old.fails("INSERT INTO users VALUES (2, 'b')") == ""
    stage.go_on()
    stage.sandbox.execute("DROP AGGREGATE total(int)")
    stage.roll_back(migration)
    assert stage.sandbox.snapshot() == before
    stage.expand_again(migration)
    stage.contract(migration)
    assert stage.rows("SELECT * FROM users ORDER BY id") == [(1, "a"), (2, "b")]
    assert 'column "missing"' in stage.refused(
        "-- migrator: fill = missing\nALTER TABLE users ADD COLUMN n int NOT NULL"
    )


def test_s30_a_lock_that_others_hold_is_waited_for_in_short_attempts(stage: Stage) -> None:
    """While the table is locked nothing changes and the budget ends it; once free, the same command goes through."""
    stage.setup("CREATE TABLE users (id serial PRIMARY KEY, name text DEFAULT 'a'); INSERT INTO users DEFAULT VALUES")
    migration = stage.expand("-- migrator: down = 'b'\nALTER TABLE users DROP COLUMN name")
    stage.roll_back(migration, yes=True)

    def in_vain(phase: Callable[..., object], **settings: object) -> None:
        stage.configure(lock_timeout="50ms", lock_budget="100ms")
        with psycopg.connect(stage.sandbox.url) as holder:
            holder.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(BudgetSpent, match="a lock was refused") as caught:
                phase(migration, **settings)
            assert "the checks before" in refusal(caught.value)
            assert holder.execute("INSERT INTO users DEFAULT VALUES RETURNING true").fetchone() == (True,)
        stage.configure()

    in_vain(stage.sandbox.expand)
    stage.sandbox.expand(migration)
    stage.part()
    in_vain(stage.sandbox.rollback, offline=stage.offline)
    stage.roll_back(migration)
    stage.expand_again(migration)
    stage.backfill(migration)
    stage.depart(migration)
    in_vain(stage.sandbox.contract, offline=stage.offline)
    stage.contract(migration)
    assert stage.sandbox.state(migration) == "contracted"
    assert stage.sandbox.value("SELECT count(*) FROM users") == 4


def test_s31_row_security_holds_under_both_names(stage: Stage) -> None:
    """A role sees the rows its policy shows, by the old name of the column and by the new one."""
    alice = stage.role()
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY, name text, note text); ALTER TABLE users ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY own ON users USING (name = current_user);"
        f"GRANT SELECT, UPDATE ON users TO {alice}; INSERT INTO users VALUES (1, '{alice}', 'a'), (2, 'bob', 'b')"
    )
    migration = stage.expand("ALTER TABLE users RENAME name TO login; ALTER TABLE users RENAME note TO remark")
    client = stage.client(alice)
    client.run("UPDATE users SET remark = 'mine'")
    assert client.run("SELECT name, login, note, remark FROM users") == [(alice, alice, "mine", "mine")]
    stage.contract(migration)
    assert client.run("SELECT * FROM users") == [(1, alice, "mine")]
    assert stage.sandbox.value("SELECT remark FROM users WHERE login = 'bob'") == "b"


def test_s32_status_follows_and_the_order_is_kept(stage: Stage) -> None:
    """Pending, expanded, contracted; again is no change; out of order or beside each other is refused."""
    stage.setup("CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'a')")

    def states() -> list[str]:
        return [each["state"] for each in stage.sandbox.command("status", "--json").json()["migrations"]]

    migration = stage.plan("ALTER TABLE users RENAME name TO login")
    assert states() == ["pending"]
    with pytest.raises(OutOfOrder):
        stage.sandbox.contract(migration, offline=OFFLINE)
    stage.expand_planned(migration)
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


def expand_all(stage: Stage, migrations: list[Migration]) -> None:
    """All that are pending, by one command; code of the last one comes."""
    stage.part()
    assert stage.sandbox.command("expand").code == 0
    if stage.crowds:
        stage.crowds.enter(migrations[-1].level)
        stage.crowds.work()


def test_s37_pending_migrations_start_together_and_are_undone_together(stage: Stage) -> None:
    """One command expands all in the order of their levels; rollback goes from the newest back to the first shape."""
    stage.setup("CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'a')")
    before = stage.sandbox.snapshot()
    statements = (
        "ALTER TABLE users RENAME name TO nick",
        "ALTER TABLE users RENAME nick TO login",
        "CREATE TABLE notes (id int PRIMARY KEY)",
    )
    if stage.crowds:
        for level in range(4):
            sends = stage.known(";".join(statements[:level]))
            assert sends, f"what code of level {level} sends is not known"
            stage.crowds.learn(level, sends)
        stage.crowds.enter(0)
    migrations = []
    for sql in statements:
        migrations.append(stage.plan(sql))
        stage.sandbox.expand(migrations[-1])
    for migration in reversed(migrations):
        stage.roll_back(migration)
    expand_all(stage, migrations)
    stage.new.run("UPDATE users SET login = 'b'")
    assert stage.old.run("SELECT name FROM users") == [("b",)]
    for migration in reversed(migrations):
        stage.roll_back(migration)
    assert stage.sandbox.snapshot() == before
    assert stage.old.run("SELECT * FROM users") == [(1, "b")]
    expand_all(stage, migrations)
    for migration in migrations[:2]:
        stage.contract(migration)
    assert [stage.sandbox.state(each) for each in migrations] == ["contracted", "contracted", "complete"]
    assert stage.new.run("SELECT login FROM users") == [("b",)]


def test_b02_a_killed_backfill_goes_on_where_it_was_and_nothing_is_taken_away_before(stage: Stage) -> None:
    """Killed in its middle among writers: contract is out of order, a second run moves what is left, no row is lost."""
    stage.setup(
        "CREATE TABLE users (id int PRIMARY KEY, name text);"
        "INSERT INTO users SELECT g, rpad(g::text, 1000, '-') FROM generate_series(1, 2000) AS g"
    )
    migration = stage.expand("ALTER TABLE users RENAME name TO full_name")
    assert stage.killed(2, BATCH, "backfill", migration.id)
    filled = stage.sandbox.value("SELECT count(*) FROM users WHERE full_name = name")
    assert 0 < filled < 2000
    with pytest.raises(OutOfOrder, match="backfill"):
        stage.sandbox.contract(migration, offline=stage.offline)
    stage.go_on()
    stage.contract(migration)
    assert stage.sandbox.value("SELECT count(*) FROM users WHERE full_name = rpad(id::text, 1000, '-')") == 2000


def test_b06_b08_a_contract_that_gets_no_lock_gives_up_and_old_code_may_come_back(stage: Stage) -> None:
    """A long reader: short attempts that nobody notices, an end to them, and both versions work as before."""
    stage.setup("CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'a')")
    migration = stage.expand("ALTER TABLE users RENAME name TO full_name")
    with stage.sandbox.database.connect("reader") as reader:
        reader.execute("BEGIN; SELECT full_name FROM users")
        stage.configure(lock_timeout="50ms", lock_budget="500ms")
        assert "a lock was refused" in stage.contract_refused(migration, BudgetSpent)
        assert stage.old.run("UPDATE users SET name = 'b' RETURNING full_name") == [("b",)]
    stage.configure()
    stage.contract(migration)
    assert stage.rows("SELECT * FROM users") == [(1, "b")]


def test_b26_nothing_is_taken_away_from_old_code_that_runs(stage: Stage) -> None:
    """Contract while a session of old code is there: refused, by the gate and by --offline, and it works on."""
    stage.setup("CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'a')")
    migration = stage.expand("ALTER TABLE users RENAME name TO full_name")
    stage.backfill(migration)
    before = stage.sandbox.snapshot()
    with psycopg.connect(stage.sandbox.url, application_name=application_name(SERVICE, level=0, version="v0")) as old:
        for offline in (OFFLINE, stage.offline):
            with pytest.raises(GateBlocked):
                stage.sandbox.contract(migration, offline=offline)
        assert stage.sandbox.snapshot() == before
        old.execute("UPDATE users SET name = 'b'")
        old.commit()
    stage.go_on()
    stage.contract(migration)
    assert stage.rows("SELECT full_name FROM users") == [("b",)]


def test_b27_a_row_that_cannot_be_moved_is_reported_and_everything_else_goes_on(stage: Stage) -> None:
    """Old code may write it, contract says where such rows are and why they stop it until they are mended."""
    stage.setup("CREATE TABLE reviews (id int PRIMARY KEY, rating text); INSERT INTO reviews VALUES (1, '5')")
    migration = stage.expand("ALTER TABLE reviews ALTER rating TYPE integer USING rating::integer")
    stage.backfill(migration)
    stage.old.run("INSERT INTO reviews VALUES (2, 'x'), (3, 'y'), (4, '7')")
    said = stage.contract_refused(migration)
    assert "rows of public.reviews hold a value of rating that int has no counterpart for" in said
    assert 'invalid input syntax for type integer: "' in said
    stage.old.run("UPDATE reviews SET rating = '6' WHERE id IN (2, 3)")
    stage.contract(migration)
    assert stage.rows("SELECT * FROM reviews ORDER BY id") == [(1, 5), (2, 6), (3, 6), (4, 7)]
