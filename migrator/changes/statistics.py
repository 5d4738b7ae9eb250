"""Extended statistics as objects of a change: their parameters, and where they are."""

from __future__ import annotations

from migrator.changes.kind import Context, Spec
from migrator.errors import Refused
from migrator.model.objects import StatisticsFacts
from migrator.model.schema import Schema
from migrator.sql.compose import Sql, qualified


class OnStatistics(Spec, frozen=True):
    """Parameters of a change of extended statistics.

    Attributes:
        schema: of the statistics.
        statistics: their name.
    """

    schema: str
    statistics: str

    @property
    def key(self) -> tuple[str, str]:
        """Their schema and name."""
        return self.schema, self.statistics

    @property
    def sql(self) -> Sql:
        """The statistics as written in SQL."""
        return qualified(self.schema, self.statistics)

    def __str__(self) -> str:
        return f"{self.schema}.{self.statistics}"


def placed(schema: Schema, parts: list[str]) -> tuple[str, str]:
    """Schema and name of statistics as written; those that are not there go to the first schema of the search path."""
    found = (each for each in schema.search_path if (each, parts[-1]) in schema.objects.statistics)
    return parts[-2] if len(parts) > 1 else next(found, schema.search_path[0]), parts[-1]


def require_statistics(change: OnStatistics, context: Context) -> StatisticsFacts | None:
    """The statistics; None when no database was asked.

    Raises:
        Refused: there are none of that name.
    """
    if not context.schema.is_known:
        return None
    found = context.schema.objects.statistics.get(change.key)
    if found is None:
        raise Refused(f'statistics "{change}" do not exist')
    return found
