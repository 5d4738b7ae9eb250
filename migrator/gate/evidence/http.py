"""An endpoint of the user's own, which answers JSON with ``verdict`` (PASS, BLOCK or UNKNOWN) and ``why``.

A veto, or a proof where ``closed_world`` is declared.

Asked by GET, with ``{service}``, ``{level}``, ``{direction}`` and ``{migration}`` in the URL replaced. Anything but
status 200 with such a document, in time, is UNKNOWN. While table locks are held nobody else's server is waited for:
the answer of the look before counts, with its age.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import urllib.error
import urllib.request
from datetime import datetime
from urllib.parse import quote, urlsplit

from migrator.config import seconds
from migrator.gate.source import Question, asked_services, remembered
from migrator.model.evidence import EvidenceItem, Observation, Verdict
from migrator.postgres.session import Session

kind = "http"
polled = True
keeps_notes = False

_LONGEST_ANSWER = 65_536
Answer = tuple[Verdict, str]


def observe(session: Session, question: Question) -> tuple[Observation, ...]:
    """Ask once for each service the endpoint speaks of."""

    def ask() -> tuple[tuple[str, datetime, Answer], ...]:
        asked = []
        for service in asked_services(question):
            at = session.one("SELECT clock_timestamp() AS at").at
            asked.append((service, at, _get(question, service)))
        return tuple(asked)

    return tuple(_observation(question, *answer) for answer in remembered(question, ask))


def _observation(question: Question, service: str, at: datetime, answer: Answer) -> Observation:
    verdict, why = answer
    items = (EvidenceItem("endpoint", None, "", "http", 0.0, why, "see what the endpoint reports"),)
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


def _get(question: Question, service: str) -> Answer:
    """The answer within the timeout, counted from the first to the last byte."""
    url = question.settings.url
    values = {
        "service": service,
        "level": str(question.requires[service]),
        "direction": question.direction.value,
        "migration": question.migration,
    }
    for name, value in values.items():
        url = url.replace("{" + name + "}", quote(value, safe=""))
    if urlsplit(url).scheme not in ("http", "https"):
        return Verdict.UNKNOWN, "its URL is neither http nor https"
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - the scheme is checked
    if variable := question.settings.token_env:
        if not os.environ.get(variable):
            return Verdict.UNKNOWN, f"environment variable {variable} is not set"
        request.add_header("Authorization", f"Bearer {os.environ[variable]}")
    limit_s = seconds(question.settings.timeout)
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    # A thread, because the timeout of a socket starts anew with every byte that drips in.
    threading.Thread(target=lambda: answers.put(_fetch(request, limit_s)), daemon=True).start()
    try:
        return answers.get(timeout=limit_s)
    except queue.Empty:
        return Verdict.UNKNOWN, f"no answer within {question.settings.timeout}"


def _fetch(request: urllib.request.Request, limit_s: float) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=limit_s) as response:  # noqa: S310 - the scheme is checked
            status, body = response.status, response.read(_LONGEST_ANSWER + 1)
    except urllib.error.HTTPError as error:
        error.close()
        return Verdict.UNKNOWN, f"it answered with status {error.code}"
    except (OSError, ValueError) as error:
        return Verdict.UNKNOWN, f"it cannot be asked: {' '.join(str(error).split())}"
    except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
        return Verdict.UNKNOWN, f"it cannot be understood: {' '.join(str(error).split())}"
    if status != 200 or len(body) > _LONGEST_ANSWER:
        return Verdict.UNKNOWN, f"it answered with status {status} and {len(body)} bytes"
    try:
        document = json.loads(body)
        verdict = {"PASS": Verdict.PASS, "BLOCK": Verdict.BLOCK, "UNKNOWN": Verdict.UNKNOWN}[document["verdict"]]
    except (ValueError, KeyError, TypeError):
        return Verdict.UNKNOWN, "its answer is not JSON with a verdict"
    return verdict, str(document.get("why") or f"it says {verdict.value}")
