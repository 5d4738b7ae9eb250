"""Statements that run outside a transaction block, such as CREATE INDEX CONCURRENTLY, and the locks they take.

Their locks are gone when they return, so a second session watches. So that there is something to see, that session
stands in the way: it holds a lock on every table that such statements have to wait for (CONCURRENTLY waits for
everybody who may write), looks at what the statement holds and wants by then, and steps aside.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from migrator.model.locks import LockMode
from migrator.postgres.session import ServerError, Session
from migrator.trace.observe import SQL, Observer, Seen, compare, fold

_LOOK_EVERY_S = 0.005
_OBSTACLE = LockMode.ROW_EXCLUSIVE
_OBSTACLE_TO_VACUUM = LockMode.SHARE
"""VACUUM and ANALYZE take SHARE UPDATE EXCLUSIVE and do not mind writers."""


def run_outside(session: Session, watcher: Session, observer: Observer, statement: str, *, is_vacuum: bool) -> Seen:
    """Run a statement in autocommit mode and watch it from another session.

    Args:
        session: runs it; not in a transaction.
        watcher: of a superuser, not in a transaction.
        observer: of ``session``.
        is_vacuum: whether it is VACUUM or ANALYZE.

    Raises:
        ServerError: the server refused it.
    """
    observer.start()
    observer.look_again()
    observer.clear()
    seen = Seen(observer.now)
    failure: list[BaseException] = []
    pid = session.pid

    def work() -> None:
        try:
            session.execute(statement)
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            failure.append(error)

    obstacle = _OBSTACLE_TO_VACUUM if is_vacuum else _OBSTACLE
    tables = [row.name for row in watcher.query(SQL["lockable_tables"], {})]
    worker = threading.Thread(target=work, name="outside-a-transaction", daemon=True)
    started = time.perf_counter()
    held: dict[int, LockMode] = {}
    watcher.execute("BEGIN")
    try:
        if tables:
            watcher.execute(f"LOCK TABLE {', '.join(f'ONLY {name}' for name in tables)} IN {obstacle.title} MODE")
        worker.start()
        while worker.is_alive():
            waits = watcher.one(SQL["waits"], {"own": watcher.pid, "pid": pid}).waits
            fold(seen.before, held, _felt_locks(watcher, pid))
            if waits:
                break
            worker.join(_LOOK_EVERY_S)
    except BaseException:
        session.cancel()
        raise
    finally:
        watcher.execute("ROLLBACK")
        while worker.is_alive():
            fold(seen.before, held, _felt_locks(watcher, pid))
            worker.join(_LOOK_EVERY_S)
    seen.ms = (time.perf_counter() - started) * 1000
    if failure:
        raise failure[0]
    messages = observer.messages()
    observer.look_again()
    observer.start()
    seen.taken = seen.held = held
    seen.scanned = observer.checked(messages, seen.before)
    compare(seen, observer.now)
    return seen


def _felt_locks(watcher: Session, pid: int) -> list[Any]:
    """Locks of another session, held or wanted, on what queries open: rows with ``oid`` and ``mode``.

    DROP INDEX CONCURRENTLY locks its index in ACCESS EXCLUSIVE mode at the end, when no query uses it any more and none
    waits. What is in use is therefore asked after the locks, in a snapshot that cannot be older than they are.
    """
    locks = watcher.query(SQL["locks_of"], {"pid": pid})
    in_use = {row.oid for row in watcher.query(SQL["in_use"], {"oids": [lock.oid for lock in locks]})}
    return [lock for lock in locks if lock.oid in in_use]


def refused_in_transaction(error: ServerError) -> bool:
    """Whether a statement may only run outside a transaction block (``active_sql_transaction``)."""
    return error.sqlstate == "25001"
