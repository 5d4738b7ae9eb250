"""A program of the user's own: exit code 0 is PASS, 10 is BLOCK, anything else UNKNOWN.

A veto, or a proof where ``closed_world`` is declared.

It runs without a shell, with MIGRATOR_SERVICE, MIGRATOR_LEVEL, MIGRATOR_DIRECTION and MIGRATOR_MIGRATION in its
environment; the last line it prints is the reason. While table locks are held it is not waited for: the answer of the
look before counts, with its age.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from datetime import datetime

from migrator.config import seconds
from migrator.gate.source import Question, asked_services, remembered
from migrator.model.evidence import EvidenceItem, Observation, Verdict
from migrator.postgres.session import Session

kind = "command"
polled = True
keeps_notes = False

_VERDICTS = {0: Verdict.PASS, 10: Verdict.BLOCK}
_LONGEST_REASON = 300


def observe(session: Session, question: Question) -> tuple[Observation, ...]:
    """Run the program once for each service it speaks of."""

    def ask() -> tuple[tuple[str, datetime, Verdict, str], ...]:
        asked = []
        for service in asked_services(question):
            at = session.one("SELECT clock_timestamp() AS at").at
            asked.append((service, at, *_run(question, service)))
        return tuple(asked)

    return tuple(_observation(question, *answer) for answer in remembered(question, ask))


def _observation(question: Question, service: str, at: datetime, verdict: Verdict, why: str) -> Observation:
    items = (EvidenceItem("command", None, "", "command", 0.0, why, "see what the command reports"),)
    return Observation(
        kind,
        service,
        verdict,
        question.settings.closed_world,
        at,
        why,
        items if verdict is Verdict.BLOCK else (),
        question.required,
    )


def _run(question: Question, service: str) -> tuple[Verdict, str]:
    program = question.settings.command[0]
    environment = {
        **os.environ,
        "MIGRATOR_SERVICE": service,
        "MIGRATOR_LEVEL": str(question.requires[service]),
        "MIGRATOR_DIRECTION": question.direction.value,
        "MIGRATOR_MIGRATION": question.migration,
    }
    try:
        process = subprocess.Popen(
            question.settings.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        return Verdict.UNKNOWN, f"{program} cannot be started: {error.strerror or error}"
    try:
        output, _ = process.communicate(timeout=seconds(question.settings.timeout))
    except subprocess.TimeoutExpired:
        _kill(process)
        return Verdict.UNKNOWN, f"{program} did not end within {question.settings.timeout}"
    except BaseException:
        _kill(process)
        raise
    lines = output.decode(errors="replace").strip().splitlines()
    reason = lines[-1].strip()[:_LONGEST_REASON] if lines else ""
    verdict = _VERDICTS.get(process.returncode, Verdict.UNKNOWN)
    return verdict, f"{program} ended with exit code {process.returncode}{f': {reason}' if reason else ''}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the program and what it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    process.wait()
