"""The backfill engine against one UPDATE and against touch-updates by key, interleaved, as ratios.

    python benchmarks/backfill.py [--rows N] [--rounds N] [--workers N] [--target-ms N] [--fillfactor N] [--keys N]
                                  [--shuffled] [--wide] [--snapshot] [--killed] [--engine-only]

Each round makes the table anew for each of the three, so that all start from the same pages, with the sync trigger of
the expand phase in place:

- one UPDATE: the statement as its author wrote it, over the whole table
- touch by key: 1,000 rows at a time in the order of the primary key, `SET id = id`, a trigger computes the rest
- this engine: with its verification, ANALYZE and vacuum; the CPU up to its verification is shown by itself

With ``--killed``, the engine runs once more in processes of their own, five of which are killed in the middle of a
batch: how many updates each kill repeats, and the most memory that the last process had.

CPU is that of all processes of the server, from /proc, so on Linux only.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from migrator import embedded
from migrator.backfill import engine
from migrator.backfill.progress import progress
from migrator.config import BackfillSettings
from migrator.ledger import install, state
from migrator.model.events import ignore
from migrator.model.plan import Migration, Phase, Step
from migrator.postgres.connect import Database
from migrator.postgres.session import Session

SET = "full_name = first_name || ' ' || last_name"
WRONG = "full_name IS DISTINCT FROM first_name || ' ' || last_name"
STATEMENT = f"UPDATE people SET {SET} WHERE {WRONG}"
TOUCH = """
WITH batch AS (
    SELECT id FROM people WHERE id > %(last)s ORDER BY id LIMIT 1000 FOR NO KEY UPDATE
), touched AS (
    UPDATE people SET id = people.id FROM batch WHERE people.id = batch.id RETURNING people.id
)
SELECT max(id) AS last FROM touched
"""
KILLS = 5
COLUMNS = ("one UPDATE", "touch by key", "this engine")


@dataclass(frozen=True)
class Sample:
    seconds: float
    cpu_s: float
    batches_cpu_s: float
    wal_mb: float
    heap: float
    indexes: float
    hot: float


def make_table(session: Session, options: argparse.Namespace) -> None:
    session.execute("DROP TABLE IF EXISTS people")
    session.execute(
        "CREATE TABLE people (id bigint PRIMARY KEY, email text NOT NULL, first_name text NOT NULL,"
        f" last_name text NOT NULL, note text, full_name text) WITH (fillfactor = {options.fillfactor})"
    )
    order = " ORDER BY hashint8(g)" if options.shuffled else ""
    note = "repeat(md5(g::text), 30)" if options.wide else "repeat('n', 20)"
    session.execute(
        "INSERT INTO people (id, email, first_name, last_name, note)"
        f" SELECT g, md5(g::text) || '@example.com', 'First' || g % 1000, 'Last' || g % 5000, {note}"
        f" FROM generate_series(1, {options.rows}) AS g{order}"
    )
    for column in ("email", "last_name", "first_name", "note")[: options.keys]:
        session.execute(f"CREATE INDEX ON people ({column})")
    session.execute(
        "CREATE OR REPLACE FUNCTION people_sync() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.full_name := NEW.first_name || ' ' || NEW.last_name; RETURN NEW; END $$"
    )
    session.execute(
        "CREATE TRIGGER zz_sync BEFORE INSERT OR UPDATE ON people FOR EACH ROW"
        " WHEN (NEW.full_name IS DISTINCT FROM NEW.first_name || ' ' || NEW.last_name) EXECUTE FUNCTION people_sync()"
    )
    session.execute("VACUUM (ANALYZE) people")
    session.execute("CHECKPOINT")


def touch_by_key(session: Session) -> None:
    last: int | None = 0
    while last is not None:
        last = session.one(TOUCH, {"last": last}).last


def cpu_s(postmaster: int) -> float:
    """Processor time of a server: the postmaster, those of its children that ended, and those that run."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, fields = stat.parent.name, stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(pid) == postmaster:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == postmaster:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def children(postmaster: int) -> set[str]:
    """Processes of a server."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == postmaster:
                found.add(stat.parent.name)
    return found


@contextmanager
def marking(database: Database, migration: Migration, postmaster: int) -> Iterator[list[float]]:
    """A list that gets the processor time of a server when the batches of a migration end, before they are verified."""
    marks: list[float] = []
    is_over = threading.Event()
    job = "SELECT FROM migrator.backfill_job WHERE migration = %(id)s AND state <> 'running'"

    def watch(session: Session) -> None:
        while not is_over.wait(0.02):
            if session.maybe(job, {"id": migration.id}) is not None:
                marks.append(cpu_s(postmaster))
                return

    with database.connect("benchmark") as session:
        thread = threading.Thread(target=watch, args=(session,))
        thread.start()
        try:
            yield marks
        finally:
            is_over.set()
            thread.join()


def measure(session: Session, postmaster: int, work: Callable[[], object], marks: list[float]) -> Sample:
    sizes = "SELECT pg_relation_size('people') AS heap, pg_indexes_size('people') AS indexes"
    before, position = session.one(sizes), session.one("SELECT pg_current_wal_insert_lsn()::text AS lsn").lsn
    running, idle, started = children(postmaster), cpu_s(postmaster), time.monotonic()
    work()
    seconds = time.monotonic() - started
    # A process that ends while they are counted would be in neither sum.
    while children(postmaster) - running:
        time.sleep(0.01)
    busy = cpu_s(postmaster) - idle
    batches = marks[0] - idle if marks else busy
    after = session.one(sizes)
    wal = session.one(
        "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %(lsn)s::pg_lsn)::float8 AS bytes", {"lsn": position}
    )
    session.execute("SELECT pg_stat_force_next_flush()") if session.server_version >= 15 else None
    stat = session.one("SELECT n_tup_upd AS u, n_tup_hot_upd AS h FROM pg_stat_user_tables WHERE relname = 'people'")
    wrong = session.one(f"SELECT count(*) AS n FROM people WHERE {WRONG}").n
    assert wrong == 0, f"{wrong} rows are wrong"
    return Sample(
        seconds,
        busy,
        batches,
        wal.bytes / 1e6,
        after.heap / before.heap,
        after.indexes / before.indexes,
        stat.h / (stat.u or 1),
    )


def run_apart(url: str, settings: BackfillSettings, migration: Migration, answer: Connection) -> None:
    """What a process of its own does: the backfill; answers with the most memory it had, in MB."""
    assert engine.run(Database(url), settings, "default", migration, ignore, lambda: False)
    answer.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def kill_often(session: Session, url: str, settings: BackfillSettings, rows: int) -> tuple[float, float]:
    """Updates that each kill repeats, as a share of all, and the memory of the process that ended the work, in MB."""
    step = Step("fill", STATEMENT, Phase.BACKFILL, None, at="benchmark:1")
    migration = Migration(id="killed", level=1_000_000, title="benchmark", steps=(step,))
    state.register(session, "default", migration)
    context = multiprocessing.get_context("spawn")
    answer, sender = context.Pipe(duplex=False)

    def start() -> BaseProcess:
        process = context.Process(target=run_apart, args=(url, settings, migration, sender))
        process.start()
        return process

    for number in range(1, KILLS + 1):
        process = start()
        share = number / (KILLS + 1)
        while (done := progress(session, "default", migration.id)) is None or done.rows_done < rows * share:
            assert process.is_alive(), "it ended before it was killed"
            time.sleep(0.005)
        # Not just after a commit, when there is nothing to lose.
        time.sleep(settings.target_ms * share / 1000)
        process.kill()
        process.join()
    start().join()
    updates = session.one("SELECT n_tup_upd AS n FROM pg_stat_user_tables WHERE relname = 'people'").n
    return (updates / rows - 1) / KILLS, answer.recv()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--target-ms", type=int, default=100)
    parser.add_argument("--fillfactor", type=int, default=100)
    parser.add_argument("--keys", type=int, default=2, help="indexes besides the primary key")
    parser.add_argument("--shuffled", action="store_true", help="rows do not lie in the order of the key")
    parser.add_argument("--wide", action="store_true", help="rows of about 1 kB")
    parser.add_argument("--snapshot", action="store_true", help="somebody holds a snapshot all the time")
    parser.add_argument("--killed", action="store_true", help="kill the engine five times, as well")
    parser.add_argument(
        "--engine-only", action="store_true", help="leave the other two out: growth and WAL of large tables"
    )
    options = parser.parse_args()
    columns = COLUMNS[-1:] if options.engine_only else COLUMNS
    settings = BackfillSettings(workers=options.workers, target_ms=options.target_ms)

    with ExitStack() as stack:
        server = stack.enter_context(
            embedded.start(
                settings={"shared_buffers": "512MB", "max_wal_size": "8GB", "min_wal_size": "2GB", "autovacuum": "off"}
            )
        )
        database = Database(server.url())
        session = stack.enter_context(database.connect("benchmark"))
        postmaster = server.pid
        assert postmaster is not None
        install.ensure_installed(session)
        samples: dict[str, list[Sample]] = {name: [] for name in COLUMNS}
        for number in range(options.rounds):
            step = Step("fill", STATEMENT, Phase.BACKFILL, None, at="benchmark:1")
            migration = Migration(id=f"round_{number}", level=number + 1, title="benchmark", steps=(step,))
            state.register(session, "default", migration)

            def batches(migration: Migration = migration) -> None:
                assert engine.run(database, settings, "default", migration, ignore, lambda: False)

            ways: dict[str, Callable[[], object]] = {
                "one UPDATE": lambda: session.execute(STATEMENT),
                "touch by key": lambda: touch_by_key(session),
                "this engine": batches,
            }
            for name in columns:
                make_table(session, options)
                with ExitStack() as held:
                    if options.snapshot:
                        other = held.enter_context(database.connect("benchmark"))
                        other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
                        other.one("SELECT count(*) FROM people")
                    marks = held.enter_context(marking(database, migration, postmaster))
                    samples[name].append(measure(session, postmaster, ways[name], marks))
        repeated = memory_mb = 0.0
        if options.killed:
            make_table(session, options)
            repeated, memory_mb = kill_often(session, server.url(), settings, options.rows)

    print(
        f"PostgreSQL {server.version}, {options.rows:,} rows, median of {options.rounds}, {options.workers} worker(s),"
        f" {options.keys + 1} indexes, fillfactor {options.fillfactor}"
        + "".join(f", {name}" for name in ("shuffled", "wide", "snapshot") if getattr(options, name))
    )
    titles = "" if options.engine_only else f"{'/ UPDATE':>10}{'/ touch':>10}"
    print(f"{'':26}" + "".join(f"{name:>15}" for name in columns) + titles)
    for label, field in (
        ("time, s", "seconds"),
        ("CPU of the server, s", "cpu_s"),
        ("  up to the verification", "batches_cpu_s"),
        ("WAL, MB", "wal_mb"),
        ("heap after / before", "heap"),
        ("indexes after / before", "indexes"),
        ("HOT share", "hot"),
    ):
        values = [statistics.median(getattr(each, field) for each in samples[name]) for name in columns]
        ratios = "".join(f"{values[-1] / each:>10.2f}" for each in values[:-1]) if field != "hot" else ""
        print(f"{label:26}" + "".join(f"{each:>15.2f}" for each in values) + ratios)
    if options.killed:
        print(f"each kill repeats {repeated:.2%} of the updates; client memory {memory_mb:.0f} MB")


if __name__ == "__main__":
    main()
