"""Split a column into several while old and new code run."""

from __future__ import annotations

from migrator.changes.reshaping import Reshaping
from migrator.changes.reshaping.sides import NewColumn, OldColumn, Reshaped, Sides, written
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action


class Split(Reshaped, frozen=True):
    """Parameters of ``split_column``.

    Attributes:
        column: the column that goes.
        into: names of the columns that come.
        types: the type of each, as SQL.
        up: the value of each, as SQL over the old column.
        down: the value of the old column, as SQL over the new ones.
    """

    column: str
    into: tuple[str, ...]
    types: tuple[str, ...]
    up: tuple[str, ...]
    down: str

    @property
    def sides(self) -> Sides:
        """One old column, several new ones.

        Raises:
            Refused: there are fewer than two, or not as many types and expressions as names.
        """
        if len(self.into) < 2 or not len(self.into) == len(self.types) == len(self.up):
            raise Refused(
                f'column "{self.column}" of table "{self.target}" is split into {len(self.into)} columns with '
                f"{len(self.types)} types and {len(self.up)} expressions",
                hint="name at least two new columns, and give a type and an expression for each, in the same order",
            )
        return Sides(
            (OldColumn(self.column, self.down),),
            tuple(NewColumn(*each) for each in zip(self.into, self.types, self.up, strict=True)),
        )


class SplitColumn(Reshaping[Split]):
    """Split a column into several while old and new code run.

    What happens
        Expand adds the new columns and one trigger that keeps both sides in step: ``up`` says what each new column is
        computed from, ``down`` what old code finds in the old one. The backfill fills rows written before. Contract
        proves that every row is filled, while reads and writes go on; then trigger and old column go in one
        transaction. Column lists of publications that name the old column name the new ones too from expand on, and
        these alone after contract.

    Who wins
        On UPDATE the side that changed; if both changed, the new one. On INSERT the new side, if any of its columns is
        given a value. A write that touches neither side changes neither, so what only the new columns can tell
        (``down`` loses it) survives old code that has nothing to do with them. NULL written on purpose counts as a
        change. Your own triggers that change a column count as the writer.

    What old writes must not fear
        ``up`` may fail for a value: the write goes through, the new columns are NULL, and contract is refused with the
        number of such rows until they are repaired.

    What is refused
        A column that others rely on, as by drop_column; identity, serial and generated columns; primary keys and
        indexes over several columns. Expressions that name any other column. Defaults and NOT NULL on the new columns:
        they have statements of their own, in a later migration. A database is needed.

    Limits
        New code reads NULL in a row the backfill has not reached yet, and NULL written there cannot be told from not
        writing: such code starts after the backfill. An insert of new code that gives nothing but NULL gets what the
        default of the old column makes, if there is one. ``down`` must not fail for what new code writes, nor break a
        constraint of the old column: it is tried on rows that are there. Rolling back drops what only the new columns
        can hold; it says how many rows have such values and needs --yes. The backfill fires your own triggers.
        Server-side prepared ``SELECT *`` fails when the columns appear, until it is prepared anew.

    Example::

        -- migrator: up = split_part(name, ' ', 1), substr(name, strpos(name || ' ', ' ') + 1)
        -- migrator: down = concat_ws(' ', first_name, last_name)
        ALTER TABLE users ADD COLUMN first_name text, ADD COLUMN last_name text, DROP COLUMN name
    """

    name = "split_column"
    spec = Split
    verb = "split"

    def recognise(self, action: Action, schema: Schema) -> Split | None:
        """``ALTER TABLE … ADD COLUMN …, ADD COLUMN …, DROP COLUMN …`` with directives ``up`` and ``down``."""
        found = written(action, schema)
        if found is None or len(found.dropped) != 1:
            return None
        return Split(
            schema=found.target.schema,
            table=found.target.name,
            column=found.dropped[0],
            into=tuple(name for name, _ in found.added),
            types=tuple(type_ for _, type_ in found.added),
            up=found.up,
            down=found.down[0],
        )
