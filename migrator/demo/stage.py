"""What the story is played on: a server of its own, the shop's database and a copy of it, the project's folder."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from migrator import config, embedded
from migrator.demo.shop import SERVICE
from migrator.errors import UsageError
from migrator.gate.gate import Gate
from migrator.ledger.install import ensure_installed
from migrator.model.events import ignore
from migrator.postgres.connect import Database
from migrator.postgres.queries import load
from migrator.sql.compose import ident

ACTOR = "migrator demo"
COPY = "shop_copy"
CUSTOMERS = 2000
DEFAULT_FOLDER = "migrator-demo"
NAIVE_SQL = "ALTER TABLE orders RENAME COLUMN total TO total_cents"

_SQL = load("migrator.demo.queries", "shop_schema.sql")
_SETTINGS = """\
# Settings of the demonstration; everything not named here is the default.
migrations = "migrations"

[gate]
soak = "{soak}"     # the default is 15min: so long no old code must have been seen before a contract

[[gate.service]]    # who uses this database
name = "{service}"
ttl = "9s"          # each process beats every 3 s
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that was set up.

    Attributes:
        server: the server.
        folder: the project's folder, left behind at the end.
        scratch: a folder that is removed at the end.
        database: the shop's database, as the tool's role.
        rows: number of orders at the beginning.
    """

    server: embedded.Server
    folder: Path
    scratch: Path
    database: Database
    rows: int

    @property
    def tool_url(self) -> str:
        """The URL a user of the tool would have in ``DATABASE_URL``."""
        return self.server.url(SERVICE)

    def shop_url(self, dbname: str = SERVICE) -> str:
        """The URL the shop connects with, in a role that owns nothing."""
        return self.server.url(dbname).replace("//postgres@", f"//{SERVICE}@", 1)

    @property
    def project(self) -> config.Project:
        """The settings in force in the folder."""
        return config.load(self.folder, {})


@contextlib.contextmanager
def staged(rows: int, soak: str, wanted: Path | None) -> Iterator[Stage]:
    """Set everything up; the server and the scratch folder are gone at the end, the project's folder stays.

    Args:
        rows: number of orders.
        soak: how long the gate must have seen no old code, a duration.
        wanted: the project's folder; None: a fresh one.

    Raises:
        UsageError: there is no PostgreSQL to start, or ``wanted`` is there and holds something.
        DatabaseUnavailable: the server did not start.
    """
    embedded.find()  # before anything is made
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="migrator-demo-")))
        folder = fresh_folder(wanted)
        try:
            (folder / "migrator.toml").write_text(settings_text(soak), encoding="utf-8")
            (folder / "naive.sql").write_text(f"{NAIVE_SQL};\n", encoding="utf-8")
            server = stack.enter_context(embedded.start(settings=embedded.FAST))
            stage = Stage(server, folder, scratch, Database(server.url(SERVICE), command="demo"), rows)
            _create(stage)
        except BaseException:
            # Nothing was played, so there is nothing to look at.
            shutil.rmtree(folder, ignore_errors=True)
            raise
        yield stage


def settings_text(soak: str) -> str:
    """What stands in ``migrator.toml``."""
    return _SETTINGS.format(soak=soak, service=SERVICE)


def fresh_folder(wanted: Path | None) -> Path:
    """Make an empty folder: ``wanted``, or one in the working folder, or, where that is read-only, a temporary one.

    Raises:
        UsageError: ``wanted`` cannot be made, or holds something.
    """
    if wanted is not None:
        try:
            wanted.mkdir(parents=True, exist_ok=True)
            if any(wanted.iterdir()):
                raise UsageError(f"{wanted} is not empty", hint="name a folder that does not exist yet")
        except OSError as error:
            raise UsageError(f"{wanted} cannot be made: {error.strerror}") from None
        return wanted.resolve()
    try:
        return _numbered(Path.cwd()).resolve()
    except OSError:
        return Path(tempfile.mkdtemp(prefix=f"{DEFAULT_FOLDER}-"))


def remove_copy(stage: Stage) -> None:
    """Drop the copy."""
    with Database(stage.server.url()).connect("demo") as session:
        session.execute(f"DROP DATABASE IF EXISTS {ident(COPY)} WITH (FORCE)")


def _numbered(parent: Path) -> Path:
    number = 1
    while True:
        folder = parent / (DEFAULT_FOLDER if number == 1 else f"{DEFAULT_FOLDER}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def _create(stage: Stage) -> None:
    with Database(stage.server.url()).connect("demo") as session:
        session.execute(f"CREATE ROLE {ident(SERVICE)} LOGIN")
        session.execute(f"CREATE DATABASE {ident(SERVICE)}")
        with stage.database.connect("demo") as shop:
            sizes = {"rows": stage.rows, "customers": CUSTOMERS}
            for name in ("customers_table", "orders_table", "lines_table"):
                shop.execute(_SQL[name])
            for name in ("fill_customers", "fill_orders", "next_order"):
                shop.execute(_SQL[name], sizes)
            for name in ("customer_index", "grant", "vacuum"):
                shop.execute(_SQL[name])
            # A service is listed before its first process beats.
            ensure_installed(shop)
            Gate(stage.database, stage.project, ACTOR, ignore).sync_services(shop)
        # A database can only be copied while nobody is connected to it, so before the shop is opened.
        session.execute(f"CREATE DATABASE {ident(COPY)} TEMPLATE {ident(SERVICE)}")
