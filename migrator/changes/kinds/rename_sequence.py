"""Rename a sequence."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context
from migrator.changes.sequence import OnSequence, placed, require_sequence
from migrator.changes.statement import AtContract
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident
from migrator.sql.parser import pb


class SequenceRenaming(OnSequence, frozen=True):
    """Parameters of ``rename_sequence``.

    Attributes:
        new_name: what it is called afterwards, in the same schema.
    """

    new_name: str


class RenameSequence(AtContract[SequenceRenaming]):
    """Rename a sequence.

    What happens
        Expand changes nothing: old code may draw from it by its name. Contract renames it once no old code is left.
        Defaults follow by themselves, and who draws waits for a moment.

    What is refused
        A new name that is taken, a sequence that is not there.

    Limits
        A sequence has one name at a time: until contract, new code does not name it either, but lets the default of the
        column draw, or asks ``pg_get_serial_sequence``. A function whose text names it is not found.

    Example:
        ALTER SEQUENCE users_id_seq RENAME TO people_id_seq
    """

    name = "rename_sequence"
    spec = SequenceRenaming
    verb = "rename"
    why = "no code names the old one any more"

    def recognise(self, action: Action, schema: Schema) -> SequenceRenaming | None:
        """``ALTER SEQUENCE … RENAME TO …``."""
        if action.kind != "rename_stmt" or action.node.rename_type != pb.OBJECT_SEQUENCE:
            return None
        relation = action.node.relation
        place, name = placed(schema, relation.schemaname or None, relation.relname)
        ident(action.node.newname)
        return SequenceRenaming(schema=place, sequence=name, new_name=action.node.newname)

    def validate(self, change: SequenceRenaming, context: Context) -> Iterator[str]:
        """It is there, and the new name is free."""
        if ("SEQUENCE", *change.key) in context.made:
            raise Refused(f'sequence "{change}" is created by this migration', hint="name it so there")
        require_sequence(change, context)
        self.before_contract(change, context)
        yield f"until contract new code cannot draw from {change.new_name} by its name"

    def before_contract(self, change: SequenceRenaming, context: Context) -> None:
        """The new name is free."""
        if (change.schema, change.new_name) in context.schema.objects.sequences:
            raise Refused(f'sequence "{change.schema}.{change.new_name}" exists already')

    def statement(self, change: SequenceRenaming, context: Context) -> Sql:
        """The new name."""
        del context
        return self.template("rename", sequence=change.sql, new_name=change.new_name)

    def subject(self, change: SequenceRenaming) -> str:
        """The sequence."""
        return change.sequence
