"""Which release may be deployed, by its manifest: migrations are written, expanded and contracted as users do it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from migrator import cli
from migrator.integrations.sqlalchemy.file import text
from migrator.model.manifest import Manifest, UsedColumn, UsedTable

SERVICES = """
[[gate.service]]
name = "web"
[[gate.service]]
name = "etl"
kind = "external"
"""


@pytest.fixture
def shop(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Runs SQL in a database with a table; the working folder is a project with two services."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    (tmp_path / "migrator.toml").write_text(SERVICES)

    def run(sql: str) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(sql)

    run("CREATE TABLE users (id int PRIMARY KEY, name text, legacy text, other text)")
    run("INSERT INTO users VALUES (1, 'a', 'b', 'c')")
    return run


def migration(title: str, sql: str, *, contract: bool = True) -> str:
    """Write, expand and contract a migration; its id."""
    before = set(Path("migrations").glob("*"))
    assert cli.run(["new", title, "--sql", sql]) == 0
    (folder,) = set(Path("migrations").glob("*")) - before
    assert cli.run(["expand"]) == 0
    assert cli.run(["backfill"]) == 0
    if contract:
        assert cli.run(["contract", folder.name, "--offline", "a test", "--yes"]) == 0
    return folder.name


def uses(*columns: str, level: int | None = 0, inserts: bool = False, unseen: tuple[str, ...] = ()) -> Manifest:
    used = tuple(UsedColumn(name, reads=True, writes=True) for name in columns)
    return Manifest("", level, "app:Base", (UsedTable("public", "users", used, inserts),), 0, unseen)


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Exit code of can-deploy and what it says."""

    def asked(service: str, manifest: Manifest, *arguments: str) -> tuple[int, str]:
        Path("m.json").write_text(text(manifest))
        capsys.readouterr()
        code = cli.run(["gate", "can-deploy", service, "--manifest", "m.json", *arguments])
        told = capsys.readouterr()
        return code, told.out + told.err

    return asked


def test_below_the_level_only_what_was_not_removed_is_compatible(shop: Callable, ask: Callable) -> None:
    name = migration("drop legacy", "ALTER TABLE users DROP COLUMN legacy")

    code, told = ask("etl", uses("id", "name", "legacy"))
    assert code == 13
    assert f"public.users.legacy is gone: the contract of {name} (level 1) removed it" in told
    code, told = ask("etl", uses("id", "name"))
    assert (code, told) == (
        0,
        '"etl" at level 0 may be deployed: it uses nothing that contracts up to level 1 removed\n',
    )
    code, told = ask("etl", uses("id", unseen=("text in x",)))
    assert code == 13
    assert "its manifest does not exempt it:\n    it may use more than it says: text in x" in told


def test_a_service_whose_beats_would_be_refused_is_told_the_level_to_start_with(shop: Callable, ask: Callable) -> None:
    migration("drop legacy", "ALTER TABLE users DROP COLUMN legacy")

    code, told = ask("web", uses("id", "name"))
    assert code == 13
    assert "beats and sessions of level 0 are refused" in told
    assert "migrator gate can-deploy web --level 1 --manifest FILE" in told
    code, told = ask("web", uses("id", "name"), "--level", "1")
    assert (code, told.split(":")[0]) == (0, '"web" at level 1 may be deployed')
    code, told = ask("web", uses("id", "name", unseen=("text in x",)), "--level", "1")
    assert code == 11
    assert "nothing proves that it may" in told


def test_what_is_not_expanded_yet_is_refused_at_any_level(shop: Callable, ask: Callable) -> None:
    migration("drop legacy", "ALTER TABLE users DROP COLUMN legacy", contract=False)

    for manifest in (uses("id", "email"), replace(uses("id"), tables=(UsedTable("public", "orders"),))):
        code, told = ask("web", replace(manifest, level=1))
        assert code == 13
        assert "does not exist" in told
        assert 'run "migrator expand" with the migrations of this build' in told
    assert ask("web", uses("id", "legacy", level=1))[0] == 0
    assert ask("web", uses("id", level=2))[0] == 13


def test_a_contract_that_is_fenced_counts_as_done(shop: Callable, ask: Callable) -> None:
    name = migration("drop legacy", "ALTER TABLE users DROP COLUMN legacy", contract=False)
    assert cli.run(["gate", "fence", name, "--reason", "a test", "--yes"]) == 0
    code, told = ask("web", uses("id", "legacy", level=1))
    assert code == 13
    assert f"uses what contract of {name} is about to remove" in told
    assert ask("web", uses("id", "name", level=1))[0] == 0


def test_a_contract_that_demands_more_of_rows_exempts_nobody_who_writes(shop: Callable, ask: Callable) -> None:
    migration("require name", "ALTER TABLE users ADD CONSTRAINT short CHECK (length(name) < 9)")

    code, told = ask("etl", uses("id", "name"))
    assert code == 13
    assert "demands more of rows of public.users: ALTER TABLE public.users ADD CONSTRAINT" in told
    readers = (UsedTable("public", "users", (UsedColumn("name", reads=True, writes=False),)),)
    assert ask("etl", replace(uses(), tables=readers))[0] == 0


def test_a_column_that_inserts_leave_out_must_not_be_required(shop: Callable, ask: Callable) -> None:
    migration("drop legacy", "ALTER TABLE users DROP COLUMN legacy", contract=False)
    shop("ALTER TABLE users ALTER COLUMN other SET NOT NULL")

    code, told = ask("web", uses("id", "name", level=1, inserts=True))
    assert code == 13
    assert "public.users.other is NOT NULL without a default, and INSERTs of it leave it out" in told
    shop("ALTER TABLE users ALTER COLUMN other SET DEFAULT ''")
    assert ask("web", uses("id", "name", level=1, inserts=True))[0] == 0


def test_what_the_manifest_does_not_see_is_said_where_the_level_decides(shop: Callable, ask: Callable) -> None:
    migration("drop legacy", "ALTER TABLE users DROP COLUMN legacy", contract=False)

    code, told = ask("web", uses("id", level=1, unseen=("text in x",)))
    assert code == 0
    assert "not seen by the manifest, so it rests on the level alone: text in x" in told
    code, told = ask("web", uses("id", level=1, unseen=("text in x",)), "--json")
    document = json.loads(told)
    assert (document["can_deploy"], document["exempt"], document["unseen"]) == (True, False, ["text in x"])


def test_wrong_usage(shop: Callable, ask: Callable) -> None:
    shop("DROP SCHEMA migrator CASCADE")
    assert ask("web", uses("id"))[0] == 5  # no ledger
    migration("drop legacy", "ALTER TABLE users DROP COLUMN legacy", contract=False)
    assert ask("web", replace(uses("id"), service="jobs"))[0] == 2
    assert ask("web", uses("id", level=None))[0] == 2
    assert ask("web", uses("id"), "1.0", "--level", "1")[0] == 2
    assert ask("nonesuch", uses("id"))[0] == 13


def test_a_role_that_may_not_read_the_ledger_cannot_tell(
    shop: Callable, ask: Callable, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migration("drop legacy", "ALTER TABLE users DROP COLUMN legacy", contract=False)
    shop("CREATE ROLE manifest_reader LOGIN")
    try:
        monkeypatch.setenv("DATABASE_URL", database_url.replace("postgres@", "manifest_reader@"))
        code, told = ask("web", uses("id", level=1))
    finally:
        shop("DROP ROLE manifest_reader")
    assert code == 11
    assert 'role "manifest_reader" may not read what migrations removed' in told
