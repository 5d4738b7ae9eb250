"""Reading the catalog: tables with their columns, indexes, constraints and all that depends on them."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from migrator.model.below import NOTHING_BELOW
from migrator.model.objects import Grant, Objects
from migrator.model.routines import Routine, Trigger, TriggerFunction
from migrator.model.schema import (
    Column,
    Constraint,
    Dependent,
    Index,
    Partition,
    Policy,
    Reference,
    Relation,
    Schema,
    Sequence,
    Statistics,
    TableName,
    TypedColumn,
    UserType,
)
from migrator.postgres.below import read_below
from migrator.postgres.objects import read_objects
from migrator.postgres.publishing import read_publishing
from migrator.postgres.queries import load
from migrator.postgres.session import LOCK_NOT_AVAILABLE, QUERY_CANCELED, ServerError, Session
from migrator.postgres.views import read_views
from migrator.sql.compose import ident, qualified
from migrator.sql.parser import function_names, parse_expression

_SQL = load("migrator.postgres.queries", "catalog.sql")
_MAY_NOT_MAKE = ("42501", "25006")
"""insufficient_privilege, read_only_sql_transaction (PostgreSQL documentation, appendix A)."""

_LONGEST_SAMPLE = "5s"


def read_schema(session: Session, names: Iterable[tuple[str | None, str]], *, available: bool = True) -> Schema:
    """What the catalog says about the relations and routines of these names; those that do not exist are left out.

    The name of an index stands for its table, that of an enum for the tables that hold its values, and an empty one for
    all that is in its schema.

    Expressions are read with an empty ``search_path``, so that every name in them is qualified.

    Args:
        session: outside a transaction block.
        names: schema (None: by the session's ``search_path``) and name, unquoted.
        available: whether to read too which extensions could be installed, which the server reads from many files.
    """
    path = tuple(session.one(_SQL["search_path"]).schemas) or ("public",)
    relations: dict[TableName, Relation] = {}
    routines: dict[TableName, tuple[Routine, ...]] = {}
    with session.transaction(read_only=True):
        session.set_local("search_path", "")
        types, objects = _types(session), read_objects(session, available=available)
        for schema, name in _meant(names, types, objects, path):
            for place in (schema,) if schema else path:
                relation = _relation(session, TableName(place, name)) or _table_of_index(session, place, name)
                if relation is not None:
                    relations[relation.name] = relation
                    break
            for place in (schema,) if schema else path:
                found = _routines(session, TableName(place, name))
                if found:
                    routines[TableName(place, name)] = found
        domains = frozenset(row.name for row in session.query(_SQL["constrained_domains"]))
    return Schema(
        is_known=True,
        relations=relations,
        search_path=path,
        constrained_domains=domains,
        server_version=session.server_version,
        types=types,
        routines=routines,
        objects=objects,
    )


def _types(session: Session) -> dict[TableName, UserType]:
    return {
        TableName(row.schema, row.name): UserType(
            row.kind,
            tuple(row.users),
            tuple(row.labels),
            tuple(
                TypedColumn(TableName(each["schema"], each["table"]), each["column"], each["is_array"])
                for each in row.columns
            ),
            users_beside=tuple(row.users_beside),
        )
        for row in session.query(_SQL["types"])
    }


def _meant(
    names: Iterable[tuple[str | None, str]],
    types: Mapping[TableName, UserType],
    objects: Objects,
    path: Collection[str],
) -> list[tuple[str | None, str]]:
    """Names, the tables that hold values of the enums among them, and what is in the schemas among them."""
    wanted = dict.fromkeys(names)
    for schema, name in list(wanted):
        if schema and not name:
            del wanted[schema, name]
            found = objects.schemas.get(schema)
            wanted |= dict.fromkeys((schema, each) for each in (*found.relations, *found.routines)) if found else {}
            continue
        enum = next(
            (types[key] for place in ((schema,) if schema else path) if (key := TableName(place, name)) in types), None
        )
        for column in enum.columns if enum else ():
            wanted[column.table.schema, column.table.name] = None
    return list(wanted)


def _routines(session: Session, name: TableName) -> tuple[Routine, ...]:
    rows = session.query(_SQL["routines"], {"schema": name.schema, "name": name.name})
    return tuple(
        Routine(
            row.definition, tuple(row.users), tuple(row.stored_in), tuple(row.mentioned_by),
            tuple(tuple(each) for each in row.fired_by), tuple(row.belongings),
        )
        for row in rows
    )  # fmt: skip


def _table_of_index(session: Session, schema: str, name: str) -> Relation | None:
    row = session.maybe(_SQL["table_of_index"], {"schema": schema, "name": name})
    return _relation(session, TableName(row.schema, row.name)) if row else None


def _relation(session: Session, name: TableName) -> Relation | None:
    row = session.maybe(_SQL["relation"], {"schema": name.schema, "name": name.name})
    if row is None:
        return None
    key = {"oid": row.oid}
    return Relation(
        name=name,
        kind=row.kind,
        columns=_columns(session, row.oid),
        indexes=_indexes(session, row.oid),
        constraints=tuple(
            Constraint(**{**each._asdict(), "columns": tuple(each.columns), "held_by": tuple(each.held_by)})
            for each in session.query(_SQL["constraints"], key)
        ),
        dependents=tuple(Dependent(**dependent._asdict()) for dependent in session.query(_SQL["dependents"], key)),
        references=tuple(
            Reference(
                each.name,
                TableName(each.schema, each.table),
                tuple(each.columns),
                each.definition,
                each.is_valid,
                each.comment,
                each.is_partitioned,
                tuple((TableName(part["schema"], part["table"]), part["name"]) for part in each.partitions),
                each.index,
            )
            for each in session.query(_SQL["references"], key)
        ),
        triggers=tuple(trigger.name for trigger in session.query(_SQL["triggers"], key)),
        inherits=row.inherits,
        is_subscribed=row.is_subscribed,
        is_published=row.is_published,
        partition_triggers=tuple(row.partition_triggers),
        publications=read_publishing(session, row.oid),
        has_row_security=row.has_row_security,
        forces_row_security=row.forces_row_security,
        grants=_grants(row.grants),
        functions=tuple(row.functions),
        written_by=tuple(TriggerFunction(**each) for each in row.written_by),
        estimated_rows=row.estimated_rows,
        total_bytes=row.total_bytes,
        partition_key=row.partition_key,
        partitions=tuple(Partition(TableName(each["schema"], each["name"]), each["bound"]) for each in row.partitions),
        own_triggers=tuple(Trigger(**each._asdict()) for each in session.query(_SQL["own_triggers"], key)),
        users=tuple(row.users),
        rules=tuple(row.rules),
        statistics=tuple(Statistics(**each._asdict()) for each in session.query(_SQL["extended_statistics"], key)),
        comment=row.comment,
        definition=row.definition,
        options=tuple(row.options),
        owner=row.owner,
        replica_identity=row.replica_identity,
        tablespace=row.tablespace,
        policies=tuple(Policy(**each) for each in row.policies),
        views=read_views(session, row.oid, lambda oid: (_indexes(session, oid), _columns(session, oid))),
        below=read_below(session, row.oid) if row.partition_key else NOTHING_BELOW,
    )


def _columns(session: Session, oid: int) -> tuple[Column, ...]:
    return tuple(_column(session, column) for column in session.query(_SQL["columns"], {"oid": oid}))


def _indexes(session: Session, oid: int) -> tuple[Index, ...]:
    rows = session.query(_SQL["indexes"], {"oid": oid})
    return tuple(Index(**{**index._asdict(), "columns": tuple(index.columns)}) for index in rows)


def _column(session: Session, row: object) -> Column:
    values = row._asdict()  # type: ignore[attr-defined]
    default = values["default"]
    return Column(
        **{
            **values,
            "grants": _grants(values["grants"]),
            "sequence": _sequence(values["sequence"]) if values["sequence"] else None,
            "settings": tuple(values["settings"]),
        },
        default_is_volatile=default is not None and is_volatile(session, default),
    )


def _sequence(values: dict[str, Any]) -> Sequence:
    return Sequence(**{**values, "grants": _grants(values["grants"])})


def _grants(rows: list[dict[str, Any]]) -> tuple[Grant, ...]:
    return tuple(Grant(**row) for row in rows)


def is_volatile(session: Session, expression: str) -> bool:
    """Whether an SQL expression calls a function that may answer differently within one transaction."""
    names = sorted(function_names(parse_expression(expression)))
    if not names:
        return False
    volatile: bool = session.one(_SQL["function_volatility"], {"names": names}).volatile
    return volatile


def nearest_relation(session: Session, name: str) -> str | None:
    """The existing table whose name is most like ``name``, for a message; None when none is close."""
    rows = session.query(_SQL["similar_relations"])
    by_name = {row.name.rsplit(".", 1)[-1].strip('"'): row.name for row in rows}
    near = difflib.get_close_matches(name, list(by_name), n=1, cutoff=0.6)
    return by_name[near[0]] if near else None


def missing_privileges(session: Session, name: TableName, *, exists: bool, creates: bool = True) -> list[str] | None:
    """What this role lacks for DDL on a relation, one line each; None where there is no such schema.

    Args:
        exists: whether the relation should be there already; otherwise only CREATE on its schema is needed.
        creates: whether something is made in its schema.
    """
    row = session.maybe(_SQL["privileges"], {"schema": name.schema, "name": name.name})
    if row is None:
        return None
    lacks = []
    if row.read_only:
        lacks.append(f'role "{row.role}" is read-only here (default_transaction_read_only)')
    if exists and row.present and not row.owns:
        lacks.append(f'role "{row.role}" does not own {row.kind} {name}, which belongs to "{row.owner}"')
    if creates and not row.may_create:
        lacks.append(f'role "{row.role}" has no CREATE privilege on schema "{name.schema}"')
    return lacks


def missing_ownership(session: Session, kind: str, name: str) -> list[str]:
    """What this role lacks to change a type, routine or schema, one line each; nothing for one that is not there.

    Args:
        kind: ``type``, ``routine`` or ``schema``.
        name: as SQL, of a routine with the types of its parameters.
    """
    row = session.maybe(_SQL[f"{kind}_owner"], {"name": name})
    what = f"schema {name}" if kind == "schema" else name
    return [] if row is None or row.owns else [f'role "{row.role}" does not own {what}, which belongs to "{row.owner}"']


def index_is_valid(session: Session, schema: str, name: str) -> bool | None:
    """Whether an index is valid; None when there is none of that name."""
    row = session.maybe(_SQL["index_state"], {"schema": schema, "name": name})
    return None if row is None else bool(row.is_valid)


def partition_state(session: Session, parent: TableName, name: TableName) -> str | None:
    """``attached``; ``pending`` while a concurrent detach is not finished; None when it is no partition."""
    row = session.maybe(
        _SQL["partition_state"],
        {"schema": name.schema, "name": name.name, "parent_schema": parent.schema, "parent": parent.name},
    )
    return None if row is None else str(row.state)


def unfinished_rebuilds(session: Session, schema: str, name: str) -> list[TableName]:
    """Indexes that REINDEX CONCURRENTLY of an index left when it was cut off."""
    rows = session.query(_SQL["unfinished_rebuilds"], {"schema": schema, "name": name})
    return [TableName(row.schema, row.name) for row in rows]


def estimated_rows(session: Session, names: Iterable[str | None]) -> dict[str, int]:
    """The planner's estimate by relation as written in SQL; relations without one are left out."""
    wanted = sorted(name for name in names if name)
    return {row.name: row.rows for row in session.query(_SQL["estimated_rows"], {"names": wanted})}


def resolve(session: Session, schema: str | None, name: str) -> TableName | None:
    """The relation a name means in this session, or None when there is none."""
    row = session.maybe(_SQL["resolve"], {"name": qualified(schema, name)})
    return TableName(row.schema, row.name) if row else None


def count_violations(session: Session, table: str, condition: str) -> int:
    """How many rows of a table a CHECK condition would refuse; reads the whole table, ACCESS SHARE.

    Args:
        table: as SQL.
        condition: as SQL, parsed before.
    """
    with session.transaction(read_only=True):
        count: int = session.one(f"SELECT count(*) AS n FROM {table} WHERE NOT ({condition})").n  # noqa: S608 - parsed SQL
    return count


def objection_to(
    session: Session,
    query: str,
    search_path: Iterable[str],
    sample: str | None = None,
    trial: tuple[str, ...] = (),
) -> str | None:
    """Why the server does not understand a query, or None when it does; it is planned, not run.

    Args:
        query: a SELECT, parsed before.
        search_path: schemas its names are looked up in; empty: the session's own.
        sample: one that is run too, for some seconds at most: whatever it did not reach until then is not objected to.
        trial: statements about temporary tables that are run and rolled back; where this role or session may not make
            any, nothing is objected to.

    Raises:
        ServerError: a lock on a table was refused.
    """
    try:
        with session.transaction(read_only=True):
            if search_path:
                session.set_local("search_path", ", ".join(ident(schema) for schema in search_path))
            session.execute(f"EXPLAIN {query}")
            if sample is not None:
                session.set_local("statement_timeout", _LONGEST_SAMPLE)
                session.execute(sample)
        if trial:
            _try(session, trial)
    except ServerError as error:
        if error.sqlstate == LOCK_NOT_AVAILABLE:
            raise
        if error.sqlstate == QUERY_CANCELED:
            return None
        return ": ".join(filter(None, (error.server_message, error.server_detail if trial else "")))
    return None


def _try(session: Session, statements: tuple[str, ...]) -> None:
    """Run statements about temporary tables, and roll them back."""
    with contextlib.suppress(_Tried), session.transaction():
        for number, statement in enumerate(statements):
            try:
                session.execute(statement)
            except ServerError as error:
                if number == 0 and error.sqlstate in _MAY_NOT_MAKE:
                    break
                raise
        raise _Tried


class _Tried(Exception):
    """Everything went through."""


def tables_are_empty(session: Session, names: Iterable[str], *, or_all: bool = False) -> bool:
    """Whether none of these relations holds a row; those that are no tables, or do not exist, hold none.

    Args:
        names: as SQL. ACCESS SHARE on each, until the end of the transaction.
        or_all: whether, where none of them is a table, every table of the database is looked at; one that this role may
            not read counts as filled.
    """
    tables = session.query(_SQL["ordinary_tables"], {"names": sorted(names)})
    if or_all and not tables:
        tables = session.query(_SQL["every_table"])
        if not all(table.is_readable for table in tables):
            return False
    return not any(
        session.one(f"SELECT EXISTS (SELECT FROM {table.name}) AS found").found  # noqa: S608 - quoted by the server
        for table in tables
    )
