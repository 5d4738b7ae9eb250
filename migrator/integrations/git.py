"""What changed in a working copy since a reference, as git tells it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from migrator.errors import UsageError


@dataclass(frozen=True, slots=True)
class Changes:
    """Files that differ between the point where a branch left the reference, and the working copy.

    Attributes:
        reference: as it was given.
        added: files that were not there, also those that git does not follow yet; absolute paths.
        edited: files that were there with another content; absolute paths.
        deleted: files that are gone; absolute paths.
    """

    reference: str
    added: frozenset[Path]
    edited: frozenset[Path]
    deleted: frozenset[Path]


def changes_since(reference: str, where: Path) -> Changes:
    """Compare the working copy with the commit where it left ``reference``.

    A renamed file counts as deleted and added: to a migration tool its name is part of what it is.

    Args:
        reference: a branch, tag or commit.
        where: a folder in the working copy.

    Raises:
        UsageError: there is no git, no working copy, no such reference, or the history between is not there.
    """
    root = Path(_git(where, "rev-parse", "--show-toplevel").strip())
    if _try(where, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}").returncode:
        raise UsageError(
            f'git knows no "{reference}" here',
            hint="fetch it: a checkout in CI often holds one commit only (fetch-depth: 0; GIT_DEPTH: 0)",
        )
    found = _try(where, "merge-base", reference, "HEAD")
    base = found.stdout.strip()
    if found.returncode or not base:
        shallow = _git(where, "rev-parse", "--is-shallow-repository").strip() == "true"
        raise UsageError(
            f'HEAD and "{reference}" have no commit in common'
            + (", as far as this shallow clone goes" if shallow else ""),
            hint="fetch the whole history (GitHub: fetch-depth: 0; GitLab: GIT_DEPTH: 0)" if shallow else None,
        )
    # From the root, so that files beside the folder that was asked from are seen too.
    added, edited, deleted = _compared(root, base)
    return Changes(reference, frozenset(added), frozenset(edited), frozenset(deleted))


def _compared(root: Path, base: str) -> tuple[set[Path], set[Path], set[Path]]:
    """Files of a working copy, and of the submodules in it, that were added, edited and deleted since a commit."""
    listed = _git(root, "diff", "--raw", "--abbrev=40", "--no-renames", "-z", base, "--").split("\0")
    by_status: dict[str, set[Path]] = {"A": set(), "M": set(), "D": set(), "T": set()}
    submodules: list[tuple[Path, str]] = []
    for entry, name in zip(listed[::2], listed[1::2], strict=False):
        _, mode, before, _, status = entry.split(" ")
        if mode == _SUBMODULE:
            submodules.append((root / name, before if status == "M" else ""))
        else:
            by_status.setdefault(status[:1], set()).add(root / name)
    untracked = _git(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    added = by_status["A"] | {root / name for name in untracked if name}
    # A file that was deleted in the index and written again is untracked, and in the diff too.
    edited = (by_status["M"] | by_status["T"] | (added & by_status["D"])) - by_status["A"]
    added, deleted = added - edited, by_status["D"] - added
    for folder, before in submodules:
        if not (folder / ".git").exists():
            continue  # it is not checked out
        if not before or _try(folder, "cat-file", "-e", before).returncode:
            added |= {folder / name for name in _git(folder, "ls-files", "-z").split("\0") if name}
            continue
        for whole, of_submodule in zip((added, edited, deleted), _compared(folder, before), strict=True):
            whole.update(of_submodule)
    return added, edited, deleted


_SUBMODULE = "160000"
"""The mode of a submodule in a tree of git."""


def _git(where: Path, *arguments: str) -> str:
    done = _try(where, *arguments)
    if done.returncode:
        message = done.stderr.strip().removeprefix("fatal: ").split("\n", 1)[0]
        raise UsageError(f"git {arguments[0]}: {message}", hint="--since works in a git working copy")
    return done.stdout


def _try(where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-c", "core.quotepath=off", *arguments],  # noqa: S607 - the git on the user's PATH
            cwd=where,
            check=False,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
        )
    except OSError as error:
        raise UsageError(f"git cannot be run: {error.strerror}", hint="--since needs git on the PATH") from None
