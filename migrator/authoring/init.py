"""Setting up a project: configuration, a migrations folder, snippets for CI; running it again changes nothing."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from migrator.config import Settings, load
from migrator.errors import UsageError
from migrator.templating import render


@dataclass(frozen=True, slots=True)
class Made:
    """One thing ``init`` looked after.

    Attributes:
        path: relative to the project.
        what: what it is for.
        existed: whether it was there and was left alone.
    """

    path: str
    what: str
    existed: bool


def init(root: Path, revisions: Sequence[str] = ()) -> list[Made]:
    """Set up ``root``.

    Args:
        root: of the project.
        revisions: folders of Alembic's revisions, as seen from ``root``; none: migrations have a folder of their own.

    Writes ``migrator.toml``, unless it or a ``[tool.migrator]`` table in pyproject.toml is there, the folder of
    migrations, if they are to have one, and snippets for CI under ``.migrator/``. Nothing that exists is changed.

    Raises:
        UsageError: the configuration that is there is broken, or a file stands where a folder should be.
    """
    configured = _configured(root)
    name = load(root, {}).settings.migrations.rstrip("/") if configured else Settings().migrations
    if not revisions and (root / name).exists() and not (root / name).is_dir():
        raise UsageError(f"{root / name} is a file, not a folder")
    made = [
        Made(configured, "configuration", existed=True)
        if configured
        else _file(root, "migrator.toml", "init/migrator.toml.mako", "configuration")
    ]
    if not revisions:
        existed = (root / name).is_dir()
        (root / name).mkdir(parents=True, exist_ok=True)
        made.append(Made(f"{name}/", "one folder for each migration", existed))
    folders = revisions or (name,)
    pattern = "|".join(re.escape(each) for each in folders)
    values = {
        "folder": " ".join(folders),
        "pattern": (pattern if len(folders) == 1 else f"({pattern})") + (r"/.*\.py$" if revisions else r"/.*\.sql$"),
        "of_alembic": bool(revisions),
    }
    for snippet, purpose in (
        ("github-lint.yml", "GitHub workflow that lints the migrations of a pull request"),
        ("gitlab-lint.yml", "the same for GitLab"),
        ("pre-commit.yaml", "hook for pre-commit"),
    ):
        made.append(_file(root, f".migrator/{snippet}", f"ci/{snippet}.mako", purpose, **values))
    return made


def _configured(root: Path) -> str | None:
    if (root / "migrator.toml").is_file():
        return "migrator.toml"
    pyproject = root / "pyproject.toml"
    if pyproject.is_file():
        try:
            table = tomllib.loads(pyproject.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"pyproject.toml is not valid TOML: {error}", at=str(pyproject)) from None
        if "migrator" in table.get("tool", {}):
            return "pyproject.toml"
    return None


def _file(root: Path, path: str, template: str, purpose: str, **values: object) -> Made:
    target = root / path
    if target.exists():
        return Made(path, purpose, existed=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(render(template, **values) + "\n", encoding="utf-8")
    return Made(path, purpose, existed=False)
