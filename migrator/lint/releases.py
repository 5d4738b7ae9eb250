"""Statements held against manifests: which names of a release a statement takes away for good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from migrator.lint.context import Context
from migrator.sql.actions import actions_in
from migrator.sql.drops import Dropped, effects
from migrator.sql.parser import Statement, pb, unwrap

if TYPE_CHECKING:
    from migrator.model.manifest import Manifest, UsedTable


class Taken(Struct, frozen=True):
    """Something that a statement takes away and a release uses.

    Attributes:
        thing: as the statement writes it.
        manifest: of the release.
        table: what the release uses of the table.
        listed: whether the manifest has the column, or the table goes as a whole; False: statements of the release may
            use any column of the table.
    """

    thing: Dropped
    manifest: Manifest
    table: UsedTable
    listed: bool

    @property
    def name(self) -> str:
        """The column or table for people, with its schema."""
        return ".".join(filter(None, (self.table.schema, self.table.name, self.thing.column)))


def taken(statement: Statement, context: Context) -> Iterator[Taken]:
    """What a statement takes away that releases use, unless the same file gives the name to something again."""
    for thing in _gone_for_good(statement, context):
        for manifest in context.manifests:
            table = used_table(manifest, thing.schema, thing.relation, context)
            if table is None or (thing.column is not None and not table.uses(thing.column)):
                continue
            listed = thing.column is None or any(column.name == thing.column for column in table.columns)
            yield Taken(thing, manifest, table, listed)
    if statement.kind == "drop_stmt" and statement.node.remove_type == pb.OBJECT_SCHEMA:
        schemas = {unwrap(item).sval for item in statement.node.objects}
        for manifest in context.manifests:
            for table in manifest.tables:
                if table.schema in schemas:
                    yield Taken(Dropped(table.schema, table.name), manifest, table, listed=True)


def used_table(manifest: Manifest, schema: str | None, name: str, context: Context) -> UsedTable | None:
    """What a release uses of the table that a statement names.

    A name without a schema that no file made is taken for any table of that name: which schema it is found in depends
    on settings of the database.
    """
    key = context.catalog.resolve(schema or "", name)
    found = manifest.table(*key)
    if found is None and not schema and key not in context.catalog.tables:
        found = next((table for table in manifest.tables if table.name == name), None)
    return found


def _gone_for_good(statement: Statement, context: Context) -> Iterator[Dropped]:
    """The names, without those of things that the file itself made."""
    steps = [step for action in actions_in(statement) for step in effects(action)]
    for number, (thing, is_gone) in enumerate(steps):
        if not is_gone or _is_new(thing, context):
            continue
        later = [*steps[number + 1 :], *(step for each in context.following for step in _effects_of(each))]
        if not any(not gone and _is_same(other, thing, context) for other, gone in later):
            yield thing


def _effects_of(statement: Statement) -> Iterator[tuple[Dropped, bool]]:
    for action in actions_in(statement):
        yield from effects(action)


def _is_same(one: Dropped, other: Dropped, context: Context) -> bool:
    resolve = context.catalog.resolve
    return one.column == other.column and resolve(one.schema or "", one.relation) == resolve(
        other.schema or "", other.relation
    )


def _is_new(thing: Dropped, context: Context) -> bool:
    table = context.catalog.tables.get(context.catalog.resolve(thing.schema or "", thing.relation))
    if table is None:
        return False
    return context.made_here(table) or (thing.column is not None and context.all_new(table, (thing.column,)))
