"""Virtual generated columns that read a column which is replaced: dropped for the swap, and added again after it.

Nothing is stored for them, so that both are changes of the catalog alone. A stored one would be written for every row
while others wait, and is refused. What names a virtual one names what it reads: it lets go, and is given back, too.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.retyping.shadow import Retyping
from migrator.model.schema import Column, Relation
from migrator.sql.compose import Sql, expression, ident, qualified
from migrator.sql.rewrite import granted_to
from migrator.templating import render


def virtual(relation: Relation, column: str) -> tuple[Column, ...]:
    """The virtual generated columns that read a column."""
    reading = _reading(relation, column)
    return tuple(each for each in relation.columns if each.name in reading and each.generated == "virtual")


def named(relation: Relation, column: str) -> frozenset[str]:
    """A column, and the virtual ones that read it."""
    return frozenset({column, *(each.name for each in virtual(relation, column))})


def why_not(relation: Relation, column: str) -> Iterator[str]:
    """Generated columns that keep a column from being replaced, with the reason."""
    reading = _reading(relation, column)
    for each in relation.columns:
        if each.name not in reading:
            continue
        if each.generated == "stored":
            yield f"generated column {each.name}: it is stored, and adding it again writes every row while others wait"
        elif relation.partition_key:
            yield f"generated column {each.name}: partitions may compute it in a way of their own"
        else:
            verified = [key.name for key in relation.constraints if each.name in key.columns]
            if verified:
                yield (
                    f"generated column {each.name}: every row would be read while others wait, for constraint "
                    f"{', '.join(verified)} on it"
                )


def made(relation: Relation, each: Column) -> Iterator[tuple[str, Sql]]:
    """The statements that make a virtual column as it is, each with what it does."""
    table = qualified(relation.name.schema, relation.name.name)
    yield "add", _added(table, each)
    for grant in each.grants:
        grantee = granted_to(grant.grantee, is_grantable=grant.is_grantable)
        yield "grant", _text("grant", privilege=Sql(grant.privilege), column=each.name, table=table, grantee=grantee)
    for setting in each.settings:
        yield "set", _text("setting", table=table, column=each.name, setting=Sql(setting))
    if each.comment is not None:
        yield "comment", _text("comment", what=Sql(f"COLUMN {table}.{ident(each.name)}"), text=each.comment)


def dropped(change: Retyping, each: Column) -> Sql:
    """The statement that drops one."""
    return _text("drop_column", table=change.sql, column=each.name)


def tried(table: Sql, each: Column) -> Iterator[Sql]:
    """Statements that make one on a temporary table, where what it reads has the new type."""
    yield _text("drop_column", table=table, column=each.name)
    yield _added(table, each)


def _added(table: Sql, each: Column) -> Sql:
    collation = Sql(each.collation) if each.collation else None
    return _text(
        "add_virtual",
        table=table,
        column=each.name,
        type=Sql(each.type_name),
        collation=collation,
        value=expression(each.expression),
    )


def _reading(relation: Relation, column: str) -> set[str]:
    return {each.name for each in relation.dependents if (each.kind, each.column) == ("generated column", column)}


def _text(template: str, **values: object) -> Sql:
    return Sql(render(f"changes/change_type/{template}.sql.mako", **values))
