"""Change how a sequence counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from migrator.changes.identity import is_of_column, options_in
from migrator.changes.kind import Context, Obstacle, altered_table
from migrator.changes.sequence import (
    BOUNDS,
    OnSequence,
    elements_of,
    given_owner,
    number,
    owned_by,
    placed,
    require_owner,
    require_sequence,
    type_of,
    written_options,
)
from migrator.changes.statement import OneStatement, require_known
from migrator.errors import Refused
from migrator.model.objects import SequenceFacts
from migrator.model.plan import Phase
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb, relation_parts, unwrap


class SequenceAlteration(OnSequence, frozen=True):
    """Parameters of ``alter_sequence``.

    Attributes:
        options: the new ones, as SQL: ``CACHE 100 NO CYCLE``.
    """

    options: str


class AlterSequence(OneStatement[SequenceAlteration]):
    """Change how a sequence counts.

    What happens
        Another step, cache, start, owner, CYCLE and wider bounds are for expand: old code goes on drawing. Narrower
        bounds, a smaller type, another direction and NO CYCLE can make it fail, so contract sets them once no old code
        is left. Either way who draws a number waits for a moment. Rollback of an expand restores what stood there. The
        options of an identity are those of its sequence: ``ALTER TABLE … ALTER COLUMN … SET CACHE 50`` is this as well.

    What is refused
        RESTART: numbers drawn again collide with rows that are there, and nothing undoes it. OWNED BY for the sequence
        of an identity. Bounds that the last number drawn is already beyond, before the gate, and before a rollback.
        Without a database: what rollback restores is not known.

    Limits
        Numbers that sessions keep in their CACHE are drawn by the step before.

    Example:
        ALTER SEQUENCE invoice_numbers CACHE 50
    """

    name = "alter_sequence"
    spec = SequenceAlteration
    verb = "alter"
    why = "the next numbers are drawn this way"

    def recognise(self, action: Action, schema: Schema) -> SequenceAlteration | None:
        """``ALTER SEQUENCE …`` with options, and those of an identity: ``ALTER TABLE … ALTER COLUMN … SET CACHE …``."""
        if action.kind == "alter_seq_stmt":
            relation = action.node.sequence
            place, name = placed(schema, relation.schemaname or None, relation.relname)
            elements = options_in(action.node.options)
        elif is_of_column(action, pb.AT_SetIdentity):
            elements = options_in(unwrap(getattr(action.command, "def")).items)
            if "generated" in elements:
                return None
            place, name = _of_identity(action, schema)
        else:
            return None
        if "restart" in elements:
            raise Refused(
                f'RESTART of sequence "{place}.{name}" draws numbers again that rows may hold, and nothing undoes it',
                hint="where that is meant, say when it runs: -- migrator: phase = contract",
            )
        return SequenceAlteration(schema=place, sequence=name, options=written_options(elements, schema))

    def touched(self, change: SequenceAlteration) -> dict[TableName, tuple[str, ...]]:
        """The table that is to own it."""
        owner = given_owner(change.options, change.schema)
        return {TableName(owner[0], owner[1]): ()} if owner else {}

    def assumes(self, change: SequenceAlteration, schema: Schema) -> dict[str, str]:
        """What rollback restores."""
        found = schema.objects.sequences.get(change.key)
        return {f'sequence "{change}"': _restoring(found, set(elements_of(change.options))) if found else "absent"}

    def validate(self, change: SequenceAlteration, context: Context) -> Iterator[str]:
        """It is there and not an identity column's."""
        if not change.options:
            raise Refused(f'nothing changes of sequence "{change}"', hint='options="CACHE 50"')
        written_options(elements_of(change.options), context.schema)
        if ("SEQUENCE", *change.key) in context.made:
            raise Refused(f'sequence "{change}" is created by this migration', hint="write the options there")
        require_known(context, f'how sequence "{change}" counts')
        found = require_sequence(change, context)
        require_owner(change, change.options, context)
        if found is not None and found.is_identity and found.owned_by and "owned_by" in elements_of(change.options):
            raise Refused(
                f'sequence "{change}" is that of identity column "{found.owned_by[2]}" of table '
                f'"{found.owned_by[0]}.{found.owned_by[1]}", which owns it for good',
                hint="leave OWNED BY out",
            )
        yield from ()

    def phase(self, change: SequenceAlteration, context: Context) -> Phase:
        """Contract for whatever can make a draw of old code fail."""
        found = context.schema.objects.sequences.get(change.key)
        return Phase.CONTRACT if found and _narrows(found, _after(found, change.options)) else Phase.EXPAND

    def obstacles(self, change: SequenceAlteration, context: Context) -> Iterator[Obstacle]:
        """The last number drawn is beyond the bounds to be set."""
        found = context.schema.objects.sequences.get(change.key)
        if found is None:
            return
        phase = self.phase(change, context)
        bounds = _after(found, change.options) if phase is Phase.CONTRACT else found
        yield Obstacle(
            self.template("beyond", sequence=change.sql, minimum=bounds.minimum, maximum=bounds.maximum),
            f'the last number drawn of sequence "{change}" is not from {bounds.minimum} to {bounds.maximum}',
            "widen the bounds in the change" if phase is Phase.CONTRACT else "contract the migration instead",
            phase if phase is Phase.CONTRACT else Phase.ROLLBACK,
        )

    def statement(self, change: SequenceAlteration, context: Context) -> Sql:
        """The new options."""
        return self._alter(change, written_options(elements_of(change.options), context.schema))

    def undo(self, change: SequenceAlteration, context: Context) -> Iterable[Sql]:
        """Those before."""
        found = context.schema.objects.sequences.get(change.key)
        if found is not None:
            yield self._alter(change, _restoring(found, set(elements_of(change.options))))

    def subject(self, change: SequenceAlteration) -> str:
        """The sequence."""
        return change.sequence

    def _alter(self, change: SequenceAlteration, options: str) -> Sql:
        return self.template("alter", sequence=change.sql, options=Sql(f" {options}"))


def _of_identity(action: Action, schema: Schema) -> tuple[str, str]:
    """Schema and name of the sequence of an identity column, which ALTER TABLE does not name."""
    target = altered_table(action.node.relation, schema)
    relation = schema.relation(target)
    column = relation.column(action.command.name) if relation else None
    if not schema.is_known:
        raise Refused(
            f'the sequence of identity column "{action.command.name}" of table "{target}" is not known without a '
            "database",
            hint="export DATABASE_URL=postgresql://…, and run it again; or name it: ALTER SEQUENCE …",
        )
    if column is None or not column.identity or column.sequence is None:
        raise Refused(f'table "{target}" has no identity column "{action.command.name}"')
    place, name = relation_parts(column.sequence.name)
    return place or target.schema, name


def _after(before: SequenceFacts, options: str) -> SequenceFacts:
    """The sequence as it counts afterwards, as far as bounds, direction and CYCLE go."""
    elements = elements_of(options)
    type_name = type_of(elements["as"]) if "as" in elements else before.type_name
    step = number(elements["increment"]) if "increment" in elements else before.increment
    ascends = (step or 1) > 0
    least, most = BOUNDS[type_name]
    old_least, old_most = BOUNDS[before.type_name]
    minimum, maximum = before.minimum, before.maximum
    if type_name != before.type_name:
        # Bounds that are those of the type follow it (ALTER SEQUENCE, AS).
        minimum = least if minimum == old_least else minimum
        maximum = most if maximum == old_most else maximum
    return SequenceFacts(
        type_name,
        increment=step or 1,
        minimum=_bound(elements, "minvalue", minimum, 1 if ascends else least),
        maximum=_bound(elements, "maxvalue", maximum, most if ascends else -1),
        cycles=unwrap(elements["cycle"].arg).boolval if "cycle" in elements else before.cycles,
    )


def _bound(elements: dict[str, Any], name: str, before: int, default: int) -> int:
    if name not in elements:
        return before
    given = number(elements[name])
    return default if given is None else given


def _narrows(before: SequenceFacts, after: SequenceFacts) -> bool:
    return (
        after.minimum > before.minimum
        or after.maximum < before.maximum
        or (after.increment > 0) != (before.increment > 0)
        or (before.cycles and not after.cycles)
    )


def _restoring(before: SequenceFacts, changed: set[str]) -> str:
    """The options that put back what changes."""
    parts = []
    if "as" in changed:
        parts.append(f"AS {before.type_name}")
    if "increment" in changed:
        parts.append(f"INCREMENT BY {before.increment}")
    if changed & {"minvalue", "as"}:
        parts.append(f"MINVALUE {before.minimum}")
    if changed & {"maxvalue", "as"}:
        parts.append(f"MAXVALUE {before.maximum}")
    if "start" in changed:
        parts.append(f"START WITH {before.start}")
    if "cache" in changed:
        parts.append(f"CACHE {before.cache}")
    if "cycle" in changed:
        parts.append("CYCLE" if before.cycles else "NO CYCLE")
    if "owned_by" in changed:
        parts.append(owned_by(before.owned_by))
    return " ".join(parts)
