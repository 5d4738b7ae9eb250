"""What a subscriber in PostgreSQL sees of a table while its columns change: a real publication and subscription."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrator import embedded
from migrator.model.plan import Migration
from tests.conftest import external_url, wanted_installation
from tests.support.sandbox import Sandbox, open_sandbox, wait_for

TABLE = "CREATE TABLE users (id integer PRIMARY KEY, name text DEFAULT 'none', age integer)"
LOGICAL = {**embedded.FAST, "wal_level": "logical", "wal_retrieve_retry_interval": "100ms"}
"""A subscription that met an error tries again after the latter."""


@dataclass
class Pair:
    """A database that publishes its table, and one that subscribes to it."""

    publisher: Sandbox
    subscriber: psycopg.Connection[Any]

    def write(self, *statements: str) -> None:
        for statement in statements:
            self.publisher.execute(statement)

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        return self.subscriber.execute(f"SELECT {columns} FROM users ORDER BY id").fetchall()

    def follows(self, columns: str, there: str = "") -> None:
        """Wait until the subscriber has in ``there`` what the publisher has in ``columns``."""
        wanted = self.publisher.rows(f"SELECT {columns} FROM users ORDER BY id")
        wait_for(lambda: self.rows(there or columns) == wanted, f"{there or columns} as {wanted}")

    def add_what_the_note_says(self, migration: Migration, types: str) -> list[str]:
        """Give the subscriber the columns that expand is going to add, as the note tells."""
        (text,) = [
            note for note in self.publisher.command("expand", "--dry-run").err.splitlines() if "before expand" in note
        ]
        match = re.search(r"need (.*) before expand", text)
        assert match, text
        names = match[1].split(", ")
        for name in names:
            self.subscriber.execute(f"ALTER TABLE users ADD COLUMN {name} {types}")
        return names

    def finish(self, migration: Migration) -> None:
        self.publisher.contract(migration, offline="nobody is connected in this test")


@pytest.fixture(scope="module")
def logical_server() -> Iterator[embedded.Server]:
    major = None if external_url() else wanted_installation().major
    with embedded.start(major=major, settings=LOGICAL) as server:
        yield server


@pytest.fixture
def pair(logical_server: embedded.Server, tmp_path: Path) -> Iterator[Pair]:
    with psycopg.connect(logical_server.url(), autocommit=True) as admin:
        for name in ("here", "there"):
            admin.execute(f"CREATE DATABASE {name}")
        with psycopg.connect(logical_server.url("there"), autocommit=True) as subscriber:
            with open_sandbox(tmp_path, logical_server.url("here")) as publisher:
                publisher.configure({"name": "web", "ttl": "1h"})
                publisher.execute(TABLE)
                publisher.execute("CREATE PUBLICATION users FOR TABLE users")
                # The slot is made apart: a subscription to the same server would wait for itself.
                publisher.value("SELECT pg_create_logical_replication_slot('users', 'pgoutput')::text")
                subscriber.execute(TABLE)
                subscriber.execute(
                    f"CREATE SUBSCRIPTION users CONNECTION '{logical_server.url('here')}' PUBLICATION users"
                    " WITH (create_slot = false, copy_data = false)"
                )
                pair = Pair(publisher, subscriber)
                pair.write("INSERT INTO users SELECT g, 'n' || g, g FROM generate_series(1, 20) AS g")
                pair.follows("id, name, age")
                yield pair
            subscriber.execute("ALTER SUBSCRIPTION users DISABLE")
            wait_for(
                lambda: admin.execute("SELECT NOT active FROM pg_replication_slots").fetchone() == (True,), "it ended"
            )
            subscriber.execute("DROP SUBSCRIPTION users")
        for name in ("here", "there"):
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_renamed_column_arrives_under_both_names_and_after_contract_under_the_new_one(pair: Pair):
    migration = pair.publisher.new("rename", "ALTER TABLE users RENAME COLUMN name TO full_name")
    assert pair.add_what_the_note_says(migration, "text") == ["full_name"]
    assert "nothing is published for public.users.name" in pair.publisher.command("expand", "--dry-run").err

    pair.publisher.expand(migration)
    pair.write(
        "INSERT INTO users (id, name) VALUES (21, 'old')", "INSERT INTO users (id, full_name) VALUES (22, 'new')"
    )
    pair.follows("id, name, full_name")
    assert pair.rows("name, full_name")[:1] == [("n1", None)]
    pair.publisher.backfill(migration)
    pair.follows("id, name, full_name")
    pair.finish(migration)
    pair.write(
        "UPDATE users SET full_name = 'after' WHERE id = 1", "INSERT INTO users (id, full_name) VALUES (23, 'last')"
    )

    pair.follows("id, full_name")
    assert pair.rows("name")[0] == ("n1",), "the old name is not sent any more"
    assert pair.rows("name")[-1] == ("none",), "and gets the default of the subscriber"


def test_an_added_column_arrives_with_its_backfill(pair: Pair):
    migration = pair.publisher.new(
        "add", "-- migrator: fill = age * 2\nALTER TABLE users ADD COLUMN doubled integer NOT NULL"
    )
    assert pair.add_what_the_note_says(migration, "integer") == ["doubled"]

    pair.publisher.expand(migration)
    pair.write("INSERT INTO users (id, age) VALUES (21, 5)", "INSERT INTO users (id, age, doubled) VALUES (22, 5, 7)")
    pair.follows("id, doubled")
    pair.publisher.backfill(migration)
    pair.follows("id, doubled")
    assert pair.rows("doubled")[:1] == [(2,)]
    pair.finish(migration)
    pair.write("UPDATE users SET doubled = 100 WHERE id = 1")

    pair.follows("id, name, age, doubled")


def test_a_changed_type_arrives_in_the_column_itself_once_the_subscriber_can_hold_it(pair: Pair):
    migration = pair.publisher.new("widen", "ALTER TABLE users ALTER COLUMN age TYPE bigint")
    (shadow,) = pair.add_what_the_note_says(migration, "bigint")
    assert shadow.startswith("migrator_")
    assert "published as bigint from contract on" in pair.publisher.command("expand", "--dry-run").err

    pair.publisher.expand(migration)
    pair.write("INSERT INTO users (id, age) VALUES (21, 5)")
    pair.follows(f"id, age, {shadow}")
    pair.publisher.backfill(migration)
    pair.follows(f"id, age, {shadow}")
    pair.finish(migration)
    pair.write("UPDATE users SET age = 6 WHERE id = 1")
    pair.follows("id, age")
    pair.write("UPDATE users SET age = 5000000000 WHERE id = 2", "INSERT INTO users (id, age) VALUES (22, 8)")
    wait_for(lambda: pair.publisher.value("SELECT count(*) FROM pg_replication_slots WHERE NOT active"), "it stopped")
    assert pair.rows("age")[1] == (2,)

    pair.subscriber.execute("ALTER TABLE users ALTER COLUMN age TYPE bigint")

    pair.follows("id, age")
    pair.subscriber.execute(f"ALTER TABLE users DROP COLUMN {shadow}")
    pair.write("UPDATE users SET age = 7 WHERE id = 3")
    pair.follows("id, age")


def test_a_subscriber_without_the_column_stops_and_loses_nothing_once_it_has_it(pair: Pair):
    migration = pair.publisher.new("rename", "ALTER TABLE users RENAME COLUMN name TO full_name")
    pair.publisher.expand(migration)
    pair.write("INSERT INTO users (id, name) VALUES (21, 'old')")
    wait_for(lambda: pair.publisher.value("SELECT count(*) FROM pg_replication_slots WHERE NOT active"), "it stopped")
    pair.publisher.backfill(migration)
    assert len(pair.rows("id")) == 20

    pair.subscriber.execute("ALTER TABLE users ADD COLUMN full_name text")

    pair.follows("id, name, full_name")
    pair.publisher.rollback(migration, offline="nobody is connected in this test")
    pair.write("UPDATE users SET name = 'back' WHERE id = 21")
    pair.follows("id, name")


def test_a_column_that_a_publication_lists_arrives_in_its_new_type_and_nothing_is_left_out(pair: Pair):
    if pair.publisher.session.server_version < 15:
        pytest.skip("column lists came with PostgreSQL 15")
    pair.write("ALTER PUBLICATION users SET TABLE users (age, id) WHERE (id > 0)")
    pair.subscriber.execute("ALTER TABLE users DROP COLUMN name, ALTER COLUMN age TYPE bigint")
    migration = pair.publisher.new("widen", "ALTER TABLE users ALTER COLUMN age TYPE bigint")
    assert "subscribers see the new type, and nothing else" in pair.publisher.command("expand", "--dry-run").err

    pair.publisher.expand(migration)
    pair.write("INSERT INTO users (id, age) VALUES (21, 5)")
    pair.follows("id, age")
    pair.publisher.backfill(migration)
    pair.write("UPDATE users SET age = 6 WHERE id = 1")
    pair.finish(migration)
    pair.write("UPDATE users SET age = 5000000000 WHERE id = 2", "INSERT INTO users (id, age) VALUES (22, 8)")
    pair.follows("id, age")
    pair.subscriber.execute("ALTER SUBSCRIPTION users REFRESH PUBLICATION WITH (copy_data = false)")
    pair.write("DELETE FROM users WHERE id = 3")
    pair.follows("id, age")


BY_AGE = "ALTER TABLE users DROP CONSTRAINT users_pkey, ADD PRIMARY KEY (age)"
ANOTHER_KEY = f"ALTER TABLE users ALTER age SET NOT NULL; {BY_AGE}"


def test_a_subscriber_with_the_old_primary_key_stops_and_loses_nothing_once_it_has_the_new_one(pair: Pair):
    migration = pair.publisher.new("key", ANOTHER_KEY)
    pair.publisher.expand(migration)
    pair.write("UPDATE users SET name = 'before' WHERE id = 1")
    pair.follows("id, name, age")
    pair.finish(migration)
    pair.write("INSERT INTO users VALUES (21, 'x', 21)", "UPDATE users SET name = 'after' WHERE id = 1")
    wait_for(lambda: pair.publisher.value("SELECT count(*) FROM pg_replication_slots WHERE NOT active"), "it stopped")
    assert pair.rows("name")[0] == ("before",)

    pair.subscriber.execute(BY_AGE)

    pair.follows("id, name, age")
    pair.write("UPDATE users SET id = 100 WHERE age = 2", "DELETE FROM users WHERE age = 3")
    pair.follows("id, name, age")


def test_with_the_whole_row_as_its_identity_a_subscriber_follows_through_a_change_of_the_primary_key(pair: Pair):
    migration = pair.publisher.new("key", f"ALTER TABLE users REPLICA IDENTITY FULL; {ANOTHER_KEY}")
    pair.publisher.expand(migration)
    pair.write("UPDATE users SET name = 'before' WHERE id = 1")
    pair.finish(migration)
    pair.write("INSERT INTO users VALUES (21, 'x', 21)", "UPDATE users SET name = 'after' WHERE id = 1")
    pair.follows("id, name, age")
    pair.subscriber.execute(BY_AGE)
    pair.write("ALTER TABLE users REPLICA IDENTITY DEFAULT", "UPDATE users SET name = 'last' WHERE id = 2")
    pair.follows("id, name, age")


@pytest.fixture
def listed(pair: Pair) -> Pair:
    if pair.publisher.session.server_version < 15:
        pytest.skip("column lists came with PostgreSQL 15")
    pair.write("ALTER PUBLICATION users SET TABLE users (id, name, age)")
    return pair


def test_a_list_with_a_renamed_column_sends_both_names_and_then_the_new_one(listed: Pair):
    migration = listed.publisher.new("rename", "ALTER TABLE users RENAME COLUMN name TO full_name")
    assert "comes into the column lists of users" in listed.publisher.command("expand", "--dry-run").err
    listed.subscriber.execute("ALTER TABLE users ADD COLUMN full_name text")

    listed.publisher.expand(migration)
    listed.write("INSERT INTO users (id, name) VALUES (21, 'old')", "UPDATE users SET full_name = 'x' WHERE id = 20")
    listed.follows("id, name, full_name")
    listed.publisher.backfill(migration)
    listed.write("DELETE FROM users WHERE id = 2")
    listed.follows("id, name, full_name")
    listed.finish(migration)
    listed.write("UPDATE users SET full_name = 'after' WHERE id = 1")

    listed.follows("id, full_name, age")
    assert listed.rows("name")[0] == ("n1",), "the old name is not sent any more"


def test_a_list_lets_go_of_a_dropped_column_and_loses_nothing_else(listed: Pair):
    migration = listed.publisher.new("drop", "ALTER TABLE users DROP COLUMN name")
    listed.publisher.expand(migration)
    listed.write("INSERT INTO users (id, name, age) VALUES (21, 'old', 1)")
    listed.follows("id, name, age")
    listed.finish(migration)
    listed.write("INSERT INTO users (id, age) VALUES (22, 2)", "UPDATE users SET age = 7 WHERE id = 21")

    listed.follows("id, age")
    assert listed.rows("id, name")[-2:] == [(21, "old"), (22, "none")]


def test_a_list_with_merged_columns_sends_both_sides_and_then_the_new_one(listed: Pair):
    migration = listed.publisher.new(
        "merge",
        "-- migrator: up = name || '/' || age\n"
        "-- migrator: down = split_part(whole, '/', 1), split_part(whole, '/', 2)::int\n"
        "ALTER TABLE users ADD COLUMN whole text, DROP COLUMN name, DROP COLUMN age",
    )
    listed.subscriber.execute("ALTER TABLE users ADD COLUMN whole text")
    listed.publisher.expand(migration)
    listed.publisher.backfill(migration)
    listed.write("INSERT INTO users (id, whole) VALUES (21, 'new/3')", "UPDATE users SET name = 'old' WHERE id = 1")
    listed.follows("id, name, age, whole")
    listed.finish(migration)
    listed.write("UPDATE users SET whole = 'last/9' WHERE id = 1")

    listed.follows("id, whole")
