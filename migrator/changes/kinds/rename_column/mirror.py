"""What a renaming makes: its parameters, the two triggers and their functions, the default both columns share."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.changes.kind import Context, OnTable
from migrator.model.schema import Column
from migrator.sql.compose import Sql, bounded_name, expression, qualified


class Renaming(OnTable, frozen=True):
    """Parameters of ``rename_column``.

    Attributes:
        column: the name old code uses.
        new_name: the name new code uses.
    """

    column: str
    new_name: str


@dataclass(frozen=True, slots=True)
class Mirror:
    """Names of what one renaming makes: (direction, trigger, function), in the order the triggers fire."""

    triggers: tuple[tuple[str, str, Sql], ...]

    @property
    def function_down(self) -> Sql:
        """The function that takes what new code wrote to the old column."""
        return self.triggers[0][2]

    @property
    def function_up(self) -> Sql:
        """The function that takes the old column to the new one."""
        return self.triggers[1][2]


def mirror_of(change: Renaming, context: Context) -> Mirror:
    """Names of the triggers and functions of one renaming."""
    # Triggers fire in the order of their names: of several pending renamings the newest goes down first and the oldest
    # up first, so that a -> b -> c settles whichever of the three was written.
    over = (context.migration, change.schema, change.table, change.column, change.new_name)
    down = bounded_name("zzz_migrator_1", f"{99_999 - context.level:05d}", change.new_name, over=(*over, "down"))
    up = bounded_name("zzz_migrator_2", f"{context.level:05d}", change.new_name, over=(*over, "up"))
    return Mirror(
        tuple(
            (
                direction,
                trigger,
                qualified(
                    change.schema,
                    bounded_name("migrator", change.table, change.new_name, direction, over=(*over, direction)),
                ),
            )
            for direction, trigger in (("down", down), ("up", up))
        )
    )


def shared_default(column: Column | None) -> Sql | None:
    """The default both columns share; none where two evaluations may differ, since then it would look like a change."""
    if column is None or column.default is None or column.default_is_volatile:
        return None
    return expression(column.default)
