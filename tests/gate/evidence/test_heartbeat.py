from __future__ import annotations

from migrator.config import ServiceSettings
from migrator.model.evidence import Direction, Observation, Verdict
from tests.gate.world import WEB, World

BATCH = ServiceSettings(name="nightly", kind="batch")


def observed(
    world: World,
    *services: ServiceSettings,
    direction: Direction = Direction.CONTRACT,
    requires: dict[str, int] | None = None,
) -> dict[str | None, Observation]:
    gate = world.configure(*services)
    migration = world.expanded(42, requires=requires)
    report = gate.look(world.session, migration, direction)
    return {seen.service: seen for seen in report.observations}


def started(world: World, *services: ServiceSettings) -> None:
    world.configure(*services)
    world.expanded(42)


def test_new_code_alone_passes_and_is_the_control(world: World) -> None:
    started(world, WEB)
    world.beat(level=42)
    web = observed(world, WEB)["web"]
    assert web.verdict is Verdict.PASS
    assert web.closed_world
    assert web.control == "1 of 1 running instances are at level 42 or above"


def test_an_old_instance_blocks_and_says_what_clears_it(world: World) -> None:
    started(world, WEB)
    world.beat(level=42)
    world.beat(level=41, instance="web-old")
    web = observed(world, WEB)["web"]
    assert web.verdict is Verdict.BLOCK
    [item] = web.items
    assert (item.instance, item.level, item.health) == ("web-old", 41, "live")
    assert item.why == "runs level 41, 42 is needed"


def test_a_stale_old_instance_blocks_like_a_live_one(world: World) -> None:
    started(world, WEB)
    world.beat(level=42)
    world.beat(level=41, instance="web-old")
    world.age("web-old", 3600)
    [item] = observed(world, WEB)["web"].items
    assert item.health == "stale"
    assert item.last_seen_s > 3599
    assert item.clears_with.startswith("migrator gate retire web web-old --reason")


def test_no_instance_at_all_is_unknown(world: World) -> None:
    web = observed(world, WEB)["web"]
    assert web.verdict is Verdict.UNKNOWN
    assert web.control == 'no live instance of "web" at level 42 or above was seen'


def test_stale_new_code_is_no_control(world: World) -> None:
    started(world, WEB)
    world.beat(level=42)
    world.age()
    assert observed(world, WEB)["web"].verdict is Verdict.UNKNOWN


def test_no_instance_is_fine_where_none_is_expected(world: World) -> None:
    retired = ServiceSettings(name="web", expect="zero", reason="scaled down for good")
    web = observed(world, retired)["web"]
    assert (web.verdict, web.control) == (Verdict.PASS, "no instance is expected: scaled down for good")


def test_an_old_instance_blocks_even_where_none_is_expected(world: World) -> None:
    started(world, WEB)
    world.beat(level=41)
    retired = ServiceSettings(name="web", expect="zero", reason="scaled down for good")
    assert observed(world, retired)["web"].verdict is Verdict.BLOCK


def test_a_batch_job_that_ran_at_the_level_and_ended_passes(world: World) -> None:
    started(world, BATCH)
    assert observed(world, BATCH)["nightly"].verdict is Verdict.UNKNOWN
    world.beat("nightly", "run-1", level=42)
    world.bye("nightly", "run-1")
    assert observed(world, BATCH)["nightly"].control == "ran at level 42, none is running"


def test_an_external_service_is_not_asked(world: World) -> None:
    assert observed(world, ServiceSettings(name="bi", kind="external")) == {}


def test_an_unlisted_service_blocks_whatever_its_level(world: World) -> None:
    started(world, WEB)
    world.beat(level=42)
    world.beat("cron", "cron-1", level=99)
    seen = observed(world, WEB)
    assert seen["web"].verdict is Verdict.PASS
    assert seen[None].verdict is Verdict.BLOCK
    assert 'name = "cron"' in seen[None].items[0].clears_with


def test_an_exempt_service_may_run_anything(world: World) -> None:
    started(world, WEB)
    world.beat(level=1)
    assert observed(world, WEB, requires={"web": 0}) == {}


def test_for_a_rollback_new_code_blocks_and_old_code_is_the_control(world: World) -> None:
    started(world, WEB)
    world.beat(level=41)
    before = observed(world, WEB, direction=Direction.ROLLBACK)["web"]
    assert before.verdict is Verdict.PASS
    assert before.control.endswith("at level 41 or below")
    world.beat(level=42, instance="web-new")
    world.age("web-new")
    after = observed(world, WEB, direction=Direction.ROLLBACK)["web"]
    assert after.verdict is Verdict.BLOCK
    assert [item.instance for item in after.items] == ["web-new"]


def test_nobody_is_exempt_from_a_rollback(world: World) -> None:
    started(world, WEB)
    world.beat(level=42)
    seen = observed(world, WEB, direction=Direction.ROLLBACK, requires={"web": 0})
    assert seen["web"].verdict is Verdict.BLOCK


def test_a_new_instance_that_is_stale_is_said_to_be(world: World) -> None:
    started(world, WEB)
    world.beat(level=42)
    world.age("web-1", 3600)
    web = observed(world, WEB)["web"]
    assert web.verdict is Verdict.UNKNOWN
    assert web.control.endswith("was seen: 1 at such a level did not beat within the ttl")
