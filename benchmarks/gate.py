"""The fence against many instances that beat: how long it takes, how long a beat waits, what a beat costs.

    python benchmarks/gate.py [--instances N] [--ttl S] [--rounds N] [--seconds N]

N instances beat every third of their ttl, spread evenly, over a few connections as a pooler would; in the middle of
it a whole contract goes through, its fence first. A beat's wait is what its caller sees, queueing for a connection
included. The cost of a beat is measured apart, on one connection: time on the server, and WAL.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg

from migrator import embedded
from migrator.config import GateSettings, Project, ServiceSettings, Settings, SourceSettings
from migrator.gate import fence as fences
from migrator.gate.gate import Gate
from migrator.gate.look import Subject
from migrator.ledger import install, services, state
from migrator.ledger.state import State
from migrator.model.events import ignore
from migrator.model.evidence import Direction
from migrator.model.plan import Migration
from migrator.postgres.connect import Database
from migrator.postgres.session import Session

BEAT = "SELECT ok FROM migrator.beat('web', %s, %s, %s, '1.42.0')"
CONNECTIONS = 8


@dataclass(frozen=True)
class Round:
    fence_s: float
    contract_s: float
    slowest_beat_s: float
    median_beat_s: float
    beats: int
    refused: int


def prepare(database: Database, instances: int, ttl_s: int) -> tuple[Session, Settings]:
    """A ledger, a service, and its instances, all of which have beaten."""
    session = database.connect("benchmark")
    install.ensure_installed(session)
    gate = GateSettings(
        soak="0s",
        min_independent=1,
        source=(SourceSettings(kind="heartbeat"),),
        service=(ServiceSettings(name="web", ttl=f"{ttl_s}s"),),
    )
    settings = Settings(lock_timeout="1s", gate=gate)
    Gate(database, Project(settings, Path(), None), "benchmark", ignore).sync_services(session)
    session.execute(
        "INSERT INTO migrator.instance (service, instance, boot, level, version, first_beat, last_beat, expires_at,"
        " role_name) SELECT 'web', 'web-' || n, 'boot', 1000000, '1.42.0', now(), now(), now() + interval '1 min',"
        f" session_user FROM generate_series(0, {instances - 1}) AS n"
    )
    return session, settings


def expanded(session: Session, level: int) -> Migration:
    migration = Migration(f"m{level}", level, "drop a column")
    state.register(session, "default", migration)
    state.set_state(session, "default", migration.id, State.BACKFILLED)
    with session.transaction():
        services.lock(session, "default")
        services.raise_ceiling(session, "default", 1_000_000)
    session.execute(f"CREATE TABLE t{level} AS SELECT 1 AS id, 'x' AS legacy")
    return migration


@contextlib.contextmanager
def beating(url: str, instances: int, ttl_s: int) -> Iterator[tuple[list[float], list[int]]]:
    """Every instance beats each ttl/3; how long each beat took from the moment it was due or sent, and refusals."""
    stop, took, refused = threading.Event(), list[float](), [0]
    period = ttl_s / 3

    def beat(worker: int) -> None:
        start = time.monotonic()
        mine = range(worker, instances, CONNECTIONS)
        due = [(start + period * place / len(mine), number) for place, number in enumerate(mine)]
        heapq.heapify(due)
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.is_set():
                moment, number = due[0]
                if stop.wait(max(0.0, moment - time.monotonic())):
                    return
                row = connection.execute(BEAT, (f"web-{number}", "boot", 1_000_000)).fetchone()
                took.append(time.monotonic() - moment)
                refused[0] += not (row and row[0])
                heapq.heapreplace(due, (moment + period, number))

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        workers = [pool.submit(beat, worker) for worker in range(CONNECTIONS)]
        try:
            yield took, refused
        finally:
            stop.set()
        for worker in workers:
            worker.result()


def play(database: Database, session: Session, settings: Settings, level: int, arguments: argparse.Namespace) -> Round:
    """One fence alone, lowered again, and one whole contract, while all instances beat."""
    fenced, contracted = expanded(session, level), expanded(session, level + 1)
    gate = Gate(database, Project(settings, Path(), None), "benchmark", ignore)
    with beating(database.url, arguments.instances, arguments.ttl) as (took, refused):
        time.sleep(arguments.seconds / 2)
        fence_s = timed(lambda: raise_fence(session, settings, fenced))
        fences.lower(session, "default", fenced.id, reasons=["measured"], actor="benchmark")
        contract_s = timed(lambda: contract(gate, session, contracted, f"t{level + 1}"))
        time.sleep(arguments.seconds / 2)
    return Round(fence_s, contract_s, max(took), statistics.median(took), len(took), refused[0])


def raise_fence(session: Session, settings: Settings, migration: Migration) -> None:
    with session.transaction(lock_timeout_ms=5_000):
        fences.raise_fence(session, Subject(settings, migration, Direction.CONTRACT), lease_s=60, actor="benchmark")


def contract(gate: Gate, session: Session, migration: Migration, table: str) -> None:
    gate.pass_through(
        session,
        migration,
        Direction.CONTRACT,
        lambda execute: execute(f"ALTER TABLE {table} DROP COLUMN legacy"),
        wait_s=0,
        offline=None,
        hold_runner=contextlib.nullcontext,
    )


def timed(work: Callable[[], None]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def cost(url: str, session: Session, beats: int) -> tuple[float, float]:
    """Milliseconds and bytes of WAL of one beat, on one connection and nothing else running."""
    position = session.one("SELECT pg_current_wal_insert_lsn()::text AS lsn").lsn
    with psycopg.connect(url, autocommit=True) as connection:
        started = time.monotonic()
        for number in range(beats):
            connection.execute(BEAT, (f"web-{number % 100}", "boot", 1_000_000))
        took = time.monotonic() - started
    wal = session.one(
        "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %(lsn)s::pg_lsn)::float8 AS bytes", {"lsn": position}
    )
    return took / beats * 1000, wal.bytes / beats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=1_000)
    parser.add_argument("--ttl", type=int, default=45)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="how long they beat in each round")
    parser.add_argument("--beats", type=int, default=3_000, help="beats the cost is measured with")
    arguments = parser.parse_args()
    # Every commit is flushed, as in production.
    with embedded.start(settings={"max_connections": "50"}) as server:
        database = Database(server.url(), command="benchmark")
        session, settings = prepare(database, arguments.instances, arguments.ttl)
        print(f"PostgreSQL {server.version}, {arguments.instances} instances, ttl {arguments.ttl} s")
        costs = [cost(database.url, session, arguments.beats) for _ in range(3)]
        played = []
        for number in range(arguments.rounds):
            this = play(database, session, settings, 10 + 2 * number, arguments)
            played.append(this)
            print(
                f"round {number + 1}: fence {this.fence_s * 1000:.0f} ms, contract {this.contract_s * 1000:.0f} ms,"
                f" {this.beats} beats, median {this.median_beat_s * 1000:.1f} ms,"
                f" slowest {this.slowest_beat_s * 1000:.0f} ms, refused {this.refused}"
            )
        session.close()
    milliseconds, wal = (statistics.median(values) for values in zip(*costs, strict=True))
    print(
        f"medians: fence {statistics.median(each.fence_s for each in played) * 1000:.0f} ms,"
        f" contract {statistics.median(each.contract_s for each in played) * 1000:.0f} ms,"
        f" a beat {statistics.median(each.median_beat_s for each in played) * 1000:.1f} ms,"
        f" slowest beat {statistics.median(each.slowest_beat_s for each in played) * 1000:.0f} ms"
    )
    load = arguments.instances / (arguments.ttl / 3) * milliseconds / 1000
    print(
        f"one beat alone: {milliseconds:.2f} ms, {wal:.0f} bytes of WAL; {arguments.instances} instances at this ttl:"
        f" {arguments.instances / (arguments.ttl / 3):.0f} beats/s, {load:.0%} of one connection"
    )
    assert max(each.fence_s for each in played) < 1.0, "the fence took a second or longer"
    assert max(each.slowest_beat_s for each in played) < arguments.ttl / 3, "a beat waited for a third of its ttl"
    assert not any(each.refused for each in played), "new code was refused"


if __name__ == "__main__":
    main()
