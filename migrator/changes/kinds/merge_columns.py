"""Merge several columns into one while old and new code run."""

from __future__ import annotations

from migrator.changes.reshaping import Reshaping
from migrator.changes.reshaping.sides import NewColumn, OldColumn, Reshaped, Sides, written
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action


class Merger(Reshaped, frozen=True):
    """Parameters of ``merge_columns``.

    Attributes:
        columns: those that go.
        into: the name of the column that comes.
        type: its type, as SQL.
        up: its value, as SQL over the old columns.
        down: the value of each old column, as SQL over the new one.
    """

    columns: tuple[str, ...]
    into: str
    type: str
    up: str
    down: tuple[str, ...]

    @property
    def sides(self) -> Sides:
        """Several old columns, one new one.

        Raises:
            Refused: there are fewer than two, or not as many expressions as names.
        """
        if len(self.columns) < 2 or len(self.columns) != len(self.down):
            raise Refused(
                f'{len(self.columns)} columns of table "{self.target}" are merged into "{self.into}" with '
                f"{len(self.down)} expressions of the way back",
                hint="name at least two columns, and what old code finds in each, in the same order",
            )
        return Sides(
            tuple(OldColumn(*each) for each in zip(self.columns, self.down, strict=True)),
            (NewColumn(self.into, self.type, self.up),),
        )


class MergeColumns(Reshaping[Merger]):
    """Merge several columns into one while old and new code run.

    What happens
        Expand adds the new column and one trigger that keeps both sides in step: ``up`` says what it is computed from,
        ``down`` what old code finds in each old one. The backfill fills rows written before. Contract proves that every
        row is filled, while reads and writes go on; then trigger and old columns go in one transaction. Column
        lists of publications that name an old column name the new one too from expand on, and it alone after contract.

    Who wins
        On UPDATE the side that changed; if both changed, the new one. On INSERT the new column, if it is given a value.
        A write that touches neither side changes neither. When old code changes one of the old columns, the new one is
        computed from all of them. NULL written on purpose counts as a change. Your own triggers that change a column
        count as the writer.

    What old writes must not fear
        ``up`` may fail for a value: the write goes through, the new column is NULL, and contract is refused with the
        number of such rows until they are repaired.

    What is refused
        Columns that others rely on, as by drop_column; identity, serial and generated columns; primary keys and indexes
        over several columns. Expressions that name any other column. A default and NOT NULL on the new column: they
        have statements of their own, in a later migration. A database is needed.

    Limits
        New code reads NULL in a row the backfill has not reached yet, and NULL written there cannot be told from not
        writing: such code starts after the backfill. An insert of new code that gives it nothing but NULL gets what the
        default of the old columns makes, if there is one. ``down`` must not fail for what new code writes, nor break a
        constraint of the old columns: it is tried on rows that are there. Rolling back drops what only the new column
        can hold; it says how many rows have such values and needs --yes. The backfill fires your own triggers.
        Server-side prepared ``SELECT *`` fails when the column appears, until it is prepared anew.

    Example::

        -- migrator: up = make_interval(hours => hours, mins => minutes)
        -- migrator: down = extract(epoch FROM length)::integer / 3600, extract(epoch FROM length)::integer % 3600 / 60
        ALTER TABLE films ADD COLUMN length interval, DROP COLUMN hours, DROP COLUMN minutes
    """

    name = "merge_columns"
    spec = Merger
    verb = "merged"

    def recognise(self, action: Action, schema: Schema) -> Merger | None:
        """``ALTER TABLE … ADD COLUMN …, DROP COLUMN …, DROP COLUMN …`` with directives ``up`` and ``down``."""
        found = written(action, schema)
        if found is None or len(found.added) != 1 or len(found.dropped) < 2:
            return None
        ((name, type_),) = found.added
        return Merger(
            schema=found.target.schema,
            table=found.target.name,
            columns=found.dropped,
            into=name,
            type=type_,
            up=found.up[0],
            down=found.down,
        )
