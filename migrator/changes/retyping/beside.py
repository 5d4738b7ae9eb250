"""Materialized views that read a column which is replaced: made beside the old ones and filled before the swap.

The server makes them of the query they have: in one short transaction the new column has the name of the old one, and
each view that is made the name it will have, so that what reads it finds it; then all names are back. They are filled
and get their indexes while the old ones are read. The transaction of the swap gives them the names, before the old
columns go; plain views that materialized ones read are made and take their names with them. What is refreshed between
filling and swap is not filled again: until the next REFRESH the rows are those of the filling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from migrator.changes.kind import Draft
from migrator.changes.materialized_view import copied_index, refresh
from migrator.changes.retyping.shadow import Retyping, Shadow, temporary_name
from migrator.changes.view import carry_over
from migrator.model.schema import Index, TableName
from migrator.model.view import Stored, View
from migrator.sql.compose import Sql, bounded_name, qualified
from migrator.sql.parser import relation_parts
from migrator.sql.rewrite import slug
from migrator.templating import render

Views = Sequence[tuple[Retyping, View]]
"""Views, each after those it reads, with the first change that each stands against."""


def chosen(views: Iterable[View]) -> frozenset[TableName]:
    """The materialized ones among views, each after those it reads, and the views that these read."""
    found: set[TableName] = set()
    for view in reversed(list(views)):
        if view.stored or view.name in found:
            found.update((view.name, *view.views))
    return frozenset(found)


def why_not(view: View) -> Iterator[str]:
    """What a materialized view has that the new one would not have."""
    for index in view.stored.indexes if view.stored else ():
        if index.is_clustered:
            yield f"{view.name}: it is clustered by index {index.name}: SET WITHOUT CLUSTER"
        elif not index.is_valid:
            yield f"{view.name}: index {index.name} is invalid: REINDEX it, or drop it"


def notes(view: View) -> Iterator[str]:
    """What the author should know of a view that is made beside."""
    if view.stored and view.stored.is_filled:
        yield (
            f"materialized view {view.name} is filled anew beside the one that is read: its rows are as of that "
            "moment, early in contract; a REFRESH of it between that and the swap is not repeated"
        )


def made(view: View, name: Sql) -> Sql:
    """The statement that makes a view with the query it has, under some name; a materialized one WITH NO DATA."""
    options, query = Sql(", ".join(view.options)), Sql(view.definition.strip())
    if view.stored is None:
        return Sql(render("changes/replace_view/as_before.sql.mako", view=name, options=options, query=query))
    return Sql(
        render(
            "changes/stored_view/create.sql.mako",
            view=name,
            access_method=view.stored.access_method,
            options=options,
            tablespace=view.stored.tablespace,
            query=query,
        )
    )


def planned(view: View) -> Iterator[Sql]:
    """The statements by which it is told whether contract makes a view as it is now."""
    yield made(view, _beside(view))
    yield from (text for _, text in _kept(view))


def built(views: Views, columns: Sequence[tuple[Retyping, Shadow]], group: str) -> Iterator[Draft]:
    """Steps in front of the swap: all views made in one transaction, then filled.

    Args:
        views: to be made.
        columns: those that change places at once.
        group: of the transaction.
    """
    if not views:
        return
    read = [(change, view) for change, view in views if any(view.name in other.views for _, other in views)]
    # Views before their table, as statements lock them.
    for change, view in reversed(read):
        yield _renamed(view, _sql(view), _aside(change, view), "so that what reads it finds the new one", group)
    yield from _names_changed(columns, group, "its views are made over the new column, which has the name for a moment")
    for change, view in views:
        yield Draft(f"beside-{slug(view.name.name)}", made(view, _beside(view)), "as the one that is read", group)
        if (change, view) in read:
            yield _renamed(view, _beside(view), view.name.name, "until what reads it is made", group)
    for change, view in reversed(read):
        yield _renamed(view, _sql(view), _beside_name(view), "until the swap", group)
        yield _renamed(view, _named(view, _aside(change, view)), view.name.name, "is read until the swap", group)
    yield from _names_changed([*reversed(columns)], group, "everything is as before, before anybody sees it", back=True)
    for _, view in views:
        # Without a lock on the table: an owner may fill it, and others need what it reads.
        yield _equipped(view, _beside(view), _sql(view), f"equip-{group}", ())
    for _, view in views:
        locks = f"ACCESS EXCLUSIVE ON {_beside(view)}: nobody knows it"
        for verb, text in _kept(view):
            yield Draft(f"{verb}-{slug(view.name.name)}", text, _WHY[verb], locks=locks)


def swapped(views: Views, group: str) -> Iterator[Draft]:
    """Steps of the swap by which the new views take the names of the old ones, which go; before the columns."""
    for change, view in reversed(views):
        yield _renamed(view, _sql(view), _aside(change, view), "the one beside takes its place", group)
    for change, view in views:
        yield _renamed(view, _beside(view), view.name.name, "reads the new column", group)
        pairs = []
        for index in view.stored.indexes if view.stored else ():
            old = _index_aside(change, view, index.name)
            for before, after in ((index.name, old), (_index_beside(view, index), index.name)):
                text = _text("change_type/rename_index", index=qualified(view.name.schema, before), new_name=after)
                yield Draft(f"rename-{slug(index.name)}", text, "no query names an index", group)
            pairs.append((qualified(view.name.schema, old), qualified(view.name.schema, index.name)))
        yield _equipped(view, _sql(view), _named(view, _aside(change, view)), group, pairs)
    for change, view in reversed(views):
        template = "replace_materialized_view/drop_view" if view.stored else "replace_view/drop_view"
        yield Draft(
            f"drop-{slug(view.name.name)}",
            _text(template, view=_named(view, _aside(change, view))),
            "nothing uses it: otherwise this fails, and all is as before",
            group,
        )


def gone(change: Retyping, views: Iterable[View], contract_sql: str) -> Iterator[str]:
    """Indexes of materialized views that contract makes anew and are not there any more."""
    renamed = [
        (relation_parts(found[1]), relation_parts(found[2])[1])
        for found in re.finditer(r"^ALTER INDEX (\S+) RENAME TO (\S+)$", contract_sql, re.MULTILINE)
    ]
    for view in views:
        there = {index.name for index in view.stored.indexes} if view.stored else set()
        for (schema, name), aside in renamed:
            if schema == view.name.schema and name not in there and aside == _index_aside(change, view, name):
                yield f"index {name} of materialized view {view.name}"


_WHY = {
    "set": "what is set on columns of the old one",
    "fill": "reads its tables as a SELECT does; the old one is read meanwhile",
    "index": "as on the old one",
}


def _kept(view: View) -> Iterator[tuple[str, Sql]]:
    """What makes a materialized view beside as the old one, each with what it does; nothing for a plain view."""
    stored = view.stored or Stored(is_filled=False)
    if stored.settings:
        settings = [(column, Sql(setting)) for column, setting in stored.settings]
        yield "set", _text("replace_materialized_view/settings", view=_beside(view), settings=settings)
    if stored.is_filled:
        yield "fill", refresh(_beside(view))
    for index in stored.indexes:
        yield "index", copied_index(index, name=_index_beside(view, index), view=_beside_name(view))


def _names_changed(
    columns: Sequence[tuple[Retyping, Shadow]], group: str, why: str, *, back: bool = False
) -> Iterator[Draft]:
    for change, shadow in columns:
        aside = bounded_name("migrator", change.column, over=(shadow.column, "aside"))
        pairs = ((change.column, aside), (shadow.column, change.column))
        for before, after in reversed([(new, old) for old, new in pairs]) if back else pairs:
            text = _text("change_type/rename_column", table=change.sql, column=before, new_name=after)
            yield Draft(f"name-{slug(change.column)}", text, why, group)


def _renamed(view: View, before: Sql, after: str, why: str, group: str) -> Draft:
    template = "replace_materialized_view/rename" if view.stored else "replace_view/aside"
    values = {"new_name": after} if view.stored else {"aside": after}
    return Draft(f"rename-{slug(view.name.name)}", _text(template, view=before, **values), why, group)


def _equipped(view: View, comes: Sql, was: Sql, group: str, indexes: Iterable[tuple[Sql, Sql]]) -> Draft:
    return Draft(
        f"carry-over-{slug(view.name.name)}",
        carry_over(view.kind, comes, was, indexes),
        "owner, privileges and comments, as they are at that moment",
        group,
        locks=f"ACCESS EXCLUSIVE ON {comes}: nobody else knows it yet",
    )


def _sql(view: View) -> Sql:
    return qualified(view.name.schema, view.name.name)


def _named(view: View, name: str) -> Sql:
    return qualified(view.name.schema, name)


def _beside(view: View) -> Sql:
    return _named(view, _beside_name(view))


def _beside_name(view: View) -> str:
    return bounded_name("migrator", view.name.name, over=(str(view.name), "beside"))


def _index_beside(view: View, index: Index) -> str:
    return bounded_name("migrator", index.name, over=(str(view.name), index.name, "index beside"))


def _index_aside(change: Retyping, view: View, index: str) -> str:
    return temporary_name(index, change, f"{view.name} aside")


def _aside(change: Retyping, view: View) -> str:
    return temporary_name(view.name.name, change, str(view.name))


def _text(template: str, **values: object) -> Sql:
    return Sql(render(f"changes/{template}.sql.mako", **values))
