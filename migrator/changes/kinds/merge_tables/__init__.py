"""Merge a table into another one whose rows it belongs to one to one, while old and new code run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from msgspec import structs

from migrator.changes.bystanders import notes_for_subscribers
from migrator.changes.kind import Context, Draft, OnTable, refuse_absent
from migrator.changes.kinds.merge_tables.checks import notes, require_all_said, require_one_to_one, require_unused
from migrator.changes.kinds.merge_tables.merging import Merging, column, foreign_key, given, moved, required
from migrator.changes.moving import Moving, carried
from migrator.changes.moving.divided import Pointing
from migrator.changes.moving.sides import Sides, changed, differs, is_row, primary_key, typed
from migrator.changes.moving.triggers import Names, Sync
from migrator.changes.removal import dropped_table
from migrator.errors import Refused
from migrator.model.objects import Grant
from migrator.model.schema import Column, Relation, Schema, TableName
from migrator.sql.actions import Action, named_table
from migrator.sql.compose import Sql, bounded_name, expression, field
from migrator.sql.parser import parse_script, pb, unwrap
from migrator.sql.rewrite import slug
from migrator.templating import render

_DIRECTIVE = "-- migrator: into = users"
_ON_COLUMNS = ("SELECT", "INSERT", "UPDATE", "REFERENCES")
"""Privileges that can be granted on a column."""


class MergeTables(Moving[Merging]):
    """Merge a table into another one whose rows it belongs to one to one, while old and new code run.

    What happens
        For a table with a unique foreign key to the one it goes into. Expand adds its columns there, with their
        defaults, and triggers on both tables that take every insert, update and delete across. The backfill copies what
        was written before. Contract, once no old code is left, drops the triggers, makes NOT NULL what was NOT NULL,
        by a CHECK that is validated while reads and writes go on, and drops the table. Before it, rows that belong to
        no row of the other table are counted, and rows that differ.

    Who wins
        The last one to write. Of the two tables, the one that goes has a row where there is something to hold: a row of
        the other table in which new code gives none of the columns, or only their defaults, gets none, and old code may
        insert it later. Where new code writes a value, the row is made, or updated. Where old code deletes its row, the
        columns become NULL, or their default where they are NOT NULL. A row that old code made stays when new code
        writes NULL into all of its columns, and goes if it cannot hold that. A write that changes none of the columns
        takes nothing across.

    What is refused
        A foreign key that is not unique, not validated, DEFERRABLE, or without ON DELETE CASCADE: a new code that
        deletes a row of the other table would stumble over one that it does not know. Foreign keys, views, rules and
        publications that point to the table that goes, with what they are to use instead. Columns that compute their
        values: they are left behind by ``-- migrator: without = id``. Columns that the other table has already. Row
        security on the table that goes, or forced on either; subscriptions. A database is needed.

    Partitioned tables
        Either table may be partitioned, or both. Where an UPDATE takes a row of the other table to another partition,
        its row of the table that goes comes along, with what the statement writes. By PostgreSQL 14 the foreign key
        deletes that row, with or without the tool; it is made again of what goes into the other table, and columns
        that are left behind get their defaults. A partition that is attached with rows after the backfill is not
        filled: contract counts what differs.

    Limits
        What is NOT NULL without a default has to be given by new code as soon as it gives any of the columns: until
        contract the table that goes refuses NULL there (23502), as it does for its CHECK, UNIQUE and foreign keys;
        these and its indexes are not made for the other table, but by later migrations. Rows of the other table that
        have no row in the table that goes have NULL in these columns, and contract is refused while one does:
        ``-- migrator: nullable = bio`` lets them be. Two transactions that change one value at the same time, one in
        each table, can deadlock (40P01): each has its own row and waits for the other's; the server ends one of them,
        which may be repeated. NULL that new code writes into a row which the backfill has not reached cannot be told
        from not writing: such code starts after the backfill. A key cannot be changed, as before, where the foreign key
        has no ON UPDATE CASCADE. TRUNCATE of the table that goes is not taken across. A statement that joins both
        tables must write the table before the name of a column. Server-side prepared ``SELECT *`` of the other table
        fails when the columns appear, until it is prepared anew.

    Example::

        -- migrator: into = users
        DROP TABLE profiles
    """

    name = "merge_tables"
    spec = Merging
    takes_whole_table = True
    options = frozenset({"into", "key", "without", "nullable"})
    functions = "merge_tables"
    syncs: ClassVar[tuple[Sync, ...]] = (
        Sync("lock", False, "BEFORE INSERT", "locks the row of the other table first, so that no two inserts deadlock"),
        Sync("old", False, "AFTER INSERT OR UPDATE", "takes what old code writes to the other table"),
        Sync("delete", False, "AFTER DELETE", "clears in the other table what old code deletes"),
        Sync("before", True, "BEFORE UPDATE", "gives a row what it should hold, where the backfill has not been"),
        Sync("new", True, "AFTER INSERT OR UPDATE", "takes what new code writes to the table that goes"),
    )

    def recognise(self, action: Action, schema: Schema) -> Merging | None:
        """``DROP TABLE …`` with a directive ``into``."""
        if action.kind != "drop_stmt" or action.node.remove_type != pb.OBJECT_TABLE or "into" not in action.options:
            return None
        target = dropped_table(action, schema)
        relation, columns = named_table(action.options["into"], _DIRECTIVE)
        if columns:
            raise Refused("all columns go into the other table", hint=f"{_DIRECTIVE}, and -- migrator: without = id")
        other = schema.resolve(relation.schemaname, relation.relname)
        change = Merging(
            schema=target.schema,
            table=target.name,
            columns=(),
            into=other.name,
            into_schema=other.schema if other.schema != target.schema else "",
            **{name: _names(action.options.get(name, ""), name) for name in ("key", "without", "nullable")},
        )
        old = schema.relation(target)
        if old is None:
            return change
        key = foreign_key(change, old).columns
        left = {*key, *change.without}
        return structs.replace(
            change, key=key, columns=tuple(each.name for each in old.columns if each.name not in left)
        )

    def touched(self, change: Merging) -> dict[TableName, tuple[str, ...]]:
        """All columns of the table that goes, and their places in the other one."""
        return {change.target: (*change.key, *change.columns, *change.without), change.other: change.columns}

    def new_table(self, change: Merging) -> TableName:
        """See ``Moving``."""
        return change.other

    def sides(self, change: Merging, context: Context) -> Sides:
        """See ``Moving``."""
        old, new = context.schema.relation(change.target), context.schema.relation(change.other)
        if old is None or new is None:
            raise Refused(f'table "{change.target if old is None else change.other}" does not exist')
        key = foreign_key(change, old)
        return Sides(change.target, change.other, change.columns, key.columns, key.referenced or primary_key(new))

    def validate(self, change: Merging, context: Context) -> Iterator[str]:
        """The rows belong together one to one, nothing needs the table that goes, the columns are not there yet."""
        old, new = self.require_two(change, context)
        sides = self.sides(change, context)
        require_one_to_one(change, old, sides)
        require_unused(old, sides)
        for relation in (old, new):
            self.require_owner_sees_all(relation)
        if old.has_row_security:
            raise Refused(
                f'table "{old.name}" has row security, which would not hold for what goes into "{new.name}"',
                hint="disable it in a migration before this one, if the policies of the other table will do",
            )
        require_all_said(change, old, sides)
        for name in change.columns:
            refuse_absent(new, OnTable(schema=new.name.schema, table=new.name.name), name)
        yield from notes_for_subscribers(new, change.columns)
        yield from self.notes_on_two(sides, old, new)
        yield from self.require_followed(change, context, sides)
        yield from notes(change, old, new)

    def pointing(self, change: Merging, context: Context, sides: Sides) -> Pointing | None:
        """See ``Moving``."""
        del sides
        old = context.schema.relation(change.target)
        return Pointing(foreign_key(change, old), is_on_new=False) if old is not None else None

    def followed(
        self, change: Merging, sides: Sides, names: Names, found: Pointing, old: Relation
    ) -> tuple[Mapping[str, Sql], Sql]:
        """See ``Moving``."""
        del names, found
        goes = [column(old, name) for name in sides.columns]
        needed = [f"held.{field(each.name)} IS NULL" for each in goes if each.not_null and not each.default]
        unfit = f"NOT ({given('held', goes, self.new_defaults(change, old))}) AND ({' OR '.join(needed)})"
        return _kept_as(goes), Sql(unfit if needed else "")

    def new_defaults(self, change: Merging, old: Relation) -> Mapping[str, str]:
        """Those that new code gets from expand on: one that differs from row to row would be no sign of its writer."""
        return {each.name: each.default for each in moved(change, old) if each.default and not each.default_is_volatile}

    def arrive(self, change: Merging, context: Context, sides: Sides, old: Relation) -> Iterator[Draft]:
        """The columns, and privileges."""
        new = context.schema.relation(change.other)
        yield from self.add_columns(sides, old)
        there = {(each.grantee, each.privilege) for each in (new.grants if new else ())}
        own = {(name, each.grantee, each.privilege) for name in sides.columns for each in column(old, name).grants}
        for grant in dict.fromkeys((each.grantee, each.privilege) for each in old.grants):
            for name in sides.columns if grant[1] in _ON_COLUMNS and grant not in there else ():
                if (name, *grant) not in own:
                    yield carried.granted(sides, name, Grant(*grant))

    def settle(self, change: Merging, context: Context, sides: Sides, old: Relation) -> Iterator[Draft]:
        """Defaults: a row that had one before old code's values are taken across would keep it."""
        del context
        for name, default in self.new_defaults(change, old).items():
            yield self._default(sides, name, default, "for rows to come: the backfill is for those that are there")

    def function_values(self, change: Merging, sides: Sides, names: Names, old: Relation) -> dict[str, dict[str, Any]]:
        """See ``Moving``."""
        del names
        defaults = self.new_defaults(change, old)
        goes = [column(old, name) for name in sides.columns]
        both: dict[str, Any] = {"old": sides.old_sql, "new": sides.new_sql, "columns": sides.columns}
        cleared = {each.name: Sql("DEFAULT" if each.not_null and each.name in defaults else "NULL") for each in goes}
        return {
            "lock": {**both, "found": sides.found_by_old("NEW")},
            "old": {
                **both,
                "changed": changed(sides.columns, sides.old_key),
                "moved": changed(sides.old_key, ()),
                "found": sides.found_by_old("NEW"),
                "found_before": sides.found_by_old("OLD"),
                "link": sides.link_in_function,
                "disagrees": differs("n", "o", sides.columns),
                "cleared": cleared,
            },
            "delete": {
                **both,
                "found": sides.found_by_old("OLD"),
                "again": is_row("o", "OLD", sides.old_key),
                "cleared": cleared,
            },
            "before": {**both, "found": sides.found_by_new("OLD")},
            "new": {
                **both,
                "key": sides.new_key,
                "old_key": sides.old_key,
                "found": sides.found_by_new("NEW"),
                "own": sides.own,
                "changed": changed(sides.columns, ()),
                "differs": differs("o", "held", sides.columns),
                "conflicts": differs("o", "EXCLUDED", sides.columns),
                "given": given("held", goes, defaults),
                "needed": [each.name for each in goes if each.not_null and not each.default],
                "values": _kept_as(goes),
            },
        }

    def backfill(self, change: Merging, context: Context) -> Iterator[Draft]:
        """What was written before expand, and then the default where there is no row."""
        old, sides = context.schema.relation(change.target), self.sides(change, context)
        if old is None:
            return
        yield Draft(
            f"fill-{slug(change.table)}",
            self._made("fill", old=sides.old_sql, new=sides.new_sql, link=sides.link, columns=sides.columns),
            "values written before the triggers existed",
        )
        for name, default in self.new_defaults(change, old).items():
            if name in required(change, old):
                yield Draft(
                    f"default-{slug(name)}",
                    self.template("fill_default", table=sides.new_sql, column=name, default=expression(default)),
                    f"of rows that have none in {change.table}: it is NOT NULL from contract on",
                )

    def depart(self, change: Merging, context: Context, sides: Sides) -> Iterator[Draft]:
        """NOT NULL for the other table, and the table that nobody uses any more goes."""
        old, group = context.schema.relation(change.target), slug(change.into)
        if old is None:
            return
        early = self.new_defaults(change, old)
        for each in moved(change, old):
            if each.default and each.name not in early:
                yield self._default(sides, each.name, each.default, "as it was in the table that goes")
        checks = {
            name: bounded_name(change.into, name, "not_null", over=(str(sides.new), name))
            for name in required(change, old)
        }
        for template, why, is_grouped in (
            ("add_check", "refuses NULL from here on; existing rows are not looked at", True),
            ("validate_check", "looks at every row while reads and writes go on", False),
            ("set_not_null", "the validated CHECK proves it, no scan", True),
            ("drop_check", "NOT NULL says the same", True),
        ):
            for name, constraint in checks.items():
                text = render(
                    f"changes/set_not_null/{template}.sql.mako", table=sides.new_sql, column=name, constraint=constraint
                )
                yield Draft(f"{template.replace('_', '-')}-{slug(name)}", Sql(text), why, group if is_grouped else None)
        group = f"drop-{slug(change.table)}"
        yield Draft(
            f"lock-{slug(change.into)}",
            self._made("lock_table", table=sides.new_sql),
            "the foreign key is dropped with the table: a delete that has this one would wait for that one",
            group,
        )
        yield Draft(
            f"drop-{slug(change.table)}",
            self._made("drop_table", table=sides.old_sql),
            f"no code uses it any more; what it held is in {change.into}",
            group,
        )

    def withdraw(self, change: Merging, context: Context, sides: Sides) -> Iterator[Draft]:
        """See ``Moving``."""
        old = context.schema.relation(change.target)
        goes = moved(change, old) if old else []
        loses = self.template(
            "ahead",
            old=sides.old_sql,
            new=sides.new_sql,
            link=sides.link,
            given=given("n", goes, self.new_defaults(change, old) if old else {}),
            disagrees=differs("o", "n", sides.columns),
        )
        yield from self.drop_new_columns(sides, loses)

    def before_contract(self, change: Merging, context: Context) -> None:
        """Nothing came to rely on the table since expand, and it got no other columns."""
        old = context.schema.relation(change.target)
        if old is not None:
            sides = self.sides(change, context)
            require_unused(old, sides)
            require_all_said(change, old, sides)

    def _default(self, sides: Sides, name: str, default: str, why: str) -> Draft:
        text = self.template("set_default", table=sides.new_sql, column=name, default=expression(default))
        return Draft(f"default-{slug(name)}", text, why, slug(sides.new.name))


def _kept_as(goes: list[Column]) -> dict[str, Sql]:
    """What the table that goes gets of ``held``, a row of the other one."""
    return {
        each.name: Sql(
            f"coalesce(held.{field(each.name)}, {typed(each.default, each)})"
            if each.not_null and each.default
            else f"held.{field(each.name)}"
        )
        for each in goes
    }


def _names(text: str, directive: str) -> tuple[str, ...]:
    """Columns of a directive, ``id, created_at``."""
    try:
        statement = parse_script(f"INSERT INTO t ({text}) SELECT", directive).statements[0].node if text else None
    except Refused:
        raise Refused(f"not names of columns: {text}", hint=f"-- migrator: {directive} = id, created_at") from None
    return tuple(unwrap(each).name for each in statement.cols) if statement is not None else ()
