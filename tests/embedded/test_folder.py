"""Where servers and their data are."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from migrator import embedded
from migrator.embedded.claims import FOLDER_VARIABLE, base_folder, programs_folder
from migrator.errors import UsageError


def test_servers_and_their_data_go_where_they_are_told_and_programs_do_not(monkeypatch):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # a short path, for the socket
        place = Path(folder)
        place.chmod(0o755)  # a server started by root runs as somebody else
        monkeypatch.setenv(FOLDER_VARIABLE, folder)
        with embedded.start(settings=embedded.FAST) as server:
            assert place in server.data_dir.parents
        assert place not in programs_folder().parents
        assert [path for path in place.glob("*/*") if not path.name.startswith(".")] == []


def test_a_folder_that_is_not_there_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # a short path, for the socket
        monkeypatch.setenv(FOLDER_VARIABLE, f"{folder}/new/one")
        Path(folder).chmod(0o755)
        assert base_folder().parent == Path(folder) / "new" / "one"
        monkeypatch.setenv(FOLDER_VARIABLE, "/proc/none")
        with pytest.raises(UsageError, match=r"/proc/none/\S+ cannot be made: No such file or directory"):
            base_folder()
