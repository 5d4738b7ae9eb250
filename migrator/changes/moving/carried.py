"""What hangs on columns that move, and goes with them: privileges, comments, settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrator.changes.kind import Draft
from migrator.changes.moving.sides import Sides
from migrator.model.objects import Grant
from migrator.model.schema import Relation
from migrator.sql.compose import Sql
from migrator.sql.rewrite import granted_to, slug
from migrator.templating import render

_ELEMENTS = {"SELECT": ("SELECT",), "INSERT": ("INSERT",), "UPDATE": ("INSERT", "UPDATE")}
"""What a right on an array means for its elements, each in a row of its own."""


def settings(sides: Sides, old: Relation) -> Iterator[Draft]:
    """Comments, statistics targets, storage and the like of the columns, in the new table."""
    for name in sides.columns:
        column = old.column(name)
        if column is None:
            continue
        for number, setting in enumerate(column.settings, start=1):
            yield _draft(f"setting-{slug(name)}-{number}", sides, "setting", column=name, setting=Sql(setting))
        if column.comment is not None:
            yield _draft(f"comment-{slug(name)}", sides, "comment", column=name, text=column.comment)


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


def grants_of_elements(sides: Sides, old: Relation, value: str) -> Iterator[Draft]:
    """Rights on an array alone, for its elements and the key they belong to.

    Args:
        value: the column of the new table that holds an element.
    """
    for grant in _grants(old, sides.columns[0]):
        for privilege in _ELEMENTS.get(grant.privilege, ()):
            each = Grant(grant.grantee, privilege, grant.is_grantable)
            for name in (value, *(sides.new_key if privilege != "SELECT" else ())):
                yield granted(sides, name, each)
        if grant.privilege == "UPDATE":
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
