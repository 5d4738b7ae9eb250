"""Rename a type or a domain."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context
from migrator.changes.statement import AtContract, unchecked
from migrator.changes.user_type import OnType, named_type
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident
from migrator.sql.parser import pb, unwrap

_RENAMED = frozenset({pb.OBJECT_TYPE, pb.OBJECT_DOMAIN})
_OF_OTHERS = frozenset({"row type", "multirange type", "extension type"})


class TypeRenaming(OnType, frozen=True):
    """Parameters of ``rename_type``.

    Attributes:
        new_name: what it is called afterwards, in the same schema.
    """

    new_name: str

    @property
    def renamed(self) -> TableName:
        """The type under its new name."""
        return TableName(self.schema, self.new_name)


class RenameType(AtContract[TypeRenaming]):
    """Rename a type or a domain.

    What happens
        Expand changes nothing: old code may name the type in a cast, or look it up by its name. Contract renames it
        once no old code is left: only the catalog changes, no table is locked, and columns, defaults, functions and
        views over it follow by themselves. There is nothing to undo before contract.

    What new code must do
        A type has one name at a time, and a domain over it is another type. So until contract new code names neither:
        it casts in another way, ``CAST($1 AS text)`` into a column that takes it, or lets the server find the type.

    What is refused
        A new name that is taken by a type, a table or a view; a type that is not there; the row type of a table, and
        the types of an extension: before expand, and again before contract.

    Limits
        The text of functions is not followed. Drivers that look a type up by its name, as those with codecs for enums
        do, find it under the new one with their next connection.

    Example:
        ALTER TYPE order_state RENAME TO order_status
    """

    name = "rename_type"
    spec = TypeRenaming
    verb = "rename"
    why = "no code names the old one any more; what uses it follows by itself"

    def recognise(self, action: Action, schema: Schema) -> TypeRenaming | None:
        """``ALTER TYPE … RENAME TO …``, ``ALTER DOMAIN … RENAME TO …``."""
        if action.kind != "rename_stmt" or action.node.rename_type not in _RENAMED:
            return None
        target = named_type(unwrap(action.node.object).items, schema)
        ident(action.node.newname)
        return TypeRenaming(schema=target.schema, type=target.name, new_name=action.node.newname)

    def validate(self, change: TypeRenaming, context: Context) -> Iterator[str]:
        """It is there, is one of its own, and the new name is free."""
        made = {key[1:] for key in context.made if key[:1] in (("TYPE",), ("DOMAIN",))}
        if (change.schema, change.type) in made or change.target in context.created_types:
            raise Refused(f'type "{change.target}" is created by this migration', hint="name it so there")
        if (change.schema, change.new_name) in made or change.renamed in context.created:
            raise Refused(f'"{change.renamed}" is created by this migration')
        yield from unchecked(context, f"whether type {change.target} is there, and the name {change.new_name} free,")
        if context.schema.is_known:
            self.before_contract(change, context)
        yield f"until contract new code names neither {change.type} nor {change.new_name}"

    def before_contract(self, change: TypeRenaming, context: Context) -> None:
        """It is still so."""
        found = context.schema.types.get(change.target)
        if found is None:
            raise Refused(f'type "{change.target}" does not exist')
        if found.kind in _OF_OTHERS:
            raise Refused(
                f'"{change.target}" is the {found.kind} that belongs to another object', hint="rename that object"
            )
        taken = context.schema.types.get(change.renamed)
        if taken is not None:
            raise Refused(f'the name "{change.renamed}" is taken by a {taken.kind}')

    def statement(self, change: TypeRenaming, context: Context) -> Sql:
        """The new name."""
        del context
        return self.template("rename", type=change.sql, new_name=change.new_name)

    def subject(self, change: TypeRenaming) -> str:
        """The type."""
        return change.type
