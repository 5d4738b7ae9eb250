"""What is known about objects that are no tables: schemas, sequences, extensions, publications, comments."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Grant:
    """A privilege granted on a table, on one column only, or on another object.

    Attributes:
        grantee: role, unquoted; an empty string for PUBLIC.
        privilege: ``SELECT``, ``INSERT``, ``UPDATE``, ``REFERENCES``; on tables also ``DELETE``, ``TRUNCATE``, ….
        is_grantable: WITH GRANT OPTION.
    """

    grantee: str
    privilege: str
    is_grantable: bool = False


@dataclass(frozen=True, slots=True)
class PublicationFacts:
    """A publication.

    Attributes:
        tables: schema and name of those it names, all that are in it for ALL TABLES and TABLES IN SCHEMA left out.
        schemas: those all tables of which are in it.
        sends_all: whether it is FOR ALL TABLES.
        operations: ``insert``, ``update``, ``delete``, ``truncate``.
        sends_generated: whether stored generated columns are sent without being listed.
    """

    tables: tuple[tuple[str, str], ...] = ()
    sends_all: bool = False
    operations: tuple[str, ...] = ("insert", "update", "delete", "truncate")
    sends_generated: bool = False
    schemas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unsent:
    """A generated column by which logical replication finds rows, and which not every publication sends.

    Attributes:
        schema: of its table.
        table: its table.
        column: its name.
        is_stored: whether publications can send it.
    """

    schema: str
    table: str
    column: str
    is_stored: bool


@dataclass(frozen=True, slots=True)
class SequenceFacts:
    """A sequence.

    Attributes:
        type_name: ``smallint``, ``integer`` or ``bigint``.
        owned_by: schema, table and column that own it; None: none does.
        is_identity: whether that column is an identity column.
        users: what draws from it or depends on it otherwise, as the server describes it; its owner left out.
    """

    type_name: str = "bigint"
    start: int = 1
    increment: int = 1
    minimum: int = 1
    maximum: int = 2**63 - 1
    cache: int = 1
    cycles: bool = False
    owned_by: tuple[str, str, str] | None = None
    is_identity: bool = False
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatisticsFacts:
    """Extended statistics.

    Attributes:
        table: schema and name of the table they are on.
        target: how many values ANALYZE keeps; -1: the greatest of its columns.
    """

    table: tuple[str, str]
    target: int = -1


@dataclass(frozen=True, slots=True)
class Namespace:
    """A schema.

    Attributes:
        contents: the first objects in it, as the server describes them.
        is_usable: whether the role that asks may create objects in it.
        relations: its tables, views, materialized views and foreign tables; partitions are among them.
        routines: names of its functions, aggregates and procedures, but for those of triggers.
        unspoken: functions of triggers in it, as the server describes them; no query names them.
        others: what else is in it, as the server describes it; indexes and sequences of columns are not.
        extensions: those whose objects are in it.
        searched_by: functions, roles and databases whose own ``search_path`` names it.
    """

    contents: tuple[str, ...] = ()
    is_usable: bool = True
    relations: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    searched_by: tuple[str, ...] = ()
    routines: tuple[str, ...] = ()
    unspoken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension that is installed.

    Attributes:
        updates: versions that the server knows a way to from this one.
        users: objects outside it that depend on it or on its objects, as the server describes them.
    """

    schema: str
    version: str
    updates: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AvailableExtension:
    """An extension that the server could install, in one version.

    Attributes:
        is_default: whether CREATE EXTENSION without VERSION means this version.
        needs_superuser: whether only a superuser may install it.
        is_trusted: whether whoever may create objects in the database may install it although it needs a superuser.
        requires: extensions that must be installed before.
    """

    version: str
    is_default: bool = True
    needs_superuser: bool = False
    is_trusted: bool = False
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DomainColumn:
    """A column of a domain, or of a domain over it.

    Attributes:
        schema: of the table.
        total_bytes: size of the table.
    """

    schema: str
    table: str
    column: str
    total_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain.

    Attributes:
        base: the type under it, as SQL.
        constraints: names of its checks.
        columns: those of the domain itself and of domains over it.
        is_nested: whether columns hold it in an array or in a composite type, whose values the server does not check.
    """

    base: str
    not_null: bool = False
    constraints: tuple[str, ...] = ()
    columns: tuple[DomainColumn, ...] = ()
    is_nested: bool = False


@dataclass(frozen=True, slots=True)
class Objects:
    """What was read of them, all by unquoted names.

    Attributes:
        sequences: by schema and name.
        schemas: by name.
        extensions: those installed, by name.
        available: versions of extensions that could be installed, by name.
        comments: by what SQL calls the object and its name parts: ``("TABLE", "public", "users")``,
            ``("CONSTRAINT", "public", "users", "users_pkey")``, ``("SCHEMA", "app")``. Those of columns are with them.
        grants: privileges on sequences, schemas and functions by what SQL calls the object and its name parts;
            functions only where no other one has the name; what PUBLIC has by default is among them.
        owners: who owns each of them.
        publications: by name.
        domains: by schema and name.
        without_identity: schema and name of tables whose rows logical replication cannot find.
        generated_identity: generated columns by which it finds rows.
        wal_level: the setting; an empty string: not known.
        roles: every role.
        is_superuser: whether the role that asks is one.
        compressions: methods for large values that the server was built with; empty: not known.
        may_create_in_database: whether it may create schemas and install trusted extensions.
        tablespaces: by name, whether the role that asks may put something there; that for shared catalogs is left out.
        default_tablespace: that of the database; an empty string: not known.
        statistics: extended statistics by schema and name.
    """

    sequences: dict[tuple[str, str], SequenceFacts] = field(default_factory=dict)
    schemas: dict[str, Namespace] = field(default_factory=dict)
    extensions: dict[str, Extension] = field(default_factory=dict)
    available: dict[str, tuple[AvailableExtension, ...]] = field(default_factory=dict)
    comments: dict[tuple[str, ...], str] = field(default_factory=dict)
    grants: dict[tuple[str, ...], tuple[Grant, ...]] = field(default_factory=dict)
    owners: dict[tuple[str, ...], str] = field(default_factory=dict)
    publications: dict[str, PublicationFacts] = field(default_factory=dict)
    domains: dict[tuple[str, str], Domain] = field(default_factory=dict)
    without_identity: frozenset[tuple[str, str]] = frozenset()
    generated_identity: frozenset[Unsent] = frozenset()
    wal_level: str = ""
    roles: frozenset[str] = frozenset()
    is_superuser: bool = False
    compressions: tuple[str, ...] = ()
    may_create_in_database: bool = False
    tablespaces: dict[str, bool] = field(default_factory=dict)
    default_tablespace: str = ""
    statistics: dict[tuple[str, str], StatisticsFacts] = field(default_factory=dict)
