"""Which release may be deployed."""

from __future__ import annotations

import pytest

from migrator.errors import Fenced, GateUnknown, Refused, UsageError
from migrator.gate import levels
from migrator.ledger import decisions
from migrator.ledger.releases import Release
from migrator.model.evidence import Direction
from migrator.postgres.connect import Database
from tests.gate.world import WEB, World, role

DIGEST = "sha256:" + "9f" * 32
OTHER = "sha256:" + "1a" * 32


@pytest.fixture
def shop(world: World) -> World:
    world.configure(WEB)
    world.expanded(42)
    return world


def register(world: World, version: str, level: int, digest: str = "", service: str = "web") -> None:
    levels.register(world.session, "default", service, Release(version, digest, level), "ci@test")


def level_of(world: World, build: str) -> int:
    return levels.can_deploy(world.session, "web", build=build, level=None).level


def test_a_version_a_digest_and_an_image_reference_name_a_build(shop: World) -> None:
    register(shop, "1.42.0", 42, DIGEST)
    assert level_of(shop, "1.42.0") == 42
    assert level_of(shop, DIGEST) == 42
    assert level_of(shop, f"registry.example.com/web@{DIGEST}") == 42
    assert level_of(shop, f"registry.example.com/web:1.42.0@{DIGEST}") == 42


def test_a_rollback_below_the_fence_is_refused_before_it_becomes_a_crash_loop(shop: World) -> None:
    register(shop, "1.41.3", 41)
    assert level_of(shop, "1.41.3") == 41
    gate = shop.configure(WEB)
    shop.beat(level=42)
    migration = shop.expanded(43)
    shop.session.execute("UPDATE migrator.instance SET level = 43")
    gate.fence(shop.session, migration, Direction.CONTRACT, "", although_blocked=False)
    with pytest.raises(Fenced) as caught:
        level_of(shop, "1.41.3")
    error = caught.value
    assert error.exit_code == 13
    assert error.message == '"web" at level 41 is too old: the database needs at least level 43'
    assert error.detail == "1.41.3 of web is registered at level 41."
    with pytest.raises(Fenced, match="too new"):
        levels.can_deploy(shop.session, "web", build=None, level=44)


def test_a_build_that_nobody_registered_is_unknown(shop: World) -> None:
    with pytest.raises(GateUnknown, match=r'nobody registered release "1\.40"') as caught:
        level_of(shop, "1.40")
    assert "migrator gate release web 1.40 --level N" in (caught.value.hint or "")
    with pytest.raises(GateUnknown):
        level_of(shop, "")


def test_one_version_built_twice_at_different_levels_is_unknown_but_by_its_digest(shop: World) -> None:
    register(shop, "1.42.0", 41, DIGEST)
    register(shop, "1.42.0", 42, OTHER)
    with pytest.raises(GateUnknown, match="at level 41 and at level 42") as caught:
        level_of(shop, "1.42.0")
    assert f"{DIGEST}: level 41" in (caught.value.detail or "")
    assert level_of(shop, OTHER) == 42


def test_versions_are_never_compared(shop: World) -> None:
    register(shop, "1.42.0", 42)
    register(shop, "1.41.7", 42)
    assert level_of(shop, "1.41.7") == 42
    with pytest.raises(GateUnknown):
        level_of(shop, "1.43.0")


def test_the_same_again_is_no_error_and_another_level_is(shop: World) -> None:
    register(shop, "1.42.0", 42)
    register(shop, "1.42.0", 42)
    assert [row.kind for row in decisions.recent(shop.session, "default")].count("release") == 1
    with pytest.raises(Refused, match="is registered at level 42, not 41"):
        register(shop, "1.42.0", 41)
    register(shop, "a", 42, DIGEST)
    with pytest.raises(Refused, match="is registered at level 42"):
        register(shop, "b", 41, DIGEST)
    with pytest.raises(GateUnknown):
        level_of(shop, "b")


@pytest.mark.parametrize(
    ("release", "service", "error"),
    [
        (Release("1", "", 42), "nonesuch", Refused),
        (Release(" ", "", 42), "web", UsageError),
        (Release("1", "md5:1", 42), "web", UsageError),
    ],
)
def test_what_cannot_be_registered(shop: World, release: Release, service: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        levels.register(shop.session, "default", service, release, "ci@test")


def test_exactly_one_of_version_and_level(shop: World) -> None:
    for build, level in ((None, None), ("1", 42)):
        with pytest.raises(UsageError, match="VERSION or --level"):
            levels.can_deploy(shop.session, "web", build=build, level=level)


def test_a_service_that_is_not_listed_cannot_be_deployed(shop: World) -> None:
    with pytest.raises(Fenced, match="not listed"):
        levels.can_deploy(shop.session, "nonesuch", build="1", level=None)


def test_any_role_may_ask(shop: World) -> None:
    register(shop, "1.42.0", 42)
    with role(shop.session) as name:
        url = shop.url.replace("postgres@", f"{name}@")
        with Database(url, command="test").connect("test") as session:
            assert levels.can_deploy(session, "web", build="1.42.0", level=None).level == 42
