"""kill -9 of ``migrator expand`` on revisions, at every commit of ours and of Alembic's; run again it converges."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrator.postgres.connect import Database
from migrator.postgres.session import Session
from tests.execution.test_kill_points import CHANGES, Range
from tests.integrations.alembic.conftest import CREATE, RENAME, make_shop
from tests.support.forked import Answer, ForkedCommand
from tests.support.sandbox import wait_for
from tests.support.snapshot import snapshot

ADD = 'phased.later()\nop.add_column("users", sa.Column("age", sa.Integer))\nop.execute("UPDATE users SET age = 1")'
CONTRACT = 'op.execute("ALTER TABLE users ADD CHECK (age > 0)")'
BY_ITSELF = 'phased.create_index("users", "i", "CREATE INDEX CONCURRENTLY i ON public.users (id)")'

SECONDS = float(os.environ.get("MIGRATOR_CHAOS_SECONDS", "20"))
SEED = secrets.randbits(32)


@pytest.fixture
def folder(tmp_path: Path, database_url: str, session: Session, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A project whose first revision ran, with three more to come; the name of its database."""
    shop = make_shop(tmp_path / "shop", database_url, session, monkeypatch)
    environment = shop.root / "history/env.py"
    asked = "config.set_main_option('sqlalchemy.url', os.environ['DATABASE_URL'].replace('://', '+psycopg://'))"
    text = environment.read_text().replace("target_metadata = None", f"target_metadata = None\nimport os\n{asked}")
    environment.write_text(text.replace("'+psycopg://')", "'+psycopg://').replace('%', '%%')"))
    shop.revision("a1", CREATE, "pass")
    monkeypatch.setenv("DATABASE_URL", database_url)
    shop.upgrade()
    session.execute("INSERT INTO users VALUES (1, 'Ada')")
    shop.revision("a2", RENAME, after="a1")
    shop.revision("a3", ADD, after="a2", contract=CONTRACT)
    shop.revision("a4", BY_ITSELF, after="a3")
    name = session.one("SELECT current_database()::text AS name").name
    session.close()
    return shop.root, name


@pytest.mark.chaos
@pytest.mark.timeout(0)
def test_killed_anywhere_and_run_again_it_converges(
    folder: tuple[Path, str], postgres_server: Any, postgres_admin: psycopg.Connection[Any]
):
    root, origin = folder
    print("seed", SEED)

    def outcome(url: str) -> object:
        with Database(url).connect("test") as session:
            states = session.query("SELECT id, level, state, error FROM migrator.migration ORDER BY id")
            rows = session.query("SELECT * FROM users ORDER BY id")
            version = session.one("SELECT version_num AS v FROM alembic_version").v
            return [tuple(each) for each in states], [tuple(each) for each in rows], version, snapshot(session)

    with ForkedCommand() as forked:

        def run(url: str, **more: Any) -> Answer:
            return forked.run("expand", folder=root, url=url, **more)

        def again(url: str) -> Answer:
            """Until the server has noticed that the killed process is gone."""
            return wait_for(lambda: (said := run(url)).code != 14 and said, "the killed run is gone", timeout_s=30)

        @contextlib.contextmanager
        def copied() -> Iterator[str]:
            copy = f"copy_{secrets.token_hex(5)}"
            postgres_admin.execute(f"CREATE DATABASE {copy} TEMPLATE {origin}")
            try:
                Range.settle(postgres_server.url(copy))
                yield postgres_server.url(copy)
            finally:
                postgres_admin.execute(f"DROP DATABASE {copy} WITH (FORCE)")

        with copied() as url:
            answer = run(url, match=CHANGES, commits_only=True)
            assert answer.code == 0, answer.output
            expected = outcome(url)
        places = list(range(1, answer.statements + 1))
        assert len(places) > 20
        random.Random(SEED).shuffle(places)
        ends = time.monotonic() + SECONDS
        for number in places:
            with copied() as url:
                answer = run(url, kill_at=number, match=CHANGES, commits_only=True)
                assert answer.code == -signal.SIGKILL, answer.output
                with psycopg.connect(url) as old:
                    old.execute("SELECT name FROM users")
                    old.execute("INSERT INTO users (id, name) VALUES (9, 'old code')")
                    old.rollback()
                answer = again(url)
                assert answer.code == 0, (number, answer.output)
                assert outcome(url) == expected, number
            if time.monotonic() > ends:
                break
