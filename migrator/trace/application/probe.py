"""One statement of an application on the scratch server: prepared, planned, run, rolled back.

PREPARE finds missing tables and columns and types that do not fit; the planner finds a missing unique index behind ON
CONFLICT; running it finds constraints, privileges and defaults. Parameters get the types that PREPARE infers. Their
values are those of the sample rows, or ones that no row has, whichever makes the statement work before the migrations;
a statement that works with none of them is planned only, with a generic plan.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from migrator.postgres.session import ConnectionLost, ServerError, Session
from migrator.sql.compose import ident
from migrator.sql.effects import relation_name
from migrator.sql.parser import unwrap
from migrator.trace.application.reading import ApplicationStatement
from migrator.trace.samples import sample_value

_NAME = "migrator_probe"
_PREPARABLE = frozenset({"select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt"})
_RUNNABLE = frozenset({"call_stmt", "lock_stmt", "truncate_stmt"})
_KNOWN, _UNKNOWN = 1, 91
"""Numbers of values: that of a sample row, and of none."""

_MOST_COMBINED = 4
"""Parameters up to which every combination is tried: 16 runs."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a statement does not work."""

    sqlstate: str
    message: str


@dataclass(frozen=True, slots=True)
class Probe:
    """A statement that works, and how to find out whether it still does.

    Attributes:
        statement: what the application sends.
        types: of its parameters, as the server writes them.
        arguments: values as SQL for running it; None: it is planned only.
    """

    statement: ApplicationStatement
    types: tuple[str, ...]
    arguments: tuple[str, ...] | None

    @property
    def runs(self) -> bool:
        """Whether it is run and not only planned."""
        return self.arguments is not None or self.statement.kind in _RUNNABLE


def objection(statement: ApplicationStatement) -> str:
    """Why a statement cannot be checked whatever the schema is; an empty string if it can."""
    if statement.problem:
        return statement.problem
    if statement.kind in _RUNNABLE or statement.kind in _PREPARABLE or _is_copy(statement):
        return ""
    return "neither reads nor writes data"


def first_try(session: Session, statement: ApplicationStatement) -> Probe | Failure:
    """See whether a statement works, and with which values."""
    if statement.kind not in _PREPARABLE:
        probe = Probe(statement, (), ())
        return check(session, probe) or probe
    with _undone(session):
        try:
            session.execute(f"PREPARE {_NAME} AS {_sql(statement)}")
            types = tuple(
                session.one(
                    "SELECT parameter_types::text[] AS types FROM pg_catalog.pg_prepared_statements"
                    " WHERE name = %(name)s",
                    {"name": _NAME},
                ).types
            )
        except ServerError as error:
            return _failure(error)
    planned = Probe(statement, types, None)
    failure = check(session, planned)
    if failure is not None:
        return failure
    working: Probe | None = None
    reason: Failure | None = None
    for arguments in _candidates(session, types):
        candidate = Probe(statement, types, arguments)
        rows, failure = _run(session, candidate)
        if failure is not None:
            reason = reason or failure
        elif rows:
            return candidate
        else:
            working = working or candidate
    if working is None and not types and reason is not None:
        return reason
    return working or planned


def check(session: Session, probe: Probe, *, role: str | None = None) -> Failure | None:
    """Whether a statement still works, in a transaction of its own or in the open one; nothing is kept.

    Args:
        session: any.
        probe: the statement.
        role: whom to be meanwhile; None: whoever the session is.
    """
    with _undone(session):
        try:
            as_role = [f"SET LOCAL ROLE {role}"] if role else []
            session.execute(";\n".join([*as_role, *_steps(probe)]))
        except ServerError as error:
            return _failure(error)
    return None


def prepare(session: Session, name: str, probe: Probe) -> bool:
    """Prepare a statement under a name, as an application does that keeps it open; whether that worked."""
    if probe.statement.kind not in _PREPARABLE:
        return False
    try:
        session.execute(f"PREPARE {name} AS {_sql(probe.statement)}")
    except ServerError:
        return False
    return True


def check_prepared(session: Session, name: str, probe: Probe) -> Failure | None:
    """Whether a statement prepared earlier still works in that session."""
    with _undone(session):
        try:
            session.execute(f"EXPLAIN EXECUTE {name}{_nulls(probe)}")
        except ServerError as error:
            return _failure(error)
    return None


def _steps(probe: Probe) -> Iterator[str]:
    statement = probe.statement
    if statement.kind not in _PREPARABLE:
        yield _sql(statement)
        return
    yield f"PREPARE {_NAME} AS {_sql(statement)}"
    yield f"EXPLAIN EXECUTE {_NAME}{_nulls(probe)}"
    if probe.arguments is not None:
        yield f"EXECUTE {_NAME}{_list(probe.arguments)}"
        yield "SET CONSTRAINTS ALL IMMEDIATE"


def _run(session: Session, probe: Probe) -> tuple[int, Failure | None]:
    with _undone(session):
        try:
            session.execute(f"PREPARE {_NAME} AS {_sql(probe.statement)}")
            rows = session.execute(f"EXECUTE {_NAME}{_list(probe.arguments or ())}")
            session.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except ServerError as error:
            return 0, _failure(error)
    return rows, None


@contextlib.contextmanager
def _undone(session: Session) -> Iterator[None]:
    """Whatever happens inside is rolled back; also inside an open transaction."""
    nested = session.in_transaction
    session.execute(f"SAVEPOINT {_NAME}" if nested else "BEGIN")
    session.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    try:
        yield
    finally:
        with contextlib.suppress(ConnectionLost):
            session.execute(f"ROLLBACK TO SAVEPOINT {_NAME}; RELEASE SAVEPOINT {_NAME}" if nested else "ROLLBACK")
            with contextlib.suppress(ServerError):
                # Not undone by the rollback. It may never have come to be.
                if session.query(
                    "SELECT FROM pg_catalog.pg_prepared_statements WHERE name = %(name)s", {"name": _NAME}
                ):
                    session.execute(f"DEALLOCATE {_NAME}")


def _candidates(session: Session, types: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not types:
        yield ()
        return
    pairs = [(sample_value(session, name, _UNKNOWN), sample_value(session, name, _KNOWN)) for name in types]
    if len(types) <= _MOST_COMBINED:
        yield from itertools.product(*pairs)
        return
    fresh, known = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    yield tuple(fresh)
    yield tuple(known)
    for place in range(len(types)):
        yield tuple(known[place] if place == other else value for other, value in enumerate(fresh))
    for place in range(len(types)):
        yield tuple(fresh[place] if place == other else value for other, value in enumerate(known))


def _is_copy(statement: ApplicationStatement) -> bool:
    node = statement.node
    return statement.kind == "copy_stmt" and node.HasField("relation") and not (node.filename or node.is_program)


def _sql(statement: ApplicationStatement) -> str:
    """What stands for the statement: of COPY, reading the columns it names."""
    if statement.kind != "copy_stmt":
        return statement.text
    names = [unwrap(item).sval for item in statement.node.attlist]
    columns = ", ".join(map(ident, names)) or "*"
    return f"SELECT {columns} FROM {relation_name(statement.node.relation)} LIMIT 0"  # noqa: S608 - composed


def _nulls(probe: Probe) -> str:
    return _list(("NULL",) * len(probe.types))


def _list(arguments: tuple[str, ...]) -> str:
    return f" ({', '.join(arguments)})" if arguments else ""


def _failure(error: ServerError) -> Failure:
    return Failure(error.sqlstate, error.server_message)
