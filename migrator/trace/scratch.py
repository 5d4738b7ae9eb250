"""The scratch server: of the version asked for if its programs are here, else the embedded one; gone afterwards.

The migrations run as a role that is no superuser: what they do must stay on the scratch server, and a superuser may
read files and start programs (COPY … PROGRAM) as whoever runs lint. Only statements that need a superuser, such as
CREATE EXTENSION, are run by one. The statements of the application run as a third role, which owns nothing and may use
everything, since owners do not feel row security.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from migrator import embedded
from migrator.errors import UsageError
from migrator.postgres.connect import Database
from migrator.postgres.session import Session
from migrator.sql.compose import ident

RUNNER = "migrator_trace"
APPLICATION = "migrator_trace_application"


@dataclass(slots=True)
class Scratch:
    """A database on a scratch server, and the sessions open on it.

    Attributes:
        version: as the server says it.
        runner: session of the role that runs the migrations.
        admin: session of the superuser: samples, watching.
    """

    version: str
    runner: Session
    admin: Session
    _urls: dict[str, str]
    _roles: set[str] = field(default_factory=set)

    def application(self) -> Session:
        """A new session of the application's role, for the caller to close."""
        session = Database(self._urls[APPLICATION]).connect("application")
        session.never_prepare()
        return session

    def forget_roles(self) -> None:
        """The roles that were made are gone."""
        self._roles.clear()

    def make_roles(self, names: set[str]) -> None:
        """Make roles that statements mention; the runner is a member of each."""
        for name in sorted(names - self._roles):
            self._roles.add(name)
            known = self.admin.query("SELECT FROM pg_catalog.pg_roles WHERE rolname = %(name)s", {"name": name})
            if not known:
                self.admin.execute(f"CREATE ROLE {ident(name)}")
                self.admin.execute(f"GRANT {ident(name)} TO {RUNNER} WITH ADMIN OPTION")
            # To own a table, a role must be allowed to make one there.
            self.admin.execute(f"GRANT ALL ON SCHEMA public TO {ident(name)}")


def choose(wanted_major: int) -> embedded.Installation:
    """The installation of the version asked for, else the newest of the others.

    Raises:
        UsageError: there is no PostgreSQL on this machine.
    """
    found = list(embedded.installations())
    if not found:
        raise UsageError(
            "--trace and --app-sql need a PostgreSQL on this machine to run the files on",
            hint="pip install 'expand-contract[embedded]'",
        )
    same = [installation for installation in found if installation.major == wanted_major]
    return same[0] if same else max(found, key=lambda installation: installation.major)


@contextlib.contextmanager
def scratch_server(wanted_major: int) -> Iterator[embedded.Server]:
    """A server for traces, stopped and removed at the end, however that comes.

    Raises:
        UsageError: there is no PostgreSQL on this machine.
        DatabaseUnavailable: it did not start.
    """
    installation = choose(wanted_major)
    settings = {
        **embedded.FAST,
        "autovacuum": "off",
        "max_prepared_transactions": "10",
        "wal_level": "logical",
        # In UTC a change from timestamp to timestamptz rewrites nothing; anywhere else it does.
        "timezone": "Europe/Berlin",
    }
    with embedded.start(major=installation.major, settings=settings) as server:
        yield server


@contextlib.contextmanager
def scratch_database(server: embedded.Server, name: str = "scratch") -> Iterator[Scratch]:
    """A fresh database with the roles that traces use, and sessions on it; dropped at the end."""
    with Database(server.url()).connect("trace") as maintenance, contextlib.ExitStack() as stack:
        for role, rights in ((RUNNER, "LOGIN CREATEROLE CREATEDB"), (APPLICATION, "LOGIN")):
            if not maintenance.query("SELECT FROM pg_catalog.pg_roles WHERE rolname = %(name)s", {"name": role}):
                maintenance.execute(f"CREATE ROLE {role} {rights}")
        maintenance.execute(f"CREATE DATABASE {ident(name)} OWNER {RUNNER}")
        stack.callback(maintenance.execute, f"DROP DATABASE IF EXISTS {ident(name)} WITH (FORCE)")
        urls = {role: server.url(name, role) for role in (RUNNER, APPLICATION)}
        maintenance.execute(f"GRANT {APPLICATION} TO {RUNNER}")
        admin = stack.enter_context(Database(server.url(name)).connect("trace"))
        admin.execute(f"ALTER SCHEMA public OWNER TO {RUNNER}")
        admin.execute(f"GRANT ALL ON SCHEMA public TO {APPLICATION}")
        for kind in ("TABLES", "SEQUENCES", "FUNCTIONS", "TYPES", "SCHEMAS"):
            admin.execute(f"ALTER DEFAULT PRIVILEGES FOR ROLE {RUNNER} GRANT ALL ON {kind} TO {APPLICATION}")
        runner = stack.enter_context(Database(urls[RUNNER]).connect("trace"))
        runner.never_prepare()
        yield Scratch(server.version, runner, admin, urls)
