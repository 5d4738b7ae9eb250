"""What an application notices of the backfill: latency of its transactions beside it, as a ratio to those without.

    python benchmarks/backfill_beside_load.py [--rows N] [--rounds N] [--idle S] [--rate N] [--workers N]
                                              [--target-ms N]

Old and new code run in processes of their own the whole time, each with two connections and at a fixed rate: read a
row, write one, commit; a third of the writes go to a hundredth of the rows. A round is ``--idle`` seconds without the
backfill, and then the backfill of the table to its end. A latency counts from the moment the transaction was due, so
that what waits behind a slow one counts too. The ratio is taken round by round, and its median over all rounds, since
other work on the machine changes from minute to minute.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import random
import statistics
import threading
import time
from contextlib import ExitStack
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized

from backfill import STATEMENT, WRONG, make_table

from migrator import embedded
from migrator.backfill import engine
from migrator.config import BackfillSettings
from migrator.ledger import install, state
from migrator.model.events import Event, Note
from migrator.model.plan import Migration, Phase, Step
from migrator.postgres.connect import Database
from migrator.postgres.session import DEADLOCK_DETECTED, ServerError, Session

OVER = -1
CONNECTIONS = 2
OLD = (
    "SELECT first_name, last_name FROM people WHERE id = %(id)s",
    "UPDATE people SET last_name = %(v)s WHERE id = %(id)s",
)
NEW = (
    "SELECT coalesce(full_name, first_name || ' ' || last_name) FROM people WHERE id = %(id)s",
    "UPDATE people SET first_name = %(v)s, full_name = %(v)s || ' ' || last_name WHERE id = %(id)s",
)

# With the default of min_wal_size, a server that was just made creates its WAL files while commits wait; one that has
# been in use for a while takes old ones.
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "8GB", "min_wal_size": "2GB"}

Seen = tuple[int, float, str]
"""Number of the phase, latency in ms, SQLSTATE of an error or nothing."""


def transact(session: Session, code: tuple[str, str], rng: random.Random, rows: int) -> str:
    """One transaction; the SQLSTATE if it failed."""
    hot = rng.random() < 1 / 3
    read, write = (rng.randint(1, max(1, rows // 100 if hot else rows)) for _ in range(2))
    try:
        with session.transaction():
            session.query(code[0], {"id": read})
            session.execute(code[1], {"id": write, "v": f"Name{rng.randint(1, 5_000)}"})
    except ServerError as error:
        return error.sqlstate
    return ""


def application(
    url: str, code: tuple[str, str], rate: float, rows: int, phase: Synchronized[int], answer: Connection
) -> None:
    """What a process of the application does, until it is over; answers with what it saw."""
    seen: list[Seen] = []

    def work(number: int) -> None:
        rng = random.Random(f"{code}{number}")
        with Database(url).connect("application") as session:
            due = time.monotonic() + number / rate
            while (now := phase.value) != OVER:
                time.sleep(max(0.0, due - time.monotonic()))
                error = transact(session, code, rng, rows)
                seen.append((now, (time.monotonic() - due) * 1000, error))
                due += CONNECTIONS / rate

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answer.send(seen)


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=float, default=10.0, help="seconds without the backfill in each round")
    parser.add_argument("--rate", type=float, default=50.0, help="transactions a second of old, and of new code")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--target-ms", type=int, default=100)
    options = parser.parse_args()
    options.fillfactor, options.keys, options.shuffled, options.wide = 100, 2, False, False
    settings = BackfillSettings(workers=options.workers, target_ms=options.target_ms)
    context = multiprocessing.get_context("spawn")
    notes: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    took: list[float] = []
    with ExitStack() as stack:
        server = stack.enter_context(embedded.start(settings=SETTINGS))
        database = Database(server.url())
        session = stack.enter_context(database.connect("benchmark"))
        install.ensure_installed(session)
        seen: list[Seen] = []
        for number in range(options.rounds):
            make_table(session, options)
            step = Step("fill", STATEMENT, Phase.BACKFILL, None, at="benchmark:1")
            migration = Migration(id=f"round_{number}", level=number + 1, title="benchmark", steps=(step,))
            state.register(session, "default", migration)
            phase = context.Value("i", 2 * options.rounds)
            pipes, processes = [], []
            for code in (OLD, NEW):
                receiver, sender = context.Pipe(duplex=False)
                pipes.append(receiver)
                arguments = (server.url(), code, options.rate, options.rows, phase, sender)
                processes.append(context.Process(target=application, args=arguments))
                processes[-1].start()
            time.sleep(3)
            phase.value = 2 * number
            time.sleep(options.idle)
            phase.value = 2 * number + 1
            started = time.monotonic()
            assert engine.run(database, settings, "default", migration, listen, lambda: False)
            took.append(time.monotonic() - started)
            phase.value = OVER
            for pipe in pipes:
                seen += pipe.recv()
            for process in processes:
                process.join()
            wrong = session.one(f"SELECT count(*) AS n FROM people WHERE {WRONG}").n
            assert wrong == 0, f"{wrong} rows are wrong"

    print(
        f"PostgreSQL {server.version}, {options.rows:,} rows, {options.rounds} rounds, {options.workers} worker(s),"
        f" target {options.target_ms} ms; old and new code at {options.rate:g} transactions a second each"
    )
    print(
        f"{'':8}{'backfill, s':>12}"
        + "".join(f"{name:>12}" for name in ("idle p50", "p95", "p99", "beside p50", "p95", "p99"))
        + f"{'p99 ratio':>12}"
    )
    ratios = []
    for number in range(options.rounds):
        idle, beside = ([ms for at, ms, _ in seen if at == 2 * number + part] for part in (0, 1))
        columns = [percentile(each, share) for each, share in itertools.product((idle, beside), (0.5, 0.95, 0.99))]
        ratios.append(columns[5] / columns[2])
        print(
            f"round {number + 1:<2}{took[number]:>12.1f}"
            + "".join(f"{ms:>12.1f}" for ms in columns)
            + f"{ratios[-1]:>12.2f}"
        )
    errors = [error for _, _, error in seen if error]
    print(
        f"median of the ratios {statistics.median(ratios):.2f}; {len(seen):,} transactions, {len(errors)} errors,"
        f" {errors.count(DEADLOCK_DETECTED)} deadlock victims"
    )
    for note in dict.fromkeys(notes):
        print(f"note: {note}")


if __name__ == "__main__":
    main()
