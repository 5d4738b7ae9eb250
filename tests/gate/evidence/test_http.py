from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from migrator.config import SourceSettings
from migrator.model.evidence import Observation, Verdict
from tests.gate.evidence.asking import WEB, ask, subject_of
from tests.gate.world import World

VARIABLE = "NAME_OF_TEST"
Handle = Callable[[http.server.BaseHTTPRequestHandler], None]


@contextmanager
def endpoint(handle: Handle) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            handle(self)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def answer(request: http.server.BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def looked(world: World, url: str, **settings: object) -> Observation:
    source = SourceSettings(kind="http", url=url, **settings)  # type: ignore[arg-type]
    [seen] = ask(world, subject_of(world, WEB, source=source))
    return seen


@pytest.mark.parametrize(
    ("body", "status", "verdict"),
    [
        ({"verdict": "PASS", "why": "3 of 3"}, 200, Verdict.PASS),
        ({"verdict": "BLOCK", "why": "web-7"}, 200, Verdict.BLOCK),
        ({"verdict": "UNKNOWN"}, 200, Verdict.UNKNOWN),
        ({"verdict": "SOAKING"}, 200, Verdict.UNKNOWN),
        ({"verdict": "pass"}, 200, Verdict.UNKNOWN),
        ({"verdict": "PASS"}, 203, Verdict.UNKNOWN),
        ({"verdict": "PASS"}, 500, Verdict.UNKNOWN),
        ({"ok": True}, 200, Verdict.UNKNOWN),
        ([], 200, Verdict.UNKNOWN),
        ("", 200, Verdict.UNKNOWN),
    ],
)
def test_the_verdict_in_the_document_counts_and_nothing_else(
    world: World, body: object, status: int, verdict: Verdict
) -> None:
    with endpoint(lambda request: answer(request, json.dumps(body).encode(), status)) as url:
        seen = looked(world, url)
    assert seen.verdict is verdict
    assert seen.control


def test_no_json_is_unknown(world: World) -> None:
    with endpoint(lambda request: answer(request, b"PASS")) as url:
        assert looked(world, url).verdict is Verdict.UNKNOWN


def test_it_is_told_what_it_is_asked_and_who_asks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str | None]] = []

    def handle(request: http.server.BaseHTTPRequestHandler) -> None:
        seen.append((request.path, request.headers["Authorization"]))
        answer(request, b'{"verdict": "PASS"}')

    with endpoint(handle) as url:
        assert f"{VARIABLE} is not set" in looked(world, url, token_env=VARIABLE).control
        monkeypatch.setenv(VARIABLE, "hidden")
        found = looked(world, url + "/{service}?level={level}", token_env=VARIABLE)
    assert seen == [("/web?level=42", "Bearer hidden")]
    assert "hidden" not in found.control


def test_an_endpoint_that_drips_is_late_as_a_whole(world: World) -> None:
    done = threading.Event()

    def drip(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not done.wait(0.05):
            request.wfile.write(b" ")
            request.wfile.flush()

    started = time.monotonic()
    with endpoint(drip) as url:
        seen = looked(world, url, timeout="500ms")
        done.set()
    assert seen.verdict is Verdict.UNKNOWN
    assert seen.control == "no answer within 500ms"
    assert time.monotonic() - started < 5


def test_an_endpoint_that_is_not_there_is_unknown(world: World) -> None:
    with endpoint(lambda _: None) as url:
        pass
    seen = looked(world, url)
    assert seen.verdict is Verdict.UNKNOWN
    assert "cannot be asked" in seen.control


def test_files_are_not_read(world: World) -> None:
    assert "neither http nor https" in looked(world, "file:///etc/hostname").control


def test_under_locks_nobody_is_waited_for(world: World) -> None:
    asked: list[str] = []

    def handle(request: http.server.BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        answer(request, b'{"verdict": "PASS"}')

    with endpoint(handle) as url:
        subject = subject_of(world, WEB, source=SourceSettings(kind="http", url=url))
        before = ask(world, subject)
    assert ask(world, subject, local=True) == before
    assert len(asked) == 1
