"""Which files are read, in which order, as which phase."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from migrator.errors import UsageError
from migrator.lint.sources import of_bytes, read
from migrator.model.plan import Phase
from tests.lint.linting import report_on


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("SELECT 1;\n")


def names(root: Path, *paths: str) -> list[str]:
    return [str(Path(source.name).relative_to(root)) for source in read([root / path for path in paths or [""]])]


def test_folders_are_read_at_any_depth_in_order(tmp_path: Path):
    write(tmp_path, "002.sql", "001.sql", "001/b.sql", "001/a.SQL", "003/x/y.sql", "notes.md", ".git/z.sql")

    assert names(tmp_path) == ["001/a.SQL", "001/b.sql", "001.sql", "002.sql", "003/x/y.sql"]


def test_paths_are_read_in_the_order_given(tmp_path: Path):
    write(tmp_path, "a.sql", "b.sql", "notes.txt")

    assert names(tmp_path, "b.sql", "a.sql", "notes.txt") == ["b.sql", "a.sql", "notes.txt"]


def test_a_migration_folder_is_read_by_phase(tmp_path: Path):
    write(tmp_path, *(f"m/{phase}.sql" for phase in Phase), "m/extra.sql")
    (tmp_path / "m/migration.toml").write_text("")

    found = list(read([tmp_path]))

    assert [source.phase for source in found] == [Phase.EXPAND, Phase.BACKFILL, Phase.ROLLBACK, Phase.CONTRACT]
    assert all(source.phased for source in found)


def test_migration_folders_come_by_level(tmp_path: Path):
    for name, level in (("a", 3), ("b", 12), ("c", 2)):
        write(tmp_path, f"{name}/expand.sql")
        (tmp_path / name / "migration.toml").write_text(f'id = "{name}"\nlevel = {level}\n')

    assert names(tmp_path) == ["c/expand.sql", "a/expand.sql", "b/expand.sql"]


def test_a_phase_file_given_alone_keeps_its_phase(tmp_path: Path):
    write(tmp_path, "m/contract.sql", "n/contract.sql")
    (tmp_path / "m/migration.toml").write_text("")

    (in_folder, alone) = read([tmp_path / "m/contract.sql", tmp_path / "n/contract.sql"])

    assert (in_folder.phase, alone.phase) == (Phase.CONTRACT, None)


def test_a_phase_that_was_asked_for_wins(tmp_path: Path):
    write(tmp_path, "a.sql")

    (source,) = read([tmp_path], Phase.CONTRACT)

    assert (source.phase, source.phased) == (Phase.CONTRACT, False)


def test_a_missing_path_is_a_usage_error(tmp_path: Path):
    with pytest.raises(UsageError, match=r"nope\.sql"):
        list(read([tmp_path / "nope.sql"]))


def test_a_byte_order_mark_is_no_part_of_the_text():
    assert of_bytes("a.sql", b"\xef\xbb\xbfSELECT 1;").text == "SELECT 1;"


def test_bytes_that_are_no_text_are_a_finding_at_their_place():
    source = of_bytes("a.sql", b"SELECT 1;\nSELECT '\xc3\xa4\xff';\n")

    (finding,) = report_on(source).findings

    assert (finding.code, finding.line, finding.column) == ("SY001", 2, 10)
    assert "0xff" in finding.message


def test_a_byte_order_mark_is_no_part_of_bytes_that_are_no_text_either():
    source = of_bytes("a.sql", b"\xef\xbb\xbfALTER TABLE \xff t;")

    first, second = report_on(source).findings

    assert (first.line, first.column) == (1, 13)
    assert "0xff" in first.message
    assert (second.line, second.column) == (1, 15)


def test_a_pipe_is_read_to_its_end(tmp_path: Path):
    pipe = tmp_path / "pipe.sql"
    os.mkfifo(pipe)
    text = "SELECT 1;\n" * 20_000
    with ThreadPoolExecutor(1) as threads:
        written = threads.submit(pipe.write_text, text)
        (source,) = read([pipe])
        assert written.result() == len(text)

    assert source.text == text


def test_two_migrations_of_one_level_are_refused(tmp_path: Path) -> None:
    for name, level in (("a", 1), ("b", 2), ("c", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "migration.toml").write_text(f'id = "{name}"\nlevel = {level}\n')
        (tmp_path / name / "expand.sql").write_text("SELECT 1;\n")
    with pytest.raises(UsageError, match="two migrations have level 2") as refusal:
        list(read([tmp_path]))
    assert refusal.value.hint == 'move the later one up: "migrator renumber c"'


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path: Path):
    write(tmp_path, "a/1.sql", "b/2.sql", "elsewhere/3.sql")
    for link, target in (("a/up", tmp_path), ("a/self", tmp_path / "a"), ("b/to_a", tmp_path / "a")):
        (tmp_path / link).symlink_to(target)
    (tmp_path / "a/to_b").symlink_to(tmp_path / "b")
    (tmp_path / "a/x").symlink_to(tmp_path / "elsewhere")

    assert names(tmp_path, "a") == ["a/1.sql", "a/to_b/2.sql", "a/x/3.sql"]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path, "m/1.sql", "m/2.sql")
    monkeypatch.chdir(tmp_path)

    assert [each.name for each in read([Path("m/2.sql"), Path("m"), tmp_path / "m/1.sql"])] == ["m/2.sql", "m/1.sql"]


def test_a_folder_that_cannot_be_read_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "m").mkdir()

    def refuse(folder: str) -> None:
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr(os, "scandir", refuse)

    with pytest.raises(UsageError, match=r'cannot read ".*m": Permission denied'):
        list(read([tmp_path / "m"]))
