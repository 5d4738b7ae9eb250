"""What lint holds does not grow with the files that it has looked at."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from migrator.lint.engine import lint
from migrator.lint.selection import select
from migrator.lint.sources import Source, Standing
from migrator.model.phase import Phase
from tests.lint.linting import TODAY

FILES = 40
TEXT = f"SELECT 1;\n/* {'what stands here is long, and of no interest; ' * 5_000} */\n"
"""About 230 kB."""


def files(**more: object) -> Iterator[Source]:
    for number in range(FILES):
        yield Source(f"{number}/expand.sql", f"{TEXT}-- {number}\n", **more)  # type: ignore[arg-type]


def level(standing: Standing) -> Iterator[Source]:
    for number, source in enumerate(files(phase=Phase.EXPAND, phased=True, standing=standing), 1):
        yield Source(source.name, source.text, Phase.EXPAND, phased=True, standing=standing, level=number)


@pytest.mark.parametrize(
    "sources", [files, lambda: level(Standing.KNOWN), lambda: level(Standing.NEW)], ids=["plain", "known", "new"]
)
def test_texts_are_not_held(sources):
    lint([Source("a.sql", "SELECT 1;")], select(), pg_version=14, today=TODAY)
    tracemalloc.start()
    try:
        report = lint(sources(), select(), pg_version=14, today=TODAY)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert report.files == FILES
    assert peak < FILES * len(TEXT) / 2, f"{peak:,} bytes of {FILES * len(TEXT):,} are held"
