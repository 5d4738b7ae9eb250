"""Row security on the tables, an application that is bound by it, and a tool that is no superuser."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from migrator.errors import Refused
from migrator.model.plan import Migration
from tests.support.sandbox import Sandbox, open_sandbox, refusal

OFFLINE = "nobody is connected in this test"
ITEMS = (
    "CREATE TABLE items (id int PRIMARY KEY, tenant int NOT NULL, a text, b text, n int);"
    "INSERT INTO items SELECT g, g % 3, 'a' || g, 'b' || g, nullif(g % 5, 0) FROM generate_series(1, 30) AS g;"
)
BESIDE = (
    "CREATE TABLE beside (item_id int PRIMARY KEY REFERENCES items ON DELETE CASCADE, tenant int, c text);"
    "INSERT INTO beside SELECT id, tenant, 'c' || id FROM items;"
)


@pytest.fixture(scope="session")
def template_database(empty_database: str) -> str:
    """Without a ledger: the owner of the tables is to own it."""
    return empty_database


@dataclass
class Tenants:
    """A database whose owner is no superuser, and an application role.

    Attributes:
        sandbox: connected as the owner of the tables.
        admin: connected as a superuser.
    """

    sandbox: Sandbox
    admin: Sandbox
    owner: str
    app: str

    def secure(self, *tables: str) -> None:
        """Policies by tenant, and the rights of the application."""
        for table in tables:
            self.sandbox.execute(
                f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
                f"CREATE POLICY own ON {table} USING (tenant = current_setting('app.tenant')::int);"
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {self.app}"
            )

    def as_tenant(self, tenant: int, *statements: str) -> list[tuple[Any, ...]]:
        """What the application gets as the rows of the last statement."""
        with psycopg.connect(self.admin.url, user=self.app, autocommit=True, prepare_threshold=None) as connection:
            connection.execute(f"SET app.tenant = {tenant}")
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def expand(self, sql: str) -> Migration:
        self.sandbox.install()
        migration = self.sandbox.new("change", sql)
        self.sandbox.expand(migration)
        return migration

    def finish(self, migration: Migration) -> None:
        self.sandbox.backfill(migration)
        self.sandbox.contract(migration, offline=OFFLINE)
        assert self.sandbox.leftovers() == []


@pytest.fixture
def tenants(tmp_path: Path, database_url: str) -> Iterator[Tenants]:
    owner, app = (f"{what}_{secrets.token_hex(4)}" for what in ("owner", "app"))
    parts = urlsplit(database_url)
    with open_sandbox(tmp_path, database_url) as admin:
        name = admin.value("SELECT quote_ident(current_database())")
        admin.execute(
            f"CREATE ROLE {owner} LOGIN; CREATE ROLE {app} LOGIN; GRANT CREATE ON DATABASE {name} TO {owner};"
            f"GRANT CREATE ON SCHEMA public TO {owner}; GRANT pg_read_all_stats TO {owner}"
        )
        try:
            url = urlunsplit(parts._replace(netloc=f"{owner}@{parts.netloc.rpartition('@')[2]}"))
            with open_sandbox(tmp_path, url) as sandbox:
                yield Tenants(sandbox, admin, owner, app)
        finally:
            admin.execute(f"DROP OWNED BY {owner}, {app} CASCADE; DROP ROLE {owner}, {app}")


@pytest.mark.parametrize(
    ("sql", "old", "new", "seen", "rows"),
    [
        (
            "ALTER TABLE items RENAME COLUMN a TO z",
            "INSERT INTO items (id, tenant, a) VALUES (100, 1, 'old')",
            "INSERT INTO items (id, tenant, z) VALUES (101, 1, 'new')",
            "SELECT id, z FROM items",
            [(1, "a1"), (4, "a4"), (100, "old"), (101, "new")],
        ),
        (
            "ALTER TABLE items ALTER COLUMN n TYPE bigint",
            "INSERT INTO items (id, tenant, n) VALUES (100, 1, 7)",
            "UPDATE items SET n = 8 WHERE id = 4",
            "SELECT id, n FROM items",
            [(1, 1), (4, 8), (100, 7)],
        ),
        (
            ("-- migrator: up = a || '+' || b\n-- migrator: down = split_part(z, '+', 1), split_part(z, '+', 2)\n"
            "ALTER TABLE items ADD COLUMN z text, DROP COLUMN a, DROP COLUMN b"),
            "INSERT INTO items (id, tenant, a, b) VALUES (100, 1, 'old', 'x')",
            "INSERT INTO items (id, tenant, z) VALUES (101, 1, 'new+y')",
            "SELECT id, z FROM items",
            [(1, "a1+b1"), (4, "a4+b4"), (100, "old+x"), (101, "new+y")],
        ),
        (
            ("-- migrator: up = a, upper(a)\n-- migrator: down = y\n"
            "ALTER TABLE items ADD COLUMN y text, ADD COLUMN z text, DROP COLUMN a"),
            "INSERT INTO items (id, tenant, a, b) VALUES (100, 1, 'old', 'x')",
            "INSERT INTO items (id, tenant, y, z) VALUES (101, 1, 'new', 'y')",
            "SELECT id, y FROM items",
            [(1, "a1"), (4, "a4"), (100, "old"), (101, "new")],
        ),
        (
            "-- migrator: fill = 0\nALTER TABLE items ALTER COLUMN n SET NOT NULL",
            "INSERT INTO items (id, tenant) VALUES (100, 1)",
            "INSERT INTO items (id, tenant, n) VALUES (101, 1, 9)",
            "SELECT id, n FROM items",
            [(1, 1), (4, 4), (10, 0), (100, 0), (101, 9)],
        ),
        (
            "-- migrator: into = items\n-- migrator: without = tenant\nDROP TABLE beside",
            "INSERT INTO items (id, tenant) VALUES (100, 1); INSERT INTO beside VALUES (100, 1, 'old')",
            "INSERT INTO items (id, tenant, c) VALUES (101, 1, 'new')",
            "SELECT id, c FROM items",
            [(1, "c1"), (4, "c4"), (100, "old"), (101, "new")],
        ),
        (
            "-- migrator: to = items (id)\nALTER TABLE beside DROP COLUMN c",
            "INSERT INTO items (id, tenant) VALUES (100, 1); INSERT INTO beside VALUES (100, 1, 'old')",
            ("INSERT INTO items (id, tenant, c) VALUES (101, 1, 'new'); INSERT INTO beside (item_id) VALUES (101);"
            "UPDATE items SET c = 'new' WHERE id = 4"),
            "SELECT id, c FROM items",
            [(1, "c1"), (4, "new"), (100, "old"), (101, "new")],
        ),
        (
            "ALTER TABLE items RENAME TO things",
            "INSERT INTO items (id, tenant) VALUES (100, 1)",
            "INSERT INTO things (id, tenant) VALUES (101, 1)",
            "SELECT id, tenant FROM things",
            [(1, 1), (4, 1), (100, 1), (101, 1)],
        ),
    ],
    ids=["rename_column", "change_type", "merge_columns", "split_column", "set_not_null", "merge_tables", "move_column",
         "rename_table"],
)  # fmt: skip
def test_every_tenant_keeps_its_rows_and_sees_no_others(
    tenants: Tenants, sql: str, old: str, new: str, seen: str, rows: list[tuple[Any, ...]]
) -> None:
    tenants.sandbox.execute(ITEMS + BESIDE)
    tenants.secure("items")
    tenants.sandbox.execute(f"GRANT ALL ON beside TO {tenants.app}")
    if "things" in sql and tenants.sandbox.session.server_version < 15:
        with pytest.raises(Refused, match="has row security, and a view on PostgreSQL"):
            tenants.expand(sql)
        return
    migration = tenants.expand(sql)
    tenants.as_tenant(1, *old.split(";"))
    tenants.as_tenant(1, *new.split(";"))
    assert not [row for row in tenants.as_tenant(2, seen) if row[0] % 3 != 2]
    tenants.finish(migration)
    ids = [row[0] for row in rows]
    assert sorted(row for row in tenants.as_tenant(1, seen) if row[0] in ids) == rows
    assert len(tenants.as_tenant(2, seen)) == 10
    assert tenants.sandbox.value(f"SELECT count(*) FROM ({seen}) AS s") == 30 + len([i for i in ids if i >= 100])


MANY = (
    "CREATE TABLE many (id int PRIMARY KEY, item_id int REFERENCES items, n int); CREATE INDEX ON many (item_id);"
    "INSERT INTO many SELECT id, id, 1 FROM items; CREATE UNIQUE INDEX ON many (item_id) WHERE n > 0;"
)
OWN = "(item_id int REFERENCES items ON DELETE CASCADE ON UPDATE CASCADE, {}, PRIMARY KEY (item_id{}))"


@pytest.mark.parametrize(
    ("sql", "old", "new", "seen", "rows"),
    [
        (
            f"-- migrator: from = items\nCREATE TABLE texts {OWN.format('a text', '')}",
            "INSERT INTO items (id, tenant, a) VALUES (100, 1, 'old'); UPDATE items SET a = 'x' WHERE id = 1",
            "UPDATE texts SET a = 'new' WHERE item_id = 2; DELETE FROM texts WHERE item_id = 3",
            "SELECT item_id, a FROM texts WHERE item_id IN (1, 2, 3, 4, 100) ORDER BY 1",
            [(1, "x"), (2, "new"), (4, "a4"), (100, "old")],
        ),
        (
            f"-- migrator: unnest = items (tags)\nCREATE TABLE tagged {OWN.format('tag int', ', tag')}",
            "UPDATE items SET tags = '{7,8}' WHERE id = 1",
            (
                "INSERT INTO tagged VALUES (2, 9); UPDATE tagged SET tag = 5 WHERE item_id = 4;"
                "DELETE FROM tagged WHERE item_id = 3"
            ),
            "SELECT item_id, tag FROM tagged WHERE item_id < 6 ORDER BY 1, 2",
            [(1, 7), (1, 8), (2, 1), (2, 9), (4, 5), (5, 1)],
        ),
        (
            f"-- migrator: extract = items (a AS v, b)\nCREATE TABLE tagged {OWN.format('v text, b text', ', v')}",
            "UPDATE items SET a = 'x', b = 'y' WHERE id = 1; UPDATE items SET a = NULL, b = NULL WHERE id = 5",
            (
                "INSERT INTO tagged VALUES (2, 'z', 'new'); UPDATE tagged SET b = 'c' WHERE item_id = 4;"
                "DELETE FROM tagged WHERE item_id = 3"
            ),
            "SELECT item_id, v, b FROM tagged WHERE item_id < 6 ORDER BY 1, 2",
            [(1, "x", "y"), (2, "a2", "b2"), (2, "z", "new"), (4, "a4", "c")],
        ),
        (
            "-- migrator: to = many (item_id)\n-- migrator: many = true\nALTER TABLE items DROP COLUMN a",
            "UPDATE items SET a = 'x' WHERE id = 1; INSERT INTO many VALUES (101, 1, 0)",
            "UPDATE many SET a = 'new' WHERE id = 2",
            "SELECT id, a FROM many WHERE id IN (1, 2, 3, 101) ORDER BY 1",
            [(1, "x"), (2, "new"), (3, "a3"), (101, "x")],
        ),
        (
            "-- migrator: to = many (item_id)\n-- migrator: where = n > 0\nALTER TABLE items DROP COLUMN a",
            (
                "UPDATE items SET a = 'x' WHERE id = 1; UPDATE many SET n = 0 WHERE id = 1;"
                "INSERT INTO many VALUES (101, 1, 1)"
            ),
            "UPDATE many SET a = 'new' WHERE id = 2; INSERT INTO many VALUES (102, 2, 0, 'own')",
            "SELECT id, a FROM many WHERE id IN (1, 2, 3, 101, 102) ORDER BY 1",
            [(1, "x"), (2, "new"), (3, "a3"), (101, "x"), (102, "own")],
        ),
    ],
    ids=["split_table", "unnest_column", "extract_junction", "move_column to many", "move_column to the chosen one"],
)
def test_a_tool_that_is_no_superuser_moves_what_an_application_writes(
    tenants: Tenants, sql: str, old: str, new: str, seen: str, rows: list[tuple[Any, ...]]
) -> None:
    tenants.sandbox.execute(
        f"{ITEMS} {MANY} ALTER TABLE items ADD tags int[] DEFAULT '{{1}}';"
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON items, many TO {tenants.app}"
    )
    before = tenants.sandbox.snapshot()
    migration = tenants.expand(sql)
    tenants.sandbox.backfill(migration)
    tenants.sandbox.rollback(migration, offline=OFFLINE)
    assert tenants.sandbox.snapshot() == before
    tenants.sandbox.expand(migration)
    tenants.sandbox.backfill(migration)
    tenants.as_tenant(1, *old.split(";"), *new.split(";"))
    tenants.finish(migration)
    assert tenants.as_tenant(1, seen) == rows


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE items RENAME COLUMN a TO z",
        "ALTER TABLE items ALTER COLUMN n TYPE bigint",
        "-- migrator: into = items\n-- migrator: without = tenant\nDROP TABLE beside",
        "-- migrator: to = items (id)\nALTER TABLE beside DROP COLUMN c",
    ],
    ids=["rename_column", "change_type", "merge_tables", "move_column"],
)
def test_policies_that_bind_the_owner_since_expand_stop_contract_and_rollback(tenants: Tenants, sql: str) -> None:
    tenants.sandbox.execute(ITEMS + BESIDE)
    tenants.secure("items")
    before = tenants.sandbox.snapshot()
    migration = tenants.expand(sql)
    tenants.sandbox.backfill(migration)
    tenants.sandbox.execute("ALTER TABLE items FORCE ROW LEVEL SECURITY")
    for phase in (tenants.sandbox.contract, tenants.sandbox.rollback):
        with pytest.raises(Refused, match="forces row security on its owner since expand") as caught:
            phase(migration, offline=OFFLINE)
        assert "ALTER TABLE public.items NO FORCE ROW LEVEL SECURITY" in refusal(caught.value)
    tenants.sandbox.execute("ALTER TABLE items NO FORCE ROW LEVEL SECURITY")
    tenants.sandbox.rollback(migration, offline=OFFLINE, yes=True)
    assert tenants.sandbox.snapshot() == before


def test_a_role_that_policies_bind_does_not_backfill(tenants: Tenants) -> None:
    tenants.sandbox.execute(ITEMS)
    tenants.secure("items")
    migration = tenants.expand("ALTER TABLE items RENAME COLUMN a TO z")
    tenants.sandbox.execute(
        f"GRANT USAGE ON SCHEMA migrator TO {tenants.app}; GRANT ALL ON ALL TABLES IN SCHEMA migrator TO {tenants.app};"
        f"GRANT ALL ON ALL SEQUENCES IN SCHEMA migrator TO {tenants.app}"
    )
    outcome = tenants.sandbox.command("backfill", url=tenants.sandbox.url.replace(tenants.owner, tenants.app))
    assert outcome.code == 1
    assert "row-level security of public.items hides rows from this role" in outcome.err
    assert tenants.sandbox.value("SELECT count(*) FROM items WHERE z IS NOT NULL") == 0
    assert tenants.sandbox.state(migration) != "backfilled"
