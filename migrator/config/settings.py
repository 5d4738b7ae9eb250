"""Everything a project can set, section by section, with the defaults."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from migrator.config.units import Duration, Hours, Size


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all sections: immutable, unknown keys refused."""


class SignalSettings(Section, frozen=True):
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


class BackfillSettings(Section, frozen=True):
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


class ServiceSettings(Section, frozen=True):
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


class SourceSettings(Section, frozen=True):
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


class IgnoredRole(Section, frozen=True):
    """A database role whose sessions say nothing about the application: monitoring, backups.

    Attributes:
        role: pattern (``*`` and ``?``) of the role.
        reason: why it cannot use what a contract removes.
    """

    role: Annotated[str, msgspec.Meta(min_length=1)]
    reason: Annotated[str, msgspec.Meta(min_length=1)]


class GateSettings(Section, frozen=True):
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


class LintSizes(Section, frozen=True):
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


class LintSettings(Section, frozen=True):
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

    pg_version: Annotated[int, msgspec.Meta(ge=14, le=30)] = 14
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


class Settings(Section, frozen=True):
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
