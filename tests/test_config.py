"""Settings: where they come from, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator import config
from migrator.config import Settings, load, milliseconds, seconds
from migrator.errors import UsageError

FULL = """
migrations = "db/migrations"
project = "shop"
lock_timeout = "250ms"
lock_budget = "2min"
[backfill]
workers = 4
target_ms = 50
max_lag = "500ms"
[gate]
soak = "1h"
max_gap = "30s"
max_age = "10s"
min_independent = 1
drain_timeout = "2min"
fence_lease = "10min"
[[gate.service]]
name = "web"
kind = "long"
ttl = "30s"
expect = ">=1"
db_roles = ["web_l*"]
[[gate.service]]
name = "etl"
kind = "batch"
expect = "zero"
reason = "runs on the first of the month"
[[gate.source]]
kind = "heartbeat"
required = true
[[gate.ignore]]
role = "monitoring"
reason = "reads statistics only"
[lint]
pg_version = 15
select = ["LK", "BC001"]
ignore = ["LK003"]
severity = { "LK001" = "warning" }
fail_on = "warning"
"""


def write(folder: Path, text: str, name: str = "migrator.toml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def refused(folder: Path, text: str, environment: dict[str, str] | None = None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load(write(folder, text), environment or {})
    assert caught.value.exit_code == 2
    return caught.value


def test_without_a_file_the_defaults_of_the_contract_hold(tmp_path):
    project = load(tmp_path, {})
    settings = project.settings

    assert (project.source, project.root, project.migrations) == (None, tmp_path, tmp_path / "migrations")
    assert (settings.lock_timeout, settings.lock_budget, settings.project) == ("500ms", "5min", "default")
    assert (settings.backfill.workers, settings.backfill.target_ms, settings.backfill.max_lag) == (1, 100, "2s")
    gate = settings.gate
    assert (gate.soak, gate.max_gap, gate.max_age, gate.min_independent) == ("15min", "60s", "20s", 2)
    assert [source.kind for source in gate.source] == ["heartbeat", "sessions"]
    assert gate.service == ()
    assert (settings.lint.pg_version, settings.lint.select, settings.lint.fail_on) == (14, ("ALL",), "error")


def test_every_key_can_be_set(tmp_path):
    settings = load(write(tmp_path, FULL), {}).settings

    assert settings.project == "shop"
    assert settings.backfill.workers == 4
    assert [service.name for service in settings.gate.service] == ["web", "etl"]
    assert settings.gate.service[0].db_roles == ("web_l*",)
    assert [source.kind for source in settings.gate.source] == ["heartbeat"]
    assert settings.gate.ignore[0].role == "monitoring"
    assert settings.lint.severity == {"LK001": "warning"}


def test_pyproject_has_the_same_keys_in_its_section(tmp_path):
    text = "[project]\nname = 'shop'\n[tool.migrator]\nproject = 'shop'\n[tool.migrator.gate]\nsoak = '1min'\n"

    project = load(write(tmp_path, text, "pyproject.toml"), {})

    assert (project.settings.project, project.settings.gate.soak) == ("shop", "1min")
    assert project.source == tmp_path / "pyproject.toml"


def test_the_nearest_file_upwards_is_read_and_paths_are_relative_to_it(tmp_path):
    write(tmp_path, 'project = "outer"')
    inner = tmp_path / "service"
    deep = inner / "a" / "b"
    deep.mkdir(parents=True)
    write(inner, 'project = "inner"\nmigrations = "db"')

    project = load(deep, {})

    assert project.settings.project == "inner"
    assert project.migrations == inner / "db"


def test_a_pyproject_without_the_section_is_passed_over(tmp_path):
    write(tmp_path, 'project = "outer"')
    inner = tmp_path / "inner"
    inner.mkdir()
    write(inner, "[project]\nname = 'x'\n[tool.other]\nx = 1\n", "pyproject.toml")

    assert load(inner, {}).settings.project == "outer"


def test_migrator_toml_wins_over_pyproject_in_one_folder(tmp_path):
    write(tmp_path, "[tool.migrator]\nproject = 'pyproject'\n", "pyproject.toml")
    write(tmp_path, 'project = "own"')

    assert load(tmp_path, {}).settings.project == "own"


@pytest.mark.parametrize(
    ("text", "key", "place", "hint"),
    [
        ('lock_timout = "1s"', "lock_timout", "[tool.migrator]", 'did you mean "lock_timeout"?'),
        ("[backfil]\nworkers = 1", "backfil", "[tool.migrator]", 'did you mean "backfill"?'),
        ("[backfill]\nworker = 1", "worker", "[tool.migrator.backfill]", 'did you mean "workers"?'),
        ('[gate]\nsoke = "1s"', "soke", "[tool.migrator.gate]", 'did you mean "soak"?'),
        ('[[gate.service]]\nname = "a"\nrole = "x"', "role", "[tool.migrator.gate.service]", "db_roles"),
        ('[[gate.source]]\nkind = "sessions"\nrequire = true', "require", "[tool.migrator.gate.source]", "required"),
        ("[lint]\nselects = []", "selects", "[tool.migrator.lint]", 'did you mean "select"?'),
        ('[[tool.migrator.gate.service]]\nname = "a"', "tool", "[tool.migrator]", "[[gate.service]] in this file"),
        ("tool = 1", "tool", "[tool.migrator]", "known keys: alembic, backfill"),
        ("zzzzzz = 1", "zzzzzz", "[tool.migrator]", "known keys: alembic, backfill, gate, lint, lock_budget"),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(tmp_path, text, key, place, hint):
    error = refused(tmp_path, text)

    assert error.message == f'unknown key "{key}" in {place}'
    assert error.at == str(tmp_path / "migrator.toml")
    assert hint in error.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('lock_timeout = "fast"', ["lock_timeout"]),
        ("lock_timeout = 500", ["lock_timeout", "str"]),
        ('lock_timeout = "1.5s"', ["lock_timeout"]),
        ('lock_timeout = ""', ["lock_timeout"]),
        ("[backfill]\nworkers = 0", ["backfill.workers", "1"]),
        ("[backfill]\nworkers = 65", ["backfill.workers", "64"]),
        ('[backfill]\nworkers = "two"', ["backfill.workers", "int"]),
        ('[[gate.service]]\nname = "a"\nkind = "short"', ["gate.service", "short"]),
        ("[[gate.service]]\nttl = '5s'", ["name"]),
        ('[[gate.service]]\nname = ""', ["gate.service"]),
        ('[[gate.source]]\nkind = "astrology"', ["astrology"]),
        ("[[gate.ignore]]\nrole = 'x'", ["reason"]),
        ("[lint]\npg_version = 9", ["lint.pg_version"]),
        ("gate = 1", ["gate"]),
        ("[lint]\nselect = 'ALL'", ["lint.select", "array"]),
    ],
)
def test_a_value_of_the_wrong_form_names_its_key(tmp_path, text, words):
    error = refused(tmp_path, text)

    for word in words:
        assert word in error.message
    assert "$" not in error.message


def test_a_wrong_duration_says_what_was_found_and_what_is_wanted(tmp_path):
    error = refused(tmp_path, '[gate]\nsoak = "a while"')

    assert error.message == (
        'configuration: gate.soak: expected an integer with ms, s, min, h or d, as in 15min, found "a while"'
    )
    assert error.at == str(tmp_path / "migrator.toml")


def test_broken_toml_says_where(tmp_path):
    error = refused(tmp_path, "project = \n")

    assert "migrator.toml is not valid TOML" in error.message
    assert "line 1" in error.message


def test_a_file_that_is_not_utf8_is_no_traceback(tmp_path):
    (tmp_path / "migrator.toml").write_bytes(b'project = "\xff"')

    with pytest.raises(UsageError, match="not valid TOML"):
        load(tmp_path, {})


def test_a_service_named_twice_is_refused(tmp_path):
    error = refused(tmp_path, '[[gate.service]]\nname = "web"\n[[gate.service]]\nname = "web"\n')

    assert error.message == 'service "web" is configured twice'


def test_expecting_zero_instances_needs_a_reason(tmp_path):
    error = refused(tmp_path, '[[gate.service]]\nname = "etl"\nexpect = "zero"\nreason = "  "\n')

    assert error.message == 'service "etl" expects zero instances without a reason'


def test_a_ttl_that_would_beat_more_than_once_a_second_is_refused(tmp_path):
    error = refused(tmp_path, '[[gate.service]]\nname = "web"\nttl = "2s"\n')

    assert "at least 3s is needed" in error.message


def test_the_environment_wins_over_the_file(tmp_path):
    environment = {
        "MIGRATOR_LOCK_TIMEOUT": "100ms",
        "MIGRATOR_MIGRATIONS": "elsewhere",
        "MIGRATOR_PROJECT": "7",
        "MIGRATOR_BACKFILL_WORKERS": "8",
        "MIGRATOR_GATE_SOAK": "3s",
        "MIGRATOR_LINT_PG_VERSION": "17",
    }

    settings = load(write(tmp_path, FULL), environment).settings

    assert (settings.lock_timeout, settings.migrations, settings.project) == ("100ms", "elsewhere", "7")
    assert (settings.backfill.workers, settings.gate.soak, settings.lint.pg_version) == (8, "3s", 17)
    assert settings.backfill.target_ms == 50


def test_the_environment_reaches_sections_the_file_does_not_have(tmp_path):
    assert load(tmp_path, {"MIGRATOR_GATE_SOAK": "1s"}).settings.gate.soak == "1s"


def test_a_wrong_value_in_the_environment_names_the_variable(tmp_path):
    error = refused(tmp_path, "", {"MIGRATOR_BACKFILL_WORKERS": "many"})

    assert error.message == 'configuration: backfill.workers: expected `int`, got `str`, found "many"'
    assert error.at == "environment variable MIGRATOR_BACKFILL_WORKERS"


def test_other_variables_of_the_tool_are_no_settings(tmp_path):
    environment = {"MIGRATOR_DATABASE_URL": "postgresql://x", "MIGRATOR_DEBUG": "1", "MIGRATOR_TEST_POSTGRES": "14"}

    assert load(tmp_path, environment).settings == Settings()


@pytest.mark.parametrize(
    ("text", "value"),
    [("500ms", 500), ("0ms", 0), ("2s", 2000), ("15min", 900_000), ("1h", 3_600_000), ("1d", 86_400_000)],
)
def test_durations(text, value):
    assert milliseconds(text) == value
    assert seconds(text) == value / 1000


@pytest.mark.parametrize("text", ["", "5", "5m", "1.5s", "-1s", " 1s", "1 s", "1S", "s", "1s\n", "٣s"])
def test_what_is_not_a_duration_is_refused(text):
    with pytest.raises(UsageError, match="is not a duration"):
        milliseconds(text)


def test_the_json_schema_knows_every_section_and_no_other_key():
    schema = json.loads(json.dumps(config.json_schema()))

    assert schema["$defs"]["Settings"]["additionalProperties"] is False
    assert set(schema["$defs"]["Settings"]["properties"]) == {
        "alembic", "migrations", "project", "lock_timeout", "lock_budget", "backfill", "gate", "lint",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[backfill]\nmax_lagg = '2s'", 'did you mean "max_lag"'),
        ("[backfill]\nmax_growth = '5 pounds'", "integer with kB, MB, GB or TB"),
        ("[backfill]\nquiet_hours = ['8-20']", "hours as in 08:00-20:00"),
        ("[backfill]\ntime_zone = 'Mars/Base'", 'time_zone "Mars/Base" is not known'),
        ("[[backfill.signal]]\nname = 'x'\nkind = 'sql'", 'signal "x" needs "query"'),
        ("[[backfill.signal]]\nname = 'x'\nkind = 'http'\nurl = 'ftp://x'", "neither http nor https"),
        ("[[backfill.signal]]\nname = 'x'\nkind = 'sql'\nquerry = 'y'", 'did you mean "query"'),
    ],
)
def test_signals_of_a_backfill_are_checked(tmp_path, text, said):
    (tmp_path / "migrator.toml").write_text(text)
    with pytest.raises(UsageError) as refused:
        config.load(tmp_path, {})
    assert said in refused.value.render()


@pytest.mark.parametrize(("text", "value"), [("1kB", 1024), ("256MB", 1 << 28), ("2TB", 1 << 41), ("off", None)])
def test_sizes(text, value):
    assert config.size_bytes(text) == value


@pytest.mark.parametrize("text", ["", "5", "5mb", "1.5GB", "-1MB", "none"])
def test_what_is_not_a_size_is_refused(text):
    with pytest.raises(UsageError, match="is not a size"):
        config.size_bytes(text)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("migrator.toml", "", "add [[gate.service]] to migrator.toml"),
        ("pyproject.toml", "[tool.migrator]", "add [[tool.migrator.gate.service]] to pyproject.toml"),
        ("pyproject.toml", "", "add [[gate.service]] to migrator.toml"),
    ],
)
def test_hints_name_the_file_and_the_keys_that_the_project_has(tmp_path: Path, file: str, content: str, said: str):
    (tmp_path / file).write_text(content, encoding="utf-8")
    assert config.in_own_words("add [[tool.migrator.gate.service]] to pyproject.toml", tmp_path) == said
