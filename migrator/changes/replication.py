"""How logical replication finds rows, and what publications say of tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from migrator.changes.kind import Context
from migrator.errors import Refused
from migrator.model.publishing import Publishing
from migrator.model.schema import Index, Relation, TableName
from migrator.sql.compose import Sql, ident_list, qualified
from migrator.sql.parser import deparse_expression, parse_script, pb, unwrap, walk
from migrator.sql.rewrite import columns_in

_FILTERS = 15
"""First version with column lists and row filters (release notes of 15)."""
_UNSENT_IDENTITY_FAILS = 18
"""First version in which an UPDATE fails whose replica identity has a generated column that is not sent (tried)."""


@dataclass(frozen=True, slots=True)
class Published:
    """A table as a publication names it.

    Attributes:
        name: of the table.
        columns: those that are sent; none: all.
        condition: on the rows that are sent, as SQL; an empty string: all rows.
        condition_columns: those the condition reads.
    """

    name: TableName
    columns: tuple[str, ...] = ()
    condition: str = ""
    condition_columns: frozenset[str] = frozenset()

    @property
    def sql(self) -> Sql:
        """As it stands after TABLE."""
        columns = f" ({ident_list(self.columns)})" if self.columns else ""
        condition = f" WHERE ({self.condition})" if self.condition else ""
        return Sql(f"{qualified(self.name.schema, self.name.name)}{columns}{condition}")


def published(node: Any, name: TableName) -> Published:
    """A ``PublicationTable``.

    Args:
        node: the message.
        name: the table that its relation means.
    """
    condition = node.where_clause if node.HasField("where_clause") else None
    return Published(
        name,
        tuple(unwrap(column).sval for column in node.columns),
        deparse_expression(condition) if condition is not None else "",
        frozenset(
            unwrap(each.fields[-1]).sval
            for each in (walk(condition) if condition is not None else ())
            if isinstance(each, pb.ColumnRef) and isinstance(unwrap(each.fields[-1]), pb.String)
        ),
    )


def published_in(texts: Iterable[str]) -> list[Published]:
    """Tables given as SQL: ``public.orders (id, total) WHERE (total > 0)``.

    Raises:
        Refused: one is not what may stand after TABLE.
    """
    return [_parsed(text) for text in texts]


def _parsed(text: str) -> Published:
    statements = parse_script(f"CREATE PUBLICATION p FOR TABLE {text}", "tables").statements
    objects = [unwrap(each) for each in statements[0].node.pubobjects] if len(statements) == 1 else []
    if len(objects) != 1 or not objects[0].HasField("pubtable"):
        raise Refused(f"not one table of a publication: {text}", hint="tables=public.orders")
    relation = objects[0].pubtable.relation
    return published(objects[0].pubtable, TableName(relation.schemaname or "public", relation.relname))


def published_beside(target: TableName, context: Context) -> Iterator[Publishing]:
    """How publications will send a table that the same migration makes, or adds the table to."""
    for _, spec in context.beside:
        name = getattr(spec, "publication", "")
        if not name:
            continue
        told = [each.partition("=")[2] for each in getattr(spec, "options", ()) if each.startswith("publish=")]
        changes_rows = not told or "update" in told[-1] or "delete" in told[-1]
        for table in published_in((*getattr(spec, "tables", ()), *getattr(spec, "add", ()))):
            if table.name == target:
                yield Publishing(name, changes_rows, table.columns or None, table.condition)
        if getattr(spec, "all_tables", False) or target.schema in getattr(spec, "schemas", ()):
            yield Publishing(name, changes_rows)


def keys_of(index: Index) -> tuple[str, ...] | None:
    """Columns an index is over, those it only includes left out; None if one of its keys is an expression."""
    node = parse_script(index.definition).statements[0].node
    keys = [unwrap(part) for part in node.index_params]
    return tuple(key.name for key in keys) if all(key.name for key in keys) else None


def is_partial(index: Index) -> bool:
    """Whether an index leaves rows out."""
    return bool(parse_script(index.definition).statements[0].node.HasField("where_clause"))


def identity_of(relation: Relation) -> tuple[str, ...] | None:
    """Columns by which rows are found; every column for FULL; None: they cannot be found, as by a deferrable key."""
    if relation.replica_identity == "full":
        return tuple(column.name for column in relation.columns)
    if relation.replica_identity == "nothing":
        return None
    wanted = [
        each
        for each in relation.indexes
        if (each.is_replica_identity if relation.replica_identity == "index" else each.is_primary and each.is_immediate)
    ]
    return keys_of(wanted[0]) if wanted else None


def require_writable(coming: Relation, now: Relation, hint: str, server_version: int = _UNSENT_IDENTITY_FAILS) -> None:
    """Refuse what would make every UPDATE and DELETE of a table fail because of publications.

    Args:
        coming: the table as it would be.
        now: as it is; what makes them fail already is left out.
        hint: what to do.
        server_version: by default the newest, which refuses most.

    Raises:
        Refused: with every reason.
    """
    before = set(_unwritable(now, server_version))
    reasons = [each for each in _unwritable(coming, server_version) if each not in before]
    if reasons:
        raise Refused(
            f'every UPDATE and DELETE of table "{coming.name}" would fail', detail="\n".join(reasons), hint=hint
        )


def _unwritable(relation: Relation, server_version: int) -> Iterator[str]:
    """Why updates and deletes of a table fail; the rows of a partitioned one are those of its partitions."""
    identity = identity_of(relation)
    for each in relation.publications if relation.kind != "partitioned table" else ():
        if not each.changes_rows:
            continue
        who = f"publication {each.name} sends them"
        if identity is None:
            yield f"{who}, and the table has no replica identity"
            continue
        unsent = sorted(set(identity) & set(_unsent(relation, each, server_version)))
        if each.columns is not None and relation.replica_identity == "full":
            yield f"{who} with a column list, which goes with no REPLICA IDENTITY FULL"
        elif unsent:
            yield f"{who} without {', '.join(unsent)} of the replica identity"
        unfound = sorted(columns_in(each.filtered_by) - set(identity)) if each.filtered_by else []
        if unfound:
            yield f"{who} where a row filter says so that reads {', '.join(unfound)}, not in the replica identity"


def _unsent(relation: Relation, publication: Publishing, server_version: int) -> Iterator[str]:
    """Columns that a publication leaves out, as far as that is an error where they are in the replica identity."""
    for column in relation.columns:
        if column.generated and server_version < _UNSENT_IDENTITY_FAILS:
            continue
        if publication.columns is not None:
            if column.name not in publication.columns:
                yield column.name
        elif column.generated and not (column.generated == "stored" and publication.sends_generated):
            yield column.name


def require_found_without(relation: Relation, indexes: Iterable[Index]) -> None:
    """Refuse to drop indexes by which logical replication finds rows that a publication sends the changes of.

    Raises:
        Refused: every UPDATE and DELETE of an application would fail behind it.
    """
    going = {each.name for each in indexes}
    kept = tuple(each for each in relation.indexes if each.name not in going)
    require_writable(
        replace(relation, indexes=kept),
        relation,
        "give it another one in a migration before this one: ALTER TABLE "
        f"{qualified(relation.name.schema, relation.name.name)} REPLICA IDENTITY …",
    )


def refuse_unsent_identity(
    table: TableName, identity: Iterable[str], unsent: Iterable[str], context: Context, hint: str
) -> None:
    """Refuse a replica identity with generated columns that a publication leaves out.

    Raises:
        Refused: every UPDATE and DELETE of the table would fail.
    """
    found = sorted(set(identity) & set(unsent))
    if found and context.schema.server_version >= _UNSENT_IDENTITY_FAILS:
        raise Refused(
            f'the replica identity of table "{table}" has generated columns that are not published, '
            f"{', '.join(found)}: every UPDATE and DELETE of it would fail",
            hint=hint,
        )


def require_publishable(
    tables: Iterable[Published], operations: Iterable[str], context: Context, *, sends_generated: bool
) -> None:
    """Refuse tables whose UPDATE and DELETE would fail for every application once they are published.

    Args:
        tables: to be published.
        operations: that are sent.
        context: of the change.
        sends_generated: whether stored generated columns are sent without being listed.

    Raises:
        Refused: a table is not there, or its rows could not be found on the other side.
    """
    changes_rows = bool({"update", "delete"} & set(operations))
    for table in tables:
        if context.schema.is_known and context.schema.server_version < _FILTERS and (table.columns or table.condition):
            raise Refused(f'table "{table.name}": column lists and row filters need PostgreSQL {_FILTERS}')
        relation = context.schema.relation(table.name)
        if relation is None:
            if context.schema.is_known and table.name not in context.created:
                raise Refused(f'table "{table.name}" does not exist')
            continue
        if relation.kind not in ("table", "partitioned table", "partition"):
            raise Refused(f'"{table.name}" is a {relation.kind}, which is not published')
        missing = sorted({*table.columns, *table.condition_columns} - {column.name for column in relation.columns})
        if missing:
            raise Refused(f'column "{missing[0]}" of table "{table.name}" does not exist')
        if changes_rows and relation.kind != "partitioned table":
            _require_identity(table, relation)
            refuse_unsent_identity(
                table.name,
                identity_of(relation) or (),
                [
                    column.name
                    for column in relation.columns
                    if column.generated
                    and not (column.name in table.columns or (column.generated == "stored" and sends_generated))
                ],
                context,
                "set another REPLICA IDENTITY in a migration before this one, or publish only inserts",
            )


def _require_identity(table: Published, relation: Relation) -> None:
    identity = identity_of(relation)
    if identity is None:
        raise Refused(
            f'table "{table.name}" has no replica identity: once it is published, every UPDATE and DELETE of it fails',
            hint=f"add a primary key, or ALTER TABLE {qualified(table.name.schema, table.name.name)} REPLICA IDENTITY …"
            ", in a migration before this one; or publish only inserts: WITH (publish = 'insert')",
        )
    if table.columns and not set(identity) <= set(table.columns):
        raise Refused(
            f'the columns of table "{table.name}" that are published lack '
            f"{', '.join(sorted(set(identity) - set(table.columns)))} of its replica identity: every UPDATE and "
            "DELETE of it would fail",
            hint="publish them too",
        )
    if not table.condition_columns <= set(identity):
        raise Refused(
            f'the row filter of table "{table.name}" reads '
            f"{', '.join(sorted(table.condition_columns - set(identity)))}, not in its replica identity: every UPDATE "
            "and DELETE of it would fail",
            hint="set REPLICA IDENTITY FULL in a migration before this one, or publish only inserts",
        )
