"""One connection: queries, transactions with timeouts, and the server's errors as ours."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, Self

import psycopg
from psycopg import sql as _sql

from migrator.errors import DatabaseUnavailable, StatementFailed

LOCK_NOT_AVAILABLE = "55P03"
QUERY_CANCELED = "57014"
DEADLOCK_DETECTED = "40P01"
SERIALIZATION_FAILURE = "40001"
INSUFFICIENT_PRIVILEGE = "42501"
UNDEFINED_TABLE = "42P01"


class ServerError(StatementFailed):
    """The server refused a statement.

    Attributes:
        sqlstate: five characters; see PostgreSQL's appendix A.
        server_message: the server's primary message.
        server_detail: its detail, or an empty string.
        statement: what was sent.
    """

    def __init__(self, error: psycopg.Error, statement: str) -> None:
        diagnostic = error.diag
        self.sqlstate = error.sqlstate or ""
        self.server_message = diagnostic.message_primary or str(error).strip()
        self.server_detail = diagnostic.message_detail or ""
        self.statement = statement
        facts = [f"statement: {' '.join(statement.split())[:400]}"]
        facts += [text for text in (diagnostic.message_detail, diagnostic.context) if text]
        super().__init__(
            f"{self.server_message} (SQLSTATE {self.sqlstate or 'unknown'})",
            detail="\n".join(facts),
            hint=diagnostic.message_hint,
        )

    @property
    def is_lock_refusal(self) -> bool:
        """Whether a lock or the wall limit of a group was the reason: nothing changed, trying again may help."""
        return self.sqlstate in (LOCK_NOT_AVAILABLE, QUERY_CANCELED, DEADLOCK_DETECTED)

    @property
    def is_about_rows(self) -> bool:
        """Whether rows violate a constraint: they can be corrected."""
        return self.sqlstate[:2] == "23"

    @property
    def is_about_data(self) -> bool:
        """Whether a value of a row was the reason: data exception, integrity violation, or RAISE in a function."""
        return self.sqlstate[:2] in ("22", "23") or self.sqlstate == "P0001"


class ConnectionLost(DatabaseUnavailable):
    """The server went away in the middle of a command."""


class Session:
    """A psycopg connection in autocommit mode; rows are named tuples.

    Statements without parameters are sent as they are, percent signs included; with parameters, ``%(name)s`` stands for
    one.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    @cached_property
    def pid(self) -> int:
        """Process id of the server's backend."""
        return int(self.one("SELECT pg_catalog.pg_backend_pid() AS pid").pid)

    @property
    def backend_pid_by_protocol(self) -> int:
        """The process id announced when the connection was made; a pooler announces its own."""
        return self._connection.info.backend_pid

    @cached_property
    def backend_start(self) -> datetime:
        """When the backend started; with ``pid`` it names a session for ever."""
        started: datetime = self.one(
            "SELECT backend_start FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()"
        ).backend_start
        return started

    @property
    def server_version(self) -> int:
        """Major version, 14 to 18."""
        return self._connection.info.server_version // 10_000

    @property
    def server_version_text(self) -> str:
        """The version as the server writes it, ``18.4 (Debian …)`` without what follows the number."""
        return (self._connection.info.parameter_status("server_version") or "").split()[0]

    @property
    def system_identifier(self) -> str:
        """Identifies the cluster; an empty string where this role may not read it."""
        try:
            return str(self.one("SELECT system_identifier FROM pg_catalog.pg_control_system()").system_identifier)
        except ServerError:
            return ""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction block is open, failed ones included."""
        return self._connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE

    def execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> int:
        """Run a statement; the number of rows it touched, -1 where that has no meaning.

        Raises:
            ServerError: the server refused it.
            ConnectionLost: the connection broke.
        """
        with self._cursor(statement, parameters) as cursor:
            return cursor.rowcount

    def query(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Any]:
        """All rows of a query; errors as ``execute``."""
        with self._cursor(statement, parameters) as cursor:
            return cursor.fetchall()

    def one(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The only row of a query.

        Raises:
            LookupError: there is none, or more than one.
        """
        rows = self.query(statement, parameters)
        if len(rows) != 1:
            raise LookupError(f"{len(rows)} rows instead of one: {statement}")
        return rows[0]

    def maybe(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Any | None:
        """The first row of a query, or None."""
        rows = self.query(statement, parameters)
        return rows[0] if rows else None

    @contextlib.contextmanager
    def _cursor(self, statement: str, parameters: Mapping[str, Any] | None) -> Iterator[psycopg.Cursor[Any]]:
        try:
            cursor = self._connection.cursor()
            cursor.execute(statement.encode(), parameters)
        except psycopg.Error as error:
            raise self._translate(error, statement) from None
        with cursor:
            yield cursor

    def _translate(self, error: psycopg.Error, statement: str) -> ServerError | ConnectionLost:
        if self._connection.closed or (isinstance(error, psycopg.OperationalError) and not error.sqlstate):
            return ConnectionLost(
                "the connection to the database was lost",
                detail=str(error).strip(),
                hint="run the same command again: it continues where it stopped",
            )
        return ServerError(error, statement)

    @contextlib.contextmanager
    def transaction(
        self, *, lock_timeout_ms: int | None = None, statement_timeout_ms: int | None = None, read_only: bool = False
    ) -> Iterator[None]:
        """A READ COMMITTED transaction: committed at the end of the block, rolled back by any exception.

        READ COMMITTED is asked for by name because the gate must see what committed while it waited for its locks,
        whatever ``default_transaction_isolation`` says.

        Args:
            lock_timeout_ms: longest wait for any one lock; None leaves the server's setting.
            statement_timeout_ms: longest run of any one statement; None leaves the server's setting.
            read_only: the server refuses writes.
        """
        self.execute(f"BEGIN ISOLATION LEVEL READ COMMITTED {'READ ONLY' if read_only else 'READ WRITE'}")
        try:
            if lock_timeout_ms is not None:
                self.set_local("lock_timeout", f"{lock_timeout_ms}ms")
            if statement_timeout_ms is not None:
                self.set_local("statement_timeout", f"{statement_timeout_ms}ms")
            yield
        except BaseException:
            with contextlib.suppress(psycopg.Error, ServerError, ConnectionLost):
                self._connection.rollback() if self._connection.closed else self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def set_local(self, setting: str, value: str) -> None:
        """Set a configuration parameter for the rest of the transaction."""
        self.execute("SELECT pg_catalog.set_config(%(setting)s, %(value)s, true)", {"setting": setting, "value": value})

    def set(self, setting: str, value: str) -> None:
        """Set a configuration parameter for the rest of the session."""
        self.execute(
            "SELECT pg_catalog.set_config(%(setting)s, %(value)s, false)", {"setting": setting, "value": value}
        )

    def copy_literal(self, value: Any) -> str:
        """A value as an SQL literal by the driver's own rules, for statements that take no parameters."""
        return _sql.Literal(value).as_string(self._connection)

    def never_prepare(self) -> None:
        """Leave nothing prepared on the server: somebody else's DISCARD ALL would take it away."""
        self._connection.prepare_threshold = None

    def on_message(self, take: Callable[[str], None]) -> None:
        """Have every NOTICE, WARNING and DEBUG message of the server given to ``take`` from now on."""
        self._connection.add_notice_handler(lambda diagnostic: take(diagnostic.message_primary or ""))

    def cancel(self) -> None:
        """Ask the server to cancel what this session is running; safe from another thread."""
        self._connection.cancel_safe(timeout=2.0)

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back by the server."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
