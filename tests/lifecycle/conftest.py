from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox import Sandbox, open_sandbox


@pytest.fixture
def sandbox(tmp_path: Path, database_url: str) -> Iterator[Sandbox]:
    with open_sandbox(tmp_path, database_url) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def template_database(ledger_database: str) -> str:
    return ledger_database
