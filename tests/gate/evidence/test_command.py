from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from migrator.config import ServiceSettings, SourceSettings
from migrator.errors import MigratorError
from migrator.gate import source as sources
from migrator.model.evidence import Observation, Verdict
from tests.gate.evidence.asking import WEB, ask, subject_of
from tests.gate.world import World, wait_for


def looked(world: World, script: str, **settings: object) -> Observation:
    source = SourceSettings(kind="command", command=(sys.executable, "-c", script), **settings)  # type: ignore[arg-type]
    [seen] = ask(world, subject_of(world, WEB, source=source))
    assert seen.service == "web"
    return seen


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        ("raise SystemExit(0)", Verdict.PASS),
        ("raise SystemExit(10)", Verdict.BLOCK),
        ("raise SystemExit(1)", Verdict.UNKNOWN),
        ("raise SystemExit(11)", Verdict.UNKNOWN),
        ("import os; os.kill(os.getpid(), 9)", Verdict.UNKNOWN),
    ],
)
def test_the_exit_code_is_the_verdict(world: World, script: str, verdict: Verdict) -> None:
    assert looked(world, script).verdict is verdict


def test_the_last_line_is_the_reason_and_it_knows_what_it_is_asked(world: World) -> None:
    script = "import os; print('x'); print(*[os.environ['MIGRATOR_' + n] for n in ('SERVICE', 'LEVEL', 'DIRECTION')])"
    assert looked(world, script).control.endswith("ended with exit code 0: web 42 contract")


def test_one_that_hangs_is_unknown_and_is_killed_with_its_children(world: World, tmp_path: Path) -> None:
    child = tmp_path / "child"
    source = SourceSettings(kind="command", command=("sh", "-c", f"sleep 60 & echo $! > {child}; wait"), timeout="1s")
    started = time.monotonic()
    [seen] = ask(world, subject_of(world, WEB, source=source))
    assert seen.verdict is Verdict.UNKNOWN
    assert seen.control == "sh did not end within 1s"
    assert time.monotonic() - started < 20
    status = Path(f"/proc/{child.read_text().strip()}/stat")
    wait_for(lambda: not status.exists() or ") Z " in status.read_text())


def test_a_program_that_is_not_there_is_unknown(world: World) -> None:
    source = SourceSettings(kind="command", command=("/nonexistent/program",))
    [seen] = ask(world, subject_of(world, WEB, source=source))
    assert seen.verdict is Verdict.UNKNOWN
    assert "cannot be started" in seen.control


def test_it_is_a_proof_only_where_that_is_declared(world: World) -> None:
    assert not looked(world, "pass").closed_world
    assert looked(world, "pass", closed_world=True).closed_world


def test_one_that_speaks_of_one_service_is_asked_about_that_one(world: World) -> None:
    source = SourceSettings(kind="command", command=("true",), service="jobs")
    seen = ask(world, subject_of(world, WEB, ServiceSettings(name="jobs"), source=source))
    assert [one.service for one in seen] == ["jobs"]


def test_under_locks_the_answer_of_the_look_before_counts_with_its_age(world: World, tmp_path: Path) -> None:
    counter = tmp_path / "asked"
    script = f"open({str(counter)!r}, 'a').write('x')"
    source = SourceSettings(kind="command", command=(sys.executable, "-c", script))
    subject = subject_of(world, WEB, source=source)
    before = ask(world, subject)
    assert ask(world, subject, local=True) == before
    assert counter.read_text() == "x"


def test_under_locks_without_a_look_before_nothing_is_asked(world: World) -> None:
    source = SourceSettings(kind="command", command=("true", "never asked"))
    subject = subject_of(world, WEB, source=source)
    sources._LAST.clear()
    with pytest.raises(MigratorError, match="was not asked before"):
        ask(world, subject, local=True)
