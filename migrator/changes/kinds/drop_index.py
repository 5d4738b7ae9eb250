"""Drop an index that new code no longer needs."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.index import OnIndex, is_made_beside, require_index, table_of
from migrator.changes.kind import Context, Draft, Kind
from migrator.changes.replication import require_found_without
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import qualified
from migrator.sql.parser import pb, unwrap
from migrator.sql.rewrite import slug


class DropIndex(Kind[OnIndex]):
    """Drop an index that new code no longer needs.

    What happens
        Expand changes nothing: queries of old code may be slow without it, and ON CONFLICT fails without a unique one.
        Contract drops it CONCURRENTLY once no old code is left: nobody waits. Another one of its name may be created in
        the same migration.

    What is refused
        An index that belongs to a constraint: drop the constraint. One that is the replica identity of a table that a
        publication sends, since every UPDATE and DELETE would fail. CASCADE.

    Limits
        The drop waits for transactions that were open when it started.

    Example:
        DROP INDEX orders_number_idx
    """

    name = "drop_index"
    spec = OnIndex

    def recognise(self, action: Action, schema: Schema) -> OnIndex | None:
        """``DROP INDEX [CONCURRENTLY] …``."""
        if action.kind != "drop_stmt" or action.node.remove_type != pb.OBJECT_INDEX:
            return None
        if action.node.behavior == pb.DROP_CASCADE:
            raise Refused("DROP INDEX … CASCADE would drop objects that are not named", hint="leave CASCADE out")
        parts = [unwrap(item).sval for item in unwrap(action.node.objects[0]).items]
        table = table_of(schema, parts[-2] if len(parts) > 1 else None, parts[-1])
        return OnIndex(schema=table.schema, table=table.name, index=parts[-1])

    def touched(self, change: OnIndex) -> dict[TableName, tuple[str, ...]]:
        """Nothing but the table itself."""
        return {change.target: ()}

    def validate(self, change: OnIndex, context: Context) -> Iterator[str]:
        """It is there and no constraint stands on it."""
        index = require_index(change, context, or_partitioned=True)
        relation = context.schema.relation(change.target)
        if index is not None and relation is not None:
            require_found_without(relation, [index])
        if index is not None and index.is_unique:
            yield (
                f"new code must not upsert with ON CONFLICT on the columns of {change.index} any more, "
                "and must keep the values unique until contract"
            )

    def expand(self, change: OnIndex, context: Context) -> Iterator[Draft]:
        """Nothing: old code may need it."""
        del change, context
        yield from ()

    def contract(self, change: OnIndex, context: Context) -> Iterator[Draft]:
        """The index goes, unless that is done where one of its name is created."""
        if is_made_beside(context, change.schema, change.index):
            return
        yield Draft(
            f"drop-{slug(change.index)}",
            self.template("drop", index=qualified(change.schema, change.index)),
            "no code needs it any more; reads and writes go on",
        )

    def before_contract(self, change: OnIndex, context: Context) -> None:
        """No constraint came to stand on it since expand."""
        relation = context.schema.relation(change.target)
        if relation is not None and any(each.name == change.index for each in relation.indexes):
            index = require_index(change, context, or_partitioned=True)
            require_found_without(relation, [index] if index else [])
