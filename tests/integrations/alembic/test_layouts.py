"""Projects that are laid out or stepped through in other ways than the plain one."""

from __future__ import annotations

import alembic.command
import pytest

from migrator import cli
from tests.integrations.alembic.conftest import CREATE, RENAME, Shop

CONTRACT = ["--offline", "every application is stopped", "--yes"]


def in_env(shop: Shop, arguments: str) -> None:
    """More arguments of ``context.configure``."""
    path = shop.root / "history/env.py"
    text = path.read_text()
    online = "connection=connection, target_metadata=target_metadata"
    assert online in text
    path.write_text(text.replace(online, f"{online}, {arguments}"))


def begin(shop: Shop) -> None:
    """A database in use: a fresh one would run the whole history straight through."""
    shop.revision("a1", CREATE, "pass")
    assert cli.run(["expand"]) == 0
    shop.session.execute("INSERT INTO users VALUES (1, 'Ada')")


def the_whole_way(shop: Shop, folder: str = "history/versions") -> None:
    """A database in use, then expand, backfill and contract of revision a2, which renames users.name."""
    begin(shop)
    shop.revision("a2", RENAME, after="a1")
    (shop.root / "history/versions/a2.py").rename(shop.root / folder / "a2.py")
    assert cli.run(["expand"]) == 0
    assert shop.columns() == ["id", "name", "full_name"]
    assert cli.run(["backfill"]) == 0
    assert cli.run(["contract", "a2", *CONTRACT]) == 0
    assert shop.columns() == ["id", "full_name"]


def test_several_version_locations(shop: Shop, capsys: pytest.CaptureFixture[str]):
    where = "version_locations = %(here)s/history/versions:%(here)s/more"
    shop.ini.write_text(shop.ini.read_text().replace("[alembic]\n", f"[alembic]\n{where}\n", 1))
    (shop.root / "more").mkdir()
    the_whole_way(shop, "more")
    assert cli.run(["lint"]) == 0
    assert cli.run(["new", "age", "--change", "add_column table=users column=age type=integer"]) == 0
    assert "wrote more/" in capsys.readouterr().out
    assert cli.run(["expand"]) == 0
    assert "age" in shop.columns()


def test_a_version_table_of_another_name_in_another_schema(shop: Shop):
    shop.session.execute("CREATE SCHEMA admin")
    in_env(shop, 'version_table="versions", version_table_schema="admin"')
    the_whole_way(shop)
    assert shop.session.one("SELECT version_num AS v FROM admin.versions").v == "a2"
    assert not shop.session.one("SELECT to_regclass('alembic_version') AS found").found


@pytest.mark.parametrize("schema", ["", "admin"])
def test_the_version_table_is_no_difference(shop: Shop, schema: str):
    shop.session.execute("CREATE SCHEMA admin")
    in_env(shop, 'version_table="versions"' + f', version_table_schema="{schema}"' * bool(schema))
    shop.revision("a1", 'op.execute("SELECT 1")', "pass")
    assert cli.run(["expand"]) == 0
    environment = shop.root / "history/env.py"
    environment.write_text(
        environment.read_text().replace(
            "target_metadata = None", "import sqlalchemy\ntarget_metadata = sqlalchemy.MetaData()"
        )
    )
    alembic.command.check(shop.config)


def test_a_merge_of_two_heads(shop: Shop):
    begin(shop)
    shop.revision("b2", RENAME, after="a1", header="schema_level = 2")
    shop.revision("c2", 'phased.add_column("users", "b", "integer")', after="a1", header="schema_level = 3")
    alembic.command.merge(shop.config, ["b2", "c2"], message="both", rev_id="m3")

    assert cli.run(["expand"]) == 0
    assert shop.version() == ["m3"]
    assert shop.columns() == ["id", "name", "full_name", "b"]
    assert (shop.state("b2"), shop.state("c2")) == ("expanded", "complete")
    assert cli.run(["backfill"]) == 0
    assert cli.run(["contract", "b2", *CONTRACT]) == 0


def test_one_step_at_a_time_and_all_heads(shop: Shop):
    begin(shop)
    shop.revision("b2", RENAME, after="a1", header="schema_level = 2")
    shop.revision("c2", 'phased.add_column("users", "b", "integer")', after="a1", header="schema_level = 3")

    shop.upgrade("b2")
    assert shop.columns() == ["id", "name", "full_name"]
    shop.upgrade("heads")
    assert sorted(shop.version()) == ["b2", "c2"]
    assert shop.columns() == ["id", "name", "full_name", "b"]


def test_a_revision_that_was_stamped_was_never_expanded(shop: Shop, capsys: pytest.CaptureFixture[str]):
    begin(shop)
    shop.revision("a2", RENAME, after="a1")
    shop.revision("a3", 'phased.add_column("users", "age", "integer")', after="a2")
    alembic.command.stamp(shop.config, "a2")

    assert cli.run(["expand"]) == 0
    assert shop.columns() == ["id", "name", "age"]
    assert "revision a2 lies below the current one and was never run here" in capsys.readouterr().err
    assert cli.run(["contract", "a2", *CONTRACT]) == 2
    assert 'no migration fits "a2"' in capsys.readouterr().err
    assert cli.run(["plan", "a2"]) == 2
    assert "or the database was stamped" in capsys.readouterr().err
    shop.downgrade("a1", offline="every application is stopped", yes="1")
    assert (shop.columns(), shop.version()) == (["id", "name"], ["a1"])
