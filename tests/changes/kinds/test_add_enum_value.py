"""``add_enum_value``: in expand, and rollback counts the rows that hold it."""

from __future__ import annotations

import pytest

from migrator.changes.registry import spec_from, spec_from_words
from migrator.model.schema import UserType
from migrator.planning import planner
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from tests.changes.plans import MIGRATION, NOTHING, Phase, TableName, changes, plan, refusal, schema, statements


def known(kind: str = "enum", **more):
    return schema(types={TableName("public", "mood"): UserType(kind, labels=("glad", "sad"))}, **more)


@pytest.mark.parametrize(
    ("sql", "added"),
    [
        ("ALTER TYPE mood ADD VALUE 'calm'", "'calm'"),
        ("ALTER TYPE public.mood ADD VALUE IF NOT EXISTS 'it''s' AFTER 'glad'", "'it''s' AFTER 'glad'"),
        ("ALTER TYPE mood ADD VALUE 'calm' BEFORE 'glad'", "'calm' BEFORE 'glad'"),
    ],
)
def test_it_is_added_in_expand_so_that_a_second_run_passes_over_it(sql: str, added: str):
    assert statements(sql, Phase.EXPAND, known()) == [f"ALTER TYPE public.mood ADD VALUE IF NOT EXISTS {added}"]
    assert statements(sql, Phase.CONTRACT, known()) == []
    assert statements(sql, Phase.ROLLBACK, known()) == []


def test_it_commits_before_the_next_step_which_may_use_it():
    sql = "ALTER TYPE mood ADD VALUE 'calm'; ALTER TYPE mood ADD VALUE 'meek' AFTER 'calm'"

    groups = [draft.group for draft in plan(sql, known()).drafts[Phase.EXPAND]]

    assert len(set(groups)) == 2
    assert None not in groups


def test_a_change_given_as_words_or_as_a_table_is_the_same():
    (change,) = changes("ALTER TYPE mood ADD VALUE 'calm' AFTER 'glad'", known())

    words = ["add_enum_value", "type=mood", "value=calm", "after=glad"]

    assert spec_from(change.as_table(), "x") == spec_from_words(words, "x") == (change.kind, change.spec)


@pytest.mark.parametrize(
    ("sql", "facts", "reason"),
    [
        ("ALTER TYPE mood ADD VALUE 'calm'", schema(), 'type "public.mood" does not exist'),
        ("ALTER TYPE mood ADD VALUE 'calm'", known("domain"), '"public.mood" is a domain, not an enum'),
        ("ALTER TYPE mood ADD VALUE 'calm' AFTER 'bad'", known(), "has no value 'bad' to put 'calm' beside"),
        (f"ALTER TYPE mood ADD VALUE '{'é' * 32}'", known(), "is 64 bytes long"),
        ("ALTER TYPE mood ADD VALUE ''", known(), "is 0 bytes long"),
        ("CREATE TYPE m AS ENUM ('a'); ALTER TYPE m ADD VALUE 'b'", schema(), "created by this migration"),
    ],
)
def test_what_cannot_be_added_is_refused(sql: str, facts, reason: str):
    assert reason in refusal(sql, facts).message


def test_a_value_that_is_there_and_a_database_that_is_not_are_said():
    assert "has the value 'sad' already" in plan("ALTER TYPE mood ADD VALUE 'sad'", known()).notes[0]
    assert "could not be checked" in plan("ALTER TYPE mood ADD VALUE 'calm'", NOTHING).notes[0]


def test_rows_are_counted_in_columns_arrays_domains_and_partitions(session: Session):
    session.execute(
        "CREATE TYPE mood AS ENUM ('glad', 'calm'); CREATE DOMAIN quiet AS mood; CREATE DOMAIN quiets AS mood[];"
        """CREATE TABLE "T" (m mood, "M s" mood[], q quiet, qs quiets, ds quiet[], o text);"""
        "CREATE TABLE p (id int, m mood) PARTITION BY RANGE (id);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);"
        "CREATE VIEW v AS SELECT m FROM p; CREATE MATERIALIZED VIEW mv AS SELECT m FROM p WITH NO DATA"
    )
    session.execute("REFRESH MATERIALIZED VIEW mv")
    for column, value in [("m", "calm"), ('"M s"', "{glad,calm}"), ("q", "calm"), ("qs", "{calm}"), ("ds", "{calm}")]:
        session.execute(f"INSERT INTO \"T\" ({column}, o) VALUES ('{value}', 'calm'), (NULL, 'calm')")
    session.execute("INSERT INTO p VALUES (1, 'calm'), (2, 'glad')")
    facts = read_schema(session, [])
    found = changes("ALTER TYPE mood ADD VALUE IF NOT EXISTS 'calm'", facts)

    ((_, obstacle),) = planner.obstacles_of(found, migration=MIGRATION, level=7, schema=facts)

    assert session.one(obstacle.count)[0] == 6
    assert obstacle.phase is Phase.ROLLBACK
