"""Connecting: where the URL comes from, what kind of server answers, and refusing what cannot work."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import psycopg
import tenacity
from psycopg.rows import namedtuple_row

from migrator import __version__
from migrator.errors import DatabaseUnavailable, UsageError
from migrator.postgres.session import Session

OLDEST_SUPPORTED = 14
"""Oldest major version the tool is tested on."""

_SETTINGS = {
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
    "transform_null_equals": "off",
    "xmloption": "content",
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
    "statement_timeout": "0",
}
"""How values and expressions are written, as pg_dump sets it, with the defaults of PostgreSQL 14 to 18: what is read
from the catalog goes into files and triggers, which sessions with other settings must understand. DateStyle keeps the
order of day and month, in which the author's own literals may be.

No limits of time: the session that holds the tool's lock idles while another one builds an index, looks at rows take
their time, and a look at who is running waits for others inside its transaction. What could block others has limits of
its own."""

_URL_VARIABLES = ("MIGRATOR_DATABASE_URL", "DATABASE_URL")
_LIBPQ_VARIABLES = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE")


@dataclass(frozen=True, slots=True)
class Database:
    """A target database; opens as many sessions on it as are asked for.

    Attributes:
        url: a libpq URL or key-value string; empty: libpq's own environment decides. Never printed.
        wait_s: how long a server that does not answer yet is waited for at the first connection.
        command: what the user ran, shown in ``application_name``.
    """

    url: str = field(repr=False)
    wait_s: float = 0.0
    command: str = ""

    def connect(self, purpose: str = "work", *, may_be_standby: bool = False) -> Session:
        """A session of its own, in autocommit mode, on a checked server.

        Args:
            purpose: shown in ``application_name``.
            may_be_standby: whether a standby will do, to look and nothing else.

        Raises:
            DatabaseUnavailable: unreachable, wrong password, a standby, a pooler in transaction mode, too old, or not
                PostgreSQL.
        """
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_delay(self.wait_s),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=2.0),
            retry=tenacity.retry_if_exception(_may_pass),
            reraise=True,
        )
        try:
            connection = retrying(self._open, purpose)
        except psycopg.OperationalError as error:
            raise _unreachable(error) from None
        except psycopg.ProgrammingError as error:
            raise UsageError(
                "the database URL cannot be read",
                detail=_without_values(_first_line(error)),
                hint="postgresql://user@host:port/database",
            ) from None
        session = Session(connection)
        try:
            _check_server(session, may_be_standby=may_be_standby)
        except BaseException:
            session.close()
            raise
        return session

    def _open(self, purpose: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            self.url,
            autocommit=True,
            row_factory=namedtuple_row,
            application_name=f"migrator/{__version__}/{purpose}"[:63],
            # What is sent is UTF-8, whatever this role or database is set to.
            client_encoding="UTF8",
            connect_timeout=10,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )


def find_database(
    environment: Mapping[str, str] | None = None, *, url_env: str | None = None, wait_s: float = 0.0, command: str = ""
) -> Database | None:
    """The database the environment names, or None if it names none.

    Args:
        environment: default: that of the process.
        url_env: name of the variable that holds the URL; default: MIGRATOR_DATABASE_URL, then DATABASE_URL, then
            libpq's PGHOST, PGSERVICE, PGDATABASE.
        wait_s: passed on to ``Database``.
        command: passed on to ``Database``.

    Raises:
        UsageError: ``url_env`` is named and not set.
    """
    environment = os.environ if environment is None else environment
    if url_env is not None and not environment.get(url_env):
        raise UsageError(f"environment variable {url_env} is not set")
    for variable in (url_env,) if url_env else _URL_VARIABLES:
        if value := environment.get(variable):
            return Database(_libpq_url(value), wait_s, command)
    if any(environment.get(variable) for variable in _LIBPQ_VARIABLES):
        return Database("", wait_s, command)
    return None


def _libpq_url(url: str) -> str:
    """A SQLAlchemy URL without its driver; any other text unchanged."""
    return re.sub(r"^(postgres(?:ql)?)\+[a-z0-9_]+://", r"\1://", url)


def _without_values(text: str) -> str:
    """What libpq complains of without what it quotes, which may be a password; names of parameters are left in."""
    return text if text.startswith("invalid URI query parameter") else re.sub(r'"(?!=").*', "…", text)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _may_pass(error: BaseException) -> bool:
    """Whether a failed attempt to connect may succeed later: not if the server answered that the address is wrong.

    Errors of the connection phase carry no SQLSTATE; a server that speaks another language is waited for in vain.
    """
    final = ("authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry")
    return isinstance(error, psycopg.OperationalError) and not any(text in str(error) for text in final)


def _unreachable(error: psycopg.OperationalError) -> DatabaseUnavailable:
    text = str(error).strip()
    if "password authentication failed" in text or "no password supplied" in text:
        hint = "check the user and password in DATABASE_URL, PGPASSWORD or .pgpass"
    elif "does not exist" in text:
        hint = "check the database and role names in DATABASE_URL"
    else:
        hint = "check host and port in DATABASE_URL; --wait-db 60s waits for a server that is starting"
    message = "the database refused the connection" if "FATAL" in text else "the database cannot be reached"
    return DatabaseUnavailable(message, detail=re.sub(r"\s*\n\s*", "\n", text), hint=hint)


def _check_server(session: Session, *, may_be_standby: bool) -> None:
    if session.backend_pid_by_protocol != session.pid:
        raise DatabaseUnavailable(
            "this connection goes through a pooler in transaction mode",
            detail="session locks and settings do not hold there.",
            hint="connect to the server directly",
        )
    row = session.one(
        "SELECT version() AS version, current_setting('server_version_num')::int AS number,"
        " pg_is_in_recovery() AS standby, current_setting('session_replication_role') AS fires,"
        " (SELECT count(*) FROM pg_catalog.pg_extension WHERE extname = 'citus') AS citus"
    )
    for name in ("CockroachDB", "-YB-", "Redshift", "Greenplum"):
        if name in row.version:
            raise DatabaseUnavailable(
                "this server is not PostgreSQL", detail=row.version, hint="only PostgreSQL 14 to 18 is supported"
            )
    if row.citus:
        raise DatabaseUnavailable("this database uses Citus, where lock_timeout does not bound waits on workers")
    if row.number < OLDEST_SUPPORTED * 10_000:
        raise DatabaseUnavailable(
            f"PostgreSQL {row.number // 10_000} is too old, {OLDEST_SUPPORTED} is needed", detail=row.version
        )
    if row.standby and not may_be_standby:
        raise DatabaseUnavailable("this server is a standby", hint="connect to the primary")
    if row.fires == "replica":
        raise DatabaseUnavailable(
            "session_replication_role is replica for this role here, with which triggers do not fire",
            detail="what keeps old and new shape in step would not see what a backfill writes.",
            hint="connect as a role without it, or ALTER ROLE … RESET session_replication_role, also … IN DATABASE …",
        )
    session.query(
        "SELECT set_config(name, value, false) FROM json_each_text(%(settings)s::json) AS _ (name, value)"
        # PostgreSQL 17 brought transaction_timeout; what a server does not know is left out.
        " WHERE EXISTS (SELECT FROM pg_catalog.pg_settings AS s WHERE lower(s.name) = lower(_.name))",
        {"settings": json.dumps(_SETTINGS)},
    )
