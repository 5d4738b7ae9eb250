"""Rename a column while old and new code run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from migrator.changes.kind import (
    Context,
    Draft,
    Kind,
    OnTable,
    altered_table,
    refuse_absent,
    refuse_dependents,
    require_column,
    require_table,
)
from migrator.errors import Refused
from migrator.model.schema import Column, Index, Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, bounded_name, expression, ident, qualified, type_name
from migrator.sql.parser import pb
from migrator.sql.rewrite import copied_index, role_sql, slug


class Renaming(OnTable, frozen=True):
    """Parameters of ``rename_column``.

    Attributes:
        column: the name old code uses.
        new_name: the name new code uses.
    """

    column: str
    new_name: str


@dataclass(frozen=True, slots=True)
class _UniqueKey:
    """Columns of a unique index that is doubled, and a number that tells its keys from those of other indexes."""

    columns: tuple[str, ...]
    seed: int


class RenameColumn(Kind[Renaming]):
    """Rename a column while old and new code run.

    What happens
        Expand adds a column under the new name and two triggers that keep both names equal, whichever is written.
        Indexes that mention the column get a copy for the new name. The backfill fills rows written before.
        Contract drops the copy and renames the old column, in one transaction: it is the old column that stays, with
        its values, constraints, indexes, privileges, statistics, position and everything that depends on it, so no
        value moves at the end and a row can never be lost by the rename.

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
        Until contract, the new name is no primary key: GROUP BY on it alone and foreign keys to it have to wait.
        Server-side prepared ``SELECT *`` fails once when a column appears or goes, as with every ADD COLUMN.

    Example:
        ALTER TABLE users RENAME COLUMN name TO full_name
    """

    name = "rename_column"
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
        relation = require_table(change, context)
        if relation is None:
            yield (
                f"type, default and indexes of {change.target}.{change.column} could not be checked without a "
                "database: its type is copied when expand runs; expand refuses if an index needs a copy"
            )
            return
        column = require_column(relation, change, change.column)
        refuse_absent(relation, change, change.new_name)
        _require_mirrorable(relation, column)
        refuse_dependents(
            relation,
            change.column,
            ["publication"],
            "whose subscribers know it by its old name",
            "take the column out of the publication's column list first",
        )
        yield from _notes(relation, change)

    def expand(self, change: Renaming, context: Context) -> Iterator[Draft]:
        """Column, mirror triggers, copies of indexes."""
        group = slug(change.table)
        relation = context.schema.relation(change.target)
        column = relation.column(change.column) if relation else None
        default = _mirrored_default(column)
        values = _values(change, context)
        keys = _unique_keys(change, relation)
        yield self._added_column(change, column, group)
        if default and column:
            yield Draft(
                f"default-{slug(change.new_name)}",
                self.template("set_default", table=change.sql, new=change.new_name, default=default),
                "rows that new code inserts without a value get the same default; existing rows stay unfilled",
                group,
            )
        for grant in column.grants if column else ():
            yield Draft(
                f"grant-{slug(grant.privilege.lower(), grant.grantee or 'public')}",
                self.template(
                    "grant",
                    privilege=Sql(grant.privilege),
                    new=change.new_name,
                    table=change.sql,
                    grantee=role_sql(grant.grantee),
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
        yield from _index_copies(change, relation, context)

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
        values = _values(change, context)
        yield from self._drop_mirror(change, values, group)
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
        refuse_dependents(
            relation,
            change.new_name,
            every_kind - {"trigger function"},
            "and contract drops this copy",
            f'let them use "{change.column}" until contract; it takes the new name and they follow',
        )
        _refuse_conditions_on_copy(change, relation)
        copies = {_copy_name(change, index) for index in relation.indexes} if relation else set()
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
        yield from self._drop_mirror(change, _values(change, context), group, undoing=True)
        yield Draft(
            f"drop-{slug(change.new_name)}",
            self.template("drop_column", table=change.sql, new=change.new_name),
            "its values are in the old column as well",
            group,
            undoes=f"add-{slug(change.new_name)}",
        )

    def _drop_mirror(self, change: Renaming, values: _Names, group: str, *, undoing: bool = False) -> Iterator[Draft]:
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


@dataclass(frozen=True, slots=True)
class _Names:
    """Names of what one renaming makes: (direction, trigger, function), in the order the triggers fire."""

    triggers: tuple[tuple[str, str, Sql], ...]

    @property
    def function_down(self) -> Sql:
        return self.triggers[0][2]

    @property
    def function_up(self) -> Sql:
        return self.triggers[1][2]


def _values(change: Renaming, context: Context) -> _Names:
    # Triggers fire in the order of their names: of several pending renamings the newest goes down first and the oldest
    # up first, so that a -> b -> c settles whichever of the three was written.
    over = (context.migration, change.schema, change.table, change.column, change.new_name)
    down = bounded_name("zzz_migrator_1", f"{99_999 - context.level:05d}", change.new_name, over=(*over, "down"))
    up = bounded_name("zzz_migrator_2", f"{context.level:05d}", change.new_name, over=(*over, "up"))
    return _Names(
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


def _mirrored_default(column: Column | None) -> Sql | None:
    """The default both columns share; none where two evaluations may differ, since then it would look like a change."""
    if column is None or column.default is None or column.default_is_volatile:
        return None
    return expression(column.default)


def _require_mirrorable(relation: Relation, column: Column | None) -> None:
    if column is not None and column.generated:
        raise Refused(
            f'column "{column.name}" of table "{relation.name}" is generated, nobody can write to it',
            hint="add a generated column under the new name, and drop the old one in a later migration",
        )
    if column is not None and column.has_constrained_domain:
        raise Refused(
            f'column "{column.name}" of table "{relation.name}" is of domain {column.type_name}, which checks its '
            "values: a second column of it rewrites the table while nobody can read it",
            hint="move the domain's conditions to a CHECK of the table, and the column to the base type, before",
        )
    if relation.is_subscribed:
        raise Refused(
            f'table "{relation.name}" is written by a logical subscription, which does not fire ordinary triggers'
        )
    if relation.forces_row_security:
        raise Refused(
            f'table "{relation.name}" forces row security on its owner, so a backfill would not see every row',
            hint=f"ALTER TABLE {qualified(relation.name.schema, relation.name.name)} NO FORCE ROW LEVEL SECURITY",
        )


def _refuse_conditions_on_copy(change: Renaming, relation: Relation | None) -> None:
    column = relation.column(change.new_name) if relation else None
    if relation is None or column is None:
        return
    users = [each for each in relation.constraints if change.new_name in each.columns and each.type != "not null"]
    if users or column.not_null:
        raise Refused(
            f'column "{change.new_name}" of table "{relation.name}", a copy that contract drops, was given conditions',
            detail="\n".join(
                [f"{each.type} {each.name}: {each.definition}" for each in users]
                + (["NOT NULL"] if column.not_null else [])
            ),
            hint=f'put them on "{change.column}" instead, which takes the new name, and drop these',
        )


def _notes(relation: Relation, change: Renaming) -> Iterator[str]:
    for each in relation.dependents:
        if each.column != change.column:
            continue
        if each.kind == "trigger function":
            yield (
                f"function {each.name} reads NEW.{change.column} or OLD.{change.column}: "
                "contract is refused until it works under the new name"
            )
        elif each.kind in ("view", "materialized view"):
            yield f"{each.kind} {each.name} goes on to work and keeps its own column names"
    for trigger in relation.triggers:
        yield f"trigger {trigger} fires on every row the backfill fills"
    for index in relation.indexes:
        if change.column in index.columns and (index.is_exclusion or not index.is_valid):
            reason = "serves an exclusion constraint" if index.is_exclusion else "is invalid"
            yield f"index {index.name} {reason} and gets no copy for the new name"


def _copied(change: Renaming, relation: Relation | None) -> Iterator[Index]:
    for index in relation.indexes if relation else ():
        if change.column in index.columns and index.is_valid and not index.is_exclusion:
            yield index


def _index_copies(change: Renaming, relation: Relation | None, context: Context) -> Iterator[Draft]:
    # Of several columns renamed together new code uses all the new names, so an index over some of them gets one copy
    # over all of those, built when the last of them is there.
    renamed = context.renamed.get(change.target) or {change.column: change.new_name}
    for index in _copied(change, relation):
        if [name for name in renamed if name in index.columns][-1] != change.column:
            continue
        definition = index.definition
        if index.is_unique and _is_deferrable(index, relation):
            definition = definition.replace("CREATE UNIQUE INDEX", "CREATE INDEX", 1)
        yield Draft(
            f"index-{slug(index.name)}",
            copied_index(definition, name=_copy_name(change, index), renamed=dict(renamed)),
            f"new code finds rows by the new name as old code does by {index.name}"
            + ("; ON CONFLICT works with either" if definition.startswith("CREATE UNIQUE") else ""),
        )


def _is_deferrable(index: Index, relation: Relation | None) -> bool:
    """Whether duplicates may stand until the end of a transaction, which a unique index alone does not allow."""
    constraints = relation.constraints if relation else ()
    return any(each.name == index.constraint and " DEFERRABLE" in each.definition for each in constraints)


def _copy_name(change: Renaming, index: Index) -> str:
    return bounded_name(index.name, slug(change.new_name), over=(change.schema, index.name, change.new_name))


def _unique_keys(change: Renaming, relation: Relation | None) -> list[_UniqueKey]:
    return [
        _UniqueKey(index.columns, int(bounded_name("seed", over=(change.schema, index.name))[-7:], 16))
        for index in _copied(change, relation)
        if index.is_unique and not _is_deferrable(index, relation)
    ]
