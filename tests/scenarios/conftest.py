from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.stage import Stage
from tests.support.sandbox import open_sandbox


@pytest.fixture
def stage(tmp_path: Path, database_url: str) -> Iterator[Stage]:
    with open_sandbox(tmp_path, database_url) as sandbox:
        stage = Stage(sandbox)
        try:
            yield stage
        finally:
            stage.clean_up()


@pytest.fixture(scope="session")
def template_database(ledger_database: str) -> str:
    return ledger_database
