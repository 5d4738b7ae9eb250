"""Add tables to a publication, or take tables out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from migrator.changes.kind import Context, Spec
from migrator.changes.replication import published, published_in, require_publishable
from migrator.changes.statement import OneStatement, unchecked
from migrator.errors import Refused
from migrator.model.objects import PublicationFacts
from migrator.model.plan import Phase
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, qualified
from migrator.sql.parser import pb, unwrap


class PublicationAlteration(Spec, frozen=True):
    """Parameters of ``alter_publication``: ``add`` or ``drop``.

    Attributes:
        publication: its name.
        add: tables as SQL: ``public.orders (id, total)``.
        drop: tables as SQL.
    """

    publication: str
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


class AlterPublication(OneStatement[PublicationAlteration]):
    """Add tables to a publication, or take tables out of it.

    What happens
        Expand adds them: vacuum and other schema changes wait for a moment, and subscriptions get their rows only after
        a REFRESH on the other side. Rollback takes them out again. Contract takes out those to be dropped, once no old
        code is left.

    What is refused
        As for ``create_publication``: tables whose UPDATE and DELETE would fail. A table that is in it already, or is
        not in it; a publication of ALL TABLES. SET TABLE and SET (…): write what is added and what is dropped.

    Limits
        A table that is taken out gets no error on the other side: its rows just stop coming. The gate knows
        applications, not subscriptions.

    Example:
        ALTER PUBLICATION reporting ADD TABLE invoices
    """

    name = "alter_publication"
    spec = PublicationAlteration
    verb = "publication"
    why = "which tables are sent"

    def recognise(self, action: Action, schema: Schema) -> PublicationAlteration | None:
        """``ALTER PUBLICATION … ADD TABLE …`` and ``… DROP TABLE …``."""
        node = action.node
        if action.kind != "alter_publication_stmt":
            return None
        objects = [unwrap(each) for each in node.pubobjects]
        if node.options or node.action == pb.AP_SetObjects or not all(each.HasField("pubtable") for each in objects):
            raise Refused(
                f'this change of publication "{node.pubname}" may both add and take away',
                hint="write ADD TABLE and DROP TABLE, or say yourself when it runs: -- migrator: phase = contract",
            )
        tables = tuple(_text(each.pubtable, schema) for each in objects)
        if node.action == pb.AP_AddObjects:
            return PublicationAlteration(publication=node.pubname, add=tables)
        return PublicationAlteration(publication=node.pubname, drop=tables)

    def touched(self, change: PublicationAlteration) -> dict[TableName, tuple[str, ...]]:
        """The tables."""
        return {table.name: () for table in published_in((*change.add, *change.drop))}

    def phase(self, change: PublicationAlteration, context: Context) -> Phase:
        """Contract for what is taken out."""
        del context
        return Phase.EXPAND if change.add else Phase.CONTRACT

    def validate(self, change: PublicationAlteration, context: Context) -> Iterator[str]:
        """It is there, and the tables are in it or not."""
        if bool(change.add) == bool(change.drop):
            raise Refused(f'publication "{change.publication}": add or drop, one of them', hint="add=public.orders")
        if ("PUBLICATION", change.publication) in context.made:
            raise Refused(
                f'publication "{change.publication}" is created by this migration', hint="name the tables there"
            )
        yield from unchecked(context, f"what publication {change.publication} sends")
        found = _require(change, context)
        if found is not None:
            tables = published_in(change.add)
            if twice := [table.name for table in tables if (table.name.schema, table.name.name) in found.tables]:
                raise Refused(f'table "{twice[0]}" is in publication "{change.publication}" already')
            require_publishable(tables, found.operations, context, sends_generated=found.sends_generated)
        if change.add:
            yield f"subscriptions to {change.publication} need a REFRESH for what is added"

    def before_contract(self, change: PublicationAlteration, context: Context) -> None:
        """The tables are in it still."""
        _require(change, context)

    def statement(self, change: PublicationAlteration, context: Context) -> Sql:
        """The tables come or go."""
        del context
        return self._alter(change, "ADD" if change.add else "DROP", change.add or change.drop)

    def undo(self, change: PublicationAlteration, context: Context) -> Iterable[Sql]:
        """What was added goes."""
        del context
        names = [qualified(table.name.schema, table.name.name) for table in published_in(change.add)]
        yield self._alter(change, "DROP", names)

    def subject(self, change: PublicationAlteration) -> str:
        """The publication."""
        return change.publication

    def _alter(self, change: PublicationAlteration, action: str, tables: Iterable[str]) -> Sql:
        names = ", ".join(table.sql for table in published_in(tables))
        return self.template("alter", publication=change.publication, action=Sql(action), tables=Sql(names))


def _text(node: Any, schema: Schema) -> str:
    """A ``PublicationTable`` as SQL."""
    return str(published(node, schema.resolve(node.relation.schemaname, node.relation.relname)).sql)


def _require(change: PublicationAlteration, context: Context) -> PublicationFacts | None:
    """The publication; None when no database was asked.

    Raises:
        Refused: it is not there, it sends all tables, or does not name those to be dropped.
    """
    if not context.schema.is_known:
        return None
    found = context.schema.objects.publications.get(change.publication)
    if found is None:
        raise Refused(f'publication "{change.publication}" does not exist')
    if found.sends_all:
        raise Refused(f'publication "{change.publication}" is FOR ALL TABLES: none can be added or taken out')
    for table in published_in(change.drop):
        if (table.name.schema, table.name.name) not in found.tables:
            raise Refused(f'table "{table.name}" is not named by publication "{change.publication}"')
    return found
