"""What a change that moves columns to another table costs writes of old code until contract.

    python benchmarks/moving.py [--writes N] [--rounds N]

A table as it is and the same table with the triggers of the change are written in turn, one statement a transaction.
Given is the CPU that the server's process took for one write, which other work on the machine does not change much, and
how many times that of the table without triggers it is: medians over all rounds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from migrator import embedded
from migrator.authoring import new
from migrator.model.plan import Phase
from migrator.postgres.connect import Database
from migrator.sql.parser import parse_script

ROWS = 20_000
TABLE = (
    "CREATE TABLE t (id int PRIMARY KEY, n int, a text, v int[]);"
    f"INSERT INTO t SELECT g, g, 'a' || g, ARRAY[g, g + 1, g + 2, g + 3, g + 4] FROM generate_series(1, {ROWS}) AS g;"
)
NEW = "CREATE TABLE u (id int REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE, {}, PRIMARY KEY (id{}))"
CHANGES = {
    "unnest_column": f"-- migrator: unnest = t (v)\n{NEW.format('x int', ', x')}",
    "split_table": f"-- migrator: from = t\n{NEW.format('a text', '')}",
}
WRITES = {
    "unnest_column": {
        "insert a row with five elements": f"INSERT INTO t VALUES ({ROWS} + %s, 1, 'a', '{{1,2,3,4,5}}')",
        "add an element to five": "UPDATE t SET v = v[1:5] || -%s WHERE id = %s",
        "replace five elements": "UPDATE t SET v = ARRAY[-%s, -2, -3, -4, -5] WHERE id = %s",
        "write another column": "UPDATE t SET n = %s WHERE id = %s",
    },
    "split_table": {
        "insert a row": f"INSERT INTO t VALUES ({ROWS} + %s, 1, 'a')",
        "write the column": "UPDATE t SET a = 'b' || %s WHERE id = %s",
        "write another column": "UPDATE t SET n = %s WHERE id = %s",
    },
}


def make_table(url: str, sql: str | None) -> None:
    """The table, and what expand and backfill of a change make of it; None: it is left alone."""
    with Database(url, command="bench").connect("bench") as session:
        session.execute(TABLE)
        if sql is not None:
            with tempfile.TemporaryDirectory() as folder:
                written = new.create(
                    "move", parse_script(sql, "--sql"), folder=Path(folder), existing=[], project="default",
                    session=session, now=datetime.now(UTC),
                )  # fmt: skip
            for phase in (Phase.EXPAND, Phase.BACKFILL):
                for step in written.migration.phase(phase):
                    session.execute(step.sql)
        session.execute("VACUUM ANALYZE t")


def cpu_s(pid: int) -> float:
    """CPU time of a process so far, to a hundredth of a second (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def cost_us(url: str, statement: str, writes: int, first: int) -> float:
    """CPU of the server for one write, microseconds."""
    with psycopg.connect(url, autocommit=True, prepare_threshold=1) as connection:
        pid = connection.info.backend_pid
        several = statement.count("%s") > 1
        connection.execute("SELECT")
        before = cpu_s(pid)
        for number in range(first, first + writes):
            connection.execute(statement, [number, 1 + number % ROWS] if several else [number])
        return max(cpu_s(pid) - before, 0.01) / writes * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with embedded.start(settings=embedded.FAST) as server, psycopg.connect(server.url(), autocommit=True) as admin:
        for kind, sql in CHANGES.items():
            urls = {}
            for name in (f"{kind}_without", f"{kind}_with"):
                admin.execute(f'CREATE DATABASE "{name}"')
                urls[name] = server.url(name)
                make_table(urls[name], sql if name.endswith("_with") else None)
            for what, statement in WRITES[kind].items():
                found = [
                    [cost_us(url, statement, options.writes, 1 + number * options.writes) for url in urls.values()]
                    for number in range(options.rounds)
                ]
                without, beside = (statistics.median(column) for column in zip(*found, strict=True))
                times = statistics.median(each[1] / each[0] for each in found)
                print(f"{kind}: {what}: {without:.0f} us without, {beside:.0f} us with triggers, {times:.1f} times")


if __name__ == "__main__":
    main()
