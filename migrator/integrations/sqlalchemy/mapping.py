"""What mapped classes and tables use, read off SQLAlchemy's own description of them; nothing is run.

Counted is what SQLAlchemy may name in a statement by itself: mapped columns, also deferred ones (an INSERT names them),
what ``column_property``, hybrids, relationships and their secondary tables read, discriminators, and columns that are
not mapped but have a default in Python, which INSERT and UPDATE write all the same (2.0.58 and 2.1.9). Not counted are
columns of the table that the mapping leaves out: ``Unmapped``, ``exclude_properties``, columns appended later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Column, Join, MetaData, Table, TextClause
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.hybrid import HybridExtensionType
from sqlalchemy.orm import ColumnProperty, Mapper, RelationshipProperty, registry
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ColumnElement

from migrator.errors import UsageError
from migrator.model.manifest import Manifest, UsedColumn, UsedTable

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]

_NONE: frozenset[Table] = frozenset()

NO_RAW_SQL_SEEN = (
    "statements that the code writes as text, and those that name columns of tables which their classes do not map"
)


@dataclass(slots=True)
class _Used:
    """What is known of a table while it is put together."""

    table: Table
    columns: dict[str, UsedColumn] = field(default_factory=dict)
    inserts: bool = False


def manifest_of(
    found: Any, *, models: str, service: str = "", level: int | None = None, schema: str = "public"
) -> Manifest:
    """The manifest of models, without statements that were recorded.

    Args:
        found: a declarative base, a registry, a ``MetaData``, or something that has one of them.
        models: its name, for people.
        service: as of ``Manifest``.
        level: as of ``Manifest``.
        schema: where tables are that name none.

    Raises:
        UsageError: it is no models, there are none, or their mapping is broken.
    """
    metadata, registered = _parts(found, models)
    reader = _Reader(metadata)
    if registered is not None:
        try:
            registered.configure()
        except SQLAlchemyError as error:
            raise UsageError(
                f"the mapping of {models} is broken: {type(error).__name__}: {error}",
                hint="import every module that has models before the manifest is made",
            ) from None
        for mapper in sorted(registered.mappers, key=lambda each: each.class_.__qualname__):
            reader.mapper(mapper)
    reader.unmapped_tables()
    if not reader.used:
        raise UsageError(
            f"{models} has no tables",
            hint="name a module that imports every model, such as app.models:Base",
        )
    return Manifest(
        service,
        level,
        models,
        tuple(
            sorted((_as_used(each, schema) for each in reader.used.values()), key=lambda each: (each.schema, each.name))
        ),
        unseen=(NO_RAW_SQL_SEEN, *sorted(reader.unseen)),
        notes=tuple(sorted(reader.notes)),
    )


def columns_of(found: Any, *, models: str, schema: str) -> dict[tuple[str, str], frozenset[str]]:
    """Every column that models know, mapped or not, by schema and table.

    Args and errors as of ``manifest_of``.
    """
    metadata, registered = _parts(found, models)
    tables = {table for mapper in (registered.mappers if registered else ()) for table in mapper.tables}
    tables.update(metadata.tables.values())
    return {
        (str(table.schema or schema), str(table.name)): frozenset(str(column.name) for column in table.columns)
        for table in tables
        if isinstance(table, Table)
    }


def _parts(found: Any, models: str) -> tuple[MetaData, registry | None]:
    """The metadata, and the registry of mapped classes if there is one."""
    for holder in (found, getattr(found, "Model", None)):
        registered = holder if isinstance(holder, registry) else getattr(holder, "registry", None)
        if isinstance(registered, registry):
            own = getattr(holder, "metadata", None)
            return own if isinstance(own, MetaData) else registered.metadata, registered
    metadata = found if isinstance(found, MetaData) else getattr(found, "metadata", None)
    if isinstance(metadata, MetaData):
        return metadata, None
    raise UsageError(
        f"{models} is neither a declarative base nor a MetaData",
        detail=f"it is {type(found).__module__}.{type(found).__qualname__}.",
        hint="migrator manifest app.models:Base",
    )


def _as_used(used: _Used, schema: str) -> UsedTable:
    columns = tuple(used.columns[name] for name in sorted(used.columns))
    return UsedTable(str(used.table.schema or schema), str(used.table.name), columns, used.inserts)


class _Reader:
    """Collects what is used of the tables of a metadata, and of other tables that mapped classes refer to."""

    def __init__(self, metadata: MetaData) -> None:
        self._metadata = metadata
        self.used: dict[Table, _Used] = {}
        self.unseen: set[str] = set()
        self.notes: set[str] = set()
        self._mapped: set[Table] = set()

    def mapper(self, mapper: Mapper[Any]) -> None:
        """Take in a mapped class."""
        own = frozenset(each for each in mapper.tables if isinstance(each, Table)) if _is_written_to(mapper) else _NONE
        for table in own:
            self._mapped.add(table)
            self._of(table).inserts = True
            self._defaults_of_unmapped(mapper, table)
        for attribute in mapper.column_attrs:
            self._attribute(mapper, attribute, own)
        for expression in (mapper.polymorphic_on, mapper.version_id_col, mapper.inherit_condition, *mapper.primary_key):
            self._reads(expression)
        if not own:
            self._reads(mapper.local_table)
            self._text(mapper.local_table, mapper.class_.__qualname__)
        for relationship in mapper.relationships:
            self._relationship(relationship)
        self._hybrids(mapper)

    def unmapped_tables(self) -> None:
        """Take in the tables that no class is mapped to: any of their columns may be read and written."""
        for table in self._metadata.tables.values():
            if table not in self._mapped:
                self._of(table).inserts = True
                for column in table.columns:
                    self._add(column, reads=True, writes=_is_written(column))

    def _of(self, table: Table) -> _Used:
        return self.used.setdefault(table, _Used(table))

    def _attribute(self, mapper: Mapper[Any], attribute: ColumnProperty[Any], own: AbstractSet[Table]) -> None:
        for expression in attribute.columns:
            for column in _columns_in(expression):
                writes = column is expression and column.table in own and _is_written(column)
                self._add(column, reads=not attribute.deferred, writes=writes, deferred=attribute.deferred)
            self._text(expression, f"{mapper.class_.__qualname__}.{attribute.key}")

    def _text(self, expression: Any, place: str) -> None:
        if any(
            isinstance(node, TextClause) or getattr(node, "is_literal", False) for node in visitors.iterate(expression)
        ):
            self.unseen.add(f"{place} has a part that is written as text")

    def _relationship(self, relationship: RelationshipProperty[Any]) -> None:
        for expression in (relationship.primaryjoin, relationship.secondaryjoin, *(relationship.order_by or ())):
            self._reads(expression)
            for column in _columns_in(expression) if expression is not None else ():
                if column.table is relationship.secondary and not relationship.viewonly:
                    self._add(column, reads=True, writes=_is_written(column))

    def _hybrids(self, mapper: Mapper[Any]) -> None:
        for name, descriptor in mapper.all_orm_descriptors.items():
            if descriptor.extension_type is not HybridExtensionType.HYBRID_PROPERTY:
                continue
            try:
                expression = getattr(mapper.class_, str(name)).__clause_element__()
            except Exception:  # noqa: BLE001, S112 - the user's own code: what fails here cannot be in a query either
                continue
            self._reads(expression)
            self._text(expression, f"{mapper.class_.__qualname__}.{name}")

    def _reads(self, expression: Any) -> None:
        if expression is None:
            return
        for column in _columns_in(expression):
            self._add(column, reads=True, writes=False)

    def _defaults_of_unmapped(self, mapper: Mapper[Any], table: Table) -> None:
        mapped = set(mapper.columns)
        for column in table.columns:
            if column in mapped or (column.default is None and column.onupdate is None):
                continue
            self._add(column, reads=False, writes=True)
            self.notes.add(
                f"{table.fullname}.{column.name} is not mapped, but its default in Python is written all the same:"
                " take default= and onupdate= away before it is dropped"
            )

    def _add(self, column: Column[Any], *, reads: bool, writes: bool, deferred: bool = False) -> None:
        columns = self._of(column.table).columns
        name = str(column.name)
        known = columns.get(name)
        if known is None:
            takes_null = writes and bool(column.nullable) and column.default is None
            columns[name] = UsedColumn(name, reads, writes, deferred, _type_of(column), takes_null)
            return
        columns[name] = replace(
            known,
            reads=known.reads or reads,
            writes=known.writes or writes,
            deferred=known.deferred and not reads,
            takes_null=known.takes_null or (writes and bool(column.nullable) and column.default is None),
        )


def _is_written_to(mapper: Mapper[Any]) -> bool:
    """Whether a class stands for rows of tables, and not of a query."""
    return isinstance(mapper.persist_selectable, (Table, Join))


def _columns_in(expression: Any) -> Iterator[Column[Any]]:
    """Columns of tables that an expression, a join or a subquery names, through aliases and subqueries."""
    element = getattr(expression, "__clause_element__", lambda: expression)()
    for node in visitors.iterate(element):
        if isinstance(node, ColumnElement):
            yield from _real(node.base_columns if hasattr(node, "base_columns") else (node,))


def _real(columns: Iterable[Any]) -> Iterator[Column[Any]]:
    for column in columns:
        table = getattr(column, "table", None)
        if isinstance(column, Column) and isinstance(table, Table):
            yield column


def _is_written(column: Column[Any]) -> bool:
    return column.computed is None and not (column.identity is not None and column.identity.always)


def _type_of(column: Column[Any]) -> str:
    try:
        return str(column.type.compile(dialect=_DIALECT))
    except SQLAlchemyError:
        return ""  # a type that PostgreSQL does not have, or none
