"""``alter_constraint``: what nobody notices is for expand, what old code counts on changes at contract."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrator.errors import MigratorError
from migrator.model.schema import Relation, TableName
from tests.changes.plans import ID, NAME, NOTHING, Constraint, Phase, refusal, statements, users
from tests.support.sandbox import Sandbox, open_sandbox

KEY = "FOREIGN KEY (id) REFERENCES public.others(key)"
KNOWN = users(
    ID,
    NAME,
    constraints=(
        Constraint("plain", "foreign key", ("id",), KEY),
        Constraint("later", "foreign key", ("id",), f"{KEY} DEFERRABLE"),
        Constraint("latest", "foreign key", ("id",), f"{KEY} DEFERRABLE INITIALLY DEFERRED"),
        Constraint("loose", "foreign key", ("id",), f"{KEY} NOT ENFORCED", is_valid=False, comment="it's loose"),
        Constraint("above", "foreign key", ("id",), KEY, is_inherited=True),
        Constraint("there", "not null", ("name",), "NOT NULL name"),
        Constraint("here", "not null", ("id",), "NOT NULL id NO INHERIT"),
        Constraint("filled", "check", ("name",), "CHECK ((name <> ''::text))"),
    ),
)
FAMILY = (
    "CREATE TABLE parents (id integer PRIMARY KEY);"
    "CREATE TABLE children (id integer PRIMARY KEY, parent integer CONSTRAINT known REFERENCES parents);"
)
AT_ONCE, AT_END = "DEFERRABLE INITIALLY IMMEDIATE", "DEFERRABLE INITIALLY DEFERRED"
ALTER = "ALTER TABLE {}users ALTER CONSTRAINT {} {}"


@pytest.fixture
def sandbox(tmp_path: Path, database_url: str) -> Iterator[Sandbox]:
    with open_sandbox(tmp_path, database_url) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("constraint", "how", "expand", "rollback", "contract"),
    [
        ("plain", "DEFERRABLE", AT_ONCE, "NOT DEFERRABLE", ""),
        ("plain", "INITIALLY DEFERRED", AT_ONCE, "NOT DEFERRABLE", AT_END),
        ("later", AT_END, "", "", AT_END),
        ("later", "NOT DEFERRABLE", "", "", "NOT DEFERRABLE"),
        ("latest", "DEFERRABLE", "", "", AT_ONCE),
        ("plain", "NOT ENFORCED", "", "", "NOT ENFORCED"),
        ("there", "NO INHERIT", "NO INHERIT", "INHERIT", ""),
        ("here", "INHERIT", "INHERIT", "NO INHERIT", ""),
    ],
)  # fmt: skip
def test_what_old_code_would_notice_waits_for_contract(
    constraint: str, how: str, expand: str, rollback: str, contract: str
):
    for phase, wanted in ((Phase.EXPAND, expand), (Phase.ROLLBACK, rollback), (Phase.CONTRACT, contract)):
        assert statements(ALTER.format("", constraint, how), phase, KNOWN) == (
            [ALTER.format("public.", constraint, wanted)] if wanted else []
        )


def test_a_foreign_key_that_is_enforced_reads_its_rows_behind_the_locks():
    sql = ALTER.format("", "loose", "ENFORCED")

    assert statements(sql, Phase.EXPAND, KNOWN) == statements(sql, Phase.ROLLBACK, KNOWN) == []
    assert statements(sql, Phase.CONTRACT, KNOWN) == [
        "ALTER TABLE public.users DROP CONSTRAINT loose",
        "ALTER TABLE public.users ADD CONSTRAINT loose FOREIGN KEY (id) REFERENCES public.others (key) NOT VALID",
        "COMMENT ON CONSTRAINT loose ON public.users IS 'it''s loose'",
        "ALTER TABLE public.users VALIDATE CONSTRAINT loose",
    ]


@pytest.mark.parametrize(
    ("constraint", "how", "reason"),
    [
        ("plain", "NOT DEFERRABLE", "is not deferrable already"),
        ("plain", "ENFORCED", "is enforced already"),
        ("there", "INHERIT", "is inherited already"),
        ("missing", "DEFERRABLE", "does not exist"),
        ("filled", "NOT ENFORCED", "is a check constraint, and the server alters only a foreign key"),
        ("plain", "NO INHERIT", "the server alters only a not null"),
        ("above", "DEFERRABLE", "from the table it is a part of"),
        ("plain", "DEFERRABLE NOT ENFORCED", "2 things at once"),
        ("plain", "DEFERRABLE; ALTER TABLE users ALTER CONSTRAINT plain NOT ENFORCED", "two changes of constraint"),
    ],
)
def test_refused(constraint: str, how: str, reason: str):
    assert reason in refusal(ALTER.format("", constraint, how), KNOWN).message


def test_without_a_database_nothing_is_guessed():
    assert "not known without a database" in refusal(ALTER.format("", "plain", "DEFERRABLE"), NOTHING).message


def test_the_not_null_of_a_partitioned_table_is_for_all_partitions():
    divided = dataclasses.replace(
        KNOWN.relations[TableName("public", "users")], kind="partitioned table", partition_key="RANGE (id)"
    )
    assert isinstance(divided, Relation)
    known = dataclasses.replace(KNOWN, relations={divided.name: divided})

    assert "cannot do without" in refusal(ALTER.format("", "there", "NO INHERIT"), known).message


def test_until_contract_only_whoever_asks_is_checked_later(sandbox: Sandbox):
    sandbox.execute(FAMILY)
    migration = sandbox.new("later", "ALTER TABLE children ALTER CONSTRAINT known DEFERRABLE INITIALLY DEFERRED")
    child, parent = "INSERT INTO children VALUES ({0}, {0})", "INSERT INTO parents VALUES ({})"
    sandbox.expand(migration)

    def both(code: psycopg.Connection[Any], number: int) -> None:
        code.execute(child.format(number))
        code.execute(parent.format(number))

    with psycopg.connect(sandbox.url, autocommit=True) as code:
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            both(code, 1)
        with code.transaction():
            code.execute("SET CONSTRAINTS known DEFERRED")
            both(code, 1)
    sandbox.contract(migration, offline="nobody is connected in this test")
    with psycopg.connect(sandbox.url) as code:
        both(code, 2)


def test_rows_that_point_nowhere_stop_contract_and_nothing_has_changed(sandbox: Sandbox):
    if sandbox.session.server_version < 18:
        pytest.skip("PostgreSQL 18 is the first with NOT ENFORCED")
    sandbox.execute(
        f"{FAMILY} ALTER TABLE children ALTER CONSTRAINT known NOT ENFORCED; INSERT INTO children VALUES (1, 1)"
    )
    migration = sandbox.new("enforced", "ALTER TABLE children ALTER CONSTRAINT known ENFORCED")
    before = sandbox.snapshot()
    sandbox.expand(migration)

    with pytest.raises(MigratorError, match=r"1 row of public\.children points to no row"):
        sandbox.contract(migration, offline="nobody is connected in this test")
    assert sandbox.snapshot() == before

    sandbox.execute("INSERT INTO parents VALUES (1)")
    sandbox.contract(migration, offline="nobody is connected in this test")
    with pytest.raises(MigratorError, match="known"):
        sandbox.execute("INSERT INTO children VALUES (2, 2)")


def test_a_foreign_key_that_is_enforced_no_more_lets_go_of_rows(sandbox: Sandbox):
    if sandbox.session.server_version < 18:
        pytest.skip("PostgreSQL 18 is the first with NOT ENFORCED")
    sandbox.execute(FAMILY)
    sandbox.finish(sandbox.new("loose", "ALTER TABLE children ALTER CONSTRAINT known NOT ENFORCED"))

    sandbox.execute("INSERT INTO children VALUES (1, 1)")
