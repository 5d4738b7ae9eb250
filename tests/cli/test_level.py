"""``migrator level`` and ``migrator renumber``: on folders and on revisions."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import pytest

from migrator import cli
from migrator.model.level import Leveled, level_of_code
from migrator.planning.folders import load, load_all
from tests.integrations.alembic.conftest import CREATE, RENAME, Shop, shop

__all__ = ["shop"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with three migrations, of which the code uses the first and the third."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "MIGRATOR_DATABASE_URL", "PGHOST", "PGDATABASE", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "migrator.toml").write_text("")
    new("m1", "CREATE TABLE a (id int PRIMARY KEY)")
    new("m2", "CREATE TABLE b (id int PRIMARY KEY)", "--code-later")
    new("m3", "CREATE TABLE c (id int PRIMARY KEY)")
    return tmp_path


def new(title: str, sql: str, *more: str) -> None:
    assert cli.run(["new", title, "--sql", sql, *more]) == 0


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert cli.run(arguments) == code
    return capsys.readouterr().out


def test_code_has_the_level_below_the_first_that_it_does_not_use():
    def leveled(level: int, *, later: bool = False) -> Leveled:
        return Leveled(str(level), level, later, "")

    assert level_of_code([]) == 0
    assert level_of_code([leveled(4), leveled(2)]) == 4
    assert level_of_code([leveled(7, later=True), leveled(9), leveled(3)]) == 3
    assert level_of_code([leveled(1, later=True)]) == 0


def test_the_level_is_printed_written_and_checked(project: Path, capsys: pytest.CaptureFixture[str]):
    assert printed(capsys, "level") == "1\n"
    found = json.loads(printed(capsys, "level", "--json"))
    assert (found["level"], [each["level"] for each in found["later"]]) == (1, [2, 3])

    for name, content in (("l.json", '{"level": 1}\n'), ("LEVEL", "1\n")):
        assert cli.run(["level", "-o", name]) == 0
        assert (project / name).read_text() == content
    assert cli.run(["level", "-o", "level.py"]) == 0
    assert runpy.run_path("level.py")["LEVEL"] == 1
    assert cli.run(["level", "--check", "level.py"]) == 0

    assert printed(capsys, "level", "bump") == "3\n"
    assert cli.run(["level", "--check", "level.py"]) == 1
    assert "next: migrator level --output level.py" in capsys.readouterr().err
    assert cli.run(["level", "--check", "nothing.py"]) == 1


def test_code_is_lifted_up_to_a_migration(project: Path, capsys: pytest.CaptureFixture[str]):
    new("m4", "CREATE TABLE d (id int PRIMARY KEY)", "--code-later")
    second = load_all(project / "migrations")[1]

    assert printed(capsys, "level", "bump", second.id) == "3\n"
    assert [each.code_is_later for each in load_all(project / "migrations")] == [False, False, False, True]
    assert cli.run(["level", "bump", "nothing"]) == 2


def test_a_late_migration_moves_up_and_stays_as_generated(project: Path, capsys: pytest.CaptureFixture[str]):
    first, second, third = load_all(project / "migrations")
    for name in ("migration.toml", "expand.sql"):
        path = Path(third.folder) / name
        path.write_text(re.sub(r"(level = |Level )3", r"\g<1>2", path.read_text()))
    assert cli.run(["plan"]) == 2
    assert f"migrator renumber {third.id}" in capsys.readouterr().err

    assert f"{second.id}: level 2 is 3 now" in printed(capsys, "renumber", second.id)
    moved = load(Path(second.folder))
    assert (moved.level, moved.code_is_later) == (3, True)
    assert "-- Level 3." in (Path(moved.folder) / "expand.sql").read_text()
    manifest = (Path(moved.folder) / "migration.toml").read_text()
    from migrator.authoring.new import _edited_files

    assert _edited_files(moved) == [], manifest

    assert "has the highest level already: 3" in printed(capsys, "renumber", second.id)
    assert json.loads(printed(capsys, "renumber", first.id, "--json"))["level"] == 4


def test_what_is_expanded_keeps_its_level(project: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setenv("DATABASE_URL", database_url)
    first, second, _ = load_all(project / "migrations")
    assert cli.run(["expand"]) == 0

    assert cli.run(["renumber", first.id]) == 5
    assert "its level 1 is a fact there" in capsys.readouterr().err
    late = Path(second.folder).with_name("20200101T000000_late")
    late.mkdir()
    (late / "migration.toml").write_text(f'id = "{late.name}"\nlevel = 2\n')
    (late / "expand.sql").write_text("CREATE TABLE e (id int);\n")
    assert "level 2 is 4 now" in printed(capsys, "renumber", late.name)
    assert cli.run(["expand"]) == 0


def test_revisions_have_levels_too(shop: Shop, capsys: pytest.CaptureFixture[str]):
    shop.revision("a1", CREATE)
    shop.revision("b2", RENAME, after="a1", header="schema_level: int = 3")
    shop.upgrade("a1")
    assert cli.run(["new", "more", "--change", "add_column table=users column=more type=text", "--code-later"]) == 0
    head = shop.project.revision("head").revision
    assert printed(capsys, "level") == "3\n"

    assert f"{head} has the highest level already: 4" in printed(capsys, "renumber", head)
    assert cli.run(["renumber", "b2"]) == 1
    assert "builds on b2" in capsys.readouterr().err
    assert cli.run(["renumber", "a1"]) == 1

    assert printed(capsys, "level", "bump") == "4\n"
    assert "schema_code" not in Path(str(shop.project.revision("head").path)).read_text()


def test_a_revision_moves_up(shop: Shop, capsys: pytest.CaptureFixture[str]):
    shop.revision("a1", CREATE)
    shop.revision("b2", RENAME, after="a1", header="schema_level: int = 3")
    shop.revision("c3", 'phased.add_column("users", "more", "text")', after="b2", header="schema_level = 3")

    assert "c3: level 3 is 4 now" in printed(capsys, "renumber", "head")
    assert "schema_level = 4\n" in (shop.root / "history/versions/c3.py").read_text()
