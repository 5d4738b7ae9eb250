"""Signals of the user's own: a query, a URL or a program that says whether the backfill may go on.

No answer is a reason to stop: whoever configures a signal relies on it.
"""

from __future__ import annotations

import os
import signal as signals
import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from migrator.config import SignalSettings, milliseconds, seconds
from migrator.postgres.session import ServerError, Session

_LONGEST_REASON = 200
_LONGEST_ANSWER = 4_096


class Externals:
    """Asks each signal when it is due; URLs and programs on a thread, so that nothing else waits for them.

    Args:
        settings: the signals.
    """

    def __init__(self, settings: Sequence[SignalSettings]) -> None:
        self._settings = settings
        self._pool = ThreadPoolExecutor(max(1, len(settings)), thread_name_prefix="signal") if settings else None
        self._asked: dict[str, Future[str]] = {}

    def reasons(self, session: Session, now_s: float, known: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
        """Why to stop, and the answers for whoever asks next.

        Args:
            session: for queries.
            now_s: the server's time.
            known: answers so far, by whichever process, by name.
        """
        answers = {each.name: known[each.name] for each in self._settings if each.name in known}
        for each in self._settings:
            due = each.name not in answers or now_s - answers[each.name]["at"] >= seconds(each.every)
            answer = self._answer(session, each, must=each.name not in answers) if due else None
            if answer is not None:
                answers[each.name] = {"at": now_s, "reason": answer}
        return [f"{name}: {answer['reason']}" for name, answer in answers.items() if answer["reason"]], answers

    def close(self) -> None:
        """Ask nothing more."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _answer(self, session: Session, asked: SignalSettings, *, must: bool) -> str | None:
        """The answer, empty when all is well; None: it is not there yet and need not be."""
        if asked.kind == "sql":
            return _query(session, asked)
        if self._pool is None:
            return None
        if asked.name not in self._asked:
            self._asked[asked.name] = self._pool.submit(_fetch if asked.kind == "http" else _run, asked)
        if not must and not self._asked[asked.name].done():
            return None
        try:
            return self._asked[asked.name].result(timeout=seconds(asked.timeout) + 1.0)
        except TimeoutError:
            return f"no answer within {asked.timeout}"
        finally:
            del self._asked[asked.name]


def _query(session: Session, asked: SignalSettings) -> str:
    try:
        with session.transaction(statement_timeout_ms=milliseconds(asked.timeout), read_only=True):
            rows = session.query(asked.query)
    except ServerError as error:
        return f"the query failed: {error.server_message}"
    if not rows or not hasattr(rows[0], "ok"):
        return 'the query returned no row with a column "ok"'
    wrong = [row for row in rows if row.ok is not True]
    return _short(str(getattr(wrong[0], "reason", "") or "the query says no")) if wrong else ""


def _fetch(asked: SignalSettings) -> str:
    request = urllib.request.Request(asked.url)  # noqa: S310 - the scheme was checked with the configuration
    if variable := asked.token_env:
        if not os.environ.get(variable):
            return f"environment variable {variable} is not set"
        request.add_header("Authorization", f"Bearer {os.environ[variable]}")
    try:
        with urllib.request.urlopen(request, timeout=seconds(asked.timeout)) as response:  # noqa: S310 - likewise
            return "" if response.status == 200 else f"it answered with status {response.status}"
    except urllib.error.HTTPError as error:
        with error:
            said = _short(error.read(_LONGEST_ANSWER).decode(errors="replace"))
        return said or f"it answered with status {error.code}"
    except (OSError, ValueError) as error:
        return f"it cannot be asked: {_short(str(error))}"
    except Exception as error:  # noqa: BLE001 - a server that does not speak HTTP
        return f"it cannot be understood: {_short(str(error))}"


def _run(asked: SignalSettings) -> str:
    try:
        process = subprocess.Popen(
            asked.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        return f"{asked.command[0]} cannot be started: {error.strerror or error}"
    with process:
        try:
            output, _ = process.communicate(timeout=seconds(asked.timeout))
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):  # with all that it started
                os.killpg(process.pid, signals.SIGKILL)
            return f"{asked.command[0]} did not end within {asked.timeout}"
    lines = output.decode(errors="replace").strip().splitlines()
    if process.returncode == 0:
        return ""
    return _short(lines[-1]) if lines else f"{asked.command[0]} ended with exit code {process.returncode}"


def _short(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_REASON]
