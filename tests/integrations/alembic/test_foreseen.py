"""``migrator plan`` of revisions that are not expanded yet: what expand will keep of them, and nothing is touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migrator import cli
from migrator.integrations.sqlalchemy.file import text
from migrator.model.manifest import Manifest, UsedColumn, UsedTable
from migrator.postgres.session import Session
from tests.integrations.alembic.conftest import CREATE, RENAME, Shop, make_shop
from tests.support.snapshot import snapshot

ADD = 'op.add_column("users", sa.Column("age", sa.Integer))'


@pytest.fixture
def used(shop: Shop) -> Shop:
    """A project whose first revision ran, and whose table has a row: not fresh."""
    shop.revision("a1", CREATE, "pass")
    shop.upgrade()
    shop.session.execute("INSERT INTO users VALUES (1, 'Ada')")
    return shop


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert cli.run(["plan", "--json", *arguments]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def steps(document: dict[str, Any], phase: str = "expand") -> list[dict[str, Any]]:
    return next((each["steps"] for each in document["phases"] if each["phase"] == phase), [])


@pytest.mark.parametrize(("template", "driver"), [("generic", "psycopg"), ("async", "asyncpg")])
def test_it_is_what_expand_keeps_and_nothing_is_touched(
    tmp_path: Path,
    database_url: str,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    template: str,
    driver: str,
):
    shop = make_shop(tmp_path / "shop", database_url, session, monkeypatch, template=template, driver=driver)
    shop.revision("a1", CREATE, "pass")
    shop.upgrade()
    session.execute("INSERT INTO users VALUES (1, 'Ada')")
    contract = 'op.execute("ALTER TABLE users ADD CHECK (id > 0)")'
    shop.revision("a2", RENAME, after="a1", header="schema_level = 7", contract=contract)
    before = snapshot(session), shop.version()

    foreseen = planned(capsys, "a2")

    assert (snapshot(session), shop.version()) == before
    assert foreseen["migration"] == {"id": "a2", "level": 7, "title": "a2 it is"}
    assert [each["phase"] for each in foreseen["phases"]] == ["expand", "backfill", "contract"]
    assert steps(foreseen)[0]["lock_mode"] == "ACCESS EXCLUSIVE"
    assert steps(foreseen, "contract")[-1]["sql"] == "ALTER TABLE users ADD CHECK (id > 0)"
    assert foreseen["schema_fingerprint"] is not None

    assert cli.run(["expand"]) == 0
    assert planned(capsys, "a2") == {**foreseen, "notes": []}


def test_a_revision_on_tables_of_others_waits_for_them(used: Shop, capsys: pytest.CaptureFixture[str]):
    used.revision("a2", RENAME, after="a1")
    used.revision("a3", 'op.create_table("carts", sa.Column("id", sa.BigInteger))', "pass", after="a2")
    used.revision("a4", 'phased.add_column("carts", "n", "int")', after="a3")
    used.revision("a5", 'phased.add_column("users", "age", "int")', after="a4")
    used.revision("a6", 'phased.create_enum("mood", labels=("ok", "sad"))', after="a5")

    assert cli.run(["plan", "a5"]) == 5
    err = capsys.readouterr().err
    assert "revision a5 can be planned when a2 is expanded: both are about public.users" in err
    assert 'HINT: "migrator expand a2", then the same command again' in err
    assert cli.run(["plan", "a4"]) == 5
    assert "a4 can be planned when a3 is expanded: both are about public.carts" in capsys.readouterr().err

    several = planned(capsys)
    assert [each["migration"]["id"] for each in several["migrations"]] == ["a2", "a3", "a6"]
    assert [each["migration"]["level"] for each in several["migrations"]] == [1, 0, 4]
    assert [each["migration"]["id"] for each in several["waiting"]] == ["a4", "a5"]
    assert cli.run(["plan"]) == 0
    assert "a5  a5 it is: not planned: revision a5 can be planned when a2" in capsys.readouterr().out

    assert cli.run(["expand", "a4"]) == 0
    assert planned(capsys, "a5")["migration"]["level"] == 3


def test_what_alembic_runs_itself_stands_between_the_steps(used: Shop, capsys: pytest.CaptureFixture[str]):
    index = 'with op.get_context().autocommit_block():\n    op.execute("CREATE INDEX CONCURRENTLY i ON users (id)")'
    used.revision("a2", f"{ADD}\n{RENAME}\n{index}", after="a1")

    document = planned(capsys, "a2")

    assert [note.partition(": ")[2][:40] for note in document["notes"]] == ["what stands before the phased operation "]
    found = steps(document)
    assert found[0]["sql"] == "ALTER TABLE users ADD COLUMN age INTEGER"
    assert (found[0]["transactional"], found[0]["lock_timeout_ms"]) == (True, None)
    assert found[1]["sql"] == "ALTER TABLE public.users ADD COLUMN full_name text"
    assert (found[-1]["sql"], found[-1]["transactional"]) == ("CREATE INDEX CONCURRENTLY i ON users (id)", False)


@pytest.mark.parametrize(
    ("upgrade", "later", "code", "said", "line"),
    [
        ('phased.rename_column("users", "nmae", "x")', {}, 1, 'column "nmae" of table "public.users" does not', 11),
        ('phased.sql("DELETE FROM users")', {}, 1, "this statement cannot be split safely", 11),
        (f"op.get_bind().execute(sa.text('SELECT 1')).scalar()\n{RENAME}", {}, 1, "upgrade() cannot be read", 11),
        (f"{RENAME}\nphased.drop_column('users', 'id')", {}, 2, "revision a2 has several phased operations", None),
        (ADD, {"contract": 'op.execute("DROP TABLE users")'}, 2, "nothing keeps contract()", None),
        ("phased.later()", {"contract": "op.get_bind().execute(sa.text('SELECT 1'))"}, 1, "asks the database", 15),
    ],
)  # fmt: skip
def test_what_expand_would_refuse_is_said_with_its_place(
    used: Shop,
    upgrade: str,
    later: dict[str, str],
    code: int,
    said: str,
    line: int | None,
    capsys: pytest.CaptureFixture[str],
):
    used.revision("a2", upgrade, after="a1", **later)
    capsys.readouterr()

    assert cli.run(["plan", "a2"]) == code

    err = capsys.readouterr().err
    assert said in err
    assert "a2.py" + (f":{line}" if line else "") in err
    assert (used.version(), used.columns()) == (["a1"], ["id", "name"])


def test_a_revision_behind_one_that_asks_the_database_waits_for_it(used: Shop, capsys: pytest.CaptureFixture[str]):
    used.revision("a2", "op.get_bind().execute(sa.text('SELECT 1')).scalar()", "pass", after="a1")
    used.revision("a3", RENAME, after="a2")

    assert cli.run(["plan", "a3"]) == 5
    assert "a3 can be planned when a2 is expanded: what that does is not known" in capsys.readouterr().err


def test_two_heads_are_planned_by_level(used: Shop, capsys: pytest.CaptureFixture[str]):
    used.revision("b2", 'phased.create_enum("mood", labels=("ok",))', after="a1", header="schema_level = 6")
    used.revision("a2", RENAME, after="a1", header="schema_level = 5")

    assert [each["migration"]["id"] for each in planned(capsys)["migrations"]] == ["a2", "b2"]
    assert planned(capsys, "b2")["migration"]["level"] == 6


def test_two_heads_of_one_level_are_told_before_expand_and_one_moves_up(used: Shop, capsys: pytest.CaptureFixture[str]):
    used.revision("a2", RENAME, after="a1")
    used.revision("b2", 'phased.create_enum("mood", labels=("ok",))', after="a1")
    pair = {each["migration"]["id"]: each for each in planned(capsys)["waiting"]}
    (late,) = pair

    assert "both have level 1" in pair[late]["reason"]
    assert cli.run(["plan", late]) == 2
    assert f"migrator renumber {late}" in capsys.readouterr().err
    assert cli.run(["expand"]) == 2
    assert f"migrator renumber {late}" in capsys.readouterr().err

    assert cli.run(["renumber", late]) == 0
    assert "schema_level: int = 2" in (used.root / f"history/versions/{late}.py").read_text()
    assert cli.run(["expand"]) == 0
    assert cli.run(["new", "more", "--sql", "ALTER TABLE users ADD COLUMN z int"]) == 2
    assert 'HINT: "alembic merge heads" joins them' in capsys.readouterr().err


def test_what_ran_and_what_is_not_there(used: Shop, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["plan", "a1"]) == 2
    assert "revision a1 ran here, and has no phased operations" in capsys.readouterr().err
    assert cli.run(["plan", "zz"]) == 2
    assert "Can't locate revision identified by 'zz'" in capsys.readouterr().err
    assert cli.run(["plan"]) == 0
    assert "nothing is pending" in capsys.readouterr().err


def test_what_expand_will_refuse_because_of_a_revision_that_is_not_contracted(
    used: Shop, capsys: pytest.CaptureFixture[str]
):
    used.revision("a2", RENAME, after="a1")
    assert cli.run(["expand"]) == 0
    used.revision(
        "a3", 'phased.create_index("users", "by_name", "CREATE INDEX by_name ON users (full_name)")', after="a2"
    )

    (note,) = planned(capsys, "a3")["notes"]
    assert note.startswith('expand will refuse it: index "by_name" is on "full_name", until contract of a2 a copy')
    assert cli.run(["expand"]) == 1
    assert 'index "by_name" is on "full_name"' in capsys.readouterr().err
    assert used.session.one("SELECT to_regclass('by_name') IS NULL AS gone").gone


def test_a_release_that_the_contract_of_a_revision_leaves_alone_is_exempt(
    used: Shop, capsys: pytest.CaptureFixture[str]
):
    gate = '[gate]\nsoak = "0s"\nmin_independent = 1\n[[gate.source]]\nkind = "heartbeat"\n'
    Path("migrator.toml").write_text(f'{gate}[[gate.service]]\nname = "web"\n')
    used.session.execute("CREATE TABLE orders (id int PRIMARY KEY)")
    used.revision("a2", RENAME, after="a1")
    assert cli.run(["expand"]) == 0
    assert cli.run(["backfill"]) == 0
    assert used.session.one("SELECT ok FROM migrator.beat('web', 'web-1', 'x', 0, '1.0')").ok
    assert cli.run(["contract", "--yes"]) == 10
    for table, version in (("users", "0.9"), ("orders", "1.0")):
        uses = (UsedTable("public", table, (UsedColumn("id", reads=True, writes=False),)),)
        Path("web.json").write_text(text(Manifest("web", 0, "app:Base", uses, 3)))
        assert cli.run(["gate", "release", "web", version, "--manifest", "web.json"]) == 0
    told = capsys.readouterr().out
    assert "needs level 1 for the contract of a2:\n  the contract changes users, which it uses" in told
    assert "exempt from level 1 of a2" in told
    assert cli.run(["contract", "--yes"]) == 0
    assert used.session.one("SELECT ok FROM migrator.beat('web', 'web-1', 'x', 0, '1.0')").ok
