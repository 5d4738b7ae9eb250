"""The whole story on a real server: it keeps its promises, notices when one is broken, and leaves nothing running."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.demo.play import Options, play
from migrator.demo.screen import Screen
from migrator.demo.stage import NAIVE_SQL
from migrator.demo.story import Story
from migrator.embedded.claims import FOLDER_VARIABLE

MIGRATOR = [sys.executable, "-c", "from migrator.cli import main; main()"]
DEADLINE_S = 60


@pytest.fixture
def place() -> Iterator[Path]:
    """A temporary folder that everything the demonstration starts carries in its arguments or its environment.

    Open to all, and with a short path: a server started by root runs as somebody else, with its socket in there.
    """
    folder = Path(tempfile.mkdtemp(prefix="demo-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def processes_of(place: Path) -> list[str]:
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,stat=,args="], capture_output=True, text=True, check=True)
    found = []
    for line in listed.stdout.splitlines():
        pid, state, arguments = line.split(None, 2)
        if "Z" not in state and (str(place) in arguments or str(place).encode() in environment_of(pid)):
            found.append(arguments)
    return found


def environment_of(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def wait_until_gone(place: Path) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while left := processes_of(place):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def servers_in(place: Path) -> list[Path]:
    return [path for path in place.glob("migrator-postgres-*/*") if not path.name.startswith(".")]


@pytest.mark.slow
def test_the_quick_story_keeps_its_promises_and_leaves_nothing_running(place: Path):
    files = place / "files"

    result = subprocess.run(
        [*MIGRATOR, "demo", "--quick", "--json", "--keep", str(files)],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(place), FOLDER_VARIABLE: str(place)},
    )

    assert result.returncode == 0, result.stdout + result.stderr
    document = json.loads(result.stdout)
    assert document["kept"]
    assert [promise["kept"] for promise in document["promises"]] == [True] * 9
    assert [phase["phase"] for phase in document["phases"]] == [
        "before", "author", "copy", "expand", "deploy", "backfill", "refused", "contract", "after",
    ]  # fmt: skip
    assert all(phase["operations"] > 0 and phase["failed"] == 0 for phase in document["phases"])
    assert document["naive"]["failed"] > 0
    assert document["backfill"]["rows"] >= 20_000 - 5_000  # the shop's own writes fill rows too
    [migration] = (files / "migrations").iterdir()
    assert {path.name for path in migration.iterdir()} >= {"expand.sql", "backfill.sql", "contract.sql", "rollback.sql"}
    assert processes_of(place) == []
    assert servers_in(place) == []
    assert [path.name for path in place.iterdir() if path.name.startswith("migrator-demo")] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 130, marks=pytest.mark.chaos),
        pytest.param(signal.SIGKILL, -signal.SIGKILL, marks=pytest.mark.chaos),
    ],
)
def test_an_interrupted_story_leaves_nothing_running(place: Path, number: signal.Signals, code: int):
    process = subprocess.Popen(
        [*MIGRATOR, "demo", "--quick", "--keep", str(place / "files")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(place), FOLDER_VARIABLE: str(place)},
    )
    with process:
        for line in process.stdout:
            if line.startswith("3  "):
                break
        assert any("migrator.demo.shop" in arguments for arguments in processes_of(place))
        process.send_signal(number)
        _, errors = process.communicate(timeout=DEADLINE_S)

    assert process.returncode == code, errors
    assert "Traceback" not in errors
    if number is signal.SIGKILL:
        wait_until_gone(place)  # the processes notice by themselves
    assert processes_of(place) == []
    if number is not signal.SIGKILL:
        assert servers_in(place) == []


class Careless(Story):
    """Ships the plain statement instead of an expand."""

    def expand(self) -> None:
        self._begin("expand", "plain ALTER")
        with self._stage.database.connect("careless") as session:
            session.execute(NAIVE_SQL)
        deadline = time.monotonic() + DEADLINE_S
        while all(operation.error is None for operation in self._crew.operations()):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_failed_query_ends_the_story_and_makes_the_exit_code_1(tmp_path: Path):
    stream = io.StringIO()
    options = Options(rows=2_000, workers=1, seed=1, folder=tmp_path / "files", quick=True)

    report = play(options, Screen(stream), Careless)
    report.show(Screen(stream))

    assert report.exit_code == 1
    verdicts = {promise.key: promise for promise in report.promises}
    assert verdicts["no-failed-query"].kept is False
    assert '42703 column "total"' in verdicts["no-failed-query"].evidence
    assert verdicts["to-the-end"].kept is False
    assert verdicts["refused"].kept is None
    assert report.phases[-1].numbers.failed > 0
    assert "BROKEN" in stream.getvalue()
