"""The folder that is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator import config
from migrator.demo.stage import fresh_folder, settings_text
from migrator.errors import UsageError


def test_a_folder_that_is_there_is_never_taken_silently(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    names = [fresh_folder(None).name for _ in range(3)]

    assert names == ["migrator-demo", "migrator-demo-2", "migrator-demo-3"]


def test_a_folder_asked_for_is_made_or_taken_empty(tmp_path: Path):
    assert fresh_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert fresh_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"


def test_a_folder_asked_for_that_holds_something_is_refused(tmp_path: Path):
    (tmp_path / "mine").write_text("precious")

    with pytest.raises(UsageError, match="is not empty"):
        fresh_folder(tmp_path)
    with pytest.raises(UsageError, match="cannot be made"):
        fresh_folder(tmp_path / "mine" / "below")


def test_the_settings_are_valid_and_name_the_service(tmp_path: Path):
    (tmp_path / "migrator.toml").write_text(settings_text("3s"))

    gate = config.load(tmp_path, {}).settings.gate

    assert (gate.soak, [service.name for service in gate.service]) == ("3s", ["shop"])
