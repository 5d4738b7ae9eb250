"""Settings: ``[tool.migrator]`` in pyproject.toml or ``migrator.toml``, overlaid by the environment.

Order: command-line flag, then environment, then file, then default. The file is the nearest one upwards from the
working folder. Unknown keys are errors that name the nearest known key; the same definitions give the JSON schema.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from migrator.errors import UsageError

Duration = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9]+(ms|s|min|h|d)$", description="integer with ms, s, min, h or d")
]
Size = Annotated[
    str, msgspec.Meta(pattern=r"^([0-9]+(kB|MB|GB|TB)|off)$", description="integer with kB, MB, GB or TB, or off")
]
_DAY = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"
Hours = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^({_DAY}([-,]{_DAY})* )?{_TIME}-({_TIME}|24:00)$",
        description="HH:MM-HH:MM, in front of it days or ranges of them, as in Mon-Fri 08:00-20:00",
    ),
]
_SHORTEST_LEASE_MS = 30_000
_NEEDED_KEY = {"sql": "query", "http": "url", "command": "command"}
_UNIT_BYTES = {"kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_UNIT_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


def milliseconds(duration: str) -> int:
    """A duration such as ``500ms`` or ``15min`` in milliseconds.

    Raises:
        UsageError: it is not an integer with one of the units.
    """
    match = re.fullmatch(r"([0-9]+)(ms|s|min|h|d)", duration)
    if match is None:
        raise UsageError(
            f'"{duration}" is not a duration', hint="write an integer with ms, s, min, h or d, as in 15min"
        )
    return int(match[1]) * _UNIT_MS[match[2]]


def seconds(duration: str) -> float:
    """A duration in seconds; see ``milliseconds``."""
    return milliseconds(duration) / 1000


def size_bytes(size: str) -> int | None:
    """A size such as ``256MB`` in bytes, with PostgreSQL's units; None for ``off``.

    Raises:
        UsageError: it is neither.
    """
    match = re.fullmatch(r"([0-9]+)(kB|MB|GB|TB)", size)
    if match is None and size != "off":
        raise UsageError(f'"{size}" is not a size', hint="write an integer with kB, MB, GB or TB, as in 256MB, or off")
    return int(match[1]) * _UNIT_BYTES[match[2]] if match else None


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all sections: immutable, unknown keys refused."""


class SignalSettings(_Section, frozen=True):
    """A signal of the user's own that stops a backfill.

    Attributes:
        name: as it is called where the reason is shown.
        kind: ``sql`` returns the columns ``ok`` and ``reason``; ``http`` answers with status 200 while all is well,
            else with the reason; ``command`` ends with exit code 0 while all is well and prints the reason.
        every: how often it is asked.
        timeout: how long an answer may take; none in time is a reason to stop.
        query: for ``sql``.
        url: for ``http``.
        token_env: for ``http``: environment variable that holds a bearer token.
        command: for ``command``: program and arguments.
    """

    name: Annotated[str, msgspec.Meta(min_length=1)]
    kind: Literal["sql", "http", "command"]
    every: Duration = "5s"
    timeout: Duration = "2s"
    query: str = ""
    url: str = ""
    token_env: str = ""
    command: tuple[str, ...] = ()


class BackfillSettings(_Section, frozen=True):
    """How rows are moved, and what the server may bear. A count of 0 and the size ``off`` switch a signal off.

    Attributes:
        workers: parallel workers of one ``migrator backfill`` process, 1 to 64.
        target_ms: how long one batch should take, in milliseconds.
        max_lag: stop while a standby is further behind than this.
        max_lag_size: or further behind than so much WAL.
        max_slot_size: stop while a replication slot keeps more WAL than this.
        min_slot_room: stop while a slot is lost after less WAL than this (where ``max_slot_wal_keep_size`` is set).
        max_unarchived: stop while more WAL segments wait for the archive, or archiving fails.
        max_active: go slower while more sessions of others are active; 0: 16, or a quarter of ``max_connections``.
        max_lock_waits: go slower while more sessions of others wait for locks.
        max_stalled_percent: go slower while more of the active sessions wait for storage or WAL.
        max_forced_checkpoints: go slower when WAL forces so many checkpoints within a minute.
        max_wal_rate: go slower while the server writes more WAL in a second.
        max_wal_directory: stop while ``pg_wal`` is larger (needs ``pg_monitor``).
        max_growth: stop when the tables of a step have grown by more.
        vacuum: make the room of dead row versions known meanwhile, by ``VACUUM (INDEX_CLEANUP OFF)``.
        max_rejected: rows that may be set aside because they cannot be updated; one more ends the run.
        throttle_budget: how long a run waits for a signal to end before exit 14.
        quiet_hours: when nothing is moved, as in ``Mon-Fri 08:00-20:00``.
        time_zone: of the quiet hours.
        signal: signals of the user's own.
    """

    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    target_ms: Annotated[int, msgspec.Meta(ge=5, le=60_000)] = 100
    max_lag: Duration = "2s"
    max_lag_size: Size = "256MB"
    max_slot_size: Size = "8GB"
    min_slot_room: Size = "1GB"
    max_unarchived: Annotated[int, msgspec.Meta(ge=0)] = 40
    max_active: Annotated[int, msgspec.Meta(ge=0)] = 0
    max_lock_waits: Annotated[int, msgspec.Meta(ge=0)] = 10
    max_stalled_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 30
    max_forced_checkpoints: Annotated[int, msgspec.Meta(ge=0)] = 2
    max_wal_rate: Size = "off"
    max_wal_directory: Size = "off"
    max_growth: Size = "off"
    vacuum: bool = True
    max_rejected: Annotated[int, msgspec.Meta(ge=0)] = 100
    throttle_budget: Duration = "1h"
    quiet_hours: tuple[Hours, ...] = ()
    time_zone: str = "UTC"
    signal: tuple[SignalSettings, ...] = ()


class ServiceSettings(_Section, frozen=True):
    """A deployable application.

    Attributes:
        name: as it calls itself in ``migrator.beat``.
        kind: ``long`` runs until stopped, ``batch`` runs at times, ``external`` never beats.
        ttl: how long one beat is good for.
        expect: ``>=1`` or ``zero``; zero needs a reason.
        reason: why no instance is expected.
        db_roles: patterns (``*`` and ``?``) of the roles it connects with.
    """

    name: Annotated[str, msgspec.Meta(min_length=1)]
    kind: Literal["long", "batch", "external"] = "long"
    ttl: Duration = "45s"
    expect: Literal[">=1", "zero"] = ">=1"
    reason: str = ""
    db_roles: tuple[str, ...] = ()


class SourceSettings(_Section, frozen=True):
    """A source of evidence.

    Attributes:
        kind: its name.
        required: whether the gate is UNKNOWN when this source is.
        standby_url_envs: for ``sessions`` and ``roles``: environment variables that hold the URLs of the standbys to
            look at.
        pooled: for ``sessions``: whether applications connect through a pooler in transaction mode, which shows the
            server only the last client of each connection.
        pgbouncer_url_envs: for ``sessions``: environment variables that hold URLs of the admin consoles of all
            PgBouncers (database ``pgbouncer``).
        service: for ``sql``, ``http``, ``command``: the service it speaks of; empty: it is asked about each.
        closed_world: for ``sql``, ``http``, ``command``: whether it would see every instance of the service.
        timeout: for ``http`` and ``command``: how long an answer may take, all in all.
        query: for ``sql``: returns the columns ``verdict`` and ``why``.
        url: for ``http``: answers JSON with ``verdict`` and ``why``.
        token_env: for ``http``: environment variable that holds a bearer token.
        command: for ``command``: program and arguments; exit code 0 is PASS, 10 is BLOCK.
        allow: for ``catalog``: functions, as ``schema.name``, that mention what goes and are known not to need it.
    """

    kind: Literal[
        "heartbeat", "sessions", "roles", "login_trigger", "statements", "table_stats", "catalog", "sql", "http",
        "command",
    ]  # fmt: skip
    required: bool = True
    standby_url_envs: tuple[str, ...] = ()
    pooled: bool = False
    pgbouncer_url_envs: tuple[str, ...] = ()
    service: str = ""
    closed_world: bool = False
    timeout: Duration = "5s"
    query: str = ""
    url: str = ""
    token_env: str = ""
    command: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


class IgnoredRole(_Section, frozen=True):
    """A database role whose sessions say nothing about the application: monitoring, backups.

    Attributes:
        role: pattern (``*`` and ``?``) of the role.
        reason: why it cannot use what a contract removes.
    """

    role: Annotated[str, msgspec.Meta(min_length=1)]
    reason: Annotated[str, msgspec.Meta(min_length=1)]


class GateSettings(_Section, frozen=True):
    """What counts as proof; the defaults fail closed.

    Attributes:
        soak: how long the look must have been clean before the fence.
        max_gap: longest gap between two samples of a polled source within the soak.
        max_age: oldest evidence that counts.
        min_independent: closed-world PASSes of different kinds that each service needs.
        drain_timeout: how long old code may take to leave after the fence.
        fence_lease: how long an unapplied fence stands without being renewed.
        soak_under_fence: count the soak from the fence on, instead of before it; old code cannot restart meanwhile.
        service: the services that use this database.
        source: where evidence comes from; naming any replaces the default two.
        ignore: roles whose sessions are not application code.
        barriers: what the database itself may do under the fence: ``roles`` closes the login roles of levels that are
            fenced out; ``login_trigger`` refuses sessions that do not state their level; ``quarantine`` takes away the
            privileges on what goes. Each only where it can.
    """

    soak: Duration = "15min"
    max_gap: Duration = "60s"
    max_age: Duration = "20s"
    min_independent: Annotated[int, msgspec.Meta(ge=1)] = 2
    drain_timeout: Duration = "60s"
    fence_lease: Duration = "5min"
    soak_under_fence: bool = False
    service: tuple[ServiceSettings, ...] = ()
    source: tuple[SourceSettings, ...] = (SourceSettings(kind="heartbeat"), SourceSettings(kind="sessions"))
    ignore: tuple[IgnoredRole, ...] = ()
    barriers: tuple[Literal["roles", "login_trigger", "quarantine"], ...] = ("roles",)


class LintSizes(_Section, frozen=True):
    """What the size of a table makes of a finding about a lock, where lint has statistics.

    The rates are low ones: measured on a busy machine with two cores, and halved.

    Attributes:
        small_rows: reading, building or rewriting a table of at most so many rows is worth a note only.
        small_size: and of at most this size with its indexes and TOAST; ``off``: no table is small.
        large_size: from this size on a warning about such work is an error; ``off``: none is.
        scan_rate: how much of a table the server reads in a second, for the estimate in the message.
        build_rate: likewise, while it builds an index.
        rewrite_rate: likewise, while it rewrites the table with its indexes.
        max_age: statistics that are older make nothing less severe.
    """

    small_rows: Annotated[int, msgspec.Meta(ge=0)] = 10_000
    small_size: Size = "10MB"
    large_size: Size = "10GB"
    scan_rate: Size = "300MB"
    build_rate: Size = "50MB"
    rewrite_rate: Size = "15MB"
    max_age: Duration = "90d"


class LintSettings(_Section, frozen=True):
    """What lint reports.

    Attributes:
        pg_version: oldest server in use.
        dialect: what the files are written for; other dialects than PostgreSQL's are judged less exactly.
        select: codes or prefixes to report; ``ALL`` for every rule but those of category policy, which are named.
        ignore: codes or prefixes not to report.
        severity: severity by code, where it differs from the rule's own.
        fail_on: the least severity that makes the exit code 1.
        baseline: file of findings that are not reported, relative to the file that says so; empty: none.
        per_file_ignores: codes or prefixes not to report, by pattern of file names such as ``migrations/2024*``.
        base: file with the schema that is there before the files, relative to the file that says so; empty: none.
        stats: file of ``migrator stats``, relative to the file that says so; empty: none.
        sizes: what the size of a table makes of a finding.
        manifests: files of ``migrator manifest``, of releases that run or are about to; relative to the file that says
            so.
    """

    pg_version: Annotated[int, msgspec.Meta(ge=10, le=30)] = 14
    dialect: Literal["postgresql", "mysql", "mariadb", "sqlite"] = "postgresql"
    select: tuple[str, ...] = ("ALL",)
    ignore: tuple[str, ...] = ()
    severity: dict[str, Literal["error", "warning", "info"]] = {}
    fail_on: Literal["error", "warning", "info"] = "error"
    baseline: str = ""
    per_file_ignores: dict[str, tuple[str, ...]] = {}
    base: str = ""
    stats: str = ""
    sizes: LintSizes = LintSizes()
    manifests: tuple[str, ...] = ()


class Settings(_Section, frozen=True):
    """Everything a project can set.

    Attributes:
        migrations: folder of phased migrations, relative to the file that says so.
        project: keeps apart projects that share a database.
        lock_timeout: longest wait for, or hold of, a lock that blocks others.
        lock_budget: how long a refused lock is retried before exit 14.
        alembic: configuration file of Alembic, relative to the file that says so; empty: alembic.ini, or pyproject.toml
            with a [tool.alembic] table, if one is there.
    """

    migrations: str = "migrations"
    project: Annotated[str, msgspec.Meta(min_length=1)] = "default"
    lock_timeout: Duration = "500ms"
    lock_budget: Duration = "5min"
    alembic: str = ""
    backfill: BackfillSettings = BackfillSettings()
    gate: GateSettings = GateSettings()
    lint: LintSettings = LintSettings()


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
    _check(settings, source)
    return Project(settings, source.parent if source else folder, source)


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
    sections: tuple[tuple[str, type[_Section]], ...] = (
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
    definitions: dict[str, type[_Section]] = {
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


def _check(settings: Settings, source: Path | None) -> None:
    at = str(source) if source else None
    names = [service.name for service in settings.gate.service]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f'service "{name}" is configured twice', at=at)
    if milliseconds(settings.gate.fence_lease) < _SHORTEST_LEASE_MS:
        raise UsageError(
            f"gate.fence_lease is {settings.gate.fence_lease}, at least 30s is needed",
            at=at,
            detail="a refused lock is tried again after up to 10 s, and the fence must stand meanwhile.",
        )
    _check_backfill(settings.backfill, at)
    for rate in ("scan_rate", "build_rate", "rewrite_rate"):
        if not size_bytes(getattr(settings.lint.sizes, rate)):
            raise UsageError(f"lint.sizes.{rate} is nothing in a second", at=at, hint="write a size, as in 100MB")
    for asked in settings.gate.source:
        key = _NEEDED_KEY.get(asked.kind)
        if key and not getattr(asked, key):
            raise UsageError(f'a source of kind "{asked.kind}" needs "{key}"', at=at)
        if asked.service and asked.service not in names:
            raise UsageError(f'source "{asked.kind}" speaks of service "{asked.service}", which is not listed', at=at)
    for service in settings.gate.service:
        if service.expect == "zero" and not service.reason.strip():
            raise UsageError(
                f'service "{service.name}" expects zero instances without a reason', at=at, hint='add reason = "…"'
            )
        # A beat every ttl/3 must not be more than one a second.
        if milliseconds(service.ttl) < 3_000:
            raise UsageError(f'service "{service.name}" has a ttl of {service.ttl}, at least 3s is needed', at=at)


def _check_backfill(settings: BackfillSettings, at: str | None) -> None:
    for signal in settings.signal:
        if not getattr(signal, _NEEDED_KEY[signal.kind]):
            raise UsageError(f'signal "{signal.name}" needs "{_NEEDED_KEY[signal.kind]}"', at=at)
        if signal.kind == "http" and not signal.url.startswith(("http://", "https://")):
            raise UsageError(f'signal "{signal.name}" has a url that is neither http nor https', at=at)
    if settings.time_zone != "UTC":
        import zoneinfo  # many milliseconds, for commands that start in few

        try:
            zoneinfo.ZoneInfo(settings.time_zone)
        except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
            raise UsageError(f'backfill.time_zone "{settings.time_zone}" is not known here', at=at) from None


def json_schema() -> dict[str, Any]:
    """The JSON schema of ``migrator.toml``."""
    return msgspec.json.schema(Settings)
