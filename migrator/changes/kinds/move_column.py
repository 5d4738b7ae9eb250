"""Move columns to another table while old and new code run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from msgspec import structs

from migrator.changes.bystanders import notes_for_subscribers, require_last_word
from migrator.changes.kind import Context, Draft, Obstacle, OnTable, altered_table, refuse_absent
from migrator.changes.moving import Moving, chosen, many
from migrator.changes.moving.divided import Pointing
from migrator.changes.moving.sides import (
    ForeignKey,
    Sides,
    foreign_keys,
    is_unique,
    primary_key,
    require_there_before,
    to_be_unique,
)
from migrator.changes.moving.triggers import Names, Sync
from migrator.errors import Refused
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action, named_table
from migrator.sql.compose import Sql, ident
from migrator.sql.parser import pb, unwrap
from migrator.sql.rewrite import columns_in, slug
from migrator.templating import render

_DIRECTIVE = "-- migrator: to = profiles (user_id)"
_OF_SEVERAL = (
    "; or let each of them have the value: -- migrator: many = true; or one of them: -- migrator: where = is_default"
)


class Move(OnTable, frozen=True):
    """Parameters of ``move_column``.

    Attributes:
        columns: those that move; they keep their names.
        to: the table they move to.
        to_schema: its schema; an empty string: that of the table they are in.
        key: columns of that table which hold the key of the row they belong to; none: those of its foreign key.
        old_key: columns of the table they are in that ``key`` holds; none: those its foreign key points to, or those of
            a unique foreign key to ``key``, or the primary key.
        many: whether several rows of that table belong to one row, and each gets its value.
        where: a condition over columns of that table: of several rows that belong to one row, the one that has the
            value.
    """

    columns: tuple[str, ...]
    to: str
    to_schema: str = ""
    key: tuple[str, ...] = ()
    old_key: tuple[str, ...] = ()
    many: bool = False
    where: str = ""

    @property
    def other(self) -> TableName:
        """The table they move to."""
        return TableName(self.to_schema or self.schema, self.to)


class MoveColumn(Moving[Move]):
    """Move columns to another table while old and new code run.

    What happens
        For two tables whose rows belong together one to one, by a unique foreign key or the same primary key; below for
        several. Expand adds the columns to the other table, and triggers on both that take every change across, whoever
        wrote it. The backfill copies what was written before. Contract first counts the values that have no row in the
        other table, and the rows that differ, and is refused while there are any; then the triggers go, and the columns
        where old code had them, in short transactions that lock one table each.

    Who wins
        The last one to write. When a row of either table is inserted, what it gives wins, column by column, and where
        it gives nothing, or a default, it gets what is there. A row of the other table that comes to belong to another
        row is treated alike. A write that changes none of the columns takes nothing across and locks nothing there.

    What old and new code may do meanwhile
        Rows of either table may come first. Deleting a row of the other table keeps the value where old code reads it;
        deletes and changed keys go across as the foreign key says. The triggers run with the rights of the role that
        expands, and a fixed search_path, so that code needs rights on the table it writes only.

    What is refused
        Rows that do not belong together one to one, nor several of the other table to one. The way from several rows to
        one, by a condition as well: a value of new code would have no place where none of them fulfils it, and whether
        it goes with the one that is deleted depends on which version does so, which nobody can tell. NOT NULL without a
        default, since new code does not name the column. Columns that others rely on, as by drop_column; identity,
        serial and generated columns. Row security on the old table, or forced on either; subscriptions. A database is
        needed.

    Several rows for each
        ``-- migrator: many = true`` is for a table of which several rows belong to one row, by a foreign key, as orders
        do to their customer. Each of them gets the value, and one of its own from then on. The old table has one place
        for all: a write of old code goes to all of them, a write of new code to its own row and to that place, where
        old code reads what was written last on any of them; the others keep what they have. A row that comes to belong
        to another one takes its value, unless the same statement writes one. A column marks the rows that are filled,
        so that NULL which new code writes into them stays. Rollback counts the values that differ from what old code
        reads. Refused: a DEFERRABLE foreign key, and ON UPDATE CASCADE unless the key is an identity that is always
        generated. Inserts that give no value share a lock on the row they belong to, those that give one wait for each
        other.

    One of several rows
        ``-- migrator: where = is_default`` is for a table of which several rows belong to one row, and one of them has
        the value, as addresses do to their user: the one that fulfils the condition. There must be one at most, by a
        valid unique index over the foreign key with that condition. To this row applies what is said above; what new
        code writes into others is theirs. A row that comes to fulfil the condition takes the value, so that code which
        knows nothing of it may choose another row, and back: old code reads what it wrote last. But where new code has
        written a value into that row, or a value for its siblings since it was chosen itself, this is what old code
        reads from there on; a column marks such rows. The row that was chosen before keeps what it has. Rollback counts
        the values of new code that old code does not read. Refused: a condition over generated columns.

    Partitioned tables
        Either table may be partitioned, or both. A row that an UPDATE takes to another partition is deleted and
        inserted for triggers; it counts as updated, with what the statement writes, and its rows of the other table go
        along as the foreign key says: by PostgreSQL 14 they are deleted, with or without the tool, and the value stays
        where old code reads it. Of new code that takes the chosen one of several rows to another partition by its key,
        NULL written by the same statement is not seen. Refused: a foreign key ON UPDATE CASCADE that points to a
        partitioned table and has no action ON DELETE, and one of a partitioned old table ON UPDATE CASCADE. A partition
        that is attached with rows after the backfill is not filled: contract counts what differs.

    Limits
        Two transactions that change one value at the same time, one in each table, can deadlock (40P01): each has its
        own row and waits for the other's; the server ends one of them, which may be repeated. So can one that chooses
        another row, and one that changes the value. A transaction at REPEATABLE READ that changes a value while the row
        of the other table is being inserted does not see that row: contract counts such rows. Values of rows without a
        row in the other table are seen by old code alone. NULL that new code inserts on purpose, leaves in a row that
        it chooses, or writes into a row which the backfill has not reached, cannot be told from not writing: such code
        starts after the backfill. A statement that joins both tables and writes the name of a column without its table
        fails from expand on, since both have it. NOT NULL, indexes and constraints of the new columns are later
        migrations. TRUNCATE is not taken across. Server-side prepared ``SELECT *`` of the other table fails when the
        columns appear, until it is prepared anew.

    Example::

        -- migrator: to = profiles (user_id)
        ALTER TABLE users DROP COLUMN email

        -- migrator: to = orders (user_id)
        -- migrator: many = true
        ALTER TABLE users DROP COLUMN currency

        -- migrator: to = addresses (user_id)
        -- migrator: where = is_default
        ALTER TABLE users DROP COLUMN address
    """

    name = "move_column"
    spec = Move
    options = frozenset({"to", "many", "where"})

    def recognise(self, action: Action, schema: Schema) -> Move | None:
        """``ALTER TABLE … DROP COLUMN …, DROP COLUMN …`` with a directive ``to``."""
        if action.kind != "alter_table_stmt" or "to" not in action.options:
            return None
        commands = [unwrap(each) for each in action.node.cmds]
        if action.node.objtype != pb.OBJECT_TABLE or any(each.subtype != pb.AT_DropColumn for each in commands):
            raise Refused("a directive to stands above something else than DROP COLUMN", hint=_DIRECTIVE)
        if any(each.behavior == pb.DROP_CASCADE for each in commands):
            raise Refused(
                "DROP COLUMN … CASCADE would drop objects that are not named", hint="drop each of them by name first"
            )
        target = altered_table(action.node.relation, schema)
        other, key = _directive(action.options["to"], schema)
        change = Move(
            schema=target.schema,
            table=target.name,
            columns=tuple(each.name for each in commands),
            to=other.name,
            to_schema=other.schema if other.schema != target.schema else "",
            key=key,
            many=_flag(action.options.get("many", "false")),
            where=chosen.written(action.options.get("where", "")),
        )
        old, new = schema.relation(target), schema.relation(other)
        if old is not None and new is not None:
            new_key, old_key = _keys(change, old, new)
            change = structs.replace(change, key=new_key, old_key=old_key)
        return change

    def touched(self, change: Move) -> dict[TableName, tuple[str, ...]]:
        """The columns, in both tables, the key, and what the condition is about."""
        chosen_by = sorted(columns_in(change.where)) if change.where else ()
        return {
            change.target: (*change.columns, *change.old_key),
            change.other: tuple(dict.fromkeys((*change.columns, *change.key, *chosen_by))),
        }

    def takes_away(self, change: Move) -> dict[TableName, tuple[str, ...]]:
        """The columns, in the old table."""
        return {change.target: change.columns}

    def new_table(self, change: Move) -> TableName:
        """See ``Moving``."""
        return change.other

    def sides(self, change: Move, context: Context) -> Sides:
        """See ``Moving``."""
        old, new = context.schema.relation(change.target), context.schema.relation(change.other)
        if old is None or new is None:
            raise Refused(f'table "{change.target if old is None else change.other}" does not exist')
        new_key, old_key = _keys(change, old, new)
        for relation, key in ((old, old_key), (new, new_key)):
            for name in key:
                if relation.column(name) is None:
                    known = ", ".join(f'"{each.name}"' for each in relation.columns)
                    raise Refused(
                        f'column "{name}" of table "{relation.name}" does not exist', detail=f"columns: {known}"
                    )
            if not is_unique(relation, key) and not ((change.many or change.where) and relation is new):
                raise Refused(
                    f"several rows of {relation.name} may have the same {', '.join(key)}, so rows of {old.name} and "
                    f"{new.name} do not belong together one to one",
                    hint=to_be_unique(relation, key) + (_OF_SEVERAL if relation is new else ""),
                )
        if change.many and change.where:
            raise Refused(
                "many gives every row the value, and where one of them",
                hint=f"leave one of them out: many = true, where = {change.where}",
            )
        if change.many and is_unique(new, new_key):
            raise Refused(f"one row of {new.name} at most has the same {', '.join(new_key)}", hint="leave many out")
        where = chosen.condition(change.where, new, new_key) if change.where else ""
        is_divided = bool(new.partition_key)
        return Sides(change.target, change.other, change.columns, old_key, new_key, where, is_divided)

    def validate(self, change: Move, context: Context) -> Iterator[str]:
        """The rows belong together one to one, the columns can go, and they are not there yet."""
        old, new = self.require_two(change, context)
        sides = self.sides(change, context)
        if change.many:
            many.require_sound(old, new, _pointing(old, new), sides)
            yield from many.notes(new, sides)
        if change.where:
            yield from chosen.notes(new, sides, change.where)
        yield from self.require_old(sides, old)
        self.require_owner_sees_all(new)
        require_last_word(new)
        require_there_before(new, sides.new_key)
        for name in change.columns:
            refuse_absent(new, OnTable(schema=new.name.schema, table=new.name.name), name)
        state = (Names.of(sides, context).state,) if change.many or change.where else ()
        yield from notes_for_subscribers(new, (*change.columns, *state))
        yield from self.notes_on_two(sides, old, new)
        yield from self.require_followed(change, context, sides)

    def form(self, change: Move) -> tuple[str, tuple[Sync, ...]]:
        """See ``Moving``."""
        if change.where:
            return chosen.FOLDER, self.syncs
        return (many.FOLDER, many.SYNCS) if change.many else super().form(change)

    def pointing(self, change: Move, context: Context, sides: Sides) -> Pointing | None:
        """See ``Moving``; of a row to which several belong the key does not change."""
        return None if change.many else super().pointing(change, context, sides)

    def goes_by_place(self, change: Move) -> bool:
        """See ``Moving``."""
        return not (change.many or change.where)

    def followed(
        self, change: Move, sides: Sides, names: Names, found: Pointing, old: Relation
    ) -> tuple[Mapping[str, Sql], Sql]:
        """See ``Moving``."""
        values, unless = super().followed(change, sides, names, found, old)
        return (chosen.followed(values, sides, names) if change.where else values), unless

    def function_values(self, change: Move, sides: Sides, names: Names, old: Relation) -> dict[str, dict[str, Any]]:
        """See ``Moving``."""
        if change.many:
            return many.function_values(sides, names)
        values = super().function_values(change, sides, names, old)
        return chosen.function_values(values, sides, names) if change.where else values

    def arrive(self, change: Move, context: Context, sides: Sides, old: Relation) -> Iterator[Draft]:
        """See ``Moving``."""
        yield from self.add_columns(sides, old)
        if change.many:
            why = "tells rows that are filled from those that are not"
            yield self.add_state(sides, Names.of(sides, context), why, many.state_type(sides))
        elif change.where:
            yield self.add_state(sides, Names.of(sides, context), "tells rows in which new code has written a value")

    def backfill(self, change: Move, context: Context) -> Iterator[Draft]:
        """What was written before expand."""
        sides = self.sides(change, context)
        if change.many:
            text = Sql(
                render(
                    f"changes/{many.FOLDER}/fill.sql.mako", table=sides.new_sql, state=Names.of(sides, context).state
                )
            )
            why = "the trigger fills what was written before it existed"
        elif change.where:
            text, why = chosen.fill(sides, Names.of(sides, context)), "values written before the triggers existed"
        else:
            text = self._made("fill", old=sides.old_sql, new=sides.new_sql, link=sides.link, columns=sides.columns)
            why = "values written before the triggers existed"
        yield Draft(f"fill-{slug(*sides.columns)}", text, why)

    def counterpart(self, change: Move, sides: Sides) -> str:
        """See ``Moving``."""
        return super().counterpart(change, sides) + (f" that fulfils {change.where}" if change.where else "")

    def obstacles(self, change: Move, context: Context) -> Iterator[Obstacle]:
        """Values that contract would lose; of several rows, those of new code may well differ."""
        found = super().obstacles(change, context)
        yield from islice(found, 1) if change.many else found

    def depart(self, change: Move, context: Context, sides: Sides) -> Iterator[Draft]:
        """See ``Moving``."""
        if change.many or change.where:
            yield self.drop_state(sides, Names.of(sides, context))
        yield from self.drop_columns(sides)

    def withdraw(self, change: Move, context: Context, sides: Sides) -> Iterator[Draft]:
        """See ``Moving``."""
        names = Names.of(sides, context)
        loses = chosen.lost_by_rollback(sides, names) if change.where else self.lost_by_rollback(sides)
        yield from self.drop_new_columns(sides, loses)
        if change.many or change.where:
            yield self.drop_state(sides, names, undoing=True)


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise Refused(f"many = {text} is neither true nor false", hint="-- migrator: many = true")
    return text == "true"


def _pointing(there: Relation, here: Relation) -> list[ForeignKey]:
    """Foreign keys of one table to another one."""
    return [
        each for each in foreign_keys(here) if TableName(each.to.schema or here.name.schema, each.to.name) == there.name
    ]


def _directive(text: str, schema: Schema) -> tuple[TableName, tuple[str, ...]]:
    """The table and the key columns of ``profiles (user_id)``."""
    relation, key = named_table(text, _DIRECTIVE)
    for name in key:
        ident(name)
    return schema.resolve(relation.schemaname, relation.relname), key


def _keys(change: Move, old: Relation, new: Relation) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The key in the new table, and in the old one.

    Raises:
        Refused: it is not given and there is not just one foreign key to go by.
    """
    keys = [each for each in _pointing(old, new) if change.key in ((), each.columns)]
    if change.key and len(change.key) == len(change.old_key):
        return change.key, change.old_key
    if len(keys) == 1:
        return keys[0].columns, keys[0].referenced or primary_key(old)
    primary = primary_key(old)
    back = [
        each
        for each in _pointing(new, old)
        if each.columns != primary and change.key in ((), each.referenced or primary_key(new))
    ]
    if len(back) == 1 and not keys and change.key and not change.where and is_unique(old, back[0].columns):
        return change.key, back[0].columns
    if back and not keys:
        raise Refused(
            f"rows of {old.name} point to those of {new.name}: {_why_not_back(change, new)}",
            hint="where each has one and the table goes with its columns: -- migrator: into = … above DROP TABLE "
            "(merge_tables); else keep both in step by triggers of your own, in a migration written by hand",
        )
    if change.key and len(change.key) == len(primary):
        return change.key, primary
    if not change.key and not keys and primary and primary == primary_key(new):
        return primary, primary
    raise Refused(
        f"how rows of {new.name} find their rows of {old.name} cannot be told: there "
        + ("are several foreign keys" if keys else "is no foreign key, and the primary keys differ"),
        hint=f"name the columns of {new.name} that hold the key: {_DIRECTIVE}",
    )


def _why_not_back(change: Move, new: Relation) -> str:
    """Why columns cannot move from several rows to the one that they belong to."""
    if not change.where:
        return (
            "which of several would be the one that counts is not known, and a value that new code writes for a row "
            "without one would have no place where old code reads"
        )
    return (
        f"a value that new code writes into a row of {new.name} without one that fulfils {change.where} would have no "
        "place where old code reads; and whether the value goes with that row when it is deleted, or another one is "
        "chosen, depends on which version does so, which the server cannot tell"
    )
