"""What lint holds does not grow with the files that it has looked at."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from migrator.lint.engine import Linter, lint
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


TABLES = 20
CHANGES = """
SET lock_timeout = '2s';
ALTER TABLE t{table} ADD COLUMN c text DEFAULT 'x', ADD CONSTRAINT k CHECK (id > {number}) NOT VALID;
ALTER TABLE t{table} RENAME COLUMN c TO d;
CREATE INDEX CONCURRENTLY i{table} ON t{table} (d);
CREATE VIEW v{table} AS SELECT id FROM t{table};
CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t{table} WHERE id = {number}; END $$;
COMMENT ON TABLE t{table} IS 'number {number}';
DROP FUNCTION f();
DROP VIEW v{table};
DROP INDEX CONCURRENTLY i{table};
ALTER TABLE t{table} DROP CONSTRAINT k, DROP COLUMN d;
"""


def changes(number: int) -> Iterator[Source]:
    for table in range(TABLES):
        yield Source(f"{table}.sql", f"CREATE TABLE t{table} (id bigint PRIMARY KEY);")
    for file in range(number):
        yield Source(f"changes/{file:05}.sql", CHANGES.format(table=file % TABLES, number=file))


def test_of_files_that_change_the_same_tables_nothing_is_held_but_names_and_findings():
    def held(number: int) -> int:
        linter = Linter(select(), pg_version=14, today=TODAY)
        tracemalloc.start()
        try:
            report = linter.run(changes(number))
            assert report.files == number + TABLES
            assert len(report.findings) >= number
            report.findings.clear()
            report.lines.clear()
            gc.collect()
            size, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        return size

    held(20)  # values that are shared are there then
    few = held(30)
    more = held(130) - few

    # 200: its name in lists and sets that grow by leaps; its text alone has 700
    assert more / 100 < 400, f"{more / 100:,.0f} bytes are held of each file"
