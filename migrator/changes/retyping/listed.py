"""What lists a column that is replaced: statistics objects, which go with it, and publications, with their row filters.

Both are made again in the transaction of the swap. A publication has the table again when that commits, so that nothing
is left out of what it sends: subscribers see another type, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Draft
from migrator.changes.replication import Published
from migrator.changes.retyping.shadow import Retyping
from migrator.model.publishing import Publishing
from migrator.model.schema import Relation, Statistics
from migrator.sql.compose import Sql, expression, literal, qualified
from migrator.sql.parser import parse_script
from migrator.sql.rewrite import columns_in, slug, statement_sql
from migrator.templating import render


def statistics(relation: Relation, column: str) -> tuple[Statistics, ...]:
    """Statistics objects that a column is in."""
    names = _names(relation, column, "statistics object")
    return tuple(each for each in relation.statistics if name_of(each) in names)


def publications(relation: Relation, column: str) -> tuple[Publishing, ...]:
    """Publications whose column list names a column, or whose row filter reads it."""
    names = _names(relation, column, "publication")
    return tuple(each for each in relation.publications if each.name in names and each.is_ours)


def name_of(each: Statistics) -> Sql:
    """As SQL."""
    return qualified(each.schema, each.name)


def why_not(relation: Relation, column: str) -> Iterator[str]:
    """Publications that keep a column from being replaced, with the reason."""
    names = _names(relation, column, "publication") - {each.name for each in publications(relation, column)}
    for name in sorted(names):
        yield f"publication {name}: it belongs to another role"


def taken_out(change: Retyping, each: Publishing) -> Sql:
    """The statement that takes the table out of a publication."""
    return _altered(each, "DROP", change.sql)


def taken_in(change: Retyping, each: Publishing) -> Sql:
    """The statement that takes it in again, as it is in it."""
    table = Published(change.target, each.columns or (), each.filtered_by, frozenset())
    return _altered(each, "ADD", table.sql)


def made(change: Retyping, each: Statistics) -> Iterator[tuple[str, Sql]]:
    """The statements that make a statistics object as it is, each with what it does.

    Where the type changes in place the server makes it anew by itself, and forgets its target (seen on 14 and 18).
    """
    if not change.in_place:
        yield "create", Sql(each.definition)
    if each.target >= 0:
        text = render(
            "changes/partition_table/statistics_target.sql.mako",
            statistics=name_of(each),
            target=Sql(str(each.target)),
        )
        yield "target", Sql(text)
    if each.comment is not None and not change.in_place:
        what = Sql(f"STATISTICS {name_of(each)}")
        yield "comment", Sql(render("changes/partition_table/comment.sql.mako", what=what, text=each.comment))


def made_again(change: Retyping, each: Statistics, group: str) -> Iterator[Draft]:
    """Their steps, behind the swap."""
    for verb, text in made(change, each):
        yield Draft(
            f"{verb}-{slug(each.name)}",
            text,
            "as it was; the next ANALYZE fills it" if verb == "create" else "as it was",
            group,
            locks=f"SHARE UPDATE EXCLUSIVE ON {change.sql}: held already" if verb == "create" else "",
        )


def tried(each: Statistics, table: str) -> Sql:
    """The statement that makes it on a temporary table."""
    statement = parse_script(each.definition).statements[0]
    node = statement.node
    relation = node.relations[0].range_var
    relation.schemaname, relation.relname = "pg_temp", table
    for part, name in zip(node.defnames, ("pg_temp", "migrator_trial_statistics"), strict=True):
        part.string.sval = name
    return statement_sql(statement.kind, node)


def filters_tried(relation: Relation, column: str, table: str) -> Iterator[tuple[str, tuple[Sql, ...]]]:
    """Each publication whose row filter reads a column, and statements that fail where the filter cannot be.

    Args:
        relation: the table.
        column: that is replaced.
        table: the temporary table that the filter is tried on, where the column has the new type.
    """
    for each in publications(relation, column):
        if each.filtered_by and column in columns_in(each.filtered_by):
            copy = qualified("pg_temp", table)
            # What selects rows of an index must be boolean and immutable, as in a row filter.
            index = Sql(f"CREATE INDEX ON {copy} ((1)) WHERE {expression(each.filtered_by)}")
            columns = Sql(", ".join(literal(name) for name in sorted(columns_in(each.filtered_by))))
            yield each.name, (index, Sql(render("changes/filterable.sql.mako", table=str(copy), columns=columns)))


def _altered(each: Publishing, action: str, table: Sql) -> Sql:
    text = render("changes/alter_publication/alter.sql.mako", publication=each.name, action=Sql(action), tables=table)
    return Sql(text)


def _names(relation: Relation, column: str, kind: str) -> set[str]:
    return {each.name for each in relation.dependents if (each.kind, each.column) == (kind, column)}
