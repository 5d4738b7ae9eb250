"""Drop extended statistics."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context
from migrator.changes.removal import gone
from migrator.changes.statement import AtContract, unchecked
from migrator.changes.statistics import OnStatistics, placed, require_statistics
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb, unwrap


class DropStatistics(AtContract[OnStatistics]):
    """Drop extended statistics.

    What happens
        Expand changes nothing: queries of old code may be planned badly without them. Contract drops them once no old
        code is left; reads and writes go on, only vacuum, ANALYZE and other schema changes wait for a moment.

    What is refused
        Statistics that are not there, before expand and again before contract.

    Limits
        Nothing brings back what they had found out; made anew, they are filled by the next ANALYZE.

    Example:
        DROP STATISTICS orders_by_place
    """

    name = "drop_statistics"
    spec = OnStatistics
    verb = "drop"
    why = "no query of old code is left that may be planned by them"

    def recognise(self, action: Action, schema: Schema) -> OnStatistics | None:
        """``DROP STATISTICS …``."""
        if action.kind != "drop_stmt" or action.node.remove_type != pb.OBJECT_STATISTIC_EXT:
            return None
        place, name = placed(schema, [unwrap(item).sval for item in unwrap(action.node.objects[0]).items])
        return OnStatistics(schema=place, statistics=name)

    def validate(self, change: OnStatistics, context: Context) -> Iterator[str]:
        """They are there."""
        if ("STATISTICS", *change.key) in context.made:
            raise Refused(f'statistics "{change}" are created by this migration', hint="leave both out")
        yield from unchecked(context, f"whether there are statistics {change}")
        require_statistics(change, context)

    def before_contract(self, change: OnStatistics, context: Context) -> None:
        """They are there still."""
        if context.schema.is_known and change.key not in context.schema.objects.statistics:
            raise gone(f'statistics "{change}"')

    def statement(self, change: OnStatistics, context: Context) -> Sql:
        """They go."""
        del context
        return self.template("drop", statistics=change.sql)

    def subject(self, change: OnStatistics) -> str:
        """Their name."""
        return change.statistics
