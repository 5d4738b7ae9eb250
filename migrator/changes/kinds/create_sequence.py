"""Create a sequence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrator.changes.kind import Context, Expression
from migrator.changes.sequence import OnSequence, elements_of, given_owner, require_owner, written_options
from migrator.changes.statement import OneStatement
from migrator.changes.trial import tried
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident
from migrator.sql.parser import unwrap


class SequenceCreation(OnSequence, frozen=True):
    """Parameters of ``create_sequence``.

    Attributes:
        options: as SQL: ``START WITH 100 CACHE 20``.
    """

    options: str = ""


class CreateSequence(OneStatement[SequenceCreation]):
    """Create a sequence.

    What happens
        Expand creates it; old code does not see it, and no table is locked. There is nothing to contract. Rollback
        drops it.

    What is refused
        A name that is taken, an owner that is not there, a temporary or unlogged sequence. IF NOT EXISTS is left out,
        because it would hide a sequence with other options.

    Limits
        A DEFAULT that draws from it, of a column that the same migration adds to an existing table, needs a migration
        after this one, because the server is asked about the DEFAULT before the sequence is there. An owner takes the
        sequence along when it is dropped, and locks its table for a moment.

    Example:
        CREATE SEQUENCE invoice_numbers START WITH 1000
    """

    name = "create_sequence"
    spec = SequenceCreation
    verb = "create"
    why = "old code does not see it"

    def recognise(self, action: Action, schema: Schema) -> SequenceCreation | None:
        """``CREATE SEQUENCE …``."""
        if action.kind != "create_seq_stmt":
            return None
        relation = action.node.sequence
        ident(relation.relname)
        if relation.relpersistence != "p":
            raise Refused(f'sequence "{relation.relname}" would be temporary or unlogged')
        elements = {each.defname: each for each in map(unwrap, action.node.options)}
        return SequenceCreation(
            schema=relation.schemaname or schema.search_path[0],
            sequence=relation.relname,
            options=written_options(elements, schema),
        )

    def touched(self, change: SequenceCreation) -> dict[TableName, tuple[str, ...]]:
        """The table of its owner."""
        owner = given_owner(change.options, change.schema)
        return {TableName(owner[0], owner[1]): ()} if owner else {}

    def makes(self, change: SequenceCreation) -> tuple[str, ...]:
        """The sequence."""
        return ("SEQUENCE", *change.key)

    def validate(self, change: SequenceCreation, context: Context) -> Iterator[str]:
        """The name is free and the owner is there."""
        written_options(elements_of(change.options), context.schema)
        taken = context.schema.relation(TableName(*change.key))
        if change.key in context.schema.objects.sequences or ("SEQUENCE", *change.key) in context.made:
            raise Refused(f'sequence "{change}" exists already')
        if taken is not None:
            raise Refused(f'{taken.kind} "{change}" exists already')
        require_owner(change, change.options, context)
        yield from ()

    def expressions(self, change: SequenceCreation, context: Context) -> Iterator[Expression]:
        """Whether the server takes its options; a temporary one tells."""
        elements = elements_of(change.options)
        elements.pop("owned_by", None)
        options = written_options(elements, context.schema)
        if options and context.schema.is_known:
            made = self.template("trial", options=Sql(options))
            yield tried(f'sequence "{change}"', made)

    def statement(self, change: SequenceCreation, context: Context) -> Sql:
        """The sequence."""
        options = written_options(elements_of(change.options), context.schema)
        return self.template("create", sequence=change.sql, options=Sql(f" {options}" if options else ""))

    def undo(self, change: SequenceCreation, context: Context) -> Iterable[Sql]:
        """The sequence goes, unless it goes with its owner."""
        owner = given_owner(change.options, change.schema)
        if owner is None or TableName(owner[0], owner[1]) not in context.created:
            yield self.template("drop", sequence=change.sql)

    def subject(self, change: SequenceCreation) -> str:
        """The sequence."""
        return change.sequence
