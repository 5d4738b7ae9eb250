"""A table that expand makes for what moves to it: its statement, taken apart, and what speaks against it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from migrator.changes.kind import Context, Draft, OnTable, require_table
from migrator.changes.moving.sides import ForeignKey, Sides, foreign_key, is_unique
from migrator.errors import Refused
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, expression, qualified
from migrator.sql.parser import deparse_expression, deparse_type, parse_script, pb, unwrap, walk
from migrator.sql.rewrite import granted_to, slug, statement_sql
from migrator.templating import render

_GRANTED = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES"})
_NOT_DIVIDED = (
    "a row that an UPDATE takes to another partition is deleted and inserted for triggers, so that they would delete "
    "what belongs to it in the other table; write both tables in the application, in three releases"
)
_BESIDE = (pb.CONSTR_NOTNULL, pb.CONSTR_NULL, pb.CONSTR_DEFAULT)
_LONG = re.compile(r"(?:text|varchar|bytea|bpchar)(?:\((\d+)\))?")
LONGEST = 2000
"""Bytes of a value: an entry of a B-tree holds 2,704 (a third of a page), and the rest of the key needs room."""


@dataclass(frozen=True, slots=True)
class MadeColumn:
    """A column of the new table, as it is written."""

    name: str
    type: str
    not_null: bool
    default: str


@dataclass(frozen=True, slots=True)
class MadeTable:
    """The new table as it is written.

    Attributes:
        columns: all of them, in order.
        key: its primary key.
        foreign_key: its only one to the table that was there before.
        lookup: one to another table.
    """

    columns: tuple[MadeColumn, ...]
    key: tuple[str, ...]
    foreign_key: ForeignKey
    lookup: ForeignKey | None = None


def is_long(column: MadeColumn) -> bool:
    """Whether its values may be too long for an index."""
    found = _LONG.fullmatch(column.type)
    return found is not None and (found[1] is None or 4 * int(found[1]) > LONGEST)


def fits(value: str, column: MadeColumn) -> Sql:
    """Whether a value, as SQL, can be part of the primary key, in this column."""
    bounded = f" AND octet_length({value}) <= {LONGEST}" if is_long(column) else ""
    return Sql(f"{value} IS NOT NULL{bounded}")


def written(action: Action, schema: Schema) -> tuple[TableName, Sql]:
    """Name and text of a CREATE TABLE, with every table in it qualified."""
    node = pb.CreateStmt()
    node.CopyFrom(action.node)
    new = TableName(node.relation.schemaname or schema.search_path[0], node.relation.relname)
    node.relation.schemaname, node.if_not_exists = new.schema, False
    for each in walk(node):
        if isinstance(each, pb.Constraint) and each.contype == pb.CONSTR_FOREIGN:
            each.pktable.schemaname = schema.resolve(each.pktable.schemaname, each.pktable.relname).schema
    return new, statement_sql("create_stmt", node)


def tree(definition: str, new: TableName, schema: str, example: str) -> Any:
    """The CREATE TABLE, with every table in it qualified.

    Args:
        schema: of tables it points to without one.
        example: of such a statement, for the message.

    Raises:
        Refused: it is not that of a plain table of the name given.
    """
    statements = parse_script(definition, "definition").statements
    node: Any = pb.CreateStmt()
    if [each.kind for each in statements] == ["create_stmt"]:
        node.CopyFrom(statements[0].node)
    if node.HasField("partspec"):
        raise Refused(
            f'table "{new}" would have no partition yet, so that rows of old code would find no place there',
            hint="leave PARTITION BY out; a later migration divides it: -- migrator: partition = …",
        )
    if node.inh_relations or not node.table_elts:
        raise Refused(f"not the definition of a plain table: {definition}", hint=example)
    node.relation.schemaname = node.relation.schemaname or new.schema
    if (node.relation.schemaname, node.relation.relname) != (new.schema, new.name):
        raise Refused(f'the definition is that of "{node.relation.schemaname}.{node.relation.relname}", not of "{new}"')
    for each in walk(node):
        if isinstance(each, pb.Constraint) and each.contype == pb.CONSTR_FOREIGN and not each.pktable.schemaname:
            each.pktable.schemaname = schema
    return node


def read(
    node: Any,
    old: TableName,
    new: TableName,
    example: str,
    shape: str,
    *,
    may_look_up: bool = False,
    looked_up: tuple[str, ...] = (),
) -> MadeTable:
    """The definition taken apart.

    Args:
        node: what ``tree`` gave.
        old: the table its foreign key points to.
        shape: what is wanted of primary and foreign key, for the message.
        may_look_up: whether one foreign key to another table will do.
        looked_up: columns whose foreign key is that one, also where it points to ``old``.

    Raises:
        Refused: it is not a table with a primary key, a foreign key to ``old`` and plain columns.
    """
    if node.relation.relpersistence != "p":
        raise Refused(f'table "{new}" would be temporary or unlogged: it would lose what moves to it')
    constraints: list[tuple[Any, tuple[str, ...]]] = []
    columns: list[MadeColumn] = []
    for element in (unwrap(each) for each in node.table_elts):
        if isinstance(element, pb.ColumnDef):
            beside = [unwrap(each) for each in element.constraints]
            columns.append(_column(element, beside))
            constraints += [(each, (element.colname,)) for each in beside if each.contype not in _BESIDE]
        elif isinstance(element, pb.Constraint):
            names = element.keys if element.contype == pb.CONSTR_PRIMARY else element.fk_attrs
            constraints.append((element, tuple(unwrap(each).sval for each in names)))
        else:
            raise Refused(f"the columns of {new} must be written out", hint=example)
    keys = [names for each, names in constraints if each.contype == pb.CONSTR_PRIMARY]
    foreign = [foreign_key(each, names) for each, names in constraints if each.contype == pb.CONSTR_FOREIGN]
    own = [each for each in foreign if each.to == old and not set(each.columns) & set(looked_up)]
    others = [each for each in foreign if each not in own]
    if len(keys) != 1 or not own:
        raise Refused(shape, hint=example)
    if any(each.contype == pb.CONSTR_PRIMARY and each.deferrable for each, _ in constraints):
        raise Refused(f"the primary key of {new} is DEFERRABLE: ON CONFLICT does not go by it", hint=example)
    lookup = others[0] if may_look_up and others else None
    if len(constraints) > 2 + (lookup is not None):
        raise Refused(
            f"{new} comes with constraints that old code, whose rows go there, does not know",
            hint="leave them out here: they have statements of their own, in a later migration",
        )
    return MadeTable(tuple(columns), keys[0], own[0], lookup)


def _column(element: Any, constraints: list[Any]) -> MadeColumn:
    default = next((deparse_expression(each.raw_expr) for each in constraints if each.contype == pb.CONSTR_DEFAULT), "")
    not_null = any(each.contype == pb.CONSTR_NOTNULL for each in constraints)
    if element.HasField("coll_clause"):
        raise Refused(
            f'column "{element.colname}" comes with a collation of its own', hint="leave it out: it is that of its type"
        )
    return MadeColumn(
        element.colname, deparse_type(element.type_name), not_null, str(expression(default)) if default else ""
    )


def require_beside(change: OnTable, other: TableName, context: Context, *, or_partitioned: bool = False) -> Relation:
    """The table whose columns move, where the new one can be made.

    Args:
        or_partitioned: whether a partitioned table will do.

    Raises:
        Refused: it cannot, or what there is is not known.
    """
    if change.target in context.created:
        raise Refused(f'table "{change.target}" is created by this migration', hint="create both tables there")
    old = require_table(change, context, or_partitioned=or_partitioned, instead=_NOT_DIVIDED)
    if old is None:
        raise Refused(
            f'what hangs on the columns of table "{change.target}" is not known without a database',
            hint="export DATABASE_URL=postgresql://…, and run it again",
        )
    taken = context.schema.relation(other)
    if taken is not None or other in context.created:
        raise Refused(f'{taken.kind if taken else "table"} "{other}" exists already')
    return old


def require_following(key: ForeignKey, old: Relation, sides: Sides) -> None:
    """Refuse a foreign key that would make deletes and changed keys of old code fail.

    Raises:
        Refused: with the clause that is missing.
    """
    columns = [old.column(name) for name in sides.old_key]
    can_change = any(column is None or column.identity != "always" for column in columns)
    if key.on_delete != "c" or (can_change and key.on_update != "c") or key.is_deferrable:
        raise Refused(
            f"old code that deletes a row of {sides.old}"
            + (", or changes its key," if can_change else "")
            + f" would fail for the row of {sides.new} that it does not know",
            hint=f"REFERENCES {qualified(sides.old.schema, sides.old.name)} ON DELETE CASCADE"
            + (" ON UPDATE CASCADE" if can_change else "")
            + ", not DEFERRABLE",
        )


def require_lookup(lookup: ForeignKey, context: Context) -> Iterator[str]:
    """Refuse a table of the values to which those of old code could not be added.

    Raises:
        Refused: with what is in the way.
    """
    relation = context.schema.relation(lookup.to)
    if relation is None or lookup.to in context.created:
        raise Refused(f'table "{lookup.to}" does not exist yet', hint="create it in a migration before this one")
    (name,) = lookup.referenced
    if not is_unique(relation, (name,)):
        raise Refused(f'column "{name}" of table "{lookup.to}" is not unique', hint="let it be, or its primary key")
    strict = [
        each.name
        for each in relation.columns
        if each.not_null and each.name != name and not (each.default or each.identity or each.generated)
    ]
    if strict:
        raise Refused(
            f"values of old code could not be added to {lookup.to}: {', '.join(strict)} is NOT NULL without a default",
            hint="give it a default, or leave the foreign key to a later migration",
        )
    rules = [
        each
        for each in relation.constraints
        if each.type in ("check", "exclusion", "foreign key") or (each.type == "unique" and each.columns != (name,))
    ]
    if rules or relation.has_row_security:
        raise Refused(
            f"values of old code might not be let into {lookup.to}: "
            + ("; ".join(f"{each.name} {each.definition}" for each in rules) or "it has row security"),
            hint="leave the foreign key to a later migration",
        )
    yield f"values that old code writes and {lookup.to} has not are added to it"
    for trigger in relation.triggers:
        yield f"trigger {trigger} of {lookup.to} fires on what is added, with the rights of the role that expands"


def created(node: Any, sides: Sides, lookup: Sql | None = None) -> Draft:
    """The step that makes it.

    Args:
        lookup: the other table that it points to.
    """
    locked = [f"SHARE ROW EXCLUSIVE ON {each}" for each in dict.fromkeys((sides.old_sql, lookup)) if each]
    return Draft(
        f"create-{slug(sides.new.name)}",
        statement_sql("create_stmt", node),
        "old code does not see it",
        slug(sides.new.name),
        locks=f"{', '.join(locked)}: writes wait, for a moment",
    )


def granted(old: Relation, sides: Sides) -> Iterator[Draft]:
    """The steps that give it the privileges of the table it comes from."""
    for grant in old.grants:
        if grant.privilege in _GRANTED:
            text = render(
                "changes/moving/grant.sql.mako",
                privilege=Sql(grant.privilege),
                table=sides.new_sql,
                grantee=granted_to(grant.grantee, is_grantable=grant.is_grantable),
            )
            yield Draft(
                f"grant-{slug(grant.privilege.lower(), grant.grantee or 'public')}",
                Sql(text),
                "as on the table it comes from",
                slug(sides.new.name),
            )


def dropped(sides: Sides, loses: Sql) -> Iterator[Draft]:
    """The steps of a rollback that undo ``created``."""
    yield Draft(
        f"lock-{slug(sides.old.name)}",
        Sql(render("changes/moving/lock_table.sql.mako", table=sides.old_sql)),
        "the foreign key is dropped with the table: a delete that has this one would wait for that one",
        slug(sides.new.name),
    )
    yield Draft(
        f"drop-{slug(sides.new.name)}",
        Sql(render("changes/moving/drop_table.sql.mako", table=sides.new_sql)),
        f"its values are in {sides.old.name}, but for those counted here",
        slug(sides.new.name),
        undoes=f"create-{slug(sides.new.name)}",
        loses=loses,
    )
