"""``migrator init``: what it writes works as it is, and running it again changes nothing."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from migrator.authoring.init import init
from migrator.config import Settings, load
from migrator.errors import UsageError


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_it_writes_configuration_folder_and_snippets(tmp_path: Path):
    made = init(tmp_path)

    assert [(each.path, each.existed) for each in made] == [
        ("migrator.toml", False),
        ("migrations/", False),
        (".migrator/github-lint.yml", False),
        (".migrator/gitlab-lint.yml", False),
        (".migrator/pre-commit.yaml", False),
    ]
    assert (tmp_path / "migrations").is_dir()


def test_its_configuration_is_read_and_says_what_the_defaults_are(tmp_path: Path):
    init(tmp_path)

    project = load(tmp_path, {})

    assert project.source == tmp_path / "migrator.toml"
    assert project.settings == Settings()


def test_the_service_it_shows_as_an_example_is_right_once_the_comment_signs_are_gone(tmp_path: Path):
    init(tmp_path)
    file = tmp_path / "migrator.toml"
    text = file.read_text()
    start = text.index("# [[gate.service]]")
    end = text.index("[lint]")
    file.write_text(text[:start] + re.sub(r"^# ?", "", text[start:end], flags=re.MULTILINE) + text[end:])

    (service,) = load(tmp_path, {}).settings.gate.service

    assert (service.name, service.ttl, service.db_roles) == ("web", "45s", ("web_l*",))


def test_running_it_again_changes_nothing(tmp_path: Path):
    init(tmp_path)
    (tmp_path / "migrator.toml").write_text('lock_timeout = "250ms"\n')
    before = contents(tmp_path)

    again = init(tmp_path)

    assert all(each.existed for each in again)
    assert contents(tmp_path) == before


def test_what_is_missing_is_added_and_the_rest_left_alone(tmp_path: Path):
    init(tmp_path)
    (tmp_path / ".migrator" / "gitlab-lint.yml").unlink()

    assert [each.path for each in init(tmp_path) if not each.existed] == [".migrator/gitlab-lint.yml"]


def test_a_table_in_pyproject_takes_the_place_of_migrator_toml(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text('[tool.migrator]\nmigrations = "db/migra+tions/"\n')

    made = init(tmp_path)

    assert [(each.path, each.existed) for each in made[:2]] == [("pyproject.toml", True), ("db/migra+tions/", False)]
    assert (tmp_path / "db" / "migra+tions").is_dir()
    assert not (tmp_path / "migrator.toml").exists()
    assert "migrator lint db/migra+tions --since" in (tmp_path / ".migrator" / "github-lint.yml").read_text()
    pattern = re.search(r"files: (.*)", (tmp_path / ".migrator" / "pre-commit.yaml").read_text())
    assert pattern is not None
    assert re.match(pattern[1], "db/migra+tions/x/expand.sql")


def test_revisions_of_several_folders_are_linted_in_all_of_them(tmp_path: Path):
    init(tmp_path, ["shop/versions", "old+shop/versions"])

    assert not (tmp_path / "migrations").exists()
    assert (
        "migrator lint shop/versions old+shop/versions --since"
        in (tmp_path / ".migrator" / "gitlab-lint.yml").read_text()
    )
    pattern = re.search(r"files: (.*)", (tmp_path / ".migrator" / "pre-commit.yaml").read_text())
    assert pattern is not None
    assert [
        bool(re.match(pattern[1], each)) for each in ("shop/versions/1.py", "old+shop/versions/1.py", "shop/env.py")
    ] == [
        True,
        True,
        False,
    ]


def test_a_pyproject_without_our_table_is_left_alone(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\n')

    assert init(tmp_path)[0].path == "migrator.toml"
    assert tomllib.loads((tmp_path / "pyproject.toml").read_text()) == {"project": {"name": "shop"}}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("pyproject.toml", "[tool", "pyproject.toml is not valid TOML"),
        ("migrator.toml", "lock_timout = '1s'", 'unknown key "lock_timout"'),
        ("migrations", "", "is a file, not a folder"),
    ],
)
def test_what_is_broken_is_refused_and_nothing_is_written(tmp_path: Path, name: str, text: str, message: str):
    (tmp_path / name).write_text(text)

    with pytest.raises(UsageError, match=re.escape(message)):
        init(tmp_path)

    assert list(contents(tmp_path)) == [name]
