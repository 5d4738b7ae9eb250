"""The manifest as a file, and the command that writes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator import cli
from migrator.errors import UsageError
from migrator.integrations.sqlalchemy.file import read, text
from migrator.integrations.sqlalchemy.mapping import manifest_of
from tests.integrations.sqlalchemy import shop

MODELS = "tests.integrations.sqlalchemy.shop:Base"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    manifest = manifest_of(shop.Base, models=MODELS, service="web", level=3)
    path = tmp_path / "web.json"
    path.write_text(text(manifest))
    assert read(path) == manifest
    assert json.loads(path.read_text())["schema_version"] == 1


def test_a_column_stands_on_a_line_of_its_own() -> None:
    lines = text(manifest_of(shop.Base, models=MODELS)).splitlines()
    assert sum('"name": "given_name"' in line and '"reads": true' in line for line in lines) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "no manifest of schema_version 1"),
        ('{"schema_version": 2}', "no manifest of schema_version 1"),
        ('{"schema_version": 1}', "is not of the right form"),
        ('{"schema_version": 1, "service": "a", "level": "b", "models": "", "tables": []}', "Expected `int | null`"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "web.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=message):
        read(path)


def test_a_file_that_is_not_there_is_refused_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        read(tmp_path / "web.json")
    assert "migrator manifest app.models:Base" in (error.value.hint or "")


def test_the_command_writes_a_file_and_says_what_is_not_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "web.json"
    assert cli.run(["manifest", MODELS, "--service", "web", "--level", "3", "--output", str(path)]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert f"wrote {path}: " in told.err
    assert "note: team.touched is not mapped" in told.err
    assert "not seen: statements that the code writes as text" in told.err
    assert (read(path).service, read(path).level) == ("web", 3)


def test_without_a_file_the_document_is_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["manifest", MODELS]) == 0
    assert json.loads(capsys.readouterr().out)["models"] == MODELS


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ("shop", '"shop" names no models'),
        ("not_there:Base", "models not_there:Base cannot be imported: ModuleNotFoundError"),
        ("os:sep", "os:sep is neither a declarative base nor a MetaData"),
    ],
)
def test_models_that_are_none_are_wrong_usage(models: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["manifest", models]) == 2
    assert message in capsys.readouterr().err
