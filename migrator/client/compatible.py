"""Whether the database has what the models of an application use: asked once, when the application starts.

::

    engine = create_engine(URL)
    assert_compatible(engine, Base, service="web", level=SCHEMA_LEVEL)         # or the path of a manifest
    await assert_compatible_async(async_engine, Base, service="web", level=SCHEMA_LEVEL)

It reads the catalog with one query, and changes nothing. A level of its own does not see a migration that was never run
in this database, a restored backup or a change by hand; this does.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from migrator.client import drivers
from migrator.model.compatible import compare, wanted
from migrator.model.manifest import Manifest
from migrator.postgres.queries import load

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

_NO_LEDGER = ("3F000", "42883")
"""Invalid schema name, undefined function."""


class Incompatible(Exception):
    """The code and the database do not fit.

    Attributes:
        problems: what is wrong, one line each.
    """

    def __init__(self, title: str, problems: tuple[str, ...]) -> None:
        count = "1 thing is" if len(problems) == 1 else f"{len(problems)} things are"
        super().__init__("\n".join([f"{title} does not fit this database: {count} not as it needs", *problems]))
        self.problems = problems
        self.add_note('HINT: run "migrator expand" with the migrations of this build, or deploy a newer build')


def assert_compatible(
    engine: Engine,
    uses: Any,
    *,
    service: str = "",
    level: int | None = None,
    version: str = "",
    nullability: bool = True,
) -> None:
    """Raise one error with everything that the code uses and the database has not.

    Compared are tables and columns, whether types are of the same kind (numbers, text, times …), columns that INSERT
    leaves out although they are NOT NULL without a default, and columns that refuse the NULL which the models allow. A
    column that may be NULL only in the database is fine: between expand and contract it has to be. So is more than the
    models know. Tables without a schema are looked for in the first one of the search_path; ``schema_translate_map`` of
    the engine is followed.

    Args:
        engine: its next connection is used; of any driver.
        uses: a declarative base, a registry or a ``MetaData``; a ``Manifest``; or the path of one.
        service: its name; with a level, whether that level may start now is looked at too. Default: the manifest's.
        level: schema level of the code. Default: the manifest's.
        version: as it beats with; one that contracts leave alone may start below the level of its service.
        nullability: whether a NULL that the models allow and the database refuses counts.

    Raises:
        Incompatible: something does not fit.
        UsageError: ``uses`` is nothing of the kind.
    """
    with engine.connect() as connection:
        _require(connection, uses, service, level, version, nullability=nullability)


async def assert_compatible_async(
    engine: AsyncEngine,
    uses: Any,
    *,
    service: str = "",
    level: int | None = None,
    version: str = "",
    nullability: bool = True,
) -> None:
    """As ``assert_compatible``."""
    async with engine.connect() as connection:
        await connection.run_sync(_require, uses, service, level, version, nullability=nullability)


def _require(
    connection: Connection, uses: Any, service: str, level: int | None, version: str, *, nullability: bool
) -> None:
    manifest = _manifest(connection, uses)
    statement = load("migrator.postgres.queries", "used.sql")["actual"].replace("%(wanted)s", ":wanted")
    found = compare(manifest, connection.execute(text(statement), {"wanted": wanted(manifest)}))
    problems = [f"{each} does not exist" for each in found.missing]
    problems += [f"{name} is NOT NULL without a default, and INSERT leaves it out" for name in found.required]
    problems += [f"{name} is NOT NULL, and may be written as NULL" for name in found.null if nullability]
    problems += found.types
    level = manifest.level if level is None else level
    service = service or manifest.service
    if service and level is not None:
        problems += _outside_window(connection, service, level, version)
    if problems:
        raise Incompatible(replace(manifest, service=service, level=level).title, tuple(problems))


def _manifest(connection: Connection, uses: Any) -> Manifest:
    if isinstance(uses, Manifest):
        return uses
    if isinstance(uses, (str, Path)):
        from migrator.integrations.sqlalchemy.file import read

        return read(Path(uses))
    from migrator.integrations.sqlalchemy.mapping import manifest_of

    default = connection.dialect.default_schema_name or "public"
    translated = connection.get_execution_options().get("schema_translate_map") or {}
    manifest = manifest_of(uses, models=getattr(uses, "__qualname__", type(uses).__name__), schema=default)
    named = {schema or default: str(other or default) for schema, other in translated.items()}
    tables = tuple(replace(table, schema=named.get(table.schema, table.schema)) for table in manifest.tables)
    return replace(manifest, tables=tables)


def _outside_window(connection: Connection, service: str, level: int, version: str) -> list[str]:
    """Why code of a level must not start now; empty: it may, or the database has no ledger to ask."""
    statement = text(drivers.WINDOW.replace("%s", ":service"))
    try:
        row = connection.execute(statement, {"service": service}).first()
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
        if state not in _NO_LEDGER:
            raise
        return []
    if row is None or not row.listed:
        return [f'service "{service}" is not listed in this database']
    if level < row.min_level and not (version and _is_exempt(connection, service, version, level)):
        return [f'level {level} of "{service}" is too old: the database needs at least level {row.min_level}']
    if level > row.max_level:
        return [f'level {level} of "{service}" is too new: the database is expanded up to level {row.max_level}']
    return []


def _is_exempt(connection: Connection, service: str, version: str, level: int) -> bool:
    statement = text("SELECT migrator.is_exempt(:service, :version, :level)")
    try:
        return bool(connection.scalar(statement, {"service": service, "version": version, "level": level}))
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
        if state not in _NO_LEDGER:
            raise
        return False  # a ledger of version 1 knows of no exemption
