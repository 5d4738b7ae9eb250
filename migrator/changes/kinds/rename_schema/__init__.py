"""Rename a schema, under both names until no old code is left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from migrator.changes.kind import Context, Draft, Kind, Obstacle, Spec
from migrator.changes.kinds.rename_schema.stand_ins import (
    calls,
    why_alone,
    without_call,
)
from migrator.changes.moved_table import SECURITY_INVOKER, drop_view, refuse_unseen, refuse_used, stand_in
from migrator.changes.routine import overloads
from migrator.errors import Refused
from migrator.model.objects import Namespace
from migrator.model.plan import Phase
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident, qualified
from migrator.sql.parser import pb
from migrator.sql.rewrite import slug


class SchemaRenaming(Spec, frozen=True):
    """Parameters of ``rename_schema``.

    Attributes:
        name: of the schema.
        new_name: what it is called afterwards.
        tables: everything in it that can be read: tables, views, materialized views and foreign tables. From SQL text
            they are found by themselves.
        functions: names of the functions and procedures in it, but for those of triggers; none with ``tables_only``.
            From SQL text they are found by themselves.
        tables_only: whether the author says that new code names nothing else of it before contract.
    """

    name: str
    new_name: str
    tables: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    tables_only: bool = False

    def old(self, table: str) -> TableName:
        """A table or function where it is until contract."""
        return TableName(self.name, table)

    def new(self, table: str) -> TableName:
        """What stands in for it until contract, and the table or function itself afterwards."""
        return TableName(self.new_name, table)


class RenameSchema(Kind[SchemaRenaming]):
    """Rename a schema, under both names until no old code is left.

    What happens
        Expand creates a schema of the new name, with USAGE for whom the old one grants it, and in it a view over each
        table, view, materialized view and foreign table, with its privileges: reads and writes go through, as for
        ``rename_table``. For each function and procedure it creates one that calls it, with the same parameters,
        defaults, result, volatility and privileges. New code uses the new name, old code the old one, and both see the
        same rows at once. Contract, once no old code is left, drops the views and these functions with their schema,
        and renames the old one, in one transaction. No table is locked; indexes, functions, types, sequences,
        privileges and default privileges are in the schema as before.

    What new code must do
        Nothing stands in for types and sequences under the new name until contract: a sequence has one name, and so has
        a type; a domain in its place would not compare with values of an enum, and would take statements along that
        were prepared with parameters of it when contract drops it. Nor for aggregates, window functions, and functions
        that take rows of a table or return records whose columns the caller names. A schema with any, sequences of
        columns left out, is refused, unless the directive ``tables_only = true`` says that new code names nothing but
        tables and views before contract: no type in a cast, no sequence in ``nextval``, no function in a call.

    What is refused
        Tables that a subscription writes or a publication sends; row security on PostgreSQL 14; the schema of an
        extension; a name that is taken; other changes of its tables, in the same migration or in a pending one. Before
        contract: a function whose ``search_path`` names the old schema and not the new one, something else that came
        into the new schema, or came to stand on the views.

    Limits
        As of ``rename_table``, for each table. What is created in the old schema after expand has nothing under the new
        name before contract. Until then a function called by its new name costs one call more, and whoever calls it
        needs USAGE on the old schema too, and EXECUTE on both. A ``search_path`` of roles and databases is listed and
        not changed. The text of functions is not followed.

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
            functions=found.routines if found and said != "true" else (),
            tables_only=said == "true",
        )

    def touched(self, change: SchemaRenaming) -> dict[TableName, tuple[str, ...]]:
        """Every table and function, and its new name, which must be free."""
        return {
            name: () for each in (*change.tables, *change.functions) for name in (change.old(each), change.new(each))
        }

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
        _require_all("tables", change.tables, found.relations, change)
        functions = () if change.tables_only else found.routines
        _require_all("functions", change.functions, functions, change)
        alone = () if change.tables_only else list(_alone(change, found, context))
        if alone:
            raise Refused(
                f'nothing can stand in for some of what is in schema "{change.name}" under the new name',
                detail="\n".join(alone),
                hint="-- migrator: tables_only = true if new code names nothing but tables and views of it before "
                "contract",
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

    def obstacles(self, change: SchemaRenaming, context: Context) -> Iterator[Obstacle]:
        """Tables that views of this role could not read for others."""
        if change.tables and context.schema.server_version < SECURITY_INVOKER:
            yield Obstacle(
                self.template("of_others", schema=change.name),
                f'relations in schema "{change.name}" belong to roles of which this one is no member: before '
                f"PostgreSQL {SECURITY_INVOKER} a view over one reads and writes it with the rights of this role",
                "run it as a member of the roles that own them",
                Phase.EXPAND,
            )

    def expand(self, change: SchemaRenaming, context: Context) -> Iterator[Draft]:
        """The schema, and in it a view over each table and a call of each function."""
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
        for function in change.functions:
            for _, definition in calls(change.old(function), change.new(function), context.schema):
                yield Draft(
                    _unused(f"function-{slug(function)}", used),
                    definition,
                    "calls the one in the old schema, with the rights of the caller",
                    group,
                )
        if change.functions:
            yield Draft(
                f"execute-{slug(change.new_name)}",
                self.template("execute", schema=ident(change.name), new_name=ident(change.new_name)),
                "for whom the functions of the old one grant it",
                group,
            )

    def contract(self, change: SchemaRenaming, context: Context) -> Iterator[Draft]:
        """What stood in and its schema go, and the old one takes its name."""
        group = f"schema-{slug(change.new_name)}"
        yield from self._drop(change, context, group, "the {} is there in the same transaction", "")
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
        more = sorted({*new.relations} - {*change.tables}) + list(new.others) + list(new.unspoken)
        more += sorted({*new.routines} - {*change.functions})
        if more:
            raise Refused(
                f'something else is in schema "{change.new_name}", which contract puts "{change.name}" in the place of',
                detail="\n".join(more),
                hint=f'put it into schema "{change.name}": it is in "{change.new_name}" after contract',
            )
        for table in change.tables:
            refuse_used(change.new(table), change.old(table), context)
        _refuse_used_calls(change, context)
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
        """What stood in and its schema go; the rows are those of the tables."""
        group, undoes = f"schema-{slug(change.new_name)}", f"create-{slug(change.new_name)}"
        yield from self._drop(change, context, group, "only new code knows it", undoes)

    def _drop(self, change: SchemaRenaming, context: Context, group: str, why: str, undoes: str) -> Iterator[Draft]:
        used: set[str] = set()
        for function in change.functions:
            for signature, _ in calls(change.old(function), change.new(function), context.schema):
                dropped = self.template(
                    "drop_function",
                    noun=Sql(signature.noun),
                    function=_sql(change.new(function)),
                    arguments=signature.arguments,
                )
                yield Draft(_unused(f"drop-function-{slug(function)}", used), dropped, why.format("function"), group)
        for table in reversed(change.tables):
            yield Draft(
                _unused(f"drop-view-{slug(table)}", used), drop_view(change.new(table)), why.format("table"), group
            )
        yield Draft(
            f"drop-{slug(change.new_name)}",
            self.template("drop", new_name=change.new_name),
            "it is empty",
            group,
            undoes=undoes or None,
        )


def _sql(name: TableName) -> Sql:
    return qualified(name.schema, name.name)


def _require_all(key: str, given: tuple[str, ...], wanted: tuple[str, ...], change: SchemaRenaming) -> None:
    if set(given) != set(wanted):
        raise Refused(
            f'"{key}" are not those in schema "{change.name}"'
            if wanted or not change.tables_only
            else f'"{key}" and "tables_only" contradict each other',
            detail="\n".join(wanted) or "there is none",
            hint="write " + " ".join(f"{key}={each}" for each in wanted) if wanted else f'leave "{key}" out',
        )


def _alone(change: SchemaRenaming, found: Namespace, context: Context) -> Iterator[str]:
    """What nothing can stand in for, with the reasons."""
    yield from (why_alone(change.name, other, context.schema) for other in found.others)
    yield from without_call(change.name, change.functions, context.schema)


def _refuse_used_calls(change: SchemaRenaming, context: Context) -> None:
    """Refuse to drop what others came to stand on, and what is no call that expand made.

    Raises:
        Refused: with each of them.
    """
    users: list[str] = []
    for name in change.functions:
        new = context.schema.routines.get(change.new(name), ())
        users += [user for each in new for user in each.users]
        own = {each.inputs for each in overloads(context.schema, change.old(name))}
        users += [
            f"function {_sql(change.new(name))}({each.arguments}) itself, which expand did not make"
            for each in overloads(context.schema, change.new(name))
            if each.inputs not in own
        ]
    if users:
        raise Refused(
            f'what contract drops in schema "{change.new_name}" is used by other objects',
            detail="\n".join(dict.fromkeys(users)),
            hint=f'let them use what is in "{change.name}" instead: it takes the new name, and they follow it',
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
        and not taken.unspoken
        and set(taken.relations) == set(change.tables)
        and set(taken.routines) == set(change.functions)
        and all(view is not None and view.kind == "view" for view in views)
    )
