"""Installing the ledger, and recognising one that is newer than this tool."""

from __future__ import annotations

from importlib import resources
from typing import NoReturn

from migrator import __version__
from migrator.errors import DatabaseUnavailable
from migrator.postgres.queries import load
from migrator.postgres.session import Session

LEDGER_VERSION = 4
"""What this tool installs; a ledger of a higher version belongs to a newer tool."""

_SQL = load("migrator.ledger.queries", "install.sql")


def installed_version(session: Session) -> int | None:
    """The version of the ledger in this database, or None when there is none.

    Raises:
        DatabaseUnavailable: there is one, and this role may not read it.
    """
    ledger = session.one(_SQL["ledger_exists"])
    if not ledger.present:
        return None
    if not ledger.readable:
        _refuse_use(session, "read")
    version: int = session.one(_SQL["ledger_version"]).version
    return version


def is_installed(session: Session) -> bool:
    """Whether the ledger is there.

    Raises:
        DatabaseUnavailable: it is, but of a version this tool does not know, or not readable for this role.
    """
    version = installed_version(session)
    if version is not None and version > LEDGER_VERSION:
        raise DatabaseUnavailable(
            f"the ledger in this database is of version {version}, this tool knows version {LEDGER_VERSION}",
            hint="install the newer migrator that wrote it",
        )
    return version is not None


def ensure_installed(session: Session) -> None:
    """Create the ledger, or add what this tool's has and an older one has not; safe when several processes do it.

    Raises:
        DatabaseUnavailable: the role may not create a schema in this database, or the ledger is too new.
    """
    if is_installed(session):
        _require_use(session)
        if installed_version(session) == LEDGER_VERSION:
            return
        _require_ownership(session)
    else:
        _require_create(session)
    with session.transaction(lock_timeout_ms=30_000):
        session.execute(_SQL["lock_installation"])
        if installed_version(session) is not None:
            session.set_local("role", session.one(_SQL["ledger_privileges"]).owner)
        for version in range((installed_version(session) or 0) + 1, LEDGER_VERSION + 1):
            session.execute(_schema(version))
            session.execute(_SQL["record_version"], {"version": version, "tool": __version__})


def _require_create(session: Session) -> None:
    rights = session.one(_SQL["create_privilege"])
    if not rights.may_create or rights.read_only:
        reason = (
            "its transactions are read-only (default_transaction_read_only)"
            if rights.may_create
            else f'it has no CREATE privilege on database "{rights.database}"'
        )
        remedy = (
            f"ALTER ROLE {rights.role_quoted} RESET default_transaction_read_only"
            if rights.may_create
            else f"GRANT CREATE ON DATABASE {rights.database_quoted} TO {rights.role_quoted}"
        )
        raise DatabaseUnavailable(
            f'role "{rights.role}" cannot install the ledger: {reason}', hint=f"as an owner: {remedy}"
        )


def _require_ownership(session: Session) -> None:
    rights = session.one(_SQL["ledger_privileges"])
    if not rights.owns or rights.read_only:
        reason = (
            f'it belongs to role "{rights.owner}"'
            if not rights.owns
            else "its transactions are read-only (default_transaction_read_only)"
        )
        raise DatabaseUnavailable(
            f'role "{rights.role}" cannot bring the ledger of this database to version {LEDGER_VERSION}: {reason}',
            hint=f'run "migrator expand" once as {rights.owner}',
        )


def _schema(version: int) -> str:
    """What a version of the ledger adds to the one before."""
    return resources.files("migrator.ledger.queries").joinpath(f"schema_{version}.sql").read_text("utf-8")


def _require_use(session: Session) -> None:
    if not session.one(_SQL["ledger_privileges"]).complete:
        _refuse_use(session, "write")


def _refuse_use(session: Session, what: str) -> NoReturn:
    rights = session.one(_SQL["ledger_privileges"])
    raise DatabaseUnavailable(
        f'role "{rights.role}" may not {what} the ledger, which belongs to role "{rights.owner}"',
        hint=f"connect as {rights.owner}, or as an owner: GRANT {rights.owner_quoted} TO {rights.role_quoted}",
    )
