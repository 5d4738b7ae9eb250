"""Drop a publication that nobody subscribes to any more."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Spec
from migrator.changes.statement import AtContract, unchecked
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb, unwrap


class PublicationRemoval(Spec, frozen=True):
    """Parameters of ``drop_publication``.

    Attributes:
        publication: its name.
    """

    publication: str


class DropPublication(AtContract[PublicationRemoval]):
    """Drop a publication that nobody subscribes to any more.

    What happens
        Expand changes nothing. Contract drops it once no old code is left; no table is locked.

    What is refused
        A publication that is not there, before expand and again before contract.

    Limits
        The database does not know who subscribes from elsewhere: drop the subscriptions first, or they stop with an
        error. The gate knows applications, not subscriptions.

    Example:
        DROP PUBLICATION reporting
    """

    name = "drop_publication"
    spec = PublicationRemoval
    verb = "drop"
    why = "nobody subscribes to it any more, as its author says"

    def recognise(self, action: Action, schema: Schema) -> PublicationRemoval | None:
        """``DROP PUBLICATION …``."""
        del schema
        if action.kind != "drop_stmt" or action.node.remove_type != pb.OBJECT_PUBLICATION:
            return None
        return PublicationRemoval(publication=unwrap(action.node.objects[0]).sval)

    def validate(self, change: PublicationRemoval, context: Context) -> Iterator[str]:
        """It is there."""
        yield from unchecked(context, f"whether publication {change.publication} is there")
        self.before_contract(change, context)
        yield f"drop the subscriptions to {change.publication} before contract: they would stop with an error"

    def before_contract(self, change: PublicationRemoval, context: Context) -> None:
        """It is still there."""
        if context.schema.is_known and change.publication not in context.schema.objects.publications:
            raise Refused(f'publication "{change.publication}" does not exist')

    def statement(self, change: PublicationRemoval, context: Context) -> Sql:
        """The publication goes."""
        del context
        return self.template("drop", publication=change.publication)

    def subject(self, change: PublicationRemoval) -> str:
        """The publication."""
        return change.publication
