"""What lists a column that is replaced: statistics objects, which go with it, and column lists of publications.

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
from migrator.sql.compose import Sql, qualified
from migrator.sql.parser import parse_script
from migrator.sql.rewrite import columns_in, slug, statement_sql
from migrator.templating import render


def statistics(relation: Relation, column: str) -> tuple[Statistics, ...]:
    """Statistics objects that a column is in."""
    names = _names(relation, column, "statistics object")
    return tuple(each for each in relation.statistics if name_of(each) in names)


def publications(relation: Relation, column: str) -> tuple[Publishing, ...]:
    """Publications whose column list names a column, and whose row filter does not."""
    names = _names(relation, column, "publication")
    return tuple(
        each
        for each in relation.publications
        if each.name in names and each.is_ours and column not in _filtered_by(each)
    )


def name_of(each: Statistics) -> Sql:
    """As SQL."""
    return qualified(each.schema, each.name)


def why_not(relation: Relation, column: str) -> Iterator[str]:
    """Publications that keep a column from being replaced, with the reason."""
    names = _names(relation, column, "publication") - {each.name for each in publications(relation, column)}
    by_name = {each.name: each for each in relation.publications}
    for name in sorted(names):
        found = by_name.get(name)
        reason = "its row filter reads it" if found and column in _filtered_by(found) else "it belongs to another role"
        yield f"publication {name}: {reason}"


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


def _altered(each: Publishing, action: str, table: Sql) -> Sql:
    text = render("changes/alter_publication/alter.sql.mako", publication=each.name, action=Sql(action), tables=table)
    return Sql(text)


def _filtered_by(each: Publishing) -> set[str]:
    return columns_in(each.filtered_by) if each.filtered_by else set()


def _names(relation: Relation, column: str, kind: str) -> set[str]:
    return {each.name for each in relation.dependents if (each.kind, each.column) == (kind, column)}
