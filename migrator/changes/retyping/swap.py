"""The contract of a change of type: everything on the column anew beside it, then both change places at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from migrator.changes.kind import Draft
from migrator.changes.partitioned import index_locks
from migrator.changes.retyping import beside, carried, divided, set_aside
from migrator.changes.retyping.carried import Copy
from migrator.changes.retyping.shadow import Retyping, Shadow, Together, converted_default, never_fails, temporary_name
from migrator.changes.sequence import as_before
from migrator.model.schema import Column, Index, Relation, TableName
from migrator.sql.compose import Sql, ident, literal, qualified
from migrator.sql.parser import relation_parts
from migrator.sql.rewrite import granted_to, slug

Template = Callable[..., Sql]
_LONG = frozenset(
    {
        "text",
        "character varying",
        "character",
        "bytea",
        "json",
        "jsonb",
        "xml",
        "numeric",
        "tsvector",
        "bit",
        "bit varying",
    }
)
"""Built-in types whose values may be compressed and kept apart; with others the next two are errors (0A000)."""
_OF_LONG_VALUES = ("SET STORAGE", "SET COMPRESSION")
_ON_TABLE_ALONE = ("SET COMPRESSION", "SET (")
"""Settings that ALTER TABLE of a partitioned table does not take to partitions (``ATPrepCmd`` in tablecmds.c)."""


@dataclass(frozen=True, slots=True)
class Place:
    """A column that changes places with its shadow, and what is made anew for that.

    Attributes:
        built: indexes, as ``carried.indexes`` has them.
        exclusions: as ``carried.exclusions`` has them.
    """

    change: Retyping
    relation: Relation
    column: Column
    shadow: Shadow
    built: tuple[tuple[Index, str, Sql], ...]
    checks: tuple[Copy, ...]
    keys: tuple[Copy, ...]
    exclusions: tuple[tuple[Index, Copy], ...]

    @property
    def copies(self) -> tuple[Copy, ...]:
        """The constraints that get their names in the swap."""
        return (*self.checks, *self.keys, *(copy for _, copy in self.exclusions))


def place(change: Retyping, relation: Relation, shadow: Shadow, together: Together) -> Place | None:
    """What the swap of one column consists of; None: the column is not there."""
    column = relation.column(change.column)
    if column is None:
        return None
    return Place(
        change,
        relation,
        column,
        shadow,
        tuple(carried.indexes(change, relation, together)),
        tuple(carried.checks(change, relation, together)),
        tuple(carried.foreign_keys(change, relation, together)),
        tuple(carried.exclusions(change, relation, together)),
    )


def steps(places: Sequence[Place], template: Template, group: str) -> Iterator[Draft]:
    """Indexes, constraints and their validation, while reads and writes go on; then the swap in one transaction.

    Args:
        places: columns that change places at once.
        template: renders the statements.
        group: of the transaction.
    """
    for each in places:
        yield from _built(each)
    for each in places:
        yield from _conditions(each, template)
    users = set_aside.users((each.change, each.relation) for each in places)
    columns = [(each.change, each.shadow) for each in places]
    yield from beside.built(users.beside, columns, f"beside-{group}")
    yield from set_aside.let_go(users, group)
    for part in (_cut_loose, _replaced):
        for each in places:
            for step, text, why in part(each, template):
                # What is made of the catalog is done to partitions, under the lock of the table.
                locks = f"ACCESS EXCLUSIVE ON {each.change.sql}: held already" if text.startswith("DO ") else ""
                yield Draft(step, text, why, group, locks=locks)
    yield from set_aside.give_back(users, group)


def _built(place: Place) -> Iterator[Draft]:
    """Indexes over the shadow, and keys where the table is partitioned, which cannot be made of an index there."""
    is_partitioned = bool(place.relation.partition_key)
    for index, name, definition in place.built:
        key = carried.key_of(index, place.relation)
        if is_partitioned and key is not None:
            yield (
                divided.index_of_primary_key(place.change, key.name, definition)
                if index.is_primary
                else divided.key(place.change, name, definition)
            )
            continue
        yield Draft(
            f"index-{slug(index.name)}",
            definition,
            f"takes the place of {index.name}: built while others write",
            locks=index_locks(place.change.sql) if is_partitioned else "",
        )


def set_on(place: Place, template: Template) -> Iterator[Sql]:
    """What the swap sets on the new column because the old one has it, each as one statement."""
    change, column = place.change, place.column
    if column.not_null:
        yield template("set_not_null", table=change.sql, column=place.shadow.column)
    default = converted_default(change, column)
    if default is not None:
        yield template("set_default", table=change.sql, column=change.column, default=default)
    for _, text, _ in (*_sequence_after(change, column, template), *_rest(place, template)):
        yield text


def made_anew(place: Place) -> Iterator[tuple[str, Sql, str | None]]:
    """Indexes and constraints: the name, how ``COMMENT ON`` calls each, and its comment."""
    schema, relation = place.change.schema, place.relation
    for index, _, _ in place.built:
        yield index.name, Sql(f"INDEX {qualified(schema, index.name)}"), index.comment
        key = carried.key_of(index, relation)
        if key is not None:
            yield key.name, _constraint(key.name, relation.name), key.comment
    for index, _ in place.exclusions:
        yield index.name, Sql(f"INDEX {qualified(schema, index.name)}"), index.comment
    for copy in place.copies:
        yield copy.name, _constraint(copy.name, copy.table), copy.comment


def _conditions(place: Place, template: Template) -> Iterator[Draft]:
    change, column, shadow, keys = place.change, place.column, place.shadow, place.keys
    group = slug(change.table)
    added = list(place.checks)
    if column.not_null:
        condition = Sql(f"CHECK ({ident(shadow.column)} IS NOT NULL)")
        added.append(Copy("not null", _not_null(change), change.target, condition, is_valid=True))
    elif not never_fails(change, column):
        # Goes with the old column. It proves under the fence what was counted before it: no value is lost.
        condition = template("converted", column=change.column, shadow=shadow.column, conversion=change.conversion)
        name = temporary_name("converted", change)
        added.append(Copy("converted", name, change.target, condition, is_valid=True))
    if place.relation.partition_key:
        yield from (divided.foreign_key(change, copy) for copy in keys)
        keys = ()
    for copy in (*added, *keys):
        yield Draft(
            f"add-{slug(copy.name)}",
            template("add_constraint", table=_sql(copy.table), constraint=copy.temporary, definition=copy.definition),
            "as on the old column; existing rows are not looked at",
            group if copy.table == change.target else slug(copy.table.name),
        )
    for copy in (*added, *keys):
        if copy.is_valid:
            yield Draft(
                f"validate-{slug(copy.name)}",
                template("validate", table=_sql(copy.table), constraint=copy.temporary),
                "looks at every row while reads and writes go on",
            )
    for _, copy in place.exclusions:
        yield Draft(
            f"add-{slug(copy.name)}",
            template("exclude", table=change.sql, constraint=copy.temporary, definition=copy.definition),
            "builds its index while others wait; cut off if that takes longer than lock_timeout",
            f"exclude-{slug(copy.name)}",
        )


def _cut_loose(place: Place, template: Template) -> Iterator[tuple[str, Sql, str]]:
    """What must be gone before the first of the columns goes."""
    yield (
        "drop-trigger-type",
        template("drop_trigger", trigger=place.shadow.trigger, table=place.change.sql),
        "nothing is left to fill",
    )
    yield (
        "drop-function-type",
        template("drop_function", function=place.shadow.function),
        "no trigger calls it any more",
    )
    for copy in place.copies:
        if copy.survives:
            yield (
                f"drop-{slug(copy.name)}",
                template("drop_constraint", table=_sql(copy.table), constraint=copy.name),
                "its copy is about the new column",
            )


def _replaced(place: Place, template: Template) -> Iterator[tuple[str, Sql, str]]:
    change, column, shadow = place.change, place.column, place.shadow
    table = change.sql
    new = {"table": table, "column": shadow.column}
    if column.not_null:
        yield "set-not-null", template("set_not_null", **new), "the validated CHECK proves it, no scan"
        yield (
            "drop-check-not-null",
            template("drop_constraint", table=table, constraint=_not_null(change)),
            "NOT NULL says the same",
        )
    yield from _sequence_before(change, column, shadow, template)
    if place.relation.partition_key:
        yield from divided.names(
            change,
            [(index.name, name) for index, name, _ in place.built if not index.is_primary],
            [(copy.name, copy.temporary) for copy in place.keys],
        )
        for index, name, definition in place.built:
            if index.is_primary:
                yield divided.primary_key(change, index.constraint or index.name, name, definition)
    yield (
        f"drop-old-{slug(change.column)}",
        template("drop_column", table=table, column=change.column),
        "its indexes and constraints go with it",
    )
    yield (
        f"rename-{slug(change.column)}",
        template("rename_column", table=table, column=shadow.column, new_name=change.column),
        "the new column takes its place",
    )
    yield from _sequence_after(change, column, template)
    default = converted_default(change, column)
    if default is not None:
        yield (
            f"default-{slug(change.column)}",
            template("set_default", table=table, column=change.column, default=default),
            "as on the old column",
        )
    yield from _keys_and_indexes(place, template)
    for copy in place.copies:
        yield (
            f"rename-{slug(copy.name)}",
            template("rename_constraint", table=_sql(copy.table), constraint=copy.temporary, new_name=copy.name),
            "under the name it had",
        )
        for part, name in copy.partitions:
            yield (
                f"rename-{slug(name, part.name)}",
                template("rename_constraint", table=_sql(part), constraint=copy.temporary, new_name=name),
                "what violates it is told the name it has on the partition",
            )
    yield from _rest(place, template)


def _keys_and_indexes(place: Place, template: Template) -> Iterator[tuple[str, Sql, str]]:
    change = place.change
    for index, name, _ in place.built:
        key = carried.key_of(index, place.relation)
        if key is None:
            yield (
                f"rename-{slug(index.name)}",
                template("rename_index", index=qualified(change.schema, name), new_name=index.name),
                "under the name it had",
            )
        elif place.relation.partition_key:
            yield (
                f"rename-{slug(key.name)}",
                template("rename_constraint", table=change.sql, constraint=name, new_name=key.name),
                "under the name it had",
            )
        else:
            yield (
                f"key-{slug(key.name)}",
                template("add_key", table=change.sql, constraint=key.name, definition=carried.key_over(key, name)),
                "takes the index that was built; no row is looked at",
            )


def _sequence_before(
    change: Retyping, column: Column, shadow: Shadow, template: Template
) -> Iterator[tuple[str, Sql, str]]:
    if column.sequence is None:
        return
    new = {"table": change.sql, "column": shadow.column}
    if not column.identity:
        yield (
            "own-sequence",
            template("own_sequence", sequence=Sql(column.sequence.name), **new),
            "so that it does not go with the old column",
        )
        if change.full_type in ("smallint", "integer", "bigint"):
            yield (
                "type-sequence",
                template("type_sequence", sequence=Sql(column.sequence.name), type=Sql(change.type)),
                "counts as far as the new type does",
            )
        return
    temporary = _temporary_sequence(change, column)
    yield (
        "add-identity",
        template(
            "add_identity",
            always=column.identity == "always",
            sequence=temporary,
            options=Sql(column.sequence.options),
            **new,
        ),
        "as on the old column",
    )
    yield (
        "set-identity",
        template("set_sequence", new=literal(temporary), old=Sql(column.sequence.name)),
        "goes on where the old one stands; nobody inserts meanwhile",
    )


def _sequence_after(change: Retyping, column: Column, template: Template) -> Iterator[tuple[str, Sql, str]]:
    if column.sequence is not None and column.identity:
        _, name = relation_parts(column.sequence.name)
        yield (
            "rename-identity",
            template("rename_sequence", sequence=Sql(_temporary_sequence(change, column)), new_name=name),
            "under the name it had",
        )
        for step, text in as_before(column.sequence):
            yield step, text, "as on the old one"


def _rest(place: Place, template: Template) -> Iterator[tuple[str, Sql, str]]:
    """Privileges, settings and comments."""
    change, column = place.change, place.column
    for grant in column.grants:
        yield (
            f"grant-{slug(grant.privilege.lower(), grant.grantee or 'public')}",
            template(
                "grant",
                privilege=Sql(grant.privilege),
                column=change.column,
                table=change.sql,
                grantee=granted_to(grant.grantee, is_grantable=grant.is_grantable),
            ),
            "as on the old column",
        )
    for number, setting in enumerate(_settings(change, column), start=1):
        yield (
            f"setting-{number}",
            template("part_setting", table=change.sql, column=change.column, setting=setting)
            if place.relation.partition_key and setting.startswith(_ON_TABLE_ALONE)
            else template("setting", table=change.sql, column=change.column, setting=Sql(setting)),
            "as on the old column",
        )
    if column.comment is not None:
        yield (
            f"comment-{slug(change.column)}",
            template("comment", what=Sql(f"COLUMN {change.sql}.{ident(change.column)}"), text=column.comment),
            "as on the old column",
        )
    for name, what, comment in made_anew(place):
        if comment is not None:
            yield f"comment-{slug(name)}", template("comment", what=what, text=comment), "as on the one it replaces"


def _settings(change: Retyping, column: Column) -> list[str]:
    """What was set on the column and can be on the new type; the server forgets the storage whatever the types are."""
    new = change.full_type
    is_long = new.endswith("[]") or new.partition("(")[0] in _LONG
    return [each for each in column.settings if is_long or not each.startswith(_OF_LONG_VALUES)]


def _constraint(name: str, table: TableName) -> Sql:
    return Sql(f"CONSTRAINT {ident(name)} ON {_sql(table)}")


def _not_null(change: Retyping) -> str:
    return temporary_name("not_null", change)


def _temporary_sequence(change: Retyping, column: Column) -> Sql:
    """The sequence of the new identity until the swap, as SQL; in the schema of the old one."""
    schema, name = relation_parts(column.sequence.name if column.sequence else change.column)
    return qualified(schema, temporary_name(name, change))


def _sql(table: TableName) -> Sql:
    return qualified(table.schema, table.name)
