"""Starting, stopping, crashing and leaving behind real servers."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from migrator import embedded
from migrator.embedded import claims, server
from migrator.embedded.account import Account, ProgramFailed
from migrator.errors import DatabaseUnavailable, UsageError

OWNER = """
import json, sys, time
from migrator import embedded
server = embedded.start(settings=embedded.FAST)
print(json.dumps([str(server.data_dir), server.pid, server._guardian.pid]), flush=True)
time.sleep(600)
"""


def wait_until(fact: Callable[[], bool], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rsplit(")", 1)[1].split()[0] not in "ZX"


@contextlib.contextmanager
def owner_process():
    """Another process that owns a server: the process, data folder, postmaster, guardian."""
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as process:
        try:
            data_dir, postmaster, guardian = json.loads(process.stdout.readline())
            yield process, Path(data_dir), postmaster, guardian
        finally:
            process.kill()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that the user PostgreSQL runs as can pass through when we are root; pytest's own are closed to all."""
    folder = Path(tempfile.mkdtemp(prefix="migrator-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_temporary_server_serves_and_leaves_nothing():
    with embedded.start(settings={"work_mem": "5MB", "application_name": "it's quoted"}) as running:
        with psycopg.connect(running.url(), autocommit=True) as connection:
            assert connection.execute("SELECT current_setting('work_mem')").fetchone() == ("5MB",)
            assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (
                True,
            )
            assert connection.info.server_version // 10_000 == running.major
            connection.execute('CREATE DATABASE "of/many wörds"')
        with psycopg.connect(running.url("of/many wörds")) as connection:
            assert connection.info.dbname == "of/many wörds"
        folder, postmaster = running.data_dir.parent, running.pid

    assert running.pid is None
    assert not is_running(postmaster)
    assert not folder.exists()


def test_it_listens_on_no_port():
    with embedded.start() as running, psycopg.connect(running.url()) as connection:
        assert connection.execute("SELECT current_setting('listen_addresses')").fetchone() == ("",)


def test_the_socket_address_is_short_enough_for_every_system():
    with embedded.start() as running:
        folder = running.url().split("host=")[1]
        assert len(folder) <= claims.LONGEST_SOCKET_FOLDER


def test_what_was_committed_survives_a_crash():
    with embedded.start(settings=embedded.FAST) as running:
        with psycopg.connect(running.url()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        running.stop("immediate")
        assert running.pid is None
        running.start()
        with psycopg.connect(running.url()) as connection:
            assert connection.execute("SELECT one FROM kept").fetchone() == (1,)


def test_a_restart_is_another_process():
    with embedded.start(settings=embedded.FAST) as running:
        before = running.pid
        running.restart()
        assert running.pid not in (None, before)


def test_data_in_a_given_folder_is_kept_and_its_version_found_again(open_folder):
    folder = open_folder / "data"
    with embedded.start(folder, settings=embedded.FAST) as running, psycopg.connect(running.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    with embedded.start(folder) as again, psycopg.connect(again.url()) as connection:
        assert again.data_dir == folder
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)


def test_data_of_another_version_is_refused(open_folder):
    (open_folder / "PG_VERSION").write_text("9\n")

    with pytest.raises(UsageError, match="no PostgreSQL 9 found"):
        embedded.start(open_folder)
    with pytest.raises(UsageError, match="holds data of PostgreSQL 9"):
        server.Server(embedded.find(), open_folder, {})


def test_a_setting_the_server_refuses_shows_its_own_words():
    with pytest.raises(DatabaseUnavailable) as refused:
        embedded.start(settings={"max_connections": "many"})

    assert 'invalid value for parameter "max_connections": "many"' in refused.value.detail


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc")
def test_a_server_is_stopped_at_once_when_its_owner_is_killed():
    with owner_process() as (owner, data_dir, postmaster, guardian):
        assert is_running(postmaster)
        os.kill(owner.pid, signal.SIGKILL)

        wait_until(lambda: not is_running(postmaster), "the server has stopped")
        wait_until(lambda: not data_dir.exists(), "its data is gone")
        wait_until(lambda: not is_running(guardian), "the guardian has ended")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc")
def test_the_next_start_cleans_up_when_the_guardian_was_killed_too():
    with owner_process() as (owner, data_dir, postmaster, guardian):
        os.kill(guardian, signal.SIGKILL)
        wait_until(lambda: not is_running(guardian), "the guardian is dead")
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
        assert is_running(postmaster)

        with embedded.start(settings=embedded.FAST):
            assert not is_running(postmaster)
            assert not data_dir.parent.exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc")
def test_the_server_of_a_living_owner_is_left_alone():
    with owner_process() as (_, data_dir, postmaster, _guardian):
        assert data_dir not in claims.sweep()
        assert is_running(postmaster)


def test_a_folder_half_made_by_a_killed_owner_is_removed():
    half = claims.base_folder() / "half-made"
    half.mkdir(exist_ok=True)

    claims.sweep()

    assert not half.exists()


def test_a_process_id_that_is_somebody_elses_by_now_is_no_server(tmp_path):
    (tmp_path / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}\n")

    assert claims.postmaster_pid(tmp_path) is None
    assert claims.stop_leftover(tmp_path) is False


def test_a_forked_child_leaves_the_server_to_its_parent():
    with embedded.start(settings=embedded.FAST) as running:
        child = os.fork()
        if child == 0:
            running.close()
            os._exit(0)
        os.waitpid(child, 0)
        with psycopg.connect(running.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_runs_it_as_somebody_else():
    with embedded.start(settings=embedded.FAST) as running:
        assert Path(f"/proc/{running.pid}").stat().st_uid != 0
        assert running.data_dir.stat().st_uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_programs_in_roots_own_folders_are_copied_for_it(tmp_path, monkeypatch):
    original = embedded.find().bin
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    for part in ("bin", "lib", "share"):
        if (original.parent / part).exists():
            shutil.copytree(original.parent / part, private / part, symlinks=True)
    account = Account(65534, 65534)
    with pytest.raises(ProgramFailed):
        account.run([str(private / "bin" / "postgres"), "--version"])

    copied = server._reachable(private / "bin", account)

    assert "PostgreSQL" in account.run([str(copied / "postgres"), "--version"])
    assert server._reachable(private / "bin", account) == copied
    shutil.rmtree(copied.parent)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_it_works_for_users_who_are_not_root():
    script = (
        # All is imported first: the interpreter itself may be in a folder that is closed to others.
        "import os, getpass, encodings.ascii, encodings.idna\n"
        "from migrator import embedded\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "with embedded.start(settings=embedded.FAST) as s: print(os.stat(s.data_dir).st_uid, s.pid is not None)\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd="/")

    assert (result.stdout, result.stderr) == ("65534 True\n", "")
