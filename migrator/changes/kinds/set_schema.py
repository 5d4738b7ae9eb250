"""Move a table to another schema, in both until no old code is left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from migrator.changes.kind import Context
from migrator.changes.moved_table import MovedTable, Moving
from migrator.changes.replication import require_writable
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.publishing import Publishing
from migrator.model.routines import TriggerFunction
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb


class SchemaChange(Moving, frozen=True):
    """Parameters of ``set_schema``.

    Attributes:
        new_schema: where the table is afterwards.
    """

    new_schema: str

    @property
    def moved(self) -> TableName:
        """The table in its new schema."""
        return TableName(self.new_schema, self.table)


class SetSchema(MovedTable[SchemaChange]):
    """Move a table to another schema, in both until no old code is left.

    What happens
        As ``rename_table`` does it: expand creates a view in the new schema over the table, with its privileges, that
        reads and writes go through. New code uses it there, old code the table where it is, and both see the same rows
        at once. Contract, once no old code is left, drops the view and moves the table in one transaction, its indexes,
        constraints and the sequences of its columns with it.

    What is refused
        As for ``rename_table``: a table that a subscription writes or a publication sends, row security on PostgreSQL
        14, other changes of the table in one migration; a name that is taken there. Views, functions, types and
        sequences: create them in the new schema, and drop the old ones in the same migration.

    Limits
        Until contract, new code cannot COPY FROM or TRUNCATE the table in its new schema, nor GROUP BY a primary key
        alone. New code needs USAGE on the schema. Code that finds the table by its ``search_path``, with both schemas
        in it, finds whichever comes first. Code that names a sequence of the table finds it in the old schema until
        contract. Partitions stay where they are.

    Example:
        ALTER TABLE invoices SET SCHEMA billing
    """

    name = "set_schema"
    unknown_without_tables = frozenset({Phase.EXPAND})
    spec = SchemaChange
    gives_way_to_phase = True
    verb = "move"

    def recognise(self, action: Action, schema: Schema) -> SchemaChange | None:
        """``ALTER TABLE … SET SCHEMA …``."""
        if action.kind != "alter_object_schema_stmt" or action.node.object_type != pb.OBJECT_TABLE:
            return None
        relation = action.node.relation
        target = schema.resolve(relation.schemaname, relation.relname)
        return SchemaChange(schema=target.schema, table=target.name, new_schema=action.node.newschema)

    def validate(self, change: SchemaChange, context: Context) -> Iterator[str]:
        """The schema is there, and a view can stand in for the table."""
        if change.new_schema == change.schema:
            raise Refused(f'table "{change.target}" is in schema "{change.schema}" already')
        yield from super().validate(change, context)
        found = context.schema.objects.schemas.get(change.new_schema)
        if found is None and ("SCHEMA", change.new_schema) not in context.made:
            raise Refused(
                f'schema "{change.new_schema}" does not exist', hint="create it in the same migration, before"
            )
        if found is not None and not found.is_usable:
            raise Refused(f'this role may not create objects in schema "{change.new_schema}"')
        relation = context.schema.relation(change.target)
        if relation is not None:
            there = tuple(
                Publishing(
                    name, bool({"update", "delete"} & set(each.operations)), sends_generated=each.sends_generated
                )
                for name, each in sorted(context.schema.objects.publications.items())
                if change.new_schema in each.schemas
            )
            require_writable(
                replace(relation, publications=(*relation.publications, *there)),
                relation,
                "give the table a primary key, or another REPLICA IDENTITY, in a migration before this one",
                context.schema.server_version,
            )
        yield f"new code needs USAGE on schema {change.new_schema}"

    def move(self, change: SchemaChange) -> Sql:
        """The new schema."""
        return self.template("move", table=change.sql, new_schema=change.new_schema)

    def named_by_triggers(self, change: SchemaChange, relation: Relation) -> Iterable[TriggerFunction]:
        """Those that write the old schema; without one, the search_path of whoever writes decides."""
        del change
        return (each for each in relation.written_by if each.is_qualified)

    def seen_as(self, change: SchemaChange) -> str:
        """With its new schema."""
        return str(change.moved)
