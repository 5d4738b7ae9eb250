"""Drop a table that new code no longer uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Kind, OnTable, require_table
from migrator.changes.moved_table import refuse_named_by_triggers
from migrator.changes.removal import dropped_table, gone, require_droppable_table
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.parser import pb
from migrator.sql.rewrite import slug


class TableRemoval(OnTable, frozen=True):
    """Parameters of ``drop_table``.

    Attributes:
        if_exists: whether it need not be there.
    """

    if_exists: bool = False


_LETS_DELETE = re.compile(r"\bON DELETE (CASCADE|SET NULL)\b")


class DropTable(Kind[TableRemoval]):
    """Drop a table that new code no longer uses.

    What happens
        Expand changes nothing: old code goes on to read and write it. Contract drops it once no old code is left; its
        indexes, triggers, policies, owned sequences and partitions go with it. With IF EXISTS it need not be there:
        where it is, it is looked at as any other.

    What is refused
        A table, or a partition of it, that others rely on: views, rules, foreign keys of other tables, publications,
        subscriptions. CASCADE.

    Limits
        Contract destroys the rows. Nothing brings them back but a backup. Until contract, foreign keys of the table
        itself go on to refuse deletes of the rows it points to, for new code too, unless they are ON DELETE CASCADE or
        SET NULL.

    Example:
        DROP TABLE legacy_sessions
    """

    name = "drop_table"
    spec = TableRemoval
    takes_whole_table = True

    def recognise(self, action: Action, schema: Schema) -> TableRemoval | None:
        """``DROP TABLE …``."""
        if action.kind != "drop_stmt" or action.node.remove_type != pb.OBJECT_TABLE or "into" in action.options:
            return None  # merge_tables
        target = dropped_table(action, schema)
        return TableRemoval(schema=target.schema, table=target.name, if_exists=action.node.missing_ok)

    def touched(self, change: TableRemoval) -> dict[TableName, tuple[str, ...]]:
        """The table itself."""
        return {change.target: ()}

    def validate(self, change: TableRemoval, context: Context) -> Iterator[str]:
        """It is there and nothing relies on it."""
        if change.target in context.created:
            raise Refused(f'table "{change.target}" is created by this migration', hint="leave both out")
        if change.if_exists and context.schema.is_known and context.schema.relation(change.target) is None:
            yield f"{change.target} is not there: contract drops it where there is one by then, with its rows"
            return
        relation = require_table(change, context, or_partitioned=True)
        if relation is None:
            yield f"what depends on {change.target} could not be checked without a database; expand checks it"
            return
        require_droppable_table(relation)
        if relation.partition_key:
            yield f"its partitions go with it, whatever is attached to {change.table} by then"
        for function in relation.below.written_by:
            yield f"trigger function {function} writes or reads a partition: contract is refused while it does"
        for function in relation.functions:
            yield f"function {function} mentions {change.table} in its text: if that is this table, contract breaks it"
        for each in relation.constraints:
            if each.type == "foreign key" and not _LETS_DELETE.search(each.definition):
                yield f"{each.name} goes on to refuse deletes until contract, for new code too: {each.definition}"

    def expand(self, change: TableRemoval, context: Context) -> Iterator[Draft]:
        """Nothing: old code uses it."""
        del change, context
        yield from ()

    def contract(self, change: TableRemoval, context: Context) -> Iterator[Draft]:
        """The table and its rows."""
        del context
        yield Draft(
            f"drop-{slug(change.table)}",
            self.template("drop_table", table=change.sql, if_exists=change.if_exists),
            "no code uses it any more; its rows are gone after this",
            slug(change.table),
        )

    def before_contract(self, change: TableRemoval, context: Context) -> None:
        """Nothing came to rely on it since expand."""
        relation = context.schema.relation(change.target)
        if relation is None and change.if_exists:
            return
        if relation is None:
            raise gone(f'table "{change.target}"')
        require_droppable_table(relation)
        refuse_named_by_triggers(
            relation,
            (each for each in relation.written_by if not each.is_own),
            "drop these triggers, or replace their functions by ones that do without the table",
        )
        if relation.below.written_by:
            raise Refused(
                f'partitions of "{change.target}" are named by functions of triggers, whose writes would fail',
                detail="\n".join(f"trigger function {name}" for name in relation.below.written_by),
                hint="drop these triggers, or replace their functions by ones that do without the partition",
            )
