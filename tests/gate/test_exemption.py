"""Code below the level of a contract that changes nothing it uses: whom the gate and the beats let pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy
from psycopg import IsolationLevel

from migrator import cli
from migrator.client.compatible import Incompatible, assert_compatible
from migrator.config import ServiceSettings
from migrator.errors import GateBlocked, GateUnknown, Refused, UsageError
from migrator.gate import exemption, levels
from migrator.gate import fence as fences
from migrator.gate.exemption import Standing
from migrator.gate.gate import Gate
from migrator.gate.look import Subject
from migrator.integrations.sqlalchemy.file import text
from migrator.ledger import files, services
from migrator.ledger.manifests import Build
from migrator.ledger.releases import Release
from migrator.model.evidence import Direction, Verdict
from migrator.model.manifest import Manifest, UsedColumn, UsedTable
from migrator.model.plan import Migration, Phase
from migrator.reporting import gate_json, gate_text
from tests.gate.world import HEARTBEAT, SESSIONS, WEB, World, role

DROP = "ALTER TABLE users DROP COLUMN legacy;\n"
EVENTS = (
    "CREATE TABLE events (id int, legacy text) PARTITION BY LIST (id);"
    "CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1)"
)
OLD = Build("web", "1.41.0", 41)


def uses(*columns: str, table: str = "users", level: int | None = 41, **more: Any) -> Manifest:
    used = tuple(UsedColumn(name, reads=True, writes=True) for name in columns)
    names = {"every_column", "inserts"} & more.keys()
    tables = (UsedTable("public", table, used, **{name: more.pop(name) for name in names}),)
    return Manifest("", level, "app:Base", tables, more.pop("statements", 5), **more)


def record(world: World, manifest: Manifest, build: Build = OLD) -> list[Standing]:
    return exemption.record(world.session, "default", build, manifest, text(manifest), "ci@test")


def to_contract(world: World, sql: str = DROP, level: int = 42) -> Migration:
    """A migration that is expanded, with the text of its contract."""
    migration = replace(world.expanded(level), texts={Phase.CONTRACT: sql})
    with world.session.transaction():
        files.freeze(world.session, "default", migration, Phase.CONTRACT)
    return migration


def settled(world: World, migration: Migration) -> None:
    """The moment after the contract: its fence was raised, and the floor."""
    with world.session.transaction(statement_timeout_ms=5_000):
        fences.raise_fence(world.session, Subject(world.settings, migration, Direction.CONTRACT), lease_s=9, actor="t")


def verdict(world: World, gate: Gate, migration: Migration) -> Verdict:
    return gate.look(world.session, migration, Direction.CONTRACT).verdict


@pytest.fixture
def shop(world: World) -> World:
    world.table()
    world.configure(WEB)
    return world


@pytest.fixture
def gate(shop: World) -> Gate:
    return shop.configure(WEB)


def test_code_below_the_level_that_uses_nothing_of_it_lets_the_contract_pass_and_goes_on(
    shop: World, gate: Gate
) -> None:
    migration = to_contract(shop)
    assert shop.beat(level=41, version="1.41.0").ok
    assert verdict(shop, gate, migration) is Verdict.BLOCK
    assert [each.doubts for each in record(shop, uses("id", "name"))] == [()]
    assert verdict(shop, gate, migration) is Verdict.PASS

    shop.contract(gate, migration)

    assert not shop.has_column()
    assert shop.beat(level=41, version="1.41.0").ok
    assert shop.beat(instance="web-2", level=41, version="1.41.0").ok
    assert not shop.beat(instance="web-3", level=41, version="1.41.1").ok
    assert not shop.beat(instance="web-4", level=40, version="1.41.0").ok
    fenced = shop.session.one("SELECT evidence FROM migrator.decision WHERE kind = 'fence'")
    assert fenced.evidence["exempt"] == ["web 1.41.0 at level 41"]
    kept = shop.session.one("SELECT reasons FROM migrator.decision WHERE kind = 'manifest'")
    assert kept.reasons == [f"web 1.41.0 at level 41, exempt from {migration.id}"]
    applied = shop.session.one("SELECT evidence FROM migrator.decision WHERE verdict = 'APPLIED'")
    (source,) = applied.evidence["sources"]
    assert source["exempt"][0].startswith("web-1: runs level 41, and uses nothing that the contract changes: manifest ")


def test_the_report_says_by_which_manifest(shop: World, gate: Gate) -> None:
    migration = to_contract(shop)
    shop.beat(level=41, version="1.41.0")
    record(shop, uses("id"))
    report = gate.look(shop.session, migration, Direction.CONTRACT)
    sha = shop.session.one("SELECT left(sha256, 12) AS sha FROM migrator.manifest").sha
    (item,) = gate_json.document(report)["sources"][0]["exempt"]
    assert (item["instance"], item["level"], item["version"]) == ("web-1", 41, "1.41.0")
    assert f"manifest {sha}, recorded " in item["why"]
    shown = gate_text.render(report)
    assert "1 of 1 running instances are at level 42 or above, or exempt by manifest" in shown
    assert "web-1 version 1.41.0, live, 0 s ago: exempt, runs level 41, and uses nothing that the contract " in shown


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        (uses("id", "legacy"), "the contract changes users.legacy, which it uses"),
        (uses("id", every_column=True), "the contract changes users.legacy, which it uses"),
        (uses("id", unseen=("text in x",)), "it may use more than it says: text in x"),
        (uses("id", statements=None), "no statement that it sends was recorded: migrator manifest … --recorded FILE"),
        (uses("id", statements=0), "no statement that it sends was recorded: migrator manifest … --recorded FILE"),
        (uses("id", table="people"), "it uses public.people, which does not exist"),
    ],
    ids=["names it", "takes all columns", "has something unseen", "no SQL", "no statement", "of another search_path"],
)
def test_what_may_use_it_needs_the_level(shop: World, gate: Gate, manifest: Manifest, why: str) -> None:
    migration = to_contract(shop)
    shop.beat(level=41, version="1.41.0")
    (standing,) = record(shop, manifest)
    assert why in standing.doubts
    assert verdict(shop, gate, migration) is Verdict.BLOCK
    with pytest.raises(GateBlocked):
        shop.contract(gate, migration)
    settled(shop, migration)
    assert not shop.beat(level=41, version="1.41.0").ok


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE users RENAME COLUMN name TO title;",
        "ALTER TABLE users DROP COLUMN name; ALTER TABLE users RENAME COLUMN legacy TO name;",
        "ALTER TABLE users ALTER COLUMN name TYPE varchar(3);",
        "ALTER TABLE users ALTER COLUMN legacy SET NOT NULL;",
        "ALTER TABLE users RENAME TO people;",
        "DROP TABLE users;",
        "DROP TRIGGER sync ON users;",
        "DROP TABLE other CASCADE;",
        "DROP FUNCTION net();",
        "DO $$ BEGIN EXECUTE 'ALTER TABLE users DROP COLUMN name'; END $$;",
        "",
    ],
)
def test_a_contract_that_changes_what_it_uses_or_cannot_be_understood_exempts_nobody(
    shop: World, gate: Gate, sql: str
) -> None:
    migration = to_contract(shop, sql)
    record(shop, uses("id", "name"))
    shop.beat(level=41, version="1.41.0")
    assert verdict(shop, gate, migration) is Verdict.BLOCK
    settled(shop, migration)
    assert not shop.beat(level=41, version="1.41.0").ok


@pytest.mark.parametrize(
    ("setup", "manifest", "sql"),
    [
        (
            EVENTS,
            uses("id", "legacy", table="events_1"),
            "ALTER TABLE events DROP COLUMN legacy;",
        ),
        (
            EVENTS,
            uses("id", table="events"),
            "DROP TABLE events_1;",
        ),
        (
            "CREATE VIEW seen AS SELECT id, legacy FROM users; CREATE VIEW shown AS SELECT id FROM seen",
            uses("id", table="shown"),
            DROP,
        ),
        (
            "CREATE TABLE posts (id int, author int REFERENCES users ON DELETE SET NULL)",
            uses("id"),
            "ALTER TABLE posts ALTER COLUMN author SET NOT NULL;",
        ),
        (
            "CREATE FUNCTION old_name(int) RETURNS text LANGUAGE sql AS 'SELECT legacy FROM users WHERE id = $1'",
            uses("id"),
            DROP,
        ),
        (
            "CREATE SCHEMA a; CREATE TABLE a.orders (id int, legacy text); CREATE TABLE orders (id int, legacy text)",
            uses("id", "legacy", table="orders"),
            "ALTER TABLE a.orders DROP COLUMN legacy;",
        ),
    ],
    ids=["partition", "parent", "view of a view", "foreign key", "function", "same name in another schema"],
)
def test_what_it_uses_by_way_of_something_else_counts(
    shop: World, gate: Gate, setup: str, manifest: Manifest, sql: str
) -> None:
    shop.session.execute(setup)
    migration = to_contract(shop, sql)
    record(shop, manifest)
    shop.beat(level=41, version="1.41.0")
    assert verdict(shop, gate, migration) is Verdict.BLOCK
    settled(shop, migration)
    assert not shop.beat(level=41, version="1.41.0").ok


def test_of_two_versions_only_the_one_with_a_manifest_is_exempt(shop: World, gate: Gate) -> None:
    migration = to_contract(shop)
    record(shop, uses("id"))
    shop.beat(level=41, version="1.41.0")
    shop.beat(instance="web-2", level=41, version="1.41.1")
    report = gate.look(shop.session, migration, Direction.CONTRACT)
    assert report.verdict is Verdict.BLOCK
    assert [item.instance for item in report.observations[0].items] == ["web-2"]
    shop.bye(instance="web-2")
    assert verdict(shop, gate, migration) is Verdict.PASS


def test_a_version_with_two_manifests_uses_what_both_say(shop: World, gate: Gate) -> None:
    migration = to_contract(shop)
    shop.beat(level=41, version="1.41.0")
    record(shop, uses("id"))
    assert verdict(shop, gate, migration) is Verdict.PASS
    record(shop, uses("id", "legacy"))
    assert verdict(shop, gate, migration) is Verdict.BLOCK
    record(shop, uses("id", "name"))
    assert verdict(shop, gate, migration) is Verdict.BLOCK


def test_a_level_that_differs_from_the_manifests_is_not_exempt(shop: World, gate: Gate) -> None:
    migration = to_contract(shop)
    record(shop, uses("id"))
    shop.beat(level=40, version="1.41.0")
    assert verdict(shop, gate, migration) is Verdict.BLOCK
    with pytest.raises(UsageError, match="is of level 40"):
        record(shop, uses("id", level=40))


def test_a_manifest_of_another_service_or_of_one_nobody_knows_is_refused(shop: World) -> None:
    with pytest.raises(UsageError, match='of service "etl", not "web"'):
        record(shop, replace(uses("id"), service="etl"))
    with pytest.raises(Refused, match='service "etl" is not listed'):
        record(shop, uses("id"), Build("etl", "1", 41))
    with pytest.raises(UsageError, match="the version is empty"):
        record(shop, uses("id"), Build("web", " ", 41))
    assert shop.session.query("SELECT FROM migrator.manifest") == []


def test_a_manifest_recorded_under_a_fence_counts_from_then_on(shop: World) -> None:
    migration = to_contract(shop)
    settled(shop, migration)
    assert not shop.beat(level=41, version="1.41.0").ok
    record(shop, uses("id"))
    assert shop.beat(level=41, version="1.41.0").ok
    record(shop, uses("legacy"))
    assert not shop.beat(level=41, version="1.41.0").ok


def test_a_manifest_recorded_after_the_contract_exempts_if_all_it_uses_is_there(shop: World, gate: Gate) -> None:
    migration = to_contract(shop)
    shop.beat(level=42)
    shop.contract(gate, migration)
    assert not shop.beat(instance="old", level=41, version="1.41.0").ok
    record(shop, uses("id"))
    assert shop.beat(instance="old", level=41, version="1.41.0").ok
    record(shop, uses("id", "legacy"), Build("web", "1.41.9", 41))
    assert not shop.beat(instance="older", level=41, version="1.41.9").ok


def test_every_contract_above_its_level_has_to_leave_it_alone(shop: World, gate: Gate) -> None:
    first = to_contract(shop)
    record(shop, uses("id", "name"))
    shop.beat(level=41, version="1.41.0")
    shop.contract(gate, first)
    second = to_contract(shop, "ALTER TABLE users DROP COLUMN name;\n", 43)
    assert verdict(shop, gate, second) is Verdict.BLOCK
    settled(shop, second)
    assert not shop.beat(level=41, version="1.41.0").ok


def test_a_floor_that_no_contract_explains_holds(shop: World, gate: Gate) -> None:
    migration = to_contract(shop)
    record(shop, uses("id"))
    shop.beat(level=41, version="1.41.0")
    shop.contract(gate, migration)
    with shop.session.transaction():
        services.lock(shop.session, "default")
        services.raise_floor(shop.session, "default", {"web": 43})
    assert not shop.beat(level=41, version="1.41.0").ok


def test_nobody_is_exempt_from_a_rollback(shop: World, gate: Gate) -> None:
    migration = to_contract(shop)
    build = Build("web", "1.42.0", 42)
    record(shop, uses("id", level=42), build)
    shop.beat(level=42, version="1.42.0")
    assert gate.look(shop.session, migration, Direction.ROLLBACK).verdict is Verdict.BLOCK


def test_the_soak_begins_when_it_became_known(shop: World) -> None:
    gate = shop.configure(WEB, soak="1h")
    migration = to_contract(shop)
    shop.beat(level=41, version="1.41.0")
    shop.age(seconds=7200)
    shop.session.execute("UPDATE migrator.service SET registered_at = registered_at - interval '3h'")
    shop.beat(level=41, version="1.41.0")
    record(shop, uses("id"))
    report = gate.look(shop.session, migration, Direction.CONTRACT)
    assert report.verdict is Verdict.SOAKING
    at = shop.session.one("SELECT recorded_at FROM migrator.manifest").recorded_at
    assert report.soak.clean_since == at
    shop.session.execute("UPDATE migrator.manifest SET recorded_at = recorded_at - interval '2h'")
    report = gate.look(shop.session, migration, Direction.CONTRACT)
    assert report.verdict is Verdict.PASS
    assert report.soak.clean_since is not None
    assert report.soak.clean_since <= at - timedelta(hours=2)


def test_an_exempt_instance_that_is_silent_is_no_proof(shop: World, gate: Gate) -> None:
    migration = to_contract(shop)
    record(shop, uses("id"))
    shop.beat(level=41, version="1.41.0")
    shop.age()
    assert verdict(shop, gate, migration) is Verdict.UNKNOWN
    with pytest.raises(GateUnknown):
        shop.contract(gate, migration)


def test_a_session_is_exempt_by_the_version_in_its_name_and_not_without(shop: World) -> None:
    gate = shop.configure(web_as("*"), source=(SESSIONS,))
    migration = to_contract(shop)
    record(shop, uses("id"))
    with shop.connect(application_name="web/1.41.0/41"):
        report = gate.look(shop.session, migration, Direction.CONTRACT)
        assert report.verdict is Verdict.PASS
        assert "runs version 1.41.0 at level 41" in report.observations[0].exempt[0].why
        with shop.connect(application_name="web/1.40.0/41"):
            assert verdict(shop, gate, migration) is Verdict.BLOCK


def web_as(pattern: str) -> ServiceSettings:
    return ServiceSettings(name="web", ttl="3s", db_roles=(pattern,))


@contextmanager
def role_of_level(world: World, level: int) -> Iterator[str]:
    with role(world.session, name=f"web{world.session.pid}_l{level}") as name:
        yield name


def test_a_version_whose_role_is_closed_with_its_level_is_not_exempt(shop: World) -> None:
    with role_of_level(shop, 41) as name:
        gate = shop.configure(web_as(name), source=(HEARTBEAT,))
        migration = to_contract(shop)
        shop.beat(level=41, version="1.41.0")
        assert record(shop, uses("id"))[0].doubts == ()  # recorded by somebody who closes no roles
        assert verdict(shop, gate, migration) is Verdict.BLOCK


def test_can_deploy_answers_as_the_beat_does(shop: World, gate: Gate) -> None:
    migration = to_contract(shop)
    levels.register(shop.session, "default", "web", Release("1.41.0", "", 41), "ci@test")
    record(shop, uses("id"))
    shop.beat(level=42)
    shop.contract(gate, migration)
    permit = levels.can_deploy(shop.session, "web", build="1.41.0", level=None)
    assert (permit.level, permit.exempt) == (41, True)
    assert shop.beat(instance="web-9", level=41, version="1.41.0").ok


def test_the_ledgers_own_word_for_other_tools_knows_it(shop: World, gate: Gate) -> None:
    migration = to_contract(shop)
    record(shop, uses("id"))
    shop.beat(level=41, version="1.41.0")

    def work(execute: Any) -> None:
        assert shop.session.one("SELECT migrator.confirmed(%(id)s) AS ok", {"id": migration.id}).ok
        execute("ALTER TABLE users DROP COLUMN legacy")

    shop.contract(gate, migration, work=work)
    assert not shop.has_column()


def test_a_contract_that_was_edited_since_is_judged_anew(shop: World, gate: Gate) -> None:
    migration = to_contract(shop)
    record(shop, uses("id", "name"))
    shop.beat(level=41, version="1.41.0")
    edited = replace(migration, texts={Phase.CONTRACT: DROP + "ALTER TABLE users DROP COLUMN name;\n"})
    assert verdict(shop, gate, edited) is Verdict.BLOCK
    settled(shop, migration)
    assert shop.beat(level=41, version="1.41.0").ok
    settled(shop, edited)
    assert not shop.beat(level=41, version="1.41.0").ok


def test_a_copy_of_the_database_says_nothing_before_it_is_set_straight(shop: World, gate: Gate) -> None:
    migration = to_contract(shop)
    record(shop, uses("id"))
    shop.beat(level=41, version="1.41.0")
    shop.session.execute("UPDATE migrator.home SET database_oid = 1")
    assert verdict(shop, gate, migration) is Verdict.UNKNOWN


def test_a_ledger_of_version_1_exempts_nobody_and_is_still_read(shop: World, gate: Gate) -> None:
    migration = to_contract(shop)
    record(shop, uses("id"))
    shop.beat(level=41, version="1.41.0")
    shop.session.execute(
        "DROP TABLE migrator.exemption, migrator.manifest; DELETE FROM migrator.ledger_version WHERE version = 2"
    )
    assert verdict(shop, gate, migration) is Verdict.BLOCK


def test_a_release_is_recorded_with_its_manifest_where_it_is_built(
    shop: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", shop.url)
    (tmp_path / "migrator.toml").write_text('[[gate.service]]\nname = "web"\nttl = "3s"\n')
    migration = to_contract(shop)
    Path("web.json").write_text(text(uses("id", "legacy")))
    command = ["gate", "release", "web", "1.41.0", "--manifest", "web.json"]

    assert cli.run(command) == 0
    assert capsys.readouterr().out == (
        '"web" 1.41.0 needs level 41\n'
        f"needs level 42 for the contract of {migration.id}:\n  the contract changes users.legacy, which it uses\n"
    )
    Path("web.json").write_text(text(uses("id")))
    command[3] = "1.41.1"
    assert cli.run(command) == 0
    assert capsys.readouterr().out == (
        '"web" 1.41.1 needs level 41\n'
        f"exempt from level 42 of {migration.id}: it uses nothing that the contract changes\n"
    )
    assert cli.run([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["contracts"] == [{"migration": migration.id, "level": 42, "exempt": True, "why": []}]
    Path("web.json").write_text(text(uses("id", level=None)))
    assert cli.run(command) == 2
    assert "the level of the release is not known: its manifest has none" in capsys.readouterr().err


def test_whoever_asks_before_the_start_is_answered_as_the_beat_answers(
    shop: World, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", shop.url)
    (tmp_path / "migrator.toml").write_text('[[gate.service]]\nname = "web"\nttl = "3s"\n')
    migration = to_contract(shop)
    levels.register(shop.session, "default", "web", Release("1.41.0", "", 41), "ci@test")
    manifest = uses("id", table="users")
    record(shop, manifest)
    shop.beat(level=42)
    shop.contract(gate, migration)

    check = ["gate", "start-check", "web", "--level", "41"]
    assert cli.run(check) == 13
    assert cli.run([*check, "--version", "1.41.1"]) == 13
    capsys.readouterr()
    assert cli.run([*check, "--version", "1.41.0"]) == 0
    assert capsys.readouterr().out == '"web" 1.41.0 at level 41 may start: no contract changes what it uses\n'

    Path("web.json").write_text(text(manifest))
    deploy = ["gate", "can-deploy", "web", "--manifest", "web.json"]
    assert cli.run(deploy) == 13
    assert "migrator gate release web VERSION --level 41 --manifest FILE" in capsys.readouterr().err
    assert cli.run([*deploy, "1.41.0"]) == 0

    engine = sqlalchemy.create_engine(shop.url.replace("postgresql:", "postgresql+psycopg:"))
    try:
        with pytest.raises(Incompatible, match="too old"):
            assert_compatible(engine, manifest, service="web", level=41, version="1.41.1")
        assert_compatible(engine, manifest, service="web", level=41, version="1.41.0")
    finally:
        engine.dispose()


def test_from_the_manifest_to_the_contract_on_the_command_line(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", world.url)
    (tmp_path / "migrator.toml").write_text(
        '[[gate.service]]\nname = "web"\n[[gate.service]]\nname = "etl"\n'
        '[gate]\nsoak = "0s"\nmin_independent = 1\n[[gate.source]]\nkind = "heartbeat"\n'
    )
    world.table()
    world.session.execute("CREATE TABLE orders (id int PRIMARY KEY)")
    rename = "ALTER TABLE users RENAME COLUMN name TO title"
    assert cli.run(["new", "first", "--sql", "ALTER TABLE orders ADD COLUMN note text"]) == 0
    assert cli.run(["expand"]) == 0
    assert cli.run(["new", "title", "--sql", rename]) == 0
    assert cli.run(["expand"]) == 0
    assert cli.run(["backfill"]) == 0
    world.beat("web", "web-1", 2)
    world.beat("etl", "etl-1", 1, version="7.3")
    assert cli.run(["contract", "--yes"]) == 10
    for table, code in (("users", 10), ("orders", 0)):
        Path("etl.json").write_text(text(uses("id", table=table, level=1)))
        version = {"users": "7.2", "orders": "7.3"}[table]
        assert cli.run(["gate", "release", "etl", version, "--manifest", "etl.json"]) == 0
        capsys.readouterr()
        assert cli.run(["contract", "--yes"]) == code
    assert world.has_column("title")
    assert world.beat("etl", "etl-1", 1, version="7.3").ok
    assert world.beat("etl", "etl-2", 1, version="7.3").ok
    assert not world.beat("etl", "etl-3", 1, version="7.2").ok
    assert cli.run(["gate", "can-deploy", "etl", "7.3"]) == 0
    assert cli.run(["gate", "can-deploy", "etl", "7.2"]) == 13
    assert cli.run(["gate", "verify-log"]) == 0


@pytest.mark.parametrize("level", [IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE])
def test_a_beat_does_not_answer_from_a_snapshot_in_which_it_was_exempt(shop: World, level: IsolationLevel) -> None:
    settled(shop, to_contract(shop))
    record(shop, uses("id"))
    with shop.connect() as connection:
        connection.autocommit = False
        connection.isolation_level = level
        connection.execute("SELECT 1")
        record(shop, uses("id", "legacy"))
        with pytest.raises(psycopg.errors.SerializationFailure):
            shop.beat(level=41, version="1.41.0", on=connection)
        connection.rollback()
