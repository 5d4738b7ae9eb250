from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from migrator.errors import UsageError
from migrator.integrations.git import changes_since


class Repository:
    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.email", "dev@example.com")
        self.git("config", "user.name", "Dev")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "work")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path.resolve() / "shop")
    for name in ("kept", "edited", "deleted", "renamed"):
        made.write(f"m/{name}.sql", f"SELECT '{name}';\n")
    made.commit()
    made.git("branch", "base")
    return made


def test_what_was_committed_staged_and_left_lying_about_counts(repository: Repository):
    committed = repository.write("m/committed.sql", "SELECT 1;")
    repository.commit()
    staged = repository.write("m/stagéd.sql", "SELECT 1;")
    repository.git("add", "-A")
    untracked = repository.write("m/new/un tracked.sql", "SELECT 1;")
    edited = repository.write("m/edited.sql", "SELECT 2;")
    (repository.root / "m/deleted.sql").unlink()
    repository.git("mv", "m/renamed.sql", "m/other.sql")
    repository.write(".gitignore", "*.log\n")
    repository.write("m/ignored.log", "")

    changes = changes_since("base", repository.root / "m")

    folder = repository.root / "m"
    assert changes.added == {committed, staged, untracked, folder / "other.sql", repository.root / ".gitignore"}
    assert changes.edited == {edited}
    assert changes.deleted == {folder / "deleted.sql", folder / "renamed.sql"}


def test_what_came_to_the_reference_meanwhile_is_no_change_of_ours(repository: Repository):
    repository.git("checkout", "-q", "-b", "feature")
    ours = repository.write("m/ours.sql", "SELECT 1;")
    repository.commit()
    repository.git("checkout", "-q", "main")
    repository.write("m/theirs.sql", "SELECT 1;")
    repository.write("m/kept.sql", "SELECT 3;")
    repository.commit()
    repository.git("checkout", "-q", "feature")

    changes = changes_since("main", repository.root)

    assert (changes.added, changes.edited, changes.deleted) == ({ours}, set(), set())


def test_a_reference_that_is_not_there(repository: Repository):
    with pytest.raises(UsageError, match='git knows no "origin/main" here') as caught:
        changes_since("origin/main", repository.root)
    assert "fetch-depth: 0" in (caught.value.hint or "")


def test_a_reference_that_is_an_option_is_only_a_name(repository: Repository):
    with pytest.raises(UsageError, match='git knows no "--output=x" here'):
        changes_since("--output=x", repository.root)
    assert not (repository.root / "x").exists()


def test_a_shallow_clone_says_so(repository: Repository, tmp_path: Path):
    repository.git("checkout", "-q", "-b", "feature")
    repository.write("m/ours.sql", "SELECT 1;")
    repository.commit()
    repository.git("checkout", "-q", "main")
    repository.write("m/theirs.sql", "SELECT 1;")
    repository.commit()
    clone = tmp_path / "clone"
    arguments = ["--depth", "1", "--no-single-branch", "-b", "feature", f"file://{repository.root}", str(clone)]
    subprocess.run(["git", "clone", "-q", *arguments], check=True, capture_output=True)

    with pytest.raises(UsageError, match="no commit in common, as far as this shallow clone goes"):
        changes_since("origin/main", clone)


def test_what_changed_in_submodules_counts(repository: Repository, tmp_path: Path):
    library = Repository(tmp_path.resolve() / "library")
    kept = library.write("m/kept.sql", "SELECT 1;")
    edited = library.write("m/edited.sql", "SELECT 1;")
    library.commit()
    for name in ("there", "late"):
        if name == "late":
            repository.git("branch", "-f", "base")
        repository.git("-c", "protocol.file.allow=always", "submodule", "add", str(library.root), name)
        repository.commit()
    there = repository.root / "there"
    subprocess.run(["git", "config", "user.email", "dev@example.com"], cwd=there, check=True)
    subprocess.run(["git", "config", "user.name", "Dev"], cwd=there, check=True)
    (there / "m/edited.sql").write_text("SELECT 2;")
    (there / "m/new.sql").write_text("SELECT 3;")
    subprocess.run(["git", "commit", "-qam", "work"], cwd=there, check=True)
    repository.commit()

    found = changes_since("base", repository.root)

    late = {repository.root / "late" / each.relative_to(library.root) for each in (kept, edited)}
    assert found.added == {there / "m/new.sql", *late}
    assert found.edited == {repository.root / ".gitmodules", there / "m/edited.sql"}
    assert not found.deleted


def test_a_folder_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UsageError, match="git rev-parse: not a git repository") as caught:
        changes_since("main", tmp_path)
    assert caught.value.hint == "--since works in a git working copy"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="git cannot be run"):
        changes_since("main", tmp_path)
