"""The statements an application sends, on a real server, and what is made of the file."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, insert, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from migrator import cli
from migrator.client.recorder import record_statements
from migrator.integrations.sqlalchemy.file import read
from tests.integrations.sqlalchemy import shop
from tests.integrations.sqlalchemy.test_mapping import everything_the_models_do

MODELS = "tests.integrations.sqlalchemy.shop:Base"


def url(of: str, driver: str) -> Any:
    return make_url(of).set(drivername=f"postgresql+{driver}")


@pytest.fixture(params=["psycopg", "psycopg2"])
def engine(database_url: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    made = create_engine(url(database_url, request.param))
    with made.begin() as connection:
        connection.execute(text("CREATE SCHEMA people"))
        shop.Base.metadata.create_all(connection)
    yield made
    made.dispose()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "web.statements.jsonl"


def recorded(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def run(engine: Engine, sql: str, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text(sql), values)


def test_each_distinct_statement_is_a_line_without_values(engine: Engine, file: Path) -> None:
    record_statements(engine, file)
    for name in ("secret-1", "secret-2"):
        run(engine, "SELECT motto FROM team WHERE name = :name AND name LIKE 'secret%' AND name <> :name", name=name)
    run(engine, "SELECT motto FROM team WHERE name = 'secret-3' AND name LIKE 'x' AND name <> 'y'")
    lines = recorded(file)
    assert "secret" not in file.read_text()
    assert [line["tables"] for line in lines[:1]] == [
        [
            {
                "schema": None, "name": "team", "reads": ["motto", "name"], "writes": [], "possible": [],
                "every_column": False,
            }
        ]
    ]  # fmt: skip
    assert len({line["fingerprint"] for line in lines}) == len(lines)
    assert "$1" in lines[0]["query"]
    assert "%" not in lines[0]["query"]


def test_another_process_goes_on_where_one_stopped(engine: Engine, file: Path) -> None:
    for _ in range(2):
        again = create_engine(engine.url)
        record_statements(again, file)
        with again.begin() as connection:
            connection.execute(insert(shop.counter), [{"name": "a", "value": 1}, {"name": "b", "value": 2}])
            connection.execute(text("DELETE FROM counter"))
        again.dispose()
    assert [line["query"].split()[0] for line in recorded(file)] == ["INSERT", "DELETE"]


def test_statements_of_models_add_nothing_to_their_manifest(
    engine: Engine, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record_statements(engine, file)
    everything_the_models_do(engine)
    plain, with_them = tmp_path / "a.json", tmp_path / "b.json"
    assert cli.run(["manifest", MODELS, "--output", str(plain)]) == 0
    assert cli.run(["manifest", MODELS, "--output", str(with_them), "--recorded", str(file)]) == 0
    names = [
        {(str(table), column.name) for table in read(path).tables for column in table.columns}
        for path in (plain, with_them)
    ]
    assert names[0] == names[1]
    assert (read(plain).statements, read(plain).unseen != ()) == (None, True)
    assert (read(with_them).statements, read(with_them).unseen) == (len(recorded(file)), ())
    assert not any(table.every_column for table in read(with_them).tables)


def test_raw_sql_adds_what_it_uses_and_only_that(
    engine: Engine, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(engine, "CREATE TABLE audit (at timestamptz, what text)")
    record_statements(engine, file)
    run(engine, "SELECT motto FROM team JOIN counter ON counter.name = team.name WHERE value > 1")
    run(engine, "INSERT INTO audit (at, what) VALUES (now(), 'x')")
    run(engine, "CREATE TEMP TABLE scratch AS SELECT 1 AS a")
    run(engine, "SELECT * FROM people.person")
    path = tmp_path / "web.json"
    assert cli.run(["manifest", MODELS, "--output", str(path), "--recorded", str(file)]) == 0
    manifest = read(path)
    assert manifest.uses("public", "team", "motto")
    assert not manifest.uses("public", "team", "value")
    assert {column.name for table in manifest.tables if table.name == "audit" for column in table.columns} == {
        "at",
        "what",
    }
    assert manifest.uses("people", "person", "anything")
    assert manifest.table("public", "scratch") is None
    assert manifest.unseen == ()


def test_a_statement_that_may_use_anything_is_said_to_be_unseen(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(
        "BEGIN; SET LOCAL statement_timeout = 1; LISTEN x; EXECUTE p (1); CREATE TEMP TABLE scratch (a int);\n"
        "CREATE INDEX ON scratch (a); DROP TABLE scratch; DECLARE c CURSOR FOR SELECT motto FROM team; FETCH c; END;\n"
    )
    path = tmp_path / "web.json"
    command = ["manifest", MODELS, "--output", str(path), "--recorded", str(file)]
    assert cli.run(command) == 0
    assert read(path).uses("public", "team", "motto")
    assert read(path).unseen == ()
    file.write_text("CALL close_books(1);\nDROP TABLE audit;\nREFRESH MATERIALIZED VIEW totals;\n")
    assert cli.run(command) == 0
    assert list(read(path).unseen) == [
        f"what the statement at {file}:1 uses (call)",
        f"what the statement at {file}:2 uses (drop)",
        f"what the statement at {file}:3 uses (refresh_mat_view)",
    ]


def test_lint_takes_the_file_as_statements_of_the_application(
    engine: Engine, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record_statements(engine, file)
    run(engine, "SELECT motto FROM team WHERE name = :name", name="x")
    monkeypatch.chdir(tmp_path)
    Path("1.sql").write_text("CREATE TABLE team (id int, name text, motto text);")
    Path("2.sql").write_text("ALTER TABLE team DROP COLUMN motto;")
    assert cli.run(["lint", "1.sql", "2.sql", "--app-sql", str(file), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [each["file"] for each in found if each["code"] == "AP001"] == ["2.sql"]


def test_a_file_that_cannot_be_written_never_fails_a_statement(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record_statements(engine, tmp_path / "missing" / "file")
    with caplog.at_level(logging.ERROR, logger="migrator.client"):
        run(engine, "SELECT 1")
        run(engine, "SELECT 2 AS two")
    assert [record.message.split(" in ")[0] for record in caplog.records] == ["statements are not recorded"]


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
def test_asynchronous_engines(database_url: str, file: Path, driver: str) -> None:
    async def told() -> None:
        engine = create_async_engine(url(database_url, driver))
        record_statements(engine, file)
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE thing (id int, word text)"))
            await connection.execute(text("SELECT word FROM thing WHERE id = :id"), {"id": 1})
        await engine.dispose()

    asyncio.run(told())
    (line,) = [each for each in recorded(file) if each["query"].startswith("SELECT word")]
    assert "WHERE id = $1" in line["query"]
    assert line["tables"][0]["reads"] == ["id", "word"]
