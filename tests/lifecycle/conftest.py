from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox import Sandbox, open_sandbox


@pytest.fixture
def sandbox(tmp_path: Path, database_url: str) -> Iterator[Sandbox]:
    with open_sandbox(tmp_path, database_url) as sandbox:
        yield sandbox


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The longest that a canary had to wait, over all phases and changes."""
    waits = [
        (value, name, report.nodeid.partition("[")[2].rstrip("]"))
        for report in terminalreporter.getreports("passed")
        for name, value in getattr(report, "user_properties", ())
        if name.startswith("longest wait in ")
    ]
    if waits:
        longest, name, change = max(waits)
        terminalreporter.write_line(f"{name}: {longest} ({change!r}, of {len(waits)} phases; lock_timeout is 300 ms)")
