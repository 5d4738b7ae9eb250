"""Row security policies as objects of a change: parameters, roles and conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from migrator.changes.kind import Context, Expression, OnTable, require_table
from migrator.errors import Refused
from migrator.model.schema import Policy, Relation
from migrator.sql.compose import Sql, expression, ident
from migrator.sql.parser import pb, unwrap
from migrator.templating import render


class OnPolicy(OnTable, frozen=True):
    """Parameters of a change of a policy.

    Attributes:
        policy: its name.
    """

    policy: str


def roles_of(nodes: Iterable[Any]) -> tuple[str, ...]:
    """Roles of a list of ``RoleSpec``; ``public`` for PUBLIC.

    Raises:
        Refused: CURRENT_USER and the like, which mean whoever runs the step.
    """
    found = []
    for role in map(unwrap, nodes):
        if role.roletype == pb.ROLESPEC_PUBLIC:
            found.append("public")
        elif role.roletype == pb.ROLESPEC_CSTRING:
            found.append(role.rolename)
        else:
            raise Refused("CURRENT_USER is whoever runs the migration", hint="name the role")
    return tuple(found)


def roles_sql(roles: Iterable[str]) -> Sql:
    """Roles as SQL; ``public`` is PUBLIC, which no role can be called."""
    return Sql(", ".join("PUBLIC" if role == "public" else ident(role) for role in roles))


def require_roles(roles: Iterable[str], context: Context) -> None:
    """Refuse roles that are not there.

    Raises:
        Refused: with each of them named.
    """
    missing = sorted(set(roles) - context.schema.objects.roles - {"public"})
    if context.schema.is_known and missing:
        raise Refused(f"role {', '.join(missing)} does not exist")


def require_policy(change: OnPolicy, context: Context) -> Policy | None:
    """The policy; None when the table is not known.

    Raises:
        Refused: the table has none of that name.
    """
    relation = policed_table(change, context)
    if relation is None:
        return None
    found = next((each for each in relation.policies if each.name == change.policy), None)
    if found is None:
        raise Refused(
            f'policy "{change.policy}" of table "{change.target}" does not exist',
            detail="policies: " + (", ".join(f'"{each.name}"' for each in relation.policies) or "none"),
        )
    return found


def policed_table(change: OnTable, context: Context) -> Relation | None:
    """The table, which may be partitioned; None when it is not known.

    Raises:
        Refused: it is not there, or no table.
    """
    relation = context.schema.relation(change.target)
    if relation is not None and relation.kind == "partitioned table":
        return relation
    return require_table(change, context)


def conditions(change: OnPolicy, context: Context, *texts: str) -> Iterator[Expression]:
    """The conditions of a policy, for the server to understand."""
    if change.target in context.created:
        return
    for text in filter(None, texts):
        query = render("changes/policy_condition.sql.mako", condition=expression(text), table=change.sql)
        yield Expression(text, Sql(query))
