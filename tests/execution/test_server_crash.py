"""The server is stopped at once in the middle of a phase; restarted, the same command goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator import embedded
from migrator.model.plan import Migration
from tests.support.sandbox import SERVICE, Sandbox, open_sandbox, wait_for

SQL = """
ALTER TABLE t RENAME COLUMN a TO b;
-- migrator: fill = 0
ALTER TABLE t ALTER COLUMN n SET NOT NULL;
CREATE UNIQUE INDEX t_n ON t (n, k);
"""


@pytest.fixture
def crashing(tmp_path: Path, own_server: embedded.Server) -> Iterator[tuple[Sandbox, embedded.Server]]:
    with open_sandbox(tmp_path, own_server.url()) as sandbox:
        sandbox.configure(SERVICE)
        sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, n int, a text UNIQUE)")
        sandbox.execute("INSERT INTO t SELECT g, nullif(g % 5, 0), 's' || g FROM generate_series(1, 5000) AS g")
        yield sandbox, own_server


def crash_at(sandbox: Sandbox, server: embedded.Server, statement: str, *command: str) -> None:
    """Stop the server while the command stands before a statement; start it again."""
    marker = sandbox.root / "paused"
    process = sandbox.process(*command, MIGRATOR_PAUSE_MATCH=statement, MIGRATOR_PAUSE_FILE=str(marker))
    wait_for(marker.exists)
    sandbox.session.close()
    server.stop("immediate")
    marker.unlink()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 3, output
    assert "Traceback" not in output
    server.start()
    sandbox.session = sandbox.database.connect("test")


def test_a_crash_in_the_middle_of_every_phase(crashing: tuple[Sandbox, embedded.Server]) -> None:
    sandbox, server = crashing
    wanted = sandbox.shape_after(
        SQL.replace("ALTER TABLE t ALTER", "UPDATE t SET n = 0 WHERE n IS NULL; ALTER TABLE t ALTER")
    )
    migration: Migration = sandbox.new("everything", SQL)
    for statement in ("CREATE TRIGGER", "CREATE UNIQUE INDEX CONCURRENTLY", "finished_at"):
        crash_at(sandbox, server, statement, "expand")
        sandbox.execute("INSERT INTO t (k, a) SELECT max(k) + 1, 'x' || max(k) FROM t")
    assert sandbox.command("expand").code == 0
    assert sandbox.command("backfill").code == 0
    assert sandbox.beat(level=1)
    for statement in ("DROP TRIGGER", "RENAME COLUMN", "VALIDATE", "SET NOT NULL", "CREATE UNIQUE INDEX CONCURRENTLY"):
        crash_at(sandbox, server, statement, "contract")
    assert sandbox.command("contract").code == 0
    assert sandbox.state(migration) == "contracted"
    assert sandbox.snapshot() == wanted
    assert sandbox.leftovers() == []
    assert sandbox.value("SELECT count(*) FROM t WHERE b IS NULL OR n IS NULL") == 0
    assert sandbox.value("SELECT count(*) FROM t") == 5003
