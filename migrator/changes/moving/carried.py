"""What hangs on columns that move, and goes with them: privileges, comments, settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from migrator.changes.kind import Draft
from migrator.changes.moving.sides import Sides
from migrator.model.objects import Grant
from migrator.model.schema import Relation
from migrator.sql.compose import Sql
from migrator.sql.rewrite import granted_to, slug
from migrator.templating import render

_ELEMENTS = {"SELECT": ("SELECT",), "INSERT": ("INSERT",), "UPDATE": ("INSERT", "UPDATE")}
"""What a right on a column means for its values, each in a row of its own."""


def settings(sides: Sides, old: Relation, called: Mapping[str, str] | None = None) -> Iterator[Draft]:
    """Comments, statistics targets, storage and the like of the columns, in the new table.

    Args:
        called: the names of the columns there, where they differ.
    """
    for name in sides.columns:
        column, there = old.column(name), (called or {}).get(name, name)
        if column is None:
            continue
        for number, setting in enumerate(column.settings, start=1):
            yield _draft(f"setting-{slug(there)}-{number}", sides, "setting", column=there, setting=Sql(setting))
        if column.comment is not None:
            yield _draft(f"comment-{slug(there)}", sides, "comment", column=there, text=column.comment)


def granted(sides: Sides, column: str, grant: Grant) -> Draft:
    """A right on a column of the new table."""
    return _draft(
        f"grant-{slug(grant.privilege.lower(), grant.grantee or 'public', column)}",
        sides,
        "grant_column",
        privilege=Sql(grant.privilege),
        column=column,
        grantee=granted_to(grant.grantee, is_grantable=grant.is_grantable),
    )


def grants(sides: Sides, old: Relation) -> Iterator[Draft]:
    """Rights on the columns alone."""
    for name in sides.columns:
        for grant in _grants(old, name):
            yield granted(sides, name, grant)


def grants_of_key(sides: Sides, old: Relation) -> Iterator[Draft]:
    """Rights on the key alone, of roles that have some on the columns alone."""
    roles = {grant.grantee for name in sides.columns for grant in _grants(old, name)}
    for name, new_name in zip(sides.old_key, sides.new_key, strict=True):
        for grant in _grants(old, name):
            if grant.grantee in roles:
                yield granted(sides, new_name, grant)


def grants_of_elements(
    sides: Sides, old: Relation, value: str, others: Mapping[str, str] | None = None
) -> Iterator[Draft]:
    """Rights on a column alone that has rows in the new table, for its value there and the key they belong to.

    Args:
        value: the column of the new table that holds the value; that of the old one is the first that moves.
        others: the names there of columns that move along.
    """
    first = sides.columns[0]
    called = {first: value, **(others or {})}
    for name in sides.columns:
        for grant in _grants(old, name):
            for privilege in _ELEMENTS.get(grant.privilege, ()):
                each = Grant(grant.grantee, privilege, grant.is_grantable)
                key = sides.new_key if privilege != "SELECT" and name == first else ()
                for column in (called[name], *key):
                    yield granted(sides, column, each)
            if grant.privilege == "UPDATE" and name == first:
                yield _draft(
                    f"grant-{slug('delete', grant.grantee or 'public')}",
                    sides,
                    "grant",
                    privilege=Sql("DELETE"),
                    grantee=granted_to(grant.grantee, is_grantable=grant.is_grantable),
                )


def _grants(old: Relation, name: str) -> Iterable[Grant]:
    column = old.column(name)
    return dict.fromkeys(column.grants) if column is not None else ()


def _draft(step: str, sides: Sides, template: str, **values: object) -> Draft:
    return Draft(
        step,
        Sql(render(f"changes/moving/{template}.sql.mako", table=sides.new_sql, **values)),
        "as on the old column",
        slug(sides.new.name),
    )
