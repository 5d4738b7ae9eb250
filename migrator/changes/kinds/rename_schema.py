"""Rename a schema, under both names until no old code is left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from migrator.changes.kind import Context, Draft, Kind, Spec
from migrator.changes.moved_table import drop_view, refuse_unseen, refuse_used, stand_in
from migrator.errors import Refused
from migrator.model.objects import Namespace
from migrator.model.plan import Phase
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import ident
from migrator.sql.parser import pb
from migrator.sql.rewrite import slug


class SchemaRenaming(Spec, frozen=True):
    """Parameters of ``rename_schema``.

    Attributes:
        name: of the schema.
        new_name: what it is called afterwards.
        tables: everything in it that can be read: tables, views, materialized views and foreign tables. From SQL text
            they are found by themselves.
        tables_only: whether the author says that new code names nothing else of it before contract.
    """

    name: str
    new_name: str
    tables: tuple[str, ...] = ()
    tables_only: bool = False

    def old(self, table: str) -> TableName:
        """A table where it is until contract."""
        return TableName(self.name, table)

    def new(self, table: str) -> TableName:
        """The view that stands in for it until contract, and the table afterwards."""
        return TableName(self.new_name, table)


class RenameSchema(Kind[SchemaRenaming]):
    """Rename a schema, under both names until no old code is left.

    What happens
        Expand creates a schema of the new name, with USAGE for whom the old one grants it, and in it a view over each
        table, view, materialized view and foreign table, with its privileges: reads and writes go through, as for
        ``rename_table``. New code uses the new name, old code the old one, and both see the same rows at once.
        Contract, once no old code is left, drops the views and their schema, and renames the old one, in one
        transaction. No table is locked; indexes, functions, types, sequences, privileges and default privileges are in
        the schema as before.

    What new code must do
        Nothing stands in for functions, types and sequences under the new name until contract. A schema with any, those
        of columns left out, is refused, unless the directive ``tables_only = true`` says that new code names none of
        them before contract: not in a cast, not by ``nextval``, not in a call.

    What is refused
        Tables that a subscription writes or a publication sends; row security on PostgreSQL 14; the schema of an
        extension; a name that is taken; other changes of its tables, in the same migration or in a pending one. Before
        contract: a function whose ``search_path`` names the old schema and not the new one, something else that came
        into the new schema, or came to stand on the views.

    Limits
        As of ``rename_table``, for each table. Tables that are created in the old schema after expand have no view
        before contract. A ``search_path`` of roles and databases is listed and not changed. The text of functions is
        not followed.

    Example:
        ALTER SCHEMA shop RENAME TO sales
    """

    name = "rename_schema"
    spec = SchemaRenaming
    takes_whole_table = True
    options = frozenset({"tables_only"})
    unknown_without_tables = frozenset({Phase.EXPAND, Phase.CONTRACT})

    def recognise(self, action: Action, schema: Schema) -> SchemaRenaming | None:
        """``ALTER SCHEMA … RENAME TO …``."""
        if action.kind != "rename_stmt" or action.node.rename_type != pb.OBJECT_SCHEMA:
            return None
        said = action.options.get("tables_only", "false")
        if said not in ("true", "false"):
            raise Refused(f"tables_only is true or false, not {said}")
        found = schema.objects.schemas.get(action.node.subname)
        return SchemaRenaming(
            name=action.node.subname,
            new_name=action.node.newname,
            tables=found.relations if found else (),
            tables_only=said == "true",
        )

    def touched(self, change: SchemaRenaming) -> dict[TableName, tuple[str, ...]]:
        """Every table, and its new name, which must be free."""
        return {name: () for table in change.tables for name in (change.old(table), change.new(table))}

    def makes(self, change: SchemaRenaming) -> tuple[str, ...]:
        """The new schema."""
        return ("SCHEMA", change.new_name)

    def validate(self, change: SchemaRenaming, context: Context) -> Iterator[str]:
        """It is there, the new name is free, and views can stand in for what is in it."""
        ident(change.new_name)
        if not context.schema.is_known:
            raise Refused(
                f'what is in schema "{change.name}" is not known without a database',
                hint="export DATABASE_URL=postgresql://…, and run it again",
            )
        found = _require_own(change, context)
        taken = context.schema.objects.schemas.get(change.new_name)
        if taken is not None and not _is_of_expand(change, taken, context):
            raise Refused(f'schema "{change.new_name}" exists already')
        if not context.schema.objects.may_create_in_database:
            raise Refused("this role may not create schemas in this database")
        if set(change.tables) != set(found.relations):
            raise Refused(
                f'"tables" are not those in schema "{change.name}"',
                detail="\n".join(found.relations) or "there is none",
                hint="write " + " ".join(f"tables={each}" for each in found.relations) if found.relations else None,
            )
        if found.others and not change.tables_only:
            raise Refused(
                f'nothing can stand in for what else is in schema "{change.name}" under the new name',
                detail="\n".join(found.others),
                hint="-- migrator: tables_only = true if new code names none of it before contract",
            )
        for _, relation in _relations(change, context):
            refuse_unseen(relation, context)
            for function in relation.functions:
                yield (
                    f"the text of function {function} mentions {relation.name.name}: if it names schema {change.name}, "
                    "it must not after contract"
                )
        for who in found.searched_by:
            yield f"the search_path of {who} names {change.name}: add {change.new_name} to it before contract"
        yield f"sessions that find tables by a search_path have to have {change.new_name} in it before contract"

    def expand(self, change: SchemaRenaming, context: Context) -> Iterator[Draft]:
        """The schema, and in it a view over each table."""
        group, used = f"schema-{slug(change.new_name)}", set[str]()
        yield Draft(
            f"create-{slug(change.new_name)}",
            self.template("create", new_name=change.new_name),
            "old code does not see it",
            group,
        )
        yield Draft(
            f"usage-{slug(change.new_name)}",
            self.template("usage", schema=change.name, new_name=change.new_name),
            "for whom the old one grants it",
            group,
        )
        for table, relation in _relations(change, context):
            for draft in stand_in(relation, change.new(table), context, group):
                yield replace(draft, id=_unused(draft.id, used))

    def contract(self, change: SchemaRenaming, context: Context) -> Iterator[Draft]:
        """The views and their schema go, and the old one takes its name."""
        del context
        group = f"schema-{slug(change.new_name)}"
        yield from self._drop(change, group, "the table is there in the same transaction", "")
        yield Draft(
            f"rename-{slug(change.name)}",
            self.template("rename", schema=change.name, new_name=change.new_name),
            "no code uses the old name any more, and everything in it stays as it is",
            group,
        )

    def before_contract(self, change: SchemaRenaming, context: Context) -> None:
        """Nothing else came into the new schema, or to stand on the views, and functions find their tables."""
        found = _require_own(change, context)
        new = context.schema.objects.schemas.get(change.new_name)
        if new is None:
            raise Refused(f'schema "{change.new_name}", which expand made, is gone', hint="roll back and expand again")
        more = sorted({*new.relations} - {*change.tables}) + list(new.others)
        if more:
            raise Refused(
                f'something else is in schema "{change.new_name}", which contract puts "{change.name}" in the place of',
                detail="\n".join(more),
                hint=f'put it into schema "{change.name}": it is in "{change.new_name}" after contract',
            )
        for table in change.tables:
            refuse_used(change.new(table), change.old(table), context)
        lost = [
            each
            for each in found.searched_by
            if each not in new.searched_by and not each.startswith(("role", "database"))
        ]
        if lost:
            raise Refused(
                f'functions look for tables in schema "{change.name}", which has another name after contract',
                detail="\n".join(lost),
                hint=f'add "{change.new_name}" to their search_path: ALTER FUNCTION … SET search_path = …',
            )

    def rollback(self, change: SchemaRenaming, context: Context) -> Iterator[Draft]:
        """The views and their schema go; the rows are those of the tables."""
        del context
        yield from self._drop(
            change, f"schema-{slug(change.new_name)}", "only new code knows it", f"create-{slug(change.new_name)}"
        )

    def _drop(self, change: SchemaRenaming, group: str, why: str, undoes: str) -> Iterator[Draft]:
        used: set[str] = set()
        for table in reversed(change.tables):
            yield Draft(_unused(f"drop-view-{slug(table)}", used), drop_view(change.new(table)), why, group)
        yield Draft(
            f"drop-{slug(change.new_name)}",
            self.template("drop", new_name=change.new_name),
            "it is empty",
            group,
            undoes=undoes or None,
        )


def _unused(step: str, used: set[str]) -> str:
    """Tables whose names differ only in what no step has in its own get numbers."""
    name, number = step, 1
    while name in used:
        number += 1
        name = f"{step}-{number}"
    used.add(name)
    return name


def _require_own(change: SchemaRenaming, context: Context) -> Namespace:
    found = context.schema.objects.schemas.get(change.name)
    if found is None:
        raise Refused(f'schema "{change.name}" does not exist')
    if change.name == "migrator" or change.new_name == "migrator":
        raise Refused('schema "migrator" holds the state of every migration')
    if change.new_name.startswith("pg_"):
        raise Refused(f'schema "{change.new_name}": names that begin with pg_ are the server\'s own')
    if found.extensions:
        raise Refused(
            f'schema "{change.name}" holds the objects of an extension, which may name it in their text',
            detail="\n".join(found.extensions),
            hint="ALTER EXTENSION … SET SCHEMA, where it can be moved",
        )
    return found


def _relations(change: SchemaRenaming, context: Context) -> Iterator[tuple[str, Relation]]:
    for table in change.tables:
        relation = context.schema.relation(change.old(table))
        if relation is None:
            raise Refused(f'the columns and privileges of "{change.old(table)}" are not known without a database')
        yield table, relation


def _is_of_expand(change: SchemaRenaming, taken: Namespace, context: Context) -> bool:
    """Whether it is what expand made, all in one transaction: preflight of an expand that was cut off finds it."""
    views = [context.schema.relation(change.new(table)) for table in change.tables]
    return (
        bool(views)
        and not taken.others
        and set(taken.relations) == set(change.tables)
        and all(view is not None and view.kind == "view" for view in views)
    )
