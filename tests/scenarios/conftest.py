from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.crowd import Crowds
from tests.scenarios.stage import Stage
from tests.support.sandbox import open_sandbox


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each scenario twice: by itself, and with a crowd around it; see ``crowd.py``."""
    if "stage" in metafunc.fixturenames:
        alone = any(mark.name == "alone" for mark in metafunc.definition.iter_markers())
        crowds = [pytest.param(False, id="alone"), pytest.param(True, id="crowd")]
        metafunc.parametrize("stage", crowds[:1] if alone else crowds, indirect=True)


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> Iterator[Stage]:
    with open_sandbox(tmp_path, database_url) as sandbox:
        stage = Stage(sandbox, Crowds(sandbox) if request.param else None)
        try:
            yield stage
        finally:
            stage.clean_up()


@pytest.fixture(scope="session")
def template_database(ledger_database: str) -> str:
    return ledger_database
