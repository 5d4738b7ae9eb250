"""Rename a column while old and new code run."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes import relisting
from migrator.changes.copies import unique_keys
from migrator.changes.kind import (
    Context,
    Draft,
    Kind,
    altered_table,
    refuse_absent,
    refuse_dependents,
    require_column,
    require_table,
)
from migrator.changes.kinds.rename_column.checks import (
    notes,
    refuse_conditions_on_copy,
    refuse_foreign_lists,
    require_mirrorable,
)
from migrator.changes.kinds.rename_column.copies import copy_name, index_copies
from migrator.changes.kinds.rename_column.mirror import Mirror, Renaming, mirror_of, shared_default
from migrator.errors import Refused
from migrator.model.schema import Column, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident, type_name
from migrator.sql.parser import pb
from migrator.sql.rewrite import granted_to, slug

__all__ = ["RenameColumn", "Renaming"]


class RenameColumn(Kind[Renaming]):
    """Rename a column while old and new code run.

    What happens
        Expand adds a column under the new name and two triggers that keep both names equal, whichever is written.
        Indexes that mention the column get a copy for the new name. The backfill fills rows written before.
        Contract drops the copy and renames the old column, in one transaction: it is the old column that stays, with
        its values, constraints, indexes, privileges, statistics, position and everything that depends on it, so no
        value moves at the end and a row can never be lost by the rename. Column lists of publications that name the
        column name both from expand to contract, then the new one; row filters follow it.

    Who wins
        On UPDATE the side that changed; if both changed, the new name. On INSERT the side that differs from its
        default, the new name if both do. NULL written on purpose counts as a change.

    Limits
        New code reads NULL under the new name in a row the backfill has not reached yet. If it writes NULL there, or a
        value computed from that NULL (``SET full_name = full_name || '!'``), nothing changes that can be told from not
        writing, and the row keeps its old value: let such code start after the backfill. With a default
        that differs at every call (a sequence, a random value) NULL on INSERT cannot be told from an omitted column.
        ON CONFLICT on a unique column is guarded for the first 100 rows a transaction inserts: beyond them, two
        transactions that upsert one key at the same moment may get a unique violation.
        Not a column that divides a partitioned table; nor where its partitions have row triggers of their own.
        Until contract, the new name is no primary key: GROUP BY on it alone and foreign keys to it have to wait.
        Server-side prepared ``SELECT *`` fails when a column appears or goes, until it is prepared anew, as with every
        ADD COLUMN.

    Example:
        ALTER TABLE users RENAME COLUMN name TO full_name
    """

    name = "rename_column"
    keeps_in_step = True
    spec = Renaming
    relies_on_indexes = True

    def recognise(self, action: Action, schema: Schema) -> Renaming | None:
        """``ALTER TABLE … RENAME COLUMN … TO …``."""
        node = action.node
        if (
            action.kind != "rename_stmt"
            or node.rename_type != pb.OBJECT_COLUMN
            or node.relation_type != pb.OBJECT_TABLE
        ):
            return None
        target = altered_table(node.relation, schema)
        ident(node.newname)
        return Renaming(schema=target.schema, table=target.name, column=node.subname, new_name=node.newname)

    def touched(self, change: Renaming) -> dict[TableName, tuple[str, ...]]:
        """The renamed column; the new name must be free."""
        return {change.target: (change.column, change.new_name)}

    def validate(self, change: Renaming, context: Context) -> Iterator[str]:
        """The column can be mirrored, and nothing breaks when it takes its new name."""
        if change.target in context.created:
            raise Refused(
                f'column "{change.column}" belongs to a table this migration creates',
                hint="give it the name you want in the CREATE TABLE",
            )
        relation = require_table(change, context, or_partitioned=True)
        if relation is None:
            yield (
                f"type, default and indexes of {change.target}.{change.column} could not be checked without a "
                "database: its type is copied when expand runs; expand refuses if an index needs a copy"
            )
            return
        column = require_column(relation, change, change.column)
        refuse_absent(relation, change, change.new_name)
        require_mirrorable(relation, column)
        refuse_foreign_lists(relation, change)
        refuse_dependents(
            relation,
            change.column,
            ["partition key"],
            "by which a row's partition is found before any trigger fires",
            "write the new rows into a table that is divided by a column of the new name",
        )
        yield from notes(relation, change)

    def expand(self, change: Renaming, context: Context) -> Iterator[Draft]:
        """Column, mirror triggers, copies of indexes."""
        group = slug(change.table)
        relation = context.schema.relation(change.target)
        column = relation.column(change.column) if relation else None
        default = shared_default(column)
        values = mirror_of(change, context)
        keys = unique_keys(relation, change.column)
        yield self._added_column(change, column, group)
        if default and column:
            yield Draft(
                f"default-{slug(change.new_name)}",
                self.template("set_default", table=change.sql, new=change.new_name, default=default),
                "rows that new code inserts without a value get the same default; existing rows stay unfilled",
                group,
            )
        yield from relisting.listed_too(relation, [change.column], [change.new_name], group)
        for grant in column.grants if column else ():
            yield Draft(
                f"grant-{slug(grant.privilege.lower(), grant.grantee or 'public')}",
                self.template(
                    "grant",
                    privilege=Sql(grant.privilege),
                    new=change.new_name,
                    table=change.sql,
                    grantee=granted_to(grant.grantee, is_grantable=grant.is_grantable),
                ),
                "roles with rights on the old column alone get them on the new one",
                group,
            )
        column_type = type_name(column.type_name) if column else None
        yield Draft(
            "function-down",
            self.template(
                "function_down",
                function=values.function_down,
                old=change.column,
                new=change.new_name,
                default=default,
                type=column_type,
            ),
            "new name to old name: only what new code changed",
            group,
        )
        yield Draft(
            "function-up",
            self.template(
                "function_up", function=values.function_up, old=change.column, new=change.new_name, unique_keys=keys
            ),
            "old name to new name: always, last",
            group,
        )
        for direction, trigger, function in values.triggers:
            yield Draft(
                f"trigger-{direction}",
                self.template("trigger", trigger=trigger, table=change.sql, function=function),
                "fires on every write, so that no row stays unfilled; named to fire after your own triggers",
                group,
            )
        yield from index_copies(change, relation, context)

    def _added_column(self, change: Renaming, column: Column | None, group: str) -> Draft:
        step = f"add-{slug(change.new_name)}"
        why = f"a column under the new name, equal to {change.column} from here on"
        if column:
            text = self.template(
                "add_column",
                table=change.sql,
                new=change.new_name,
                type=type_name(column.type_name),
                collation=Sql(column.collation) if column.collation else None,
            )
            return Draft(step, text, why, group)
        text = self.template(
            "add_column_of_same_type",
            schema=change.schema,
            table_name=change.table,
            old=change.column,
            new=change.new_name,
        )
        return Draft(
            step, text, f"{why}; its type is read when this runs", group, locks=f"ACCESS EXCLUSIVE ON {change.sql}"
        )

    def backfill(self, change: Renaming, context: Context) -> Iterator[Draft]:
        """Fill rows written before expand."""
        del context
        names = {"old": change.column, "new": change.new_name}
        yield Draft(
            f"fill-{slug(change.new_name)}",
            self.template("backfill", table=change.sql, **names),
            "rows written before the triggers existed",
            verify=self.template("verify", **names),
        )

    def contract(self, change: Renaming, context: Context) -> Iterator[Draft]:
        """The old column takes the new name, the copy goes."""
        group = slug(change.table)
        values = mirror_of(change, context)
        yield from self._drop_mirror(change, values, group)
        relation = context.schema.relation(change.target)
        yield from relisting.listed_no_more(relation, [change.column], [change.new_name], group)
        yield Draft(
            f"drop-copy-{slug(change.new_name)}",
            self.template("drop_column", table=change.sql, new=change.new_name),
            "the copy, with the copies of indexes on it; its values are those of the old column",
            group,
        )
        yield Draft(
            f"rename-{slug(change.column)}",
            self.template("rename", table=change.sql, old=change.column, new=change.new_name),
            "the old column keeps its constraints, indexes, privileges and values under the new name",
            group,
        )

    def before_contract(self, change: Renaming, context: Context) -> None:
        """No trigger of the users reads the old name, and nothing of theirs was built on the copy."""
        relation = context.schema.relation(change.target)
        refuse_dependents(
            relation,
            change.column,
            ["trigger function"],
            "every write to the table would fail",
            f"replace the function by one that does without the name, as in to_jsonb(NEW) ->> {change.new_name!r}",
        )
        every_kind = {each.kind for each in relation.dependents} if relation else set()
        if relation is not None and context.contract_sql:
            relisting.require_relisted(relation, [change.new_name])
            relisting.require_planned(relation, [change.new_name], context.contract_sql)
        refuse_dependents(
            relation,
            change.new_name,
            every_kind - {"trigger function", "publication"},
            "and contract drops this copy",
            f'let them use "{change.column}" until contract; it takes the new name and they follow',
        )
        refuse_conditions_on_copy(change, relation)
        copies = {copy_name(change, index) for index in relation.indexes} if relation else set()
        for index in relation.indexes if relation else ():
            if change.new_name in index.columns and index.name not in copies | context.built:
                raise Refused(
                    f'index "{index.name}" was built on "{change.new_name}", a copy that contract drops',
                    detail=index.definition,
                    hint=f'build it on "{change.column}" instead, which takes the new name, and drop this one',
                )

    def rollback(self, change: Renaming, context: Context) -> Iterator[Draft]:
        """Triggers, functions and the new column go; what new code wrote is in the old column."""
        group = slug(change.table)
        yield from self._drop_mirror(change, mirror_of(change, context), group, undoing=True)
        relation = context.schema.relation(change.target)
        yield from relisting.listed_no_more(relation, [change.column], [change.new_name], group, undoing=True)
        yield Draft(
            f"drop-{slug(change.new_name)}",
            self.template("drop_column", table=change.sql, new=change.new_name),
            "its values are in the old column as well",
            group,
            undoes=f"add-{slug(change.new_name)}",
        )

    def _drop_mirror(self, change: Renaming, values: Mirror, group: str, *, undoing: bool = False) -> Iterator[Draft]:
        for direction, trigger, _ in reversed(values.triggers):
            yield Draft(
                f"drop-trigger-{direction}",
                self.template("drop_trigger", trigger=trigger, table=change.sql),
                "before the column it writes goes",
                group,
                undoes=f"trigger-{direction}" if undoing else None,
            )
        for direction, _, function in reversed(values.triggers):
            yield Draft(
                f"drop-function-{direction}",
                self.template("drop_function", function=function),
                "no trigger calls it any more",
                group,
                undoes=f"function-{direction}" if undoing else None,
            )
