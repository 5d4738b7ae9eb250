"""What autogenerate found, sorted: renames, what has to be phased, and what stays as Alembic writes it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Enum
from sqlalchemy.sql.sqltypes import NullType

from migrator.changes.registry import spec_from
from migrator.errors import UsageError
from migrator.integrations.alembic.compare import DROP_ENUM
from migrator.integrations.alembic.renaming import HINT_KEY, Answers, Came, Gone, renamed
from migrator.integrations.alembic.same import Names, is_same, name_of
from migrator.planning.planner import Change
from migrator.sql.compose import literal, qualified

MODELS = "models"
"""Where changes come from, for messages."""
_CREATE_ENUM = "CreateEnumOp"
_log = logging.getLogger("alembic.migrator")


@dataclass(slots=True)
class Found:
    """The differences between models and database.

    Attributes:
        default_schema: that of names without one.
        operations: those that are left, none of which contains others.
        renames: what was renamed, and what is called after it.
        names: what each renamed table and column is called now.
        types: statements for types that added columns need and that nothing else creates.
    """

    default_schema: str
    operations: list[Any]
    renames: list[Change] = field(default_factory=list)
    names: Names = field(default_factory=Names)
    types: list[str] = field(default_factory=list)

    def table_of(self, operation: Any) -> tuple[str, str] | None:
        """Schema and name of the table that an operation is about; None: of another kind of object."""
        name = getattr(operation, "table_name", None) or getattr(operation, "source_table", None)
        if name is None:
            return None
        kw = getattr(operation, "kw", {})
        return getattr(operation, "schema", None) or kw.get("source_schema") or self.default_schema, name

    def path(self, schema: str, *names: str) -> str:
        """A table or column as people name it."""
        return ".".join(names if schema == self.default_schema else (schema, *names))

    @property
    def created(self) -> set[tuple[str, str]]:
        """Tables that are created."""
        return {(each.schema or self.default_schema, each.table_name) for each in self._of(ops.CreateTableOp)}

    @property
    def phased(self) -> list[Any]:
        """Operations that change what is there, those of dropped tables but for the drop itself left out."""
        dropped = {self.table_of(each) for each in self._of(ops.DropTableOp)}
        return [
            each
            for each in self.operations
            if _is_alembics(each)
            and self.table_of(each) not in self.created
            and (self.table_of(each) not in dropped or isinstance(each, ops.DropTableOp))
        ]

    @property
    def plain(self) -> list[Any]:
        """Operations on tables that are created, and those of plugins."""
        return [each for each in self.operations if not _is_alembics(each) or self.table_of(each) in self.created]

    @property
    def referenced(self) -> set[tuple[str, str]]:
        """Tables that foreign keys of what is phased point to."""
        return {
            (each.kw.get("referent_schema") or self.default_schema, each.referent_table)
            for each in self.phased
            if isinstance(each, ops.CreateForeignKeyOp)
        }

    def _of(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.operations if isinstance(each, kind)]


def found_in(upgrade: ops.UpgradeOps, context: MigrationContext, said: Answers) -> Found:
    """Sort what autogenerate found.

    Args:
        upgrade: as Alembic made it.
        context: of Alembic, connected.
        said: about renames.

    Raises:
        UsageError: it is not known what was renamed, or more than the name differs.
    """
    connection = context.connection
    default = (connection.dialect.default_schema_name if connection is not None else None) or "public"
    found = Found(default, list(_flat(upgrade)))
    _take_tables(found, context, said)
    _take_columns(found, context, said)
    _take_what_hangs_on(found)
    _take_types(found, context)
    return found


def _flat(container: ops.OpContainer) -> Iterator[Any]:
    for each in container.ops:
        if isinstance(each, ops.OpContainer):
            yield from _flat(each)
        else:
            yield each


def _is_alembics(operation: object) -> bool:
    return type(operation).__module__ == ops.__name__


def _take_tables(found: Found, context: MigrationContext, said: Answers) -> None:
    dropped = {found.table_of(each): each for each in found.operations if isinstance(each, ops.DropTableOp)}
    created = {found.table_of(each): each for each in found.operations if isinstance(each, ops.CreateTableOp)}
    shapes = {key: each.to_table(context) for key, each in dropped.items() if key}
    for schema in sorted({key[0] for key in dropped if key}):
        gone = [Gone(found.path(*key), key[1]) for key in dropped if key and key[0] == schema]
        came = []
        for key, each in created.items():
            if key and key[0] == schema:
                columns = {column.name for column in each.columns if isinstance(column, Column)}
                fits = tuple(
                    found.path(*old)
                    for old, table in shapes.items()
                    if old[0] == schema and {column.name for column in table.columns} == columns
                )
                came.append(_came(key[1], fits, each.info))
        for old, new in renamed("table", gone, came, said).items():
            drop, create = dropped[schema, old], created[schema, new]
            _require_same_table(found.path(schema, old), drop, create, context)
            found.operations = [each for each in found.operations if each is not drop and each is not create]
            found.names.tables[schema, old] = new
            found.renames.append(_change("rename_table", schema=schema, table=old, new_name=new))


def _take_columns(found: Found, context: MigrationContext, said: Answers) -> None:
    touched = {found.table_of(each) for each in found.operations if isinstance(each, ops.DropColumnOp)}
    for schema, table in sorted(key for key in touched if key):
        mine = [each for each in found.operations if found.table_of(each) == (schema, table)]
        dropped = {each.column_name: each for each in mine if isinstance(each, ops.DropColumnOp)}
        added = {str(each.column.name): each for each in mine if isinstance(each, ops.AddColumnOp)}
        shapes = {name: each.to_column(context) for name, each in dropped.items()}
        gone = [Gone(found.path(schema, table, name), name) for name in dropped]
        came = [
            _came(
                name,
                tuple(found.path(schema, table, old) for old, shape in shapes.items() if _fits(shape, each.column)),
                each.column.info,
            )
            for name, each in added.items()
        ]
        for old, new in renamed("column", gone, came, said).items():
            path = found.path(schema, table, old)
            _require_same_column(path, shapes[old], added[new].column, context)
            found.operations = [each for each in found.operations if each not in (dropped[old], added[new])]
            found.names.columns[schema, table, old] = new
            found.renames.append(_change("rename_column", schema=schema, table=table, column=old, new_name=new))


def _came(name: str, fits: tuple[str, ...], info: Any) -> Came:
    return Came(name, fits, HINT_KEY in info, info.get(HINT_KEY))


def _fits(old: Column[Any], new: Column[Any]) -> bool:
    """Whether one may be the other renamed: of one family of types, or of one that nobody knows."""
    if isinstance(old.type, NullType) or isinstance(new.type, NullType):
        return True
    if isinstance(old.type, Enum) != isinstance(new.type, Enum):  # of the family of strings, says SQLAlchemy
        return False
    return old.type._type_affinity is new.type._type_affinity  # noqa: SLF001 - Alembic compares types by it as well


def _require_same_column(path: str, old: Column[Any], new: Column[Any], context: MigrationContext) -> None:
    """Make sure that nothing but the name differs.

    Raises:
        UsageError: something else does.
    """
    differences = []
    if not isinstance(old.type, NullType) and context.impl.compare_type(old, new):
        differences.append(f"its type is {old.type}, in the models {new.type.compile(context.dialect)}")
    if bool(old.nullable) != bool(new.nullable):
        is_nullable = "it can be NULL, in the models it cannot" if old.nullable else "it is NOT NULL, in the models not"
        differences.append(is_nullable)
    if differences:
        raise UsageError(
            f'"{path}" is renamed to "{new.name}" and changed as well',
            detail="\n".join(differences),
            hint="leave the model as the column is but for the name, and make the other change in a later revision",
        )


def _require_same_table(path: str, drop: Any, create: Any, context: MigrationContext) -> None:
    """Make sure that nothing but the name differs.

    Raises:
        UsageError: columns do.
    """
    old = {column.name: column for column in drop.to_table(context).columns}
    new = {column.name: column for column in create.to_table(context).columns}
    odd = sorted(str(name) for name in old.keys() ^ new.keys())
    if odd:
        raise UsageError(
            f'table "{path}" is renamed to "{create.table_name}" and its columns differ',
            detail=f"on one side only: {', '.join(odd)}",
            hint="rename the table in a revision of its own, and change its columns in a later one",
        )
    for name, column in old.items():
        _require_same_column(f"{path}.{name}", column, new[name], context)


def _take_what_hangs_on(found: Found) -> None:
    """Indexes and constraints that are the same under new names: they stay, and take the name that the models have."""
    came = [each for each in found.operations if isinstance(each, (ops.CreateIndexOp, ops.AddConstraintOp))]
    for gone in [each for each in found.operations if isinstance(each, (ops.DropIndexOp, ops.DropConstraintOp))]:
        before = gone.reverse()
        twin = next((each for each in came if is_same(before, each, found.names, found.default_schema)), None)
        if twin is None:
            continue
        came.remove(twin)
        found.operations = [each for each in found.operations if each is not gone and each is not twin]
        old, new = name_of(before), name_of(twin)
        table = found.table_of(before)
        if not old or not new or old == new or table is None:
            continue
        if table in found.names.tables:
            _log.info("%s keeps its name with the table that is renamed: the next revision renames it", old)
            continue
        kind, what = (
            ("rename_index", "index") if isinstance(gone, ops.DropIndexOp) else ("rename_constraint", "constraint")
        )
        found.renames.append(_change(kind, schema=table[0], table=table[1], new_name=new, **{what: old}))


def _take_types(found: Found, context: MigrationContext) -> None:
    """Enumerated types: op.add_column creates none; plugins do, by operations of their own."""
    connection = context.connection
    if connection is None:
        return
    made: set[tuple[str, str]] = set()
    for each in list(found.operations):
        # Of alembic-postgresql-enum: as changes of ours they stand before the columns, and wait for contract.
        if type(each).__name__ == _CREATE_ENUM:
            made.add((each.schema, each.name))
            found.types.append(_create_type(each.schema, each.name, each.enum_values))
        elif type(each).__name__ == DROP_ENUM:
            found.types.append(f"DROP TYPE {qualified(each.schema, each.name)};\n")
        else:
            continue
        found.operations.remove(each)
    for each in found.operations:
        kind = getattr(getattr(each, "column", None), "type", None)
        if not (isinstance(each, ops.AddColumnOp) and isinstance(kind, Enum) and kind.native_enum and kind.name):
            continue
        schema = kind.schema or found.default_schema
        exists = connection.dialect.has_type(connection, kind.name, schema)  # type: ignore[attr-defined]
        if (schema, kind.name) not in made and not exists:
            made.add((schema, kind.name))
            found.types.append(_create_type(schema, kind.name, kind.enums))


def _create_type(schema: str, name: str, values: Any) -> str:
    labels = ", ".join(literal(value) for value in values)
    return f"CREATE TYPE {qualified(schema, name)} AS ENUM ({labels});\n"


def _change(kind: str, **parameters: str) -> Change:
    return Change(*spec_from({"kind": kind, **parameters}, MODELS), MODELS)
