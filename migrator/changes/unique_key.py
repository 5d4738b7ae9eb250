"""UNIQUE and PRIMARY KEY over an index that is built concurrently first: what the two kinds share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.changes.constraint import NewConstraint, add_statement, named
from migrator.changes.kind import Draft
from migrator.errors import Refused
from migrator.sql.compose import Sql
from migrator.sql.parser import parse_script, pb
from migrator.sql.rewrite import slug, statement_sql


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


def build_and_use(change: NewConstraint, node: Any) -> Iterator[Draft]:
    """The index CONCURRENTLY, then the constraint that takes it, which looks at no row."""
    yield Draft(
        f"index-{slug(change.constraint)}",
        _index(change, node),
        "refuses duplicates from here on; built while reads and writes go on",
    )
    using = pb.Constraint(
        contype=node.contype,
        indexname=change.constraint,
        deferrable=node.deferrable,
        initdeferred=node.initdeferred,
    )
    yield Draft(
        f"add-{slug(change.constraint)}",
        add_statement(change, using),
        "takes the index that was built; no row is looked at",
        slug(change.table),
    )


def key_columns(node: Any) -> tuple[str, ...]:
    """The columns of a key, INCLUDE left out."""
    return named(node.keys)


def _index(change: NewConstraint, node: Any) -> Sql:
    index = pb.IndexStmt()
    index.CopyFrom(
        parse_script(f"CREATE UNIQUE INDEX CONCURRENTLY i ON {change.sql} USING btree (c)").statements[0].node
    )
    index.idxname = change.constraint
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
