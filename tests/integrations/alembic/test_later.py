"""``backfill()`` and ``contract()`` written by hand beside ``upgrade()``: kept at expand, run by migrator alone."""

from __future__ import annotations

import alembic.command
import pytest
from alembic.util import CommandError

from migrator import cli
from migrator.integrations.alembic import capture
from migrator.lint.engine import lint
from migrator.lint.selection import select
from tests.integrations.alembic.conftest import CREATE, RENAME, Shop
from tests.lint.linting import TODAY

ADD = 'op.add_column("users", sa.Column("full_name", sa.Text))'
UPGRADE = f"phased.later()\n{ADD}"
DOWNGRADE = 'phased.rollback()\nop.drop_column("users", "full_name")'
BACKFILL = 'op.execute("UPDATE users SET full_name = name WHERE full_name IS DISTINCT FROM name")'
CONTRACT = 'op.execute("DROP TABLE old")\nop.drop_column("users", "name")'
OFFLINE = ["--offline", "every application is stopped", "--yes"]


@pytest.fixture
def used(shop: Shop) -> Shop:
    """A project whose first revision ran, and whose table has a row: not fresh."""
    shop.revision("a1", f'{CREATE}\nop.execute("CREATE TABLE old (id int)")', "pass")
    shop.upgrade()
    shop.session.execute("INSERT INTO users VALUES (1, 'Ada')")
    shop.session.execute("INSERT INTO old VALUES (1)")
    return shop


def steps(shop: Shop, phase: str) -> str:
    return shop.session.one(
        "SELECT content AS t FROM migrator.phase_file WHERE phase = %(p)s", {"p": phase}
    ).t  # fmt: skip


def test_alembic_keeps_it_and_migrator_runs_it(used: Shop, capsys: pytest.CaptureFixture[str]):
    used.revision("a2", UPGRADE, DOWNGRADE, after="a1", header="schema_level = 7", backfill=BACKFILL, contract=CONTRACT)

    used.upgrade()

    assert (used.columns(), used.columns("old"), used.state("a2")) == (["id", "name", "full_name"], ["id"], "expanded")
    assert cli.run(["plan", "a2"]) == 0
    plan = capsys.readouterr().out
    assert "level 7" in plan
    assert "UPDATE users SET full_name = name" in plan
    assert "ALTER TABLE users DROP COLUMN name" in plan
    assert "a2.py:" in plan or "contract" in plan
    # What was kept runs, whatever the file says afterwards.
    used.revision("a2", UPGRADE, DOWNGRADE, after="a1", contract='op.drop_table("users")')
    assert cli.run(["contract", "a2"]) == 5
    assert cli.run(["backfill"]) == 0
    assert used.session.one("SELECT full_name AS f FROM users").f == "Ada"
    assert cli.run(["contract", "a2"]) == 11
    used.session.close()
    assert cli.run(["contract", "a2", *OFFLINE]) == 0
    assert "no TARGET" not in capsys.readouterr().err


def test_contract_commits_at_once_but_for_autocommit_blocks(used: Shop):
    contract = (
        'op.execute("DROP TABLE old")\nop.alter_column("users", "name", server_default="x")\n'
        'with op.get_context().autocommit_block():\n    op.execute("DROP INDEX CONCURRENTLY IF EXISTS i")\n'
        'op.drop_column("users", "name")'
    )
    used.revision("a2", UPGRADE, DOWNGRADE, after="a1", contract=contract)

    used.upgrade()

    headers = [line for line in steps(used, "contract").splitlines() if line.startswith("-- step:")]
    assert [line.split("transaction=")[1] for line in headers] == ["contract", "contract", "none", "contract-2"]


def test_the_text_of_statements_is_kept_to_the_letter(used: Shop):
    contract = (
        r"""op.execute("DELETE FROM users WHERE name LIKE 'a%' OR name = E'\\t' OR name = '\t' OR id::text = '1:2'")"""
        '\nusers = sa.table("users", sa.column("name", sa.Text))\n'
        """op.execute(users.delete().where(users.c.name == "50% 'off'"))\n"""
        """op.bulk_insert(sa.table("users", sa.column("id", sa.Integer)), [{"id": 7}])"""
    )
    used.revision("a2", UPGRADE, DOWNGRADE, after="a1", contract=contract)

    used.upgrade()

    text = steps(used, "contract")
    assert "name LIKE 'a%' OR name = E'\\t' OR name = '\t' OR id::text = '1:2'" in text
    assert "users.name = '50% ''off'''" in text
    assert "INSERT INTO users (id) VALUES (7)" in text


def test_phased_operations_bring_their_earlier_steps(used: Shop):
    used.session.execute("ALTER TABLE users ALTER name SET NOT NULL")
    used.revision("a2", UPGRADE, DOWNGRADE, after="a1", contract='phased.drop_column("users", "name", down="\'none\'")')

    used.upgrade()

    used.session.execute("INSERT INTO users (id, full_name) VALUES (2, 'Bob')")
    used.session.close()
    assert cli.run(["contract", "a2", *OFFLINE]) == 0


def test_beside_a_phased_operation_nothing_else_is_needed(used: Shop):
    used.revision("a2", RENAME, after="a1", contract='op.execute("DROP TABLE old")')

    used.upgrade()

    assert "DROP TABLE old" in steps(used, "contract")
    used.downgrade(offline="every application is stopped")
    assert (used.columns(), used.columns("old")) == (["id", "name"], ["id"])


def test_a_fresh_database_runs_it_when_upgrade_has_run(shop: Shop):
    shop.revision("a1", f'{CREATE}\nop.execute("CREATE TABLE old (id int)")', "pass")
    shop.revision("a2", UPGRADE, DOWNGRADE, after="a1", backfill=BACKFILL, contract=CONTRACT)
    again = 'phased.require_contracted("a2")\nop.add_column("users", sa.Column("name", sa.Text))'
    shop.revision("a3", again, "pass", after="a2")

    shop.upgrade()

    assert (shop.columns(), shop.columns("old"), shop.state("a2")) == (["id", "full_name", "name"], [], "contracted")
    assert shop.version() == ["a3"]


def test_migrator_expand_finishes_every_revision_of_a_fresh_database(shop: Shop, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO", "alembic")
    shop.revision("a1", f'{CREATE}\nop.execute("CREATE TABLE old (id int)")', "pass")
    shop.revision("a2", UPGRADE, DOWNGRADE, after="a1", backfill=BACKFILL, contract=CONTRACT)
    shop.revision("a3", 'phased.rename_column("users", "full_name", "name")', after="a2")

    assert cli.run(["expand"]) == 0

    assert (shop.columns(), shop.state("a2"), shop.state("a3")) == (["id", "name"], "contracted", "contracted")
    said = [record.getMessage() for record in caplog.records]
    assert "Running upgrade a1 -> a2, a2 it is" in said
    assert "Generating static SQL" not in said


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (
            {"contract": 'for row in op.get_bind().execute(sa.text("SELECT 1")):\n    op.drop_table("old")'},
            "contract() asks the database, and there is no answer when it is called",
        ),
        (
            {"contract": 'if op.get_bind().execute(sa.text("DELETE FROM old")).rowcount:\n    op.drop_table("old")'},
            "contract() cannot be written down: AttributeError: 'NoneType' object has no attribute 'rowcount'",
        ),
        ({"contract": 'op.get_bind().execute(sa.select(sa.table("old")))'}, "contract() asks the database"),
        ({"contract": "sa.inspect(op.get_bind())"}, "contract() cannot be written down: NoInspectionAvailable"),
        ({"contract": 'op.execute("DROP TABLE " + open("/nowhere").read())'}, "FileNotFoundError"),
        ({"contract": 'op.execute("DELETE FROM users WHERE id = :id")'}, "TypeError: there is no value for :id"),
        ({"contract": "pass"}, "contract() does nothing"),
        ({"contract": 'op.execute("SET lock_timeout = 0")'}, "SET changes the session"),
        ({"contract": 'op.execute("DROPP TABLE old")'}, "syntax error"),
        ({"contract": 'phased.add_column("users", "age", "integer")'}, "add_column has nothing to do in contract()"),
        ({"contract": "phased.rollback()"}, "phased.rollback() is for upgrade() and downgrade()"),
        ({"backfill": RENAME}, "phased operations do not belong in backfill()"),
        ({"backfill": 'op.execute("DELETE FROM users")'}, "DELETE cannot be undone by a rollback"),
        ({"contract": '''op.execute("-- migrator: undo = none\\nDROP TABLE old")'''}, 'knows no directive "undo"'),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_before_anything_runs(used: Shop, later: dict[str, str], said: str):
    used.revision("a2", UPGRADE, DOWNGRADE, after="a1", **later)

    message = used.refused()

    assert said in message
    assert "a2.py:" in message
    assert (used.version(), used.columns(), used.columns("old")) == (["a1"], ["id", "name"], ["id"])


def test_a_backfill_says_how_it_is_verified(used: Shop):
    statement = "UPDATE users SET full_name = coalesce(name, '') WHERE full_name IS NULL OR name = 'again'"
    backfill = f'op.execute("-- migrator: verify = full_name IS NULL\\n{statement}")'
    used.revision("a2", UPGRADE, DOWNGRADE, after="a1", backfill=backfill)

    used.upgrade()

    assert "-- verify: full_name IS NULL" in steps(used, "backfill")
    assert cli.run(["backfill"]) == 0
    assert used.session.one("SELECT full_name AS f FROM users").f == "Ada"


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_backfill_says_which_key_its_batches_go_by(used: Shop, by_hand: bool):
    used.session.execute("CREATE VIEW seen AS SELECT id, name FROM users")
    used.session.execute("CREATE TABLE copies (id bigint PRIMARY KEY, name text)")
    insert = (
        "INSERT INTO public.copies (id, name) SELECT s.id, s.name FROM public.seen AS s ON CONFLICT (id) DO NOTHING"
    )
    if by_hand:
        used.revision("a2", "phased.later()", after="a1", backfill=f'op.execute("-- migrator: key = id\\n{insert}")')
    else:
        call = f'phased.raw_sql("{insert}", "backfill", key=("id",), tables=("public.copies", "public.seen"))'
        used.revision("a2", call, after="a1")

    used.upgrade()

    assert "-- key: id" in steps(used, "backfill")
    assert cli.run(["backfill"]) == 0
    assert used.session.one("SELECT name FROM copies").name == "Ada"


def test_context_execute_does_not_reach_the_database(used: Shop):
    contract = 'from alembic import context\ncontext.execute("DROP TABLE old")'
    used.revision("a2", UPGRADE, DOWNGRADE, after="a1", contract=contract)

    used.upgrade()

    assert (used.columns("old"), used.columns()) == (["id"], ["id", "name", "full_name"])
    assert "DROP TABLE old" in steps(used, "contract")


def test_it_is_not_forgotten(used: Shop, capsys: pytest.CaptureFixture[str]):
    used.revision("a2", ADD, 'op.drop_column("users", "full_name")', after="a1", contract=CONTRACT)

    assert cli.run(["expand"]) == 2
    err = capsys.readouterr().err
    assert "nothing keeps contract(): upgrade() calls no phased operation" in err
    assert "phased.later()" in err
    assert (used.version(), used.columns()) == (["a1"], ["id", "name"])
    used.upgrade()
    assert cli.run(["expand"]) == 0
    assert "kept nothing of contract()" in capsys.readouterr().err
    used.revision("a3", "phased.later()", "pass", after="a2")
    assert "has nothing that comes later" in used.refused()


def test_a_change_of_it_is_noticed_while_the_revision_is_still_run(used: Shop):
    failing = f"{UPGRADE}\nop.execute('SELECT 1/0')"
    used.revision("a2", failing, DOWNGRADE, after="a1", contract=CONTRACT)
    with pytest.raises(Exception, match="division by zero"):
        used.upgrade()
    assert used.columns() == ["id", "name"]
    used.revision("a2", UPGRADE, DOWNGRADE, after="a1", contract='op.execute("DROP TABLE old")')

    assert "asks for something else" in used.refused()
    used.revision("a2", UPGRADE, DOWNGRADE, after="a1", contract=CONTRACT)
    used.upgrade()
    assert (used.version(), used.columns()) == (["a2"], ["id", "name", "full_name"])


def test_a_search_path_of_env_py_is_noticed(used: Shop):
    environment = used.root / "history/env.py"
    text, configure = environment.read_text(), "        context.configure(\n            connection"
    path = '        connection.exec_driver_sql("SET search_path = other, public")\n        connection.commit()\n'
    environment.write_text(text.replace(configure, path + configure))
    used.session.execute("CREATE SCHEMA other")
    used.revision("a2", UPGRADE, DOWNGRADE, after="a1", contract=CONTRACT)

    assert "env.py sets a search_path of its own" in used.refused()
    used.revision("a2", UPGRADE, DOWNGRADE, after="a1", contract='op.execute("DROP TABLE public.old")')
    used.upgrade()


def test_offline_mode_refuses_it(used: Shop):
    used.revision("a2", UPGRADE, DOWNGRADE, after="a1", contract=CONTRACT)

    with pytest.raises(CommandError, match="has contract steps, which the ledger has to know of"):
        alembic.command.upgrade(used.config, "a1:a2", sql=True)


def test_lint_judges_each_function_by_its_phase(used: Shop):
    def placed() -> list[tuple[str, int]]:
        report = lint(
            capture.sources(used.project, lambda path: "a2" in path.name), select(), pg_version=14, today=TODAY
        )
        assert (report.files, len(set(report.names))) == (2, 2)
        return [(each.code, each.line) for each in report.findings if each.code not in ("LK020", "DL012")]

    used.revision("a2", UPGRADE, DOWNGRADE, after="a1", backfill=BACKFILL, contract=CONTRACT)
    assert placed() == []
    concurrently = 'op.execute("CREATE INDEX CONCURRENTLY i ON users (id)")\nop.create_index("j", "users", ["id"])'
    used.revision("a2", UPGRADE, DOWNGRADE, after="a1", contract=f"{CONTRACT}\n{concurrently}")
    found = placed()
    assert ("LK002", 19) in found
    used.revision(
        "a2", UPGRADE, DOWNGRADE, after="a1", header="# migrator: allow-file LK002 because it is small",
        contract='op.create_index("j", "users", ["id"])',
    )  # fmt: skip
    assert "LK002" not in {code for code, _ in placed()}
    assert not {code for code, _ in placed()} & {"WV001", "WV002", "WV003"}
    used.revision("a2", ADD, "pass", after="a1", contract=CONTRACT)
    assert placed() == [("SY004", 14)]
    used.revision("a2", UPGRADE, "pass", after="a1", contract="op.get_bind().execute(sa.text('SELECT 1')).scalar()")
    assert placed() == [("SY004", 16)]
