"""The backfill engine against one UPDATE on the same table, interleaved, as ratios.

    python benchmarks/backfill.py [--rows N] [--rounds N] [--workers N] [--target-ms N]

Each round makes the table anew for each of the two, so that both start from the same pages. The table has a primary
key and two more indexes, and the sync trigger of the expand phase is in place for both. The engine's time includes its
verification and ANALYZE.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from migrator import embedded
from migrator.backfill import engine
from migrator.config import BackfillSettings
from migrator.ledger import install, state
from migrator.model.events import ignore
from migrator.model.plan import Migration, Phase, Step
from migrator.postgres.connect import Database
from migrator.postgres.session import Session

SET = "full_name = first_name || ' ' || last_name"
WRONG = "full_name IS DISTINCT FROM first_name || ' ' || last_name"
STATEMENT = f"UPDATE people SET {SET} WHERE {WRONG}"


@dataclass(frozen=True)
class Sample:
    seconds: float
    wal_mb: float
    heap: float
    indexes: float


def make_table(session: Session, rows: int) -> None:
    session.execute("DROP TABLE IF EXISTS people")
    session.execute(
        "CREATE TABLE people (id bigint PRIMARY KEY, email text NOT NULL, first_name text NOT NULL,"
        " last_name text NOT NULL, note text, full_name text)"
    )
    session.execute(
        "INSERT INTO people (id, email, first_name, last_name, note)"
        " SELECT g, md5(g::text) || '@example.com', 'First' || g % 1000, 'Last' || g % 5000, repeat('n', 20)"
        f" FROM generate_series(1, {rows}) AS g"
    )
    session.execute("CREATE INDEX ON people (email)")
    session.execute("CREATE INDEX ON people (last_name)")
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


def measure(session: Session, work: Callable[[], None]) -> Sample:
    sizes = "SELECT pg_relation_size('people') AS heap, pg_indexes_size('people') AS indexes"
    before, position = session.one(sizes), session.one("SELECT pg_current_wal_insert_lsn()::text AS lsn").lsn
    started = time.monotonic()
    work()
    seconds = time.monotonic() - started
    after = session.one(sizes)
    wal = session.one(
        "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %(lsn)s::pg_lsn)::float8 AS bytes", {"lsn": position}
    )
    wrong = session.one(f"SELECT count(*) AS n FROM people WHERE {WRONG}").n
    assert wrong == 0, f"{wrong} rows are wrong"
    return Sample(seconds, wal.bytes / 1e6, after.heap / before.heap, after.indexes / before.indexes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--target-ms", type=int, default=100)
    options = parser.parse_args()
    settings = BackfillSettings(workers=options.workers, target_ms=options.target_ms)

    with embedded.start(settings={"shared_buffers": "256MB", "max_wal_size": "4GB", "autovacuum": "off"}) as server:
        database = Database(server.url())
        with database.connect("benchmark") as session:
            install.ensure_installed(session)
            reference, ours = [], []
            for number in range(options.rounds):
                step = Step("fill", STATEMENT, Phase.BACKFILL, None, at="benchmark:1")
                migration = Migration(id=f"round_{number}", level=number + 1, title="benchmark", steps=(step,))
                state.register(session, "default", migration)

                def batches(migration: Migration = migration) -> None:
                    assert engine.run(database, settings, "default", migration, ignore, lambda: False)

                make_table(session, options.rows)
                reference.append(measure(session, lambda: session.execute(STATEMENT)))
                make_table(session, options.rows)
                ours.append(measure(session, batches))

    print(
        f"PostgreSQL {server.version}, {options.rows:,} rows, median of {options.rounds}, {options.workers} worker(s)"
    )
    print(f"{'':22}{'one UPDATE':>14}{'this engine':>14}{'ratio':>9}")
    for label, unit, field in (
        ("time", "s", "seconds"),
        ("WAL", "MB", "wal_mb"),
        ("heap after / before", "", "heap"),
        ("indexes after / before", "", "indexes"),
    ):
        one, many = (statistics.median(getattr(sample, field) for sample in samples) for samples in (reference, ours))
        print(f"{label:22}{one:>11.2f} {unit:2}{many:>11.2f} {unit:2}{many / one:>9.2f}")


if __name__ == "__main__":
    main()
