"""Whether a database has what the models use, held against what SQLAlchemy then really meets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, create_engine, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from migrator.client.compatible import Incompatible, assert_compatible, assert_compatible_async
from migrator.errors import UsageError
from migrator.integrations.sqlalchemy.file import text as written
from migrator.integrations.sqlalchemy.mapping import manifest_of
from tests.gate.world import World
from tests.integrations.sqlalchemy import shop


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


def problems(engine: Engine, uses: Any = shop.Base, **facts: Any) -> list[str]:
    try:
        assert_compatible(engine, uses, **facts)
    except Incompatible as error:
        return list(error.problems)
    return []


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_what_the_models_made_fits_them(engine: Engine) -> None:
    assert problems(engine) == []


def test_all_that_does_not_fit_is_in_one_error(engine: Engine) -> None:
    run(
        engine,
        "DROP TABLE counter",
        "ALTER TABLE people.person DROP COLUMN biography, ALTER COLUMN family SET NOT NULL",
        "ALTER TABLE team ADD COLUMN code text NOT NULL, ALTER COLUMN motto SET NOT NULL",
        "ALTER TABLE employee ALTER COLUMN salary TYPE text",
    )
    found = [
        "people.person.biography does not exist",
        "public.counter does not exist",
        "public.team.motto is NOT NULL without a default, and INSERT leaves it out",
        "public.team.code is NOT NULL without a default, and INSERT leaves it out",
        "people.person.family is NOT NULL, and may be written as NULL",
        "public.employee.salary is text, taken for DOUBLE PRECISION",
    ]
    assert problems(engine) == found
    assert problems(engine, nullability=False) == [each for each in found if "may be written" not in each]
    with pytest.raises(Incompatible, match="Base does not fit this database: 6 things are not as it needs"):
        assert_compatible(engine, shop.Base)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE people.person ALTER COLUMN kind DROP NOT NULL",
        "ALTER TABLE team ALTER COLUMN name TYPE text, ADD COLUMN code text NOT NULL DEFAULT ''",
        "ALTER TABLE employee ALTER COLUMN salary TYPE numeric",
        "ALTER TABLE counter ALTER COLUMN value TYPE bigint",
        "ALTER TABLE team DROP COLUMN motto",
        "CREATE TYPE word AS ENUM ('a'); ALTER TABLE counter ALTER COLUMN name TYPE word USING name::word",
        "ALTER TABLE counter RENAME TO counters; CREATE VIEW counter AS SELECT * FROM counters",
    ],
)
def test_what_expand_and_contract_pass_through_fits(engine: Engine, change: str) -> None:
    run(engine, change)
    assert problems(engine) == []


def test_a_manifest_or_its_file_does_as_well(engine: Engine, tmp_path: Path) -> None:
    manifest = manifest_of(shop.Base, models="shop")
    path = tmp_path / "web.json"
    path.write_text(written(manifest))
    run(engine, "DROP TABLE counter")
    for uses in (manifest, path, str(path), shop.Base.registry, shop.Base.metadata):
        assert problems(engine, uses) == ["public.counter does not exist"]
    with pytest.raises(UsageError, match="neither a declarative base"):
        assert_compatible(engine, 42)


def test_tables_are_looked_for_where_the_engine_looks(engine: Engine) -> None:
    metadata = MetaData()
    Table("thing", metadata, Column("id", Integer), Column("word", String(9, collation="C")))
    assert problems(engine, metadata) == ["public.thing does not exist"]
    run(engine, "CREATE SCHEMA tenant", "CREATE TABLE tenant.thing (id int, word text)")
    translated = engine.execution_options(schema_translate_map={None: "tenant"})
    assert problems(translated, metadata) == []
    with_path = create_engine(engine.url, connect_args={"options": "-csearch_path=tenant"})
    assert problems(with_path, metadata) == []
    with_path.dispose()


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
def test_asynchronous_engines(empty_database_url: str, driver: str) -> None:
    metadata = MetaData()
    Table("thing", metadata, Column("id", Integer), Column("word", String))

    async def told() -> None:
        engine = create_async_engine(url(empty_database_url, driver))
        try:
            with pytest.raises(Incompatible, match=r"public\.thing does not exist"):
                await assert_compatible_async(engine, metadata, service="web", level=1)
            async with engine.begin() as connection:
                await connection.execute(text("CREATE TABLE thing (id int, word text)"))
            await assert_compatible_async(engine, metadata, service="web", level=1)
        finally:
            await engine.dispose()

    asyncio.run(told())


def test_the_level_is_looked_at_where_there_is_a_ledger(world: World) -> None:
    engine = create_engine(url(world.url, "psycopg"))
    run(engine, "CREATE TABLE thing (id int)")
    metadata = MetaData()
    Table("thing", metadata, Column("id", Integer))
    assert problems(engine, metadata, service="jobs", level=42) == ['service "jobs" is not listed in this database']
    assert problems(engine, metadata, service="web", level=42) == []
    assert (
        "is too new: the database is expanded up to level 42" in problems(engine, metadata, service="web", level=43)[0]
    )
    run(engine, "UPDATE migrator.service SET min_level = 42")
    assert "is too old: the database needs at least level 42" in problems(engine, metadata, service="web", level=41)[0]
    engine.dispose()
