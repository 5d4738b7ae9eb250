"""Publish tables for logical replication."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrator.changes.kind import Context, Spec
from migrator.changes.options import options_of, written
from migrator.changes.replication import published, published_in, refuse_unsent_identity, require_publishable
from migrator.changes.statement import OneStatement
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident, ident_list
from migrator.sql.parser import pb, unwrap

_ALL = ("insert", "update", "delete", "truncate")


class PublicationCreation(Spec, frozen=True):
    """Parameters of ``create_publication``.

    Attributes:
        publication: its name.
        tables: as SQL: ``public.orders``, ``public.orders (id, total) WHERE (total > 0)``.
        schemas: those whose tables are published, also later ones.
        all_tables: every table of the database, also later ones.
        options: ``NAME=VALUE`` each.
    """

    publication: str
    tables: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    all_tables: bool = False
    options: tuple[str, ...] = ()


class CreatePublication(OneStatement[PublicationCreation]):
    """Publish tables for logical replication.

    What happens
        Expand creates it: vacuum and other schema changes of the tables wait for a moment, reads and writes go on.
        Nothing is sent before a subscription asks. There is nothing to contract. Rollback drops it.

    What is refused
        A table without a replica identity, a column list that lacks one of its columns, a row filter on another column,
        while updates or deletes are published: from that moment each UPDATE and DELETE of an application would fail.
        The same for tables that ALL TABLES and TABLES IN SCHEMA take in. Column lists and row filters before PostgreSQL
        15. ALL TABLES and TABLES IN SCHEMA by a role that is no superuser.

    Limits
        Needs ``wal_level = logical`` before anything is sent. Schema changes are not sent: add columns on the other
        side first. Tables that come later into a publication of ALL TABLES are not looked at here. Partitions of a
        partitioned table are not looked at.

    Example:
        CREATE PUBLICATION reporting FOR TABLE orders, customers
    """

    name = "create_publication"
    spec = PublicationCreation
    verb = "publish"
    why = "nothing is sent before a subscription asks"

    def recognise(self, action: Action, schema: Schema) -> PublicationCreation | None:
        """``CREATE PUBLICATION …``."""
        if action.kind != "create_publication_stmt":
            return None
        tables, schemas = [], []
        for each in map(unwrap, action.node.pubobjects):
            if each.HasField("pubtable"):
                relation = each.pubtable.relation
                tables.append(published(each.pubtable, schema.resolve(relation.schemaname, relation.relname)).sql)
            elif each.pubobjtype == pb.PUBLICATIONOBJ_TABLES_IN_CUR_SCHEMA:
                schemas.append(schema.search_path[0])
            else:
                schemas.append(each.name)
        ident(action.node.pubname)
        return PublicationCreation(
            publication=action.node.pubname,
            tables=tuple(tables),
            schemas=tuple(schemas),
            all_tables=action.node.for_all_tables,
            options=options_of(action.node.options),
        )

    def touched(self, change: PublicationCreation) -> dict[TableName, tuple[str, ...]]:
        """The tables."""
        return {table.name: () for table in published_in(change.tables)}

    def makes(self, change: PublicationCreation) -> tuple[str, ...]:
        """The publication."""
        return ("PUBLICATION", change.publication)

    def validate(self, change: PublicationCreation, context: Context) -> Iterator[str]:
        """The name is free, and no write of an application fails by it."""
        objects = context.schema.objects
        if change.all_tables and (change.tables or change.schemas):
            raise Refused(f'publication "{change.publication}": ALL TABLES goes without tables and schemas')
        if change.publication in objects.publications or ("PUBLICATION", change.publication) in context.made:
            raise Refused(f'publication "{change.publication}" exists already')
        operations = _operations(change)
        sends_generated = _given(change).get("publish_generated_columns", "none").strip("'\"").lower() == "stored"
        require_publishable(published_in(change.tables), operations, context, sends_generated=sends_generated)
        if context.schema.is_known and (change.all_tables or change.schemas):
            if not objects.is_superuser:
                raise Refused(
                    f'publication "{change.publication}" needs a superuser',
                    hint="name the tables instead",
                )
            _require_identities(change, context, operations)
            _require_sent(change, context, operations, sends_generated=sends_generated)
        if objects.wal_level not in ("", "logical"):
            yield f"wal_level is {objects.wal_level}: nothing is sent until the server runs with wal_level = logical"

    def statement(self, change: PublicationCreation, context: Context) -> Sql:
        """The publication."""
        del context
        parts = [f"TABLE {', '.join(table.sql for table in published_in(change.tables))}"] if change.tables else []
        parts += [f"TABLES IN SCHEMA {ident_list(change.schemas)}"] if change.schemas else []
        objects = "ALL TABLES" if change.all_tables else ", ".join(parts)
        return self.template(
            "create", publication=change.publication, objects=Sql(objects), options=written(change.options)
        )

    def undo(self, change: PublicationCreation, context: Context) -> Iterable[Sql]:
        """The publication goes."""
        del context
        yield self.template("drop", publication=change.publication)

    def subject(self, change: PublicationCreation) -> str:
        """The publication."""
        return change.publication


def _given(change: PublicationCreation) -> dict[str, str]:
    return dict(option.split("=", 1) for option in change.options if "=" in option)


def _operations(change: PublicationCreation) -> tuple[str, ...]:
    given = _given(change)
    if "publish" not in given:
        return _ALL
    return tuple(part.strip().lower() for part in given["publish"].split(",") if part.strip())


def _require_identities(change: PublicationCreation, context: Context, operations: tuple[str, ...]) -> None:
    lacking = sorted(
        f"{schema}.{name}"
        for schema, name in context.schema.objects.without_identity
        if change.all_tables or schema in change.schemas
    )
    if lacking and {"update", "delete"} & set(operations):
        raise Refused(
            f'publication "{change.publication}" would take in tables without a replica identity: every UPDATE and '
            "DELETE of them would fail",
            detail="\n".join(lacking[:20]),
            hint="add primary keys in a migration before this one, or publish only inserts: WITH (publish = 'insert')",
        )


def _require_sent(
    change: PublicationCreation, context: Context, operations: tuple[str, ...], *, sends_generated: bool
) -> None:
    """Refuse tables whose rows are found by generated columns that would not be sent.

    Raises:
        Refused: for the first of them.
    """
    for each in sorted(context.schema.objects.generated_identity, key=lambda each: (each.schema, each.table)):
        taken = change.all_tables or each.schema in change.schemas
        if taken and not (each.is_stored and sends_generated) and {"update", "delete"} & set(operations):
            refuse_unsent_identity(
                TableName(each.schema, each.table),
                [each.column],
                [each.column],
                context,
                "set another REPLICA IDENTITY in a migration before this one, or publish only inserts"
                + (", or WITH (publish_generated_columns = stored)" if each.is_stored else ""),
            )
