"""The settings in force: found, read, overlaid by the environment."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from migrator.config.checks import check
from migrator.config.settings import (
    BackfillSettings,
    GateSettings,
    IgnoredRole,
    LintSettings,
    LintSizes,
    Section,
    ServiceSettings,
    Settings,
    SignalSettings,
    SourceSettings,
)  # fmt: skip
from migrator.errors import UsageError


class Project(msgspec.Struct, frozen=True):
    """The settings in force and where they come from.

    Attributes:
        settings: all values, environment applied.
        root: folder that relative paths refer to.
        source: the file read, or None for defaults.
    """

    settings: Settings
    root: Path
    source: Path | None

    @property
    def migrations(self) -> Path:
        """The folder of phased migrations."""
        return self.root / self.settings.migrations

    @property
    def has_folder(self) -> bool:
        """Whether there is a folder of phased migrations; Alembic's own, often of that name, is none."""
        return self.migrations.is_dir() and not (self.migrations / "env.py").is_file()

    @property
    def keeps_revisions(self) -> bool:
        """Whether its migrations are revisions of Alembic; a folder of phased migrations goes before them."""
        return self.alembic is not None and not self.has_folder

    @property
    def alembic(self) -> Path | None:
        """The configuration file of Alembic, or None if the project does not use it."""
        if self.settings.alembic:
            return self.root / self.settings.alembic
        if (self.root / "alembic.ini").is_file():
            return self.root / "alembic.ini"
        pyproject = self.root / "pyproject.toml"
        if pyproject.is_file() and "alembic" in _toml(pyproject).get("tool", {}):
            return pyproject
        return None


def load(start: Path | None = None, environment: Mapping[str, str] | None = None) -> Project:
    """Find and read the nearest configuration upwards of ``start`` (default: the working folder).

    Raises:
        UsageError: broken TOML, an unknown key (the nearest known one is named), a value of the wrong form.
    """
    folder = (start or Path.cwd()).resolve()
    environment = os.environ if environment is None else environment
    source, table = _nearest(folder)
    overlaid, variables = _overlay(table, environment)
    settings = _convert(overlaid, source, variables)
    check(settings, source)
    return Project(settings, source.parent if source else folder, source)


def in_own_words(text: str, start: Path | None = None) -> str:
    """A text about settings, written for pyproject.toml, with the file and the keys that the project has.

    Args:
        text: names keys with ``[[tool.migrator.`` before them.
        start: as for ``load``.
    """
    if "[[tool.migrator." not in text:
        return text
    try:
        source, _ = _nearest((start or Path.cwd()).resolve())
    except UsageError:
        source = None
    if source is not None and source.name == "pyproject.toml":
        return text
    return text.replace("[[tool.migrator.", "[[").replace("pyproject.toml", "migrator.toml")


def _nearest(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    for candidate in (folder, *folder.parents):
        own = candidate / "migrator.toml"
        if own.is_file():
            return own, _toml(own)
        shared = candidate / "pyproject.toml"
        if shared.is_file():
            tool = _toml(shared).get("tool", {})
            if "migrator" in tool:
                return shared, tool["migrator"]
    return None, {}


def _toml(path: Path) -> dict[str, Any]:
    import tomllib  # most folders on the way up have no such file

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} is not valid TOML: {error}", at=str(path)) from None


def _overlay(table: dict[str, Any], environment: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Values of ``MIGRATOR_LOCK_TIMEOUT``, ``MIGRATOR_GATE_SOAK`` … over those of the file; scalars only.

    Returns:
        The values, and of each that came from the environment its path and variable.
    """
    result = {key: dict(value) if isinstance(value, dict) else value for key, value in table.items()}
    variables: dict[str, str] = {}
    if not any(name.startswith("MIGRATOR_") for name in environment):
        return result, variables  # to list the fields takes as long as all else here
    sections: tuple[tuple[str, type[Section]], ...] = (
        ("", Settings), ("backfill", BackfillSettings), ("gate", GateSettings), ("lint", LintSettings),
    )  # fmt: skip
    for section, definition in sections:
        for field in msgspec.structs.fields(definition):
            variable = "_".join(filter(None, ("MIGRATOR", section.upper(), field.name.upper())))
            if variable not in environment or not isinstance(field.default, (str, int)):
                continue
            target = result.setdefault(section, {}) if section else result
            if not isinstance(target, dict):
                continue  # the file has a value where a section belongs, which is reported as such
            raw = environment[variable]
            if isinstance(field.default, bool):
                target[field.name] = {"true": True, "1": True, "false": False, "0": False}.get(raw.lower(), raw)
            else:
                target[field.name] = int(raw) if isinstance(field.default, int) and raw.isdecimal() else raw
            variables[".".join(filter(None, (section, field.name)))] = variable
    return result, variables


def _convert(table: dict[str, Any], source: Path | None, variables: Mapping[str, str]) -> Settings:
    at = str(source) if source else None
    try:
        return msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        path = path.removesuffix("`").removeprefix(".")
        unknown = re.fullmatch(r"Object contains unknown field `([^`]+)`", reason)
        if unknown is None:
            place = f"environment variable {variables[path]}" if path in variables else at
            raise UsageError(_wrong_value(reason, path, table), at=place) from None
        key, section = unknown[1], re.sub(r"\[.*?\]", "", path)
        known = _known_keys(section)
        import difflib

        near = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
        hint = f'did you mean "{near[0]}"?' if near else "known keys: " + ", ".join(sorted(known))
        if (key, section) == ("tool", "") and isinstance(table["tool"], dict) and "migrator" in table["tool"]:
            hint = "without tool.migrator before each: [gate] and [[gate.service]] in this file"
        place = f"[tool.migrator.{section}]" if section else "[tool.migrator]"
        raise UsageError(f'unknown key "{key}" in {place}', at=at, hint=hint) from None


def _wrong_value(reason: str, path: str, table: dict[str, Any]) -> str:
    value: Any = table
    for key in re.findall(r"[^.\[\]]+", path):
        value = value[int(key)] if isinstance(value, list) else value.get(key) if isinstance(value, dict) else None
    reason = re.sub(r"`str` matching regex .*Mon.*", "hours as in 08:00-20:00 or Mon-Fri 08:00-20:00", reason)
    reason = re.sub(r"`str` matching regex .*kB.*", "an integer with kB, MB, GB or TB, as in 256MB, or off", reason)
    reason = re.sub(r"`str` matching regex .*", "an integer with ms, s, min, h or d, as in 15min", reason)
    reason = reason.replace("Object missing required field", "missing key").replace("`object`", "a table")
    seen = f", found {json.dumps(value, ensure_ascii=False)}" if isinstance(value, (str, int, float)) else ""
    return f"configuration: {path}: {reason[:1].lower()}{reason[1:]}{seen}"


def _known_keys(path: str) -> list[str]:
    definitions: dict[str, type[Section]] = {
        "": Settings,
        "backfill": BackfillSettings,
        "backfill.signal": SignalSettings,
        "gate": GateSettings,
        "gate.service": ServiceSettings,
        "gate.source": SourceSettings,
        "gate.ignore": IgnoredRole,
        "lint": LintSettings,
        "lint.sizes": LintSizes,
    }
    definition = definitions.get(path)
    return [field.encode_name for field in msgspec.structs.fields(definition)] if definition else []


def json_schema() -> dict[str, Any]:
    """The JSON schema of ``migrator.toml``."""
    return msgspec.json.schema(Settings)
