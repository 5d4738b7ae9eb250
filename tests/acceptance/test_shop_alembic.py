"""The shop of examples/shop-alembic: the second release takes the place of the first, and no query of either fails."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from migrator.postgres.session import Session

SHOP = Path(__file__).resolve().parents[2] / "examples/shop-alembic"
PROGRAMS = {"migrator": "from migrator.cli import main; main()", "alembic": "from alembic.config import main; main()"}


class Worker:
    """A process of one release that works until it is told to end."""

    def __init__(self, release: int, environment: dict[str, str], folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "shop.app", str(release)],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "ready\n":
            pytest.fail(self.process.communicate()[1])

    def end(self) -> int:
        """Its number of rounds; each of them was without an error."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, err
        said = json.loads(out)
        assert said["errors"] == []
        return int(said["rounds"])


@pytest.fixture
def start(environment: dict[str, str], folder: Path) -> Iterator[Callable[[int], Worker]]:
    workers: list[Worker] = []

    def one(release: int) -> Worker:
        workers.append(Worker(release, environment, folder))
        return workers[-1]

    yield one
    for each in workers:
        if each.process.poll() is None:
            each.process.kill()
            each.process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHOP, tmp_path / "shop", ignore=shutil.ignore_patterns("__pycache__")))


@pytest.fixture
def environment(database_url: str, folder: Path) -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "MIGRATOR", "DATABASE"))}
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH"), str(SHOP.parents[1])])])
    return {**known, "SHOP_URL": database_url.replace("postgresql://", "postgresql+psycopg://"), "PYTHONPATH": path}


def test_the_second_release_takes_over_without_a_failed_query(
    environment: dict[str, str], folder: Path, session: Session, start: Callable[[int], Worker]
):
    def run(program: str, *arguments: str, code: int = 0) -> str:
        command = [sys.executable, "-c", PROGRAMS[program], *arguments]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    run("migrator", "expand", "0012")
    session.execute("INSERT INTO customers (name, fax) SELECT 'Ada ' || g, 'fax' FROM generate_series(1, 3000) AS g")
    session.execute("INSERT INTO orders (customer_id, total) SELECT id, 5 FROM customers")
    session.execute("INSERT INTO carts VALUES (1, 'left over')")
    old = start(1)

    assert "ran 9 revisions" in run("migrator", "expand")
    new = start(2)
    run("migrator", "backfill")
    assert run("alembic", "check").strip().endswith("No new upgrade operations detected.")
    assert 'instance of "shop" still runs level 0' in run("migrator", "contract", code=10)
    assert session.one("SELECT count(name) = count(*) AND count(full_name) = count(*) AS both FROM customers").both

    assert old.end() > 0
    run("migrator", "contract", "--yes", "--wait", "60s")
    assert new.end() > 0

    done = session.query("SELECT DISTINCT state FROM migrator.migration ORDER BY state")
    assert [row.state for row in done] == ["complete", "contracted"]
    columns = session.query(
        "SELECT column_name::text AS name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name = 'customers' ORDER BY name"
    )
    assert [row.name for row in columns] == ["country", "email", "full_name", "id", "newsletter"]
    left = session.one(
        "SELECT to_regclass('carts') IS NULL AS carts_gone, pg_typeof(total)::text AS kind FROM orders LIMIT 1"
    )
    assert (left.carts_gone, left.kind) == (True, "bigint")
    assert run("alembic", "check").strip().endswith("No new upgrade operations detected.")
