"""Writing migrations: levels, ids, files that read back, and nothing at all when refused."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from migrator.authoring import new
from migrator.errors import Refused
from migrator.ledger import state
from migrator.ledger.install import ensure_installed
from migrator.model.plan import Migration, Phase, ServiceRequirement
from migrator.planning.folders import changes_of, load, load_all
from migrator.postgres.session import Session
from migrator.sql.parser import parse_script

NOW = datetime(2026, 11, 24, 3, 12, 45, tzinfo=UTC)
ID = "20261124T031245_rename_users_name"
RENAME = "ALTER TABLE users RENAME COLUMN name TO full_name"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "migrations"


@pytest.fixture
def users(session: Session) -> Session:
    session.execute("CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL DEFAULT '?')")
    session.execute("CREATE INDEX by_name ON users (name)")
    return session


def create(
    folder: Path, sql: str = RENAME, session: Session | None = None, title: str = "rename users.name", **changed
):
    arguments = {
        "folder": folder,
        "existing": load_all(folder) if folder.exists() else [],
        "project": "default",
        "session": session,
        "now": NOW,
        **changed,
    }
    return new.create(title, parse_script(sql, "change.sql"), **arguments)


def test_a_folder_is_written_and_read_back(folder: Path):
    written = create(folder)

    migration = written.migration
    assert sorted(path.name for path in (folder / ID).iterdir()) == [
        "backfill.sql", "contract.sql", "expand.sql", "migration.toml", "rollback.sql",
    ]  # fmt: skip
    assert migration == load(folder / ID)
    assert (migration.id, migration.level, migration.title) == (ID, 1, "rename users.name")
    (change,) = changes_of(migration)
    assert (change.kind.name, change.spec.column, change.spec.new_name) == ("rename_column", "name", "full_name")
    assert list(folder.iterdir()) == [folder / ID]


def test_a_phase_with_nothing_to_do_has_no_file(folder: Path):
    create(folder, "CREATE TABLE t (a int)", title="t")

    assert sorted(path.name for path in (folder / "20261124T031245_t").iterdir()) == [
        "expand.sql", "migration.toml", "rollback.sql",
    ]  # fmt: skip


def test_every_step_of_expand_that_rollback_undoes_shows_how(folder: Path):
    steps = create(folder).migration.phase(Phase.EXPAND)

    assert steps[0].undo == "ALTER TABLE public.users DROP COLUMN full_name"
    assert all(step.undo for step in steps)


def test_a_level_is_one_more_than_the_highest_in_the_checkout(folder: Path):
    levels = [create(folder, title=title).migration.level for title in ("a", "b", "c")]

    assert levels == [1, 2, 3]


def test_a_level_is_above_those_of_the_ledger_too(folder: Path, users: Session):
    ensure_installed(users)
    with users.transaction():
        state.register(users, "default", Migration("20250101T000000_x", 41, "x"))
        state.set_state(users, "default", "20250101T000000_x", state.State.COMPLETE)

    assert create(folder, session=users).migration.level == 42
    assert create(folder, session=users, title="again", project="other").migration.level == 43
    assert create(folder, "ALTER TABLE users ADD a int", users, "third").migration.level == 44


def test_ids_are_unique_within_a_second(folder: Path):
    ids = [create(folder).migration.id for _ in range(3)]

    assert ids == [ID, f"{ID}_2", f"{ID}_3"]


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Rename Users.Name!", "rename_users_name"),
        ("  ../../etc/passwd  ", "etc_passwd"),
        ("переименовать", "change"),
        ("a" * 80, "a" * 40),
        ("x" * 39 + " y", "x" * 39),
    ],
)
def test_an_id_is_the_time_and_a_slug_of_the_title(folder: Path, title: str, slug: str):
    assert create(folder, title=title).migration.id == f"20261124T031245_{slug}"


@pytest.mark.parametrize(
    "title", ['quo"te \\ back', "two\nlines", "tab\tDEL\x7f", "'''", 'x"""', "# no comment", "-- sql"]
)
def test_a_title_comes_back_as_it_was_given(folder: Path, title: str):
    assert create(folder, title=title).migration.title == title


@pytest.mark.parametrize(
    "sql",
    [
        "DROP OPERATOR CLASS users USING btree",
        "ALTER TABLE users ADD n int NOT NULL",
        f"{RENAME}; TRUNCATE users",
        "ALTER TABLE users ADD a int; ALTER TABLE users ADD a int",
        "ALTER TABL users",
        "",
    ],
)
def test_nothing_is_written_when_it_is_refused(folder: Path, sql: str):
    with pytest.raises(Refused):
        create(folder, sql)

    assert not folder.exists()


def test_what_the_plan_assumes_is_recorded_with_the_digest_of_each_file(folder: Path, users: Session):
    create(folder, session=users)

    manifest = tomllib.loads((folder / ID / "migration.toml").read_text())
    assert manifest["assumed"]["public.users"] == {
        "kind": "table",
        "columns": {"name": "text NOT NULL DEFAULT '?'::text", "full_name": "absent"},
        "indexes": {"by_name": "CREATE INDEX by_name ON public.users USING btree (name)"},
    }
    assert set(manifest["generated"]) == {"expand", "backfill", "contract", "rollback"}
    assert all(len(digest) == 64 for digest in manifest["generated"].values())


def test_without_a_database_the_notes_say_what_could_not_be_checked(folder: Path, users: Session):
    blind, seeing = create(folder), create(folder, session=users)

    assert any("could not be checked without a database" in note for note in blind.notes)
    assert not any("without a database" in note for note in seeing.notes)


def test_statements_left_out_are_noted_before_the_rest(folder: Path):
    notes = create(folder, f"BEGIN;\n{RENAME};\nCOMMIT;").notes

    assert [note.split(" is left out")[0] for note in notes[:2]] == ["change.sql:1: BEGIN", "change.sql:3: COMMIT"]


def test_an_unknown_table_names_the_nearest(folder: Path, users: Session):
    with pytest.raises(Refused) as caught:
        create(folder, "ALTER TABLE usres RENAME name TO full_name", users)

    assert caught.value.message == 'table "public.usres" does not exist'
    assert (caught.value.at, caught.value.hint) == ("change.sql:1", "did you mean public.users?")


def test_an_unknown_column_lists_those_there_are(folder: Path, users: Session):
    with pytest.raises(Refused) as caught:
        create(folder, "ALTER TABLE users RENAME nam TO full_name", users)

    assert (caught.value.at, caught.value.detail) == ("change.sql:1", 'columns: "id", "name"')


def test_refresh_plans_anew_for_the_database_as_it_is(folder: Path, users: Session):
    migration = create(folder).migration
    assert "by_name" not in migration.texts[Phase.EXPAND]

    refreshed = new.refresh(migration, users).migration

    assert "CREATE INDEX CONCURRENTLY by_name_full_name_" in refreshed.texts[Phase.EXPAND]
    assert refreshed.assumed["public.users"]["columns"]["name"] == "text NOT NULL DEFAULT '?'::text"
    assert (refreshed.id, refreshed.level, refreshed.title) == (migration.id, migration.level, migration.title)
    assert new.refresh(refreshed, users).migration == refreshed


def test_refresh_keeps_what_the_author_added_to_the_manifest(folder: Path, users: Session):
    create(folder)
    file = folder / ID / "migration.toml"
    text = file.read_text().replace("[[change]]", 'after_contract = ["x"]\n\n[[change]]', 1)
    file.write_text(f'{text}\n[requires]\nweb = 12\n"e tl" = {{ level = 0, reason = "says \\"no\\"" }}\n')

    refreshed = new.refresh(load(folder / ID), users).migration

    assert refreshed.after_contract == ("x",)
    assert refreshed.requires == {
        "web": ServiceRequirement(12),
        "e tl": ServiceRequirement(0, 'says "no"'),
    }


def test_refresh_removes_the_file_of_a_phase_that_has_nothing_to_do_any_more(folder: Path, users: Session):
    users.execute("CREATE TABLE orders (id int)")
    sql = "CREATE TABLE t (a int); CREATE UNIQUE INDEX i ON orders (id)"
    migration = create(folder, sql, title="t").migration
    manifest = folder / migration.id / "migration.toml"
    manifest.write_text(re.sub(r'\[\[change\]\]\nkind = "create_index"\n(.+\n)+', "", manifest.read_text()))

    refreshed = new.refresh(load(folder / migration.id), users).migration

    assert set(refreshed.texts) == {Phase.EXPAND, Phase.ROLLBACK}
    assert not (folder / migration.id / "contract.sql").exists()


def test_refresh_refuses_edited_files_and_changes_nothing(folder: Path, users: Session):
    create(folder)
    edited = folder / ID / "expand.sql"
    edited.write_text(edited.read_text() + "\n-- a thought\n")
    before = {path.name: path.read_text() for path in (folder / ID).iterdir()}

    with pytest.raises(Refused, match=f"expand.sql of {ID} was edited since it was generated"):
        new.refresh(load(folder / ID), users)

    assert {path.name: path.read_text() for path in (folder / ID).iterdir()} == before


def test_refresh_goes_on_when_an_edited_file_was_deleted(folder: Path, users: Session):
    create(folder)
    (folder / ID / "expand.sql").unlink()

    assert Phase.EXPAND in new.refresh(load(folder / ID), users).migration.texts


def test_refresh_refuses_what_was_written_by_hand(folder: Path, users: Session):
    (folder / ID).mkdir(parents=True)
    (folder / ID / "migration.toml").write_text(f'id = "{ID}"\nlevel = 1\n')
    (folder / ID / "expand.sql").write_text("SELECT 1")

    with pytest.raises(Refused, match="was written by hand"):
        new.refresh(load(folder / ID), users)


def test_refresh_refuses_a_schema_that_stands_against_it_and_changes_nothing(folder: Path, users: Session):
    create(folder)
    users.execute("ALTER TABLE users ADD full_name text")

    with pytest.raises(Refused, match="exists already"):
        new.refresh(load(folder / ID), users)
