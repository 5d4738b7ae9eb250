from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrator.config import ServiceSettings, SourceSettings
from migrator.errors import DatabaseUnavailable, GateUnknown
from migrator.gate.evidence.sessions import everybody_else
from migrator.gate.look import question_of
from migrator.ledger import services
from migrator.model.evidence import Observation, Verdict
from migrator.postgres import pgbouncer as console
from tests.gate.evidence.asking import ask, subject_of
from tests.gate.evidence.pooler import USERS, pgbouncer
from tests.gate.world import World, role, wait_for

VARIABLE = "POOLER_OF_TEST"
WEB = ServiceSettings(name="web", db_roles=("pooled_web_l*",))
ASKING = SourceSettings(kind="sessions", pooled=True, pgbouncer_url_envs=(VARIABLE,))


def looked(world: World, source: SourceSettings = ASKING, *, local: bool = False) -> dict[str | None, Observation]:
    return {seen.service: seen for seen in ask(world, subject_of(world, WEB, source=source), local=local)}


class Pooled:
    def __init__(self, console_url: str) -> None:
        self.console_url = console_url

    def connect(self, user: str = "pooled_app", name: str = "") -> psycopg.Connection[Any]:
        url = self.console_url.replace("postgres@", f"{user}@").replace("/pgbouncer", "/pooled")
        return psycopg.connect(url, autocommit=True, application_name=name, prepare_threshold=None)


@pytest.fixture
def pooled(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pooled]:
    # Not below pytest's folder, which nobody else may enter.
    folder = Path(tempfile.mkdtemp(prefix="pooler-"))
    made = []
    try:
        with pgbouncer(world.url, folder) as url:
            monkeypatch.setenv(VARIABLE, url)
            made = [role(world.session, name=name) for name in USERS]
            for one in made:
                one.__enter__()
            yield Pooled(url)
    finally:
        for one in made:
            one.__exit__(None, None, None)
        shutil.rmtree(folder, ignore_errors=True)


def test_behind_a_pooler_without_its_console_nothing_is_known(world: World) -> None:
    seen = looked(world, SourceSettings(kind="sessions", pooled=True))["web"]
    assert seen.verdict is Verdict.UNKNOWN
    assert "pgbouncer_url_envs" in seen.control


def test_a_console_that_is_not_named_or_not_there_is_unknown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"{VARIABLE}, which should hold" in looked(world)[None].control
    monkeypatch.setenv(VARIABLE, "postgresql://postgres@127.0.0.1:1/pgbouncer")
    seen = looked(world)[None]
    assert seen.verdict is Verdict.UNKNOWN
    assert "cannot be read" in seen.control


def test_an_ordinary_server_is_no_console(world: World) -> None:
    with pytest.raises(DatabaseUnavailable):
        console.read(world.url)


def test_an_idle_old_client_shows_though_it_has_no_server_connection(world: World, pooled: Pooled) -> None:
    with pooled.connect(name="web/1/41") as old, pooled.connect(name="web/2/42") as new:
        old.execute("SELECT 1")
        new.execute("SELECT 1")  # the server connection carries the name of the new one now
        seen = looked(world)["web"]
    assert seen.verdict is Verdict.BLOCK
    [item] = seen.items
    assert (item.level, item.health) == (41, "session")
    assert 'pooled client of role "pooled_app"' in item.why


def test_a_name_left_on_a_server_connection_does_not_block(world: World, pooled: Pooled) -> None:
    with pooled.connect(name="web/1/41") as old:
        old.execute("SELECT 1")
    left = "SELECT FROM pg_stat_activity WHERE application_name = 'web/1/41'"
    wait_for(lambda: world.session.query(left))
    assert wait_for(lambda: looked(world)["web"].verdict is Verdict.PASS)
    # Nor while table locks are held, when the console is not asked again.
    assert looked(world, local=True)["web"].verdict is Verdict.PASS
    assert world.session.query(left)


def test_clients_of_nobody_block_and_those_at_the_level_pass(world: World, pooled: Pooled) -> None:
    with pooled.connect(user="pooled_web_l42") as new:
        new.execute("SELECT 1")
        seen = looked(world)
        assert seen["web"].verdict is Verdict.PASS
        assert "PgBouncer" in seen["web"].control
        with pooled.connect(name="psql"):
            assert looked(world)[None].items[0].health == "unmapped"


def test_a_role_names_the_level_of_a_pooled_client(world: World, pooled: Pooled) -> None:
    with pooled.connect(user="pooled_web_l41") as old:
        old.execute("SELECT 1")
        assert [item.level for item in looked(world)["web"].items] == [41]


def test_clients_of_another_database_do_not_count(world: World, pooled: Pooled) -> None:
    url = pooled.console_url.replace("postgres@", "pooled_app@").replace("/pgbouncer", "/postgres")
    with psycopg.connect(url, autocommit=True, application_name=f"x{secrets.token_hex(2)}") as other:
        other.execute("SELECT 1")
        assert None not in looked(world)


def test_offline_sees_idle_clients_of_a_pooler_and_refuses_where_it_cannot(world: World, pooled: Pooled) -> None:
    subject = subject_of(world, WEB, source=ASKING)
    listed = services.listed(world.session, "default")
    with pooled.connect(name="web/2/42"):
        items = everybody_else(world.session, question_of(world.session, subject, listed, local=False))
        assert [item.level for item in items if item.instance.startswith("client ")] == [42]
    blind = subject_of(world, WEB, source=SourceSettings(kind="sessions", pooled=True))
    with pytest.raises(GateUnknown, match="a pooler hides"):
        everybody_else(world.session, question_of(world.session, blind, listed, local=False))
