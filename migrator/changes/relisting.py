"""Column lists of publications that name a column which another one stands beside, or which goes.

A publication keeps the table through it: it is taken out and in again by one statement, in the transaction of what
makes that necessary, so that nothing is left out of what it sends (seen with a subscriber on 15 and 18). What a list
holds is read when that runs, so that lists may be changed meanwhile, by other pending migrations as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from migrator.changes.kind import Draft
from migrator.errors import Refused
from migrator.model.publishing import Publishing
from migrator.model.schema import Relation
from migrator.sql.compose import Sql, ident_list, literal, qualified
from migrator.sql.rewrite import columns_in, slug
from migrator.templating import render


def listing(relation: Relation | None, columns: Collection[str]) -> tuple[Publishing, ...]:
    """Publications whose column list of a table names one of some columns."""
    names = _naming(relation, columns) if relation else ()
    return tuple(
        each
        for each in (relation.publications if relation else ())
        if each.name in names and set(each.columns or ()) & set(columns)
    )


def require_relisted(relation: Relation, going: Collection[str], coming: Collection[str] = ()) -> None:
    """Refuse publications that columns cannot be taken out of.

    Args:
        relation: the table.
        going: columns that contract drops.
        coming: those that are listed in their place from expand on.

    Raises:
        Refused: with every such publication, and why.
    """
    lists, names = listing(relation, going), _naming(relation, going)
    reasons = [f"publication {each.name} belongs to another role" for each in lists if not each.is_ours]
    reasons += [
        f"publication {each.name} lists nothing else"
        for each in lists
        if each.is_ours and not set(each.columns or ()) - set(going) | set(coming)
    ]
    for each in relation.publications:
        filtered = sorted(set(going) & columns_in(each.filtered_by)) if each.filtered_by else []
        if each.name in names and filtered:
            reasons.append(f"publication {each.name} has a row filter that reads {', '.join(filtered)}")
    if reasons:
        table = qualified(relation.name.schema, relation.name.name)
        raise Refused(
            f'columns of table "{relation.name}" cannot be taken out of publications: {", ".join(sorted(going))}',
            detail="\n".join(reasons),
            hint="in a migration before this one, each with -- migrator: phase = contract above it, so that both "
            f"commit together: ALTER PUBLICATION … DROP TABLE {table}; ALTER PUBLICATION … ADD TABLE {table} … with a "
            "list and a filter that do without them",
        )


def require_planned(relation: Relation, columns: Collection[str], contract_sql: str) -> None:
    """Refuse to drop columns that are in lists, where contract was written before there were any.

    Raises:
        Refused: with every such publication.
    """
    lists = listing(relation, columns)
    if lists and relisted(relation, columns, remove=columns) not in contract_sql:
        raise Refused(
            f'publications list columns of table "{relation.name}" that contract drops, since it was planned: '
            f"{', '.join(sorted(columns))}",
            detail="\n".join(f"publication {each.name}" for each in lists),
            hint="take them out of the lists, or roll back and expand again after planning anew",
        )


def relisted(
    relation: Relation, naming: Collection[str], *, add: Collection[str] = (), remove: Collection[str] = ()
) -> Sql:
    """A block that changes every list of a table which names one of some columns.

    Args:
        relation: the table.
        naming: the columns.
        add: what those lists hold from then on.
        remove: what they hold no more.
    """
    return Sql(
        render(
            "changes/relisted.sql.mako",
            table=str(qualified(relation.name.schema, relation.name.name)),
            naming=_literals(naming),
            added=_literals(add),
            removed=_literals(remove),
        )
    )


def listed_too(relation: Relation | None, naming: Collection[str], new: Collection[str], group: str) -> Iterator[Draft]:
    """The step of expand behind which lists that name old columns name the new ones as well; nothing without lists."""
    if relation is not None and listing(relation, naming):
        yield Draft(
            f"list-{slug(*new)}",
            relisted(relation, naming, add=new),
            f"what is sent of {', '.join(naming)} is sent of {', '.join(new)} too",
            group,
            locks=_locks(relation),
        )


def listed_no_more(
    relation: Relation | None, naming: Collection[str], gone: Collection[str], group: str, *, undoing: bool = False
) -> Iterator[Draft]:
    """The step in front of the drop of columns that lists would keep from going; nothing without lists.

    Args:
        relation: the table.
        naming: columns by which lists are found now, before expand.
        gone: what lists name no more.
        group: of the drop.
        undoing: whether it undoes ``listed_too``.
    """
    if relation is not None and listing(relation, naming):
        yield Draft(
            f"unlist-{slug(*gone)}",
            relisted(relation, gone, remove=gone),
            "a list keeps its columns from going; nothing is left out of what it sends",
            group,
            undoes=f"list-{slug(*gone)}" if undoing else None,
            locks=_locks(relation),
        )


def notes(relation: Relation, columns: Collection[str], new: Collection[str]) -> Iterator[str]:
    """What the author should know of lists that name old columns."""
    names = ", ".join(each.name for each in listing(relation, columns))
    if names and new:
        yield (
            f"{', '.join(new)} of {relation.name} comes into the column lists of {names}: subscribers in PostgreSQL "
            f"need {ident_list(new)} before expand, or their replication stops there"
        )


def _naming(relation: Relation, columns: Collection[str]) -> set[str]:
    return {each.name for each in relation.dependents if each.kind == "publication" and each.column in columns}


def _literals(names: Iterable[str]) -> Sql:
    return Sql(", ".join(literal(name) for name in names))


def _locks(relation: Relation) -> str:
    table = qualified(relation.name.schema, relation.name.name)
    return f"SHARE UPDATE EXCLUSIVE ON {table}: nobody waits who reads or writes"
