"""UNIQUE and PRIMARY KEY over an index that is built concurrently first: what the two kinds share."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from msgspec.structs import replace

from migrator.changes.constraint import NewConstraint, add_statement, earlier, named, tried_constraint
from migrator.changes.kind import Context, Draft, Expression, Obstacle
from migrator.changes.partitioned import TRIAL, added_by_partitions, refuse_foreign_partitions, tried_on_copy
from migrator.changes.release import name_beside
from migrator.changes.replication import is_partial, keys_of
from migrator.changes.trial import added_before
from migrator.errors import Refused
from migrator.model.schema import Index, Relation
from migrator.sql.compose import Sql, ident, ident_list
from migrator.sql.parser import parse_script, pb
from migrator.sql.rewrite import slug, statement_sql
from migrator.templating import render


def require_indexable(node: Any) -> None:
    """Refuse a key whose index cannot be built beforehand.

    Raises:
        Refused: it uses an index given by name, or is WITHOUT OVERLAPS, which only ADD CONSTRAINT itself can build.
    """
    if node.indexname:
        raise Refused(
            f'USING INDEX "{node.indexname}" takes an index that must exist before',
            hint="name the columns instead: contract builds the index concurrently and takes it",
        )
    if node.without_overlaps:
        raise Refused("a key WITHOUT OVERLAPS is built while nobody can write, there is no other way yet")


def build_and_use(change: NewConstraint, node: Any, context: Context, old: Draft | None = None) -> Iterator[Draft]:
    """The index CONCURRENTLY, then the constraint that takes it, which looks at no row.

    Args:
        change: what is added.
        node: of the constraint.
        context: of the change.
        old: drops the constraint that has its name until then; None: there is none.
    """
    relation = context.schema.relation(change.target)
    if relation is not None and relation.partition_key:
        yield added_by_partitions(
            change,
            node,
            locks=f"ACCESS EXCLUSIVE ON {change.sql}",
            first="an index is built, and a key made of it,",
            waived="LK015",
        )
        return
    built = replace(change, constraint=name_beside(change)) if old is not None else change
    yield Draft(
        f"index-{slug(change.constraint)}",
        key_index(built, node),
        "refuses duplicates from here on; built while reads and writes go on",
    )
    if old is not None:
        yield old
    yield Draft(
        f"add-{slug(change.constraint)}",
        using_index(built, node, name=change.constraint),
        "takes the index that was built; no row is looked at",
        slug(change.table),
    )


def require_divisible(change: NewConstraint, relation: Relation, node: Any) -> None:
    """Refuse a key that partitions cannot have.

    Raises:
        Refused: one is a foreign table, or has another primary key.
    """
    refuse_foreign_partitions(relation, "unique indexes")
    columns = key_columns(node)
    for each in relation.below.constraints if node.contype == pb.CONSTR_PRIMARY else ():
        if each.type == "primary key" and each.columns != columns:
            raise Refused(
                f'partition {each.table} of "{change.target}" has a primary key of its own: {each.name} '
                f"({', '.join(each.columns)})",
                hint="drop it in a migration before this one",
            )


def require_not_null(change: NewConstraint, columns: tuple[str, ...], relation: Relation, context: Context) -> None:
    """Refuse a primary key over columns that may be NULL when it is made, for which the server would read every row.

    Raises:
        Refused: neither is one NOT NULL, nor does a change before it in the same migration make it so.
    """
    made = {
        getattr(spec, "column", "")
        for kind, spec in earlier(change, context)
        if getattr(spec, "target", None) == change.target
        and (kind == "set_not_null" or (kind == "add_column" and getattr(spec, "not_null", False)))
    }
    known = {each.name: each.not_null for each in relation.columns}
    nullable = [name for name in columns if not known.get(name, False) and name not in made]
    if nullable:
        raise Refused(
            f'column "{nullable[0]}" of table "{change.target}" may be NULL: a primary key would look at every '
            "row while nobody can read",
            hint=f"ALTER TABLE {change.sql} ALTER COLUMN {ident(nullable[0])} SET NOT NULL, before it in the same "
            "migration"
            if nullable[0] in known
            else "ADD COLUMN … NOT NULL, before it in the same migration",
        )


def coming_index(change: NewConstraint, node: Any) -> Index:
    """The index of a primary key as it will be."""
    definition = key_index(change, node)
    name, columns = change.constraint, key_columns(node)
    return Index(
        name,
        definition,
        (*columns, *named(node.including)),
        is_unique=True,
        is_primary=True,
        constraint=name,
        is_immediate=not node.deferrable,
    )


def serving(relation: Relation, columns: Collection[str], going: Collection[str]) -> Index | None:
    """A key over exactly these columns by which ON CONFLICT and foreign keys can go.

    Args:
        relation: the table.
        columns: in any order.
        going: names of indexes that do not count.
    """
    fit = (each for each in relation.indexes if each.is_unique and each.is_valid and each.is_immediate)
    return next(
        (
            each
            for each in fit
            if each.name not in going and set(keys_of(each) or ()) == set(columns) and not is_partial(each)
        ),
        None,
    )


def duplicates(change: NewConstraint, columns: tuple[str, ...]) -> Obstacle:
    """Values that occur more than once and so keep a primary key from being made."""
    return Obstacle(
        Sql(render("changes/duplicate_keys.sql.mako", table=change.sql, columns=columns, key=ident_list(columns))),
        f"values of ({', '.join(columns)}) in {change.target} occur more than once",
        f"repair them first, or {change.constraint} cannot be built",
    )


def tried(change: NewConstraint, node: Any, context: Context) -> Iterator[Expression]:
    """Whether the server makes the key, on a table that is partitioned in this way too."""
    relation = context.schema.relation(change.target)
    if relation is None or not relation.partition_key:
        yield from tried_constraint(change, node.contype, context)
    else:
        copy = replace(change, schema=TRIAL[0], table=TRIAL[1])
        columns = added_before(context, change.target, copy.sql)
        yield tried_on_copy(relation, add_statement(copy, node), f"key {change.constraint}", columns)


def key_columns(node: Any) -> tuple[str, ...]:
    """The columns of a key, INCLUDE left out."""
    return named(node.keys)


def using_index(change: NewConstraint, node: Any, *, name: str = "") -> Sql:
    """The statement that makes a constraint of the index that has its name.

    Args:
        change: what is added.
        node: of the constraint.
        name: what both are called from then on; an empty string: as before.
    """
    using = pb.Constraint(
        contype=node.contype,
        indexname=change.constraint,
        deferrable=node.deferrable,
        initdeferred=node.initdeferred,
    )
    return add_statement(replace(change, constraint=name or change.constraint), using)


def key_index(change: NewConstraint, node: Any, *, name: str = "") -> Sql:
    """The statement that builds the index of a key CONCURRENTLY.

    Args:
        change: what is added.
        node: of the constraint.
        name: of the index; an empty string: that of the constraint.
    """
    index = pb.IndexStmt()
    index.CopyFrom(
        parse_script(f"CREATE UNIQUE INDEX CONCURRENTLY i ON {change.sql} USING btree (c)").statements[0].node
    )
    index.idxname = name or change.constraint
    element = index.index_params[0]
    del index.index_params[:]
    for target, columns in ((index.index_params, node.keys), (index.index_including_params, node.including)):
        for column in named(columns):
            added = target.add()
            added.CopyFrom(element)
            added.index_elem.name = column
    index.nulls_not_distinct = node.nulls_not_distinct
    for option in node.options:
        index.options.add().CopyFrom(option)
    if node.indexspace:
        index.table_space = node.indexspace
    return statement_sql("index_stmt", index)
