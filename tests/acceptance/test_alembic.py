"""Alembic's own tutorial project, from its first revision to a proven contract, by the two command lines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg

TABLE = """\
    op.create_table(
        "account",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("description", sa.Unicode(200)),
    )
"""
SERVICES = """
[gate]
soak = "0s"
min_independent = 1

[[gate.source]]
kind = "heartbeat"

[[gate.service]]
name = "web"
ttl = "30s"
"""


def test_the_tutorial_from_init_to_contract_in_under_ten_commands(tmp_path: Path, database_url: str):
    commands = 0

    def run(*command: str, code: int = 0) -> str:
        nonlocal commands
        commands += 1
        program = {"alembic": "from alembic.config import main", "migrator": "from migrator.cli import main"}[
            command[0]
        ]
        environment = {name: value for name, value in os.environ.items() if "DATABASE" not in name}
        done = subprocess.run(
            [sys.executable, "-c", f"{program}; main()", *command[1:]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, (command, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    run("alembic", "init", "alembic")
    ini = tmp_path / "alembic.ini"
    url = database_url.replace("postgresql://", "postgresql+psycopg://")
    lines = ini.read_text().splitlines()
    ini.write_text(
        "\n".join(f"sqlalchemy.url = {url}" if each.startswith("sqlalchemy.url") else each for each in lines)
    )
    run("alembic", "revision", "-m", "create account table")
    (first,) = (tmp_path / "alembic/versions").glob("*.py")
    first.write_text(first.read_text().replace("    pass\n", TABLE, 1))
    run("alembic", "upgrade", "head")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO account VALUES (1, 'Ada', NULL)")

        run("migrator", "init", "--alembic")
        (tmp_path / "migrator.toml").write_text(SERVICES)
        run("migrator", "new", "rename account.name", "--sql", "ALTER TABLE account RENAME COLUMN name TO full_name")
        assert 'next: deploy the new code and run "migrator backfill"' in run("migrator", "expand")
        connection.execute("INSERT INTO account (id, name) VALUES (2, 'old code')")
        connection.execute("INSERT INTO account (id, full_name) VALUES (3, 'new code')")
        beat = "SELECT ok FROM migrator.beat('web', 'web-1', %s, %s, 'v')"
        assert connection.execute(beat, ("b1", 0)).fetchone() == (True,)
        run("migrator", "backfill")
        assert 'instance of "web" still runs level 0, it needs 1' in run("migrator", "contract", code=10)

        connection.execute("SELECT migrator.bye('web', 'web-1', 'b1')")
        assert connection.execute(beat, ("b2", 1)).fetchone() == (True,)
        run("migrator", "contract", "--yes")

        rows = connection.execute("SELECT id, full_name FROM account ORDER BY id").fetchall()
        assert rows == [(1, "Ada"), (2, "old code"), (3, "new code")]
        assert commands - 1 < 10, "one of them was refused on purpose"
    assert "Traceback" not in run("alembic", "upgrade", "head")
