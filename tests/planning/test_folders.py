"""Migration folders: read into migrations, or refused with what is wrong and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.errors import Refused, UsageError
from migrator.model.plan import Phase, ServiceRequirement
from migrator.planning.folders import changes_of, find, load, load_all, touched_tables

A = "20260101T000000_a"
B = "20260102T000000_b"


def write(folder: Path, migration_id: str, manifest: str | None = None, **files: str) -> Path:
    path = folder / migration_id
    path.mkdir()
    if manifest is None:
        manifest = f'id = "{migration_id}"\nlevel = 1\n'
    (path / "migration.toml").write_text(manifest, encoding="utf-8")
    for name, text in (files or {"expand": "ALTER TABLE t ADD a int;"}).items():
        (path / f"{name}.sql").write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, *arguments) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load(folder)
    return caught.value


def test_a_hand_written_folder_needs_an_id_a_level_and_one_phase(tmp_path: Path):
    migration = load(write(tmp_path, A, contract="DROP TABLE t;"))

    assert (migration.id, migration.level, migration.title, migration.changes) == (A, 1, A, ())
    assert [step.id for step in migration.phase(Phase.CONTRACT)] == ["statement-1"]
    assert migration.texts == {Phase.CONTRACT: "DROP TABLE t;"}
    assert changes_of(migration) == []


def test_what_undoes_an_expand_step_is_shown_with_it(tmp_path: Path):
    folder = write(
        tmp_path,
        A,
        expand="-- step: a\nALTER TABLE t ADD a int;\n-- step: b\nALTER TABLE t ADD b int;",
        rollback="-- step: x undoes=a\nDROP INDEX i;\n-- step: y undoes=a\nALTER TABLE t DROP a;",
    )

    first, second = load(folder).phase(Phase.EXPAND)

    assert (first.undo, second.undo) == ("DROP INDEX i;\nALTER TABLE t DROP a", None)


def test_the_whole_manifest_is_read(tmp_path: Path):
    manifest = f"""
id = "{A}"
level = 9
title = "a title"
after_contract = ["{B}"]
[[change]]
kind = "drop_column"
schema = "public"
table = "users"
column = "name"
[requires]
web = 12
etl = {{ level = 0, reason = "reads another table" }}
[assumed."public.users"]
kind = "table"
[generated]
expand = "0"
"""

    migration = load(write(tmp_path, A, manifest))

    assert (migration.level, migration.title, migration.after_contract) == (9, "a title", (B,))
    assert migration.requires == {
        "web": ServiceRequirement(12),
        "etl": ServiceRequirement(0, "reads another table"),
    }
    assert migration.assumed == {"public.users": {"kind": "table"}}
    (change,) = changes_of(migration)
    assert (change.kind.name, change.spec.column, change.at) == (
        "drop_column",
        "name",
        f"{tmp_path}/{A}/migration.toml",
    )


def test_an_empty_folder_is_refused(tmp_path: Path):
    (tmp_path / A).mkdir()

    refused = refusal(tmp_path / A)

    assert refused.message == f"migration folder {tmp_path / A} has no migration.toml"
    assert refused.hint == '"migrator new" writes one'


def test_a_folder_without_a_phase_file_is_refused(tmp_path: Path):
    folder = write(tmp_path, A)
    (folder / "expand.sql").unlink()

    assert refusal(folder).message == f"migration folder {folder} has no phase file"


@pytest.mark.parametrize(
    ("manifest", "message", "hint"),
    [
        ("id = ", "migration.toml is not valid TOML: Invalid value (at end of document)", None),
        (f'id = "{A}"\nlevel = 1\ntitel = "x"', 'migration.toml: unknown key "titel"', 'did you mean "title"?'),
        (f'id = "{A}"\nlevel = 1\nrequire = {{}}', 'migration.toml: unknown key "require"', 'did you mean "requires"?'),
        (
            f'id = "{A}"\nlevel = 1\nzzz = 1',
            'migration.toml: unknown key "zzz"',
            "known keys: after_contract, assumed, change, code, generated, id, level, requires, title",
        ),
        (
            f'id = "{A}"\nlevel = 1\n[requires]\nweb = {{ levle = 1 }}',
            'migration.toml: unknown key "levle"',
            'did you mean "level"?',
        ),
        (f'id = "{A}"', "migration.toml: missing key `level`", None),
        ("level = 1", "migration.toml: missing key `id`", None),
        (f'id = "{A}"\nlevel = "1"', "migration.toml: level: expected `int`, got `str`", None),
        (f'id = "{A}"\nlevel = true', "migration.toml: level: expected `int`, got `bool`", None),
        (f'id = "{A}"\nlevel = 0', "level 0 is not 1 or more", None),
        (f'id = "{A}"\nlevel = 1\nchange = [1]', "migration.toml: change[0]: expected a table, got `int`", None),
        ('id = "other"\nlevel = 1', f'the id "other" is not the name of its folder "{A}"', None),
        (
            f'id = "{A}"\nlevel = 5\n[requires]\nweb = 4',
            '[requires] lets service "web" stay at level 4 without a reason',
            'web = { level = 4, reason = "…" }',
        ),
        (
            f'id = "{A}"\nlevel = 5\n[requires]\nweb = {{ level = 0, reason = " " }}',
            '[requires] lets service "web" stay at level 0 without a reason',
            'web = { level = 0, reason = "…" }',
        ),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_with_the_nearest_right(tmp_path, manifest, message, hint):
    refused = refusal(write(tmp_path, A, manifest))

    assert (refused.message, refused.hint) == (message, hint)
    assert refused.at == f"{tmp_path}/{A}/migration.toml"


def test_files_that_are_not_utf8_are_refused(tmp_path: Path):
    folder = write(tmp_path, A)
    (folder / "expand.sql").write_bytes(b"SELECT '\xff'")

    assert "expand.sql is not UTF-8" in refusal(folder).message


def test_a_syntax_error_in_a_phase_file_names_it(tmp_path: Path):
    with pytest.raises(Refused) as caught:
        load(write(tmp_path, A, expand="ALTER TABLE t ADD a int;\nALTER TABL t"))

    assert caught.value.at == f"{tmp_path}/{A}/expand.sql:2:7"


def test_migrations_come_by_level_whatever_their_ids(tmp_path: Path):
    write(tmp_path, A, f'id = "{A}"\nlevel = 2')
    write(tmp_path, B, f'id = "{B}"\nlevel = 1')
    (tmp_path / ".new-x").mkdir()
    (tmp_path / "README.md").write_text("not a migration")

    assert [migration.id for migration in load_all(tmp_path)] == [B, A]


def test_two_folders_of_one_level_are_refused_with_the_command_that_helps(tmp_path: Path):
    write(tmp_path, A, f'id = "{A}"\nlevel = 3')
    write(tmp_path, B, f'id = "{B}"\nlevel = 3')

    with pytest.raises(UsageError) as caught:
        load_all(tmp_path)

    assert caught.value.message == "two migrations have level 3"
    assert caught.value.detail == f"{tmp_path}/{A}\n{tmp_path}/{B}"
    assert caught.value.hint == f'move the later one up: "migrator renumber {B}"'


def test_two_folders_cannot_have_one_id_because_a_folder_is_named_like_it(tmp_path: Path):
    write(tmp_path, A)
    write(tmp_path, B, f'id = "{A}"\nlevel = 2')

    with pytest.raises(UsageError, match="is not the name of its folder"):
        load_all(tmp_path)


def test_a_migrations_folder_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(UsageError) as caught:
        load_all(tmp_path / "no")

    assert '"migrator init" makes one' in str(caught.value.hint)


@pytest.fixture
def migrations(tmp_path: Path):
    for level, name in enumerate((A, f"{A}_2", B), start=1):
        write(tmp_path, name, f'id = "{name}"\nlevel = {level}')
    return load_all(tmp_path)


@pytest.mark.parametrize(
    ("target", "found"),
    [(A, A), (B, B), ("20260102", B), (f"{A}_", f"{A}_2"), (f"migrations/{B}", B), (f"./migrations/{B}/", B)],
)
def test_a_migration_is_found_by_id_unique_prefix_or_path(migrations, target: str, found: str):
    assert find(migrations, target).id == found


def test_a_prefix_of_several_is_refused_with_all_of_them(migrations):
    with pytest.raises(UsageError) as caught:
        find(migrations, "20260101")

    assert (caught.value.message, caught.value.detail) == ('"20260101" fits 2 migrations', f"{A}\n{A}_2")
    assert caught.value.hint == "give so much of the id that one is left"


def test_no_fit_is_refused_with_what_there_is(migrations):
    with pytest.raises(UsageError) as caught:
        find(migrations, "nope")
    assert str(caught.value.detail).splitlines() == [A, f"{A}_2", B]
    with pytest.raises(UsageError) as caught:
        find([], "nope")
    assert caught.value.detail == "there are no migrations"


@pytest.mark.parametrize("target", ["", "./"])
def test_an_empty_variable_in_a_script_does_not_mean_some_migration(migrations, target: str):
    with pytest.raises(UsageError, match="TARGET is empty"):
        find(migrations[:1], target)


def test_touched_tables_are_those_that_steps_lock(tmp_path: Path):
    migration = load(
        write(
            tmp_path,
            A,
            expand="ALTER TABLE a ADD x int; CREATE TABLE new (b int REFERENCES b);",
            backfill="UPDATE a SET x = 1 WHERE x IS NULL;",
            contract="DROP TABLE c;",
            rollback="DROP TABLE d;",
        )
    )

    assert touched_tables(migration) == ["a", "b", "c"]
