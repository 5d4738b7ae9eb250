"""Change how much ANALYZE samples for extended statistics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrator.changes.kind import Context
from migrator.changes.statement import OneStatement, require_known
from migrator.changes.statistics import OnStatistics, placed, require_statistics
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import unwrap

_MOST = 10_000
"""``MAX_STATISTICS_TARGET`` (PostgreSQL: ALTER STATISTICS, SET STATISTICS)."""
_DEFAULT = -1


class StatisticsTarget(OnStatistics, frozen=True):
    """Parameters of ``set_statistics_target``.

    Attributes:
        target: how many values ANALYZE keeps, 0 to 10000; -1 for the greatest of the columns.
    """

    target: int


class SetStatisticsTarget(OneStatement[StatisticsTarget]):
    """Change how much ANALYZE samples for extended statistics.

    What happens
        Expand sets it: no row and no answer changes, and nobody waits but ANALYZE. Rollback sets what stood there.

    What is refused
        Statistics that are not there; a number out of range. Without a database: what rollback restores is not known.

    Limits
        It takes effect with the next ANALYZE of the table. Of a column, ``set_column_options`` sets it.

    Example:
        ALTER STATISTICS orders_by_place SET STATISTICS 1000
    """

    name = "set_statistics_target"
    spec = StatisticsTarget
    verb = "target"
    why = "no answer changes; the next ANALYZE goes by it"

    def recognise(self, action: Action, schema: Schema) -> StatisticsTarget | None:
        """``ALTER STATISTICS … SET STATISTICS …``."""
        if action.kind != "alter_stats_stmt":
            return None
        place, name = placed(schema, [unwrap(part).sval for part in action.node.defnames])
        given = unwrap(action.node.stxstattarget) if action.node.HasField("stxstattarget") else None
        target = _DEFAULT if given is None else given.ival
        return StatisticsTarget(schema=place, statistics=name, target=target)

    def assumes(self, change: StatisticsTarget, schema: Schema) -> dict[str, str]:
        """What rollback restores."""
        found = schema.objects.statistics.get(change.key)
        return {f'statistics "{change}"': str(found.target) if found else "absent"}

    def validate(self, change: StatisticsTarget, context: Context) -> Iterator[str]:
        """They are there, and take such a number."""
        if not _DEFAULT <= change.target <= _MOST:
            raise Refused(f"statistics {change.target}: a number from 0 to {_MOST}, or {_DEFAULT} for the default")
        if ("STATISTICS", *change.key) not in context.made:
            require_known(context, f'the target of statistics "{change}"')
            require_statistics(change, context)
        yield from ()

    def statement(self, change: StatisticsTarget, context: Context) -> Sql:
        """The new target."""
        del context
        return self.template("set", statistics=change.sql, target=change.target)

    def undo(self, change: StatisticsTarget, context: Context) -> Iterable[Sql]:
        """The one before."""
        found = context.schema.objects.statistics.get(change.key)
        if found is not None:
            yield self.template("set", statistics=change.sql, target=found.target)

    def subject(self, change: StatisticsTarget) -> str:
        """Their name."""
        return change.statistics
