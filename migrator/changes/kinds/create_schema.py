"""Create a schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrator.changes.kind import Context, Spec
from migrator.changes.statement import OneStatement
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident
from migrator.sql.parser import pb


class SchemaCreation(Spec, frozen=True):
    """Parameters of ``create_schema``.

    Attributes:
        name: of the schema.
        owner: a role; an empty string: the one that runs expand.
    """

    name: str
    owner: str = ""


class CreateSchema(OneStatement[SchemaCreation]):
    """Create a schema.

    What happens
        Expand creates it; old code does not see it, and nobody waits. There is nothing to contract. Rollback drops it.
        Tables, types and sequences in it can be created in the same migration, after it.

    What is refused
        A name that is taken or begins with ``pg_``, an owner that is no role, a role that may not create schemas in
        this database. Objects written inside CREATE SCHEMA: each is a statement of its own. IF NOT EXISTS is left out,
        because rollback would drop a schema that was there before.

    Limits
        New code needs USAGE on it, and its name in front of each object or in its ``search_path``. Rollback fails, and
        keeps its state, while objects that are not of this migration are in it.

    Example:
        CREATE SCHEMA billing
    """

    name = "create_schema"
    spec = SchemaCreation
    verb = "create"
    why = "old code does not see it"

    def recognise(self, action: Action, schema: Schema) -> SchemaCreation | None:
        """``CREATE SCHEMA …``."""
        del schema
        if action.kind != "create_schema_stmt":
            return None
        node = action.node
        role = node.authrole if node.HasField("authrole") else None
        name = node.schemaname or (role.rolename if role else "")
        if node.schema_elts:
            raise Refused(
                f'CREATE SCHEMA "{name}" with objects in it is several changes in one statement',
                hint="write each object as a statement of its own, with its schema in front of its name",
            )
        if role is not None and role.roletype != pb.ROLESPEC_CSTRING:
            raise Refused(f'schema "{name}" would be owned by whoever runs expand', hint="name the role that owns it")
        return SchemaCreation(name=name, owner=role.rolename if role else "")

    def makes(self, change: SchemaCreation) -> tuple[str, ...]:
        """The schema."""
        return ("SCHEMA", change.name)

    def validate(self, change: SchemaCreation, context: Context) -> Iterator[str]:
        """The name is free, and it may be created."""
        ident(change.name)
        if change.name.startswith("pg_"):
            raise Refused(f'schema "{change.name}": names that begin with pg_ are the server\'s own')
        objects = context.schema.objects
        if change.name in objects.schemas or ("SCHEMA", change.name) in context.made:
            raise Refused(f'schema "{change.name}" exists already')
        if not context.schema.is_known:
            return
        if not objects.may_create_in_database:
            raise Refused(
                f'this role may not create schema "{change.name}"', hint="GRANT CREATE ON DATABASE … TO …, as its owner"
            )
        if change.owner and change.owner not in objects.roles:
            raise Refused(f'role "{change.owner}" does not exist')
        yield f"new code needs USAGE on schema {change.name}"

    def statement(self, change: SchemaCreation, context: Context) -> Sql:
        """The schema."""
        del context
        return self.template("create", schema=change.name, owner=change.owner)

    def undo(self, change: SchemaCreation, context: Context) -> Iterable[Sql]:
        """The schema goes."""
        del context
        yield self.template("drop", schema=change.name)

    def subject(self, change: SchemaCreation) -> str:
        """The schema."""
        return change.name
