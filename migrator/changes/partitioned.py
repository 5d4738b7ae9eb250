"""What kinds do alike on partitioned tables: what is done on each partition by itself, and what is tried beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from migrator.changes.constraint import NewConstraint, add_statement, definition_of, named, timing_of
from migrator.changes.kind import Draft, Expression
from migrator.errors import Refused
from migrator.model.schema import Relation
from migrator.sql.compose import Sql, ident, literal, qualified
from migrator.sql.parser import parse_script, pb
from migrator.sql.rewrite import slug, statement_sql
from migrator.templating import render

TRIAL = ("pg_temp", "migrator_trial")
"""Schema and name of the empty copy that keys and unique indexes are tried on."""


def added_by_partitions(change: NewConstraint, node: Any, *, locks: str, first: str, waived: str) -> Draft:
    """The constraint, which the tool gives each partition first and the table then.

    Args:
        change: what is added.
        node: of the constraint.
        locks: which one the last step takes for a moment, as SQL of tables.
        first: what happens on each partition.
        waived: the rule of lint about a table where it is done at once.
    """
    return Draft(
        f"add-{slug(change.constraint)}",
        add_statement(change, node),
        f"on each partition by itself {first} while reads and writes go on, then on the table, which takes what "
        "partitions have and looks at no row",
        locks=f"{locks}: reads and writes wait, for a moment",
        waived=waived,
    )


def built_apart(index: Sql) -> Sql:
    """The statement that builds an index on each partition alone, part of nothing yet, of one that would build it."""
    node = pb.IndexStmt()
    node.CopyFrom(parse_script(index).statements[0].node)
    node.relation.inh = False
    return statement_sql("index_stmt", node)


def replaced_primary_key(table: Sql, old: str, new: str, node: Any) -> Sql:
    """The block that drops the primary key of a partitioned table and makes one of indexes its partitions have.

    Partitions have it under the names of the key that goes; no row is looked at.

    Args:
        table: the partitioned table.
        old: name of the key that goes.
        new: name of the one that comes.
        node: its ``Constraint``.
    """
    columns = (*named(node.keys), *named(node.including))
    return Sql(
        render(
            "changes/part_primary_key.sql.mako",
            table=table,
            old=old,
            new=new,
            keys=len(node.keys),
            columns=Sql(f"ARRAY[{', '.join(map(literal, columns))}]"),
            definition=Sql(definition_of(node)),
            timing=timing_of(node),
        )
    )


def index_locks(table: Sql) -> str:
    """What the build of an index of a partitioned table locks, in words."""
    return f"SHARE ON {table}: writes wait, for a moment; SHARE UPDATE EXCLUSIVE on each partition"


def tried_on_copy(relation: Relation, statement: Sql, what: str, added: Sequence[Sql] = ()) -> Expression:
    """Whether the server makes a unique index on a table that is partitioned in this way; an empty copy tells.

    Args:
        relation: the table.
        statement: makes it on ``TRIAL``.
        what: it is, for messages.
        added: what gives ``TRIAL`` the columns that come before it.
    """
    table = qualified(relation.name.schema, relation.name.name)
    like = Sql(f"CREATE TEMPORARY TABLE {ident(TRIAL[1])} (LIKE {table}) PARTITION BY {relation.partition_key}")
    return Expression(
        f"{what} of the partitioned table {relation.name}",
        Sql("SELECT"),
        trial=(like, *added, statement),
        hint="a unique index of a partitioned table has all columns that divide it",
    )


def refuse_foreign_partitions(relation: Relation, what: str) -> None:
    """Refuse what foreign tables cannot have, where one is a partition.

    Raises:
        Refused: with the first of them.
    """
    if relation.below.foreign:
        raise Refused(
            f'partition {relation.below.foreign[0]} of "{relation.name}" is a foreign table, which has no {what}',
            hint=f"add it to the other partitions by themselves, or detach {relation.below.foreign[0]} first",
        )
