"""How long ``migrator lint`` takes for many files, and how much of it is not parsing.

    python benchmarks/lint_files.py [FILES] [STATEMENTS_PER_FILE]

Writes a folder of mixed harmless and harmful migrations and prints wall time of the command, CPU time of the parser
alone and of the rest per statement. The target for 1,000 files: not more than 25 µs of our own CPU per statement.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from migrator.lint.engine import lint
from migrator.lint.selection import select
from migrator.lint.sources import read
from migrator.sql.parser import parse_script

TEMPLATES = [
    """CREATE TABLE t{n} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(40) NOT NULL,
    total numeric(10, 2) CHECK (total >= 0), settings jsonb NOT NULL DEFAULT '{{}}',
    created_at timestamptz NOT NULL DEFAULT now()
);""",
    "CREATE INDEX CONCURRENTLY t{m}_name_{n} ON t{m} (name);",
    "CREATE INDEX t{m}_total_{n} ON t{m} (total);",
    "ALTER TABLE t{m} ADD COLUMN c{n} text DEFAULT 'x';",
    "ALTER TABLE t{m} ADD COLUMN d{n} int NOT NULL DEFAULT 0, ALTER COLUMN name TYPE varchar(80);",
    "ALTER TABLE t{m} ADD CONSTRAINT k{n} CHECK (total < 1000000) NOT VALID;",
    "ALTER TABLE t{m} VALIDATE CONSTRAINT k{n};",
    "-- why: nobody reads it\nALTER TABLE t{m} DROP COLUMN IF EXISTS c{m};",
    "UPDATE t{m} SET total = 0 WHERE total IS NULL AND id BETWEEN {n} AND {n} + 1000;",
    "INSERT INTO t{m} (name, total) VALUES ('a', {n}), ('b', 2);",
    "CREATE VIEW v{n} AS SELECT id, name, coalesce(total, 0) AS total FROM t{m} WHERE created_at > now();",
    "SET lock_timeout = '2s';",
    "CREATE FUNCTION f{n}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.total := 0; RETURN NEW; END $$;",
    "GRANT SELECT ON t{m} TO reader;",
    "COMMENT ON TABLE t{m} IS 'number {n}';",
]


def write(folder: Path, files: int, per_file: int) -> int:
    chosen = random.Random(1)
    for n in range(files):
        statements = [TEMPLATES[0].format(n=n)]
        statements += [
            chosen.choice(TEMPLATES[1:]).format(n=f"{n}{k}", m=chosen.randint(0, n)) for k in range(per_file - 1)
        ]
        (folder / f"{n:05}.sql").write_text("\n".join(statements) + "\n")
    return files * per_file


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    per_file = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        statements = write(folder, files, per_file)
        texts = [source.text for source in read([folder])]
        parsing = min(_cpu(lambda: [parse_script(text) for text in texts]) for _ in range(3))
        whole = min(
            _cpu(lambda: lint(read([folder]), select(), pg_version=14, today=date(2026, 1, 1))) for _ in range(3)
        )
        command = [sys.executable, "-c", "from migrator.cli import main; main()", "lint", str(folder)]
        wall = min(_wall(command) for _ in range(3))
        one = min(_wall([*command[:-1], str(folder / "00000.sql")]) for _ in range(3))
    own = (whole - parsing) / statements * 1e6
    print(f"{files:,} files, {statements:,} statements")
    print(f"migrator lint, wall                 {wall:7.3f} s")
    print(f"migrator lint of one file, wall     {one:7.3f} s")
    print(f"parsing, CPU                        {parsing:7.3f} s   {parsing / statements * 1e6:5.1f} µs per statement")
    print(f"the rest of lint, CPU               {whole - parsing:7.3f} s   {own:5.1f} µs per statement (target: 25)")


def _cpu(work: object) -> float:
    started = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - started


def _wall(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
