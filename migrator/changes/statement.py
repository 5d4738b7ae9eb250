"""Changes that are one statement: in expand with what undoes it, or in contract. What most small kinds share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

from migrator.changes.kind import Context, Draft, Kind, OnTable, SpecT
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import TableName
from migrator.sql.compose import Sql
from migrator.sql.rewrite import slug


class OneStatement(Kind[SpecT]):
    """A kind that runs one statement.

    Attributes:
        verb: first word of the name of its step.
        why: one sentence for the reader of the file.
    """

    gives_way_to_phase = True
    verb: ClassVar[str]
    why: ClassVar[str]

    def phase(self, change: SpecT, context: Context) -> Phase:
        """Expand or contract; expand unless the kind says otherwise."""
        del change, context
        return Phase.EXPAND

    @abstractmethod
    def statement(self, change: SpecT, context: Context) -> Sql:
        """What runs."""

    def undo(self, change: SpecT, context: Context) -> Iterable[Sql]:
        """What rollback runs after an expand, in order; nothing by default, and always for a contract."""
        del change, context
        return ()

    @abstractmethod
    def subject(self, change: SpecT) -> str:
        """The name of what it is about: of the step and, unless it is on a table, of the transaction."""

    def touched(self, change: SpecT) -> dict[TableName, tuple[str, ...]]:
        """The table itself, if it is about one."""
        return {change.target: ()} if isinstance(change, OnTable) else {}

    def expand(self, change: SpecT, context: Context) -> Iterator[Draft]:
        """The statement, if it belongs there."""
        if self.phase(change, context) is Phase.EXPAND:
            yield self._draft(change, context)

    def contract(self, change: SpecT, context: Context) -> Iterator[Draft]:
        """The statement, if it belongs there."""
        if self.phase(change, context) is Phase.CONTRACT:
            yield self._draft(change, context)

    def rollback(self, change: SpecT, context: Context) -> Iterator[Draft]:
        """What stood there before expand."""
        if self.phase(change, context) is not Phase.EXPAND:
            return
        for text in self.undo(change, context):
            yield Draft(
                f"undo-{self._step(change)}",
                text,
                "as it was before expand",
                self._group(change),
                undoes=self._step(change),
            )

    def _draft(self, change: SpecT, context: Context) -> Draft:
        return Draft(self._step(change), self.statement(change, context), self.why, self._group(change))

    def _step(self, change: SpecT) -> str:
        return f"{self.verb}-{slug(self.subject(change))}"

    def _group(self, change: SpecT) -> str:
        return slug(change.table if isinstance(change, OnTable) else self.subject(change))


def require_known(context: Context, what: str) -> None:
    """Refuse without a database what is computed from what stands there.

    Args:
        what: is not known: ``the comment of table "public.users", which rollback restores``.

    Raises:
        Refused: no database was asked.
    """
    if not context.schema.is_known:
        raise Refused(
            f"{what} is not known without a database", hint="export DATABASE_URL=postgresql://…, and run it again"
        )


class AtContract(OneStatement[SpecT]):
    """A kind whose statement removes or tightens: it runs once no old code is left, and there is nothing to undo."""

    def phase(self, change: SpecT, context: Context) -> Phase:
        """Contract."""
        del change, context
        return Phase.CONTRACT


def unchecked(context: Context, what: str) -> Iterator[str]:
    """A note for the author where no database was asked.

    Args:
        what: could not be looked at: ``what uses sequence public.s``.
    """
    if not context.schema.is_known:
        yield f"{what} could not be checked without a database; expand checks it"
