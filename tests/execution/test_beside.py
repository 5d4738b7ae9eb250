"""Commands that meet: rollback beside a backfill, contract beside the expand of another migration, three pending."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from migrator.errors import BudgetSpent
from tests.lifecycle.cases import code, same
from tests.lifecycle.clients import Fleet, Row, Truth
from tests.support.sandbox import SERVICE, Sandbox, refusal, wait_for

OFFLINE = "nobody is connected in this test"
BATCH = r"\A(?s:(?:WITH|UPDATE|INSERT)\b.*\bctid\b)"
SETUP = (
    "CREATE TABLE t (id int PRIMARY KEY, a text, b text, n int); CREATE TABLE u (id int PRIMARY KEY REFERENCES t);"
    "INSERT INTO t SELECT g, 'a' || g, 'b' || g, g FROM generate_series(1, 3000) AS g; INSERT INTO u SELECT id FROM t;"
)
CHANGES = {
    "rename_column": ("ALTER TABLE t RENAME COLUMN a TO z", "SELECT id, z FROM t"),
    "split_column": (
        (
            "-- migrator: up = a, upper(a)\n-- migrator: down = y\n"
            "ALTER TABLE t ADD COLUMN y text, ADD COLUMN z text, DROP COLUMN a"
        ),
        "SELECT id, y FROM t",
    ),
    "move_column": ("-- migrator: to = u (id)\nALTER TABLE t DROP COLUMN a", "SELECT id, a FROM u"),
    "split_table": (
        (
            "-- migrator: from = t\n"
            "CREATE TABLE z (id int PRIMARY KEY REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE, a text)"
        ),
        "SELECT id, a FROM z",
    ),
}


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "paused"


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("rename_column", "waits"), ("rename_column", "stopped"), *((kind, "killed") for kind in CHANGES)
    ],
)  # fmt: skip
def test_a_rollback_beside_a_backfill(sandbox: Sandbox, marker: Path, kind: str, how: str) -> None:
    """Refused while it runs; and when its process is gone, however, nothing of it is left."""
    sandbox.execute(SETUP)
    sandbox.install()
    before = sandbox.snapshot()
    sql, seen = CHANGES[kind]
    migration = sandbox.new("change", sql)
    sandbox.expand(migration)
    process = sandbox.process(
        "backfill", "--target-ms", "5", MIGRATOR_PAUSE_MATCH=BATCH, MIGRATOR_PAUSE_FILE=str(marker)
    )
    wait_for(marker.exists)
    expanded = sandbox.snapshot()
    with pytest.raises(BudgetSpent, match="another migrator is running") as busy:
        sandbox.rollback(migration, offline=OFFLINE, yes=True)
    assert '"migrator backfill" by ' in refusal(busy.value)
    assert sandbox.snapshot() == expanded
    if how != "waits":
        process.send_signal(signal.SIGKILL if how == "killed" else signal.SIGTERM)
    marker.unlink()
    process.communicate(timeout=30)
    assert process.returncode == {"waits": 0, "killed": -signal.SIGKILL, "stopped": 14}[how]

    def rolled_back() -> bool:
        return sandbox.command("rollback", migration.id, "--offline", OFFLINE, "--yes").code == 0

    wait_for(rolled_back, "the lock of the killed process is free", timeout_s=10)
    assert sandbox.snapshot() == before
    assert sandbox.leftovers() == []
    sandbox.finish(migration)
    assert sandbox.rows(f"SELECT count(*), count(*) FILTER (WHERE v = 'a' || id) AS x FROM ({seen}) AS s (id, v)") == [
        (3000, 3000)
    ]


@pytest.mark.parametrize("where", ["the same table", "another table"])
def test_an_expand_beside_a_contract_that_is_at_it(sandbox: Sandbox, marker: Path, where: str) -> None:
    sandbox.execute(SETUP)
    sandbox.install()
    first = sandbox.new("first", "ALTER TABLE t DROP COLUMN b")
    sandbox.expand(first)
    table = "t" if where == "the same table" else "u"
    second = sandbox.new("second", f"ALTER TABLE {table} ADD COLUMN z int")
    process = sandbox.process(
        "contract",
        first.id,
        "--offline",
        OFFLINE,
        MIGRATOR_PAUSE_MATCH="DROP COLUMN b",
        MIGRATOR_PAUSE_FILE=str(marker),
    )
    wait_for(marker.exists)
    with pytest.raises(BudgetSpent) as busy:
        sandbox.expand(second)
    assert '"migrator contract' in refusal(busy.value)
    marker.unlink()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    sandbox.expand(second)
    assert {sandbox.state(first), sandbox.state(second)} == {"contracted", "complete"}


def test_an_expand_beside_a_contract_that_waits_at_the_gate(sandbox: Sandbox) -> None:
    """Nobody holds the runner's lock there: the next release is not kept from its expand, of the same column even."""
    sandbox.configure(SERVICE)
    sandbox.execute(SETUP)
    sandbox.install()
    first = sandbox.new("first", "ALTER TABLE t RENAME COLUMN a TO z")
    sandbox.expand(first)
    sandbox.backfill(first)
    assert sandbox.beat(level=0)
    process = sandbox.process("contract", first.id, "--wait", "30s", "--yes")
    assert process.stdout is not None
    assert "waiting: contract of" in process.stdout.readline()
    second = sandbox.new("second", "ALTER TABLE t RENAME COLUMN z TO y")
    sandbox.expand(second)
    sandbox.execute("UPDATE t SET y = 'y' WHERE id = 1; UPDATE t SET a = 'a' WHERE id = 2")
    sandbox.bye()
    assert sandbox.beat(level=2, instance="web-2")
    output, _ = process.communicate(timeout=40)
    assert process.returncode == 0, output
    sandbox.execute("UPDATE t SET z = 'z' WHERE id = 3")
    sandbox.backfill(second)
    sandbox.contract(second, offline=OFFLINE)
    assert sandbox.rows("SELECT id, y FROM t WHERE id < 5 ORDER BY id") == [(1, "y"), (2, "a"), (3, "z"), (4, "a4")]
    assert sandbox.leftovers() == []


def test_three_pending_migrations_and_four_shapes_of_code_that_write(sandbox: Sandbox) -> None:
    """Each release goes when the next but two is there; whatever any of them commits is what all others read."""
    names = ("a", "b", "c", "d")
    sandbox.execute(
        "CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int NOT NULL, a text DEFAULT 'x');"
        "INSERT INTO items (n, a) SELECT g, 's' || g FROM generate_series(1, 1000) AS g"
    )
    wanted = sandbox.shape_after("ALTER TABLE items RENAME COLUMN a TO d")
    sandbox.configure({"name": "web", "ttl": "3s"}, gate={"soak": "100ms", "drain_timeout": "5s"})
    sandbox.install()
    truth, fleets, pending = Truth(), [], []
    for row_id, n, value in sandbox.rows("SELECT id, n, a FROM items"):
        truth.put("items", row_id, Row(n, value))

    def start(level: int) -> None:
        shape = code(names[level], prepares=False)
        fleet = Fleet(sandbox.url, truth, shape, level=level, seen_as=same, seed=level, writers=1, readers=1)
        fleets.append(fleet.__enter__())

    try:
        start(0)
        for level in (1, 2, 3):
            rename = f"ALTER TABLE items RENAME COLUMN {names[level - 1]} TO {names[level]}"
            migration = sandbox.new(f"to {names[level]}", rename)
            sandbox.expand(migration)
            sandbox.backfill(migration)
            pending.append(migration)
            start(level)
            for fleet in fleets:
                fleet.work(15)
        differing = "SELECT count(*) FROM items WHERE (a, b, c) IS DISTINCT FROM (b, c, d)"
        assert sandbox.value(differing) == 0
        for level, migration in enumerate(pending):
            fleets[level].stop()
            sandbox.contract(migration, wait_s=20)
            for fleet in fleets[level + 1 :]:
                fleet.work(15)
    finally:
        for fleet in fleets:
            fleet.stop()
    assert [failure for fleet in fleets for failure in fleet.failures] == []
    assert {row_id: (n, value) for row_id, n, value in sandbox.rows("SELECT id, n, d FROM items")} == {
        row_id: (row.n, row.value) for row_id, row in truth.rows("items").items()
    }
    assert sandbox.snapshot() == wanted
    assert sandbox.leftovers() == []
