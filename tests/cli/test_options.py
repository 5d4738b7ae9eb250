"""Options that commands share."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from migrator.cli import options
from migrator.errors import UsageError


@pytest.fixture(autouse=True)
def bare_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_command_that_needs_a_database_says_how_to_name_one():
    with pytest.raises(UsageError) as refused:
        options.require_database(options.load_project(), None, None, "expand")

    assert refused.value.message == '"migrator expand" needs a database, and the environment names none'
    assert "DATABASE_URL" in refused.value.hint


def test_the_database_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://someone@localhost/shop")

    database = options.require_database(options.load_project(), None, "1min", "expand")

    assert (database.url, database.wait_s, database.command) == ("postgresql://someone@localhost/shop", 60.0, "expand")


def test_a_named_variable_wins_and_must_be_set(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://a")
    monkeypatch.setenv("OTHER", "postgresql://b")

    assert options.find_database("OTHER", None, "plan").url == "postgresql://b"
    with pytest.raises(UsageError, match="NOT_SET is not set"):
        options.find_database("NOT_SET", None, "plan")


def test_no_database_is_fine_where_none_is_needed():
    assert options.find_database(None, None, "new") is None


def test_a_wait_that_is_no_duration_is_refused():
    with pytest.raises(UsageError, match='"soon" is not a duration'):
        options.find_database(None, "soon", "plan")


def test_the_actor_is_user_at_host():
    user, _, host = options.actor().partition("@")
    assert user
    assert host


def test_json_starts_with_its_version_and_writes_dates_as_iso(capsys):
    options.emit_json({"at": datetime(2026, 11, 24, tzinfo=UTC), "name": "größe"})

    written = capsys.readouterr().out
    assert written.startswith('{\n  "schema_version": 1')
    assert "größe" in written
    assert json.loads(written)["at"] == "2026-11-24T00:00:00+00:00"
