"""Privileges as objects of a change: on what, which, and to whom."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from migrator.changes.kind import Context, Obstacle, Spec
from migrator.changes.policy import require_roles, roles_of
from migrator.errors import Refused
from migrator.model.objects import Grant
from migrator.model.plan import Phase
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident_list, qualified
from migrator.sql.parser import parse_script, pb, unwrap
from migrator.templating import render

On = Literal["table", "sequence", "schema", "function"]
_OBJECTS: dict[int, On] = {
    pb.OBJECT_TABLE: "table",
    pb.OBJECT_SEQUENCE: "sequence",
    pb.OBJECT_SCHEMA: "schema",
    pb.OBJECT_FUNCTION: "function",
}
_PRIVILEGES: dict[On, tuple[str, ...]] = {
    "table": ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"),
    "sequence": ("USAGE", "SELECT", "UPDATE"),
    "schema": ("USAGE", "CREATE"),
    "function": ("EXECUTE",),
}
_OF_COLUMNS = frozenset({"SELECT", "INSERT", "UPDATE", "REFERENCES"})
_MAINTAIN = 17
"""First version with the privilege MAINTAIN on tables (release notes of 17)."""
_WRITTEN = re.compile(r"(\w+)(?:\s*\((.+)\))?", re.DOTALL)


class Privileges(Spec, frozen=True):
    """Parameters of ``grant`` and ``revoke``.

    Attributes:
        on: ``table`` (views too), ``sequence``, ``schema`` or ``function``.
        schema: of the object; without meaning for a schema.
        name: of the object.
        privileges: ``SELECT``, ``UPDATE (a, b)`` and so on; ``ALL`` for all there are.
        roles: to whom; ``public`` is everybody.
        grantable: with GRANT OPTION; when taken away, only that option.
    """

    schema: str
    on: On
    name: str
    privileges: tuple[str, ...]
    roles: tuple[str, ...]
    grantable: bool = False

    @property
    def sql(self) -> Sql:
        """The object as written after ON."""
        return Sql(f"{self.on.upper()} {qualified(None if self.on == 'schema' else self.schema, self.name)}")

    @property
    def target(self) -> TableName:
        """The object."""
        return TableName(self.schema, self.name)

    @property
    def key(self) -> tuple[str, ...]:
        """What SQL calls the object and its name parts."""
        return ("SCHEMA", self.name) if self.on == "schema" else (self.on.upper(), self.schema, self.name)

    def __str__(self) -> str:
        return f'{self.on} "{self.name if self.on == "schema" else self.target}"'


def privileges_of(action: Action, schema: Schema, *, is_grant: bool) -> Privileges | None:
    """What GRANT or REVOKE of privileges asks for; None for other statements.

    Raises:
        Refused: of objects whose number the text does not say, or that are not known here.
    """
    node = action.node
    if action.kind != "grant_stmt" or node.is_grant != is_grant:
        return None
    word = "GRANT" if is_grant else "REVOKE"
    if node.targtype != pb.ACL_TARGET_OBJECT:
        raise Refused(
            f"{word} on ALL objects of a schema means those that are there when it runs",
            hint="name each object, or say yourself when it runs: -- migrator: phase = expand, -- migrator: undo = SQL",
        )
    if node.objtype not in _OBJECTS:
        raise Refused(
            f"{word} on this type of object is of no kind here",
            hint="say yourself when it runs: -- migrator: phase = expand, -- migrator: undo = SQL",
        )
    if node.behavior == pb.DROP_CASCADE:
        raise Refused(
            "REVOKE … CASCADE takes away what others have granted too", hint="revoke from each of them by name first"
        )
    on = _OBJECTS[node.objtype]
    place, name = _named(unwrap(node.objects[0]), on, schema)
    return Privileges(
        on=on,
        schema=place,
        name=name,
        privileges=tuple(_written(unwrap(each)) for each in node.privileges) or ("ALL",),
        roles=roles_of(node.grantees),
        grantable=node.grant_option,
    )


def _named(node: Any, on: On, schema: Schema) -> tuple[str, str]:
    if on == "schema":
        return "", node.sval
    if on == "function":
        parts = [unwrap(part).sval for part in node.objname]
        return (parts[-2] if len(parts) > 1 else schema.search_path[0]), parts[-1]
    if on == "sequence":
        found = (each for each in schema.search_path if (each, node.relname) in schema.objects.sequences)
        return node.schemaname or next(found, schema.search_path[0]), node.relname
    target = schema.resolve(node.schemaname, node.relname)
    return target.schema, target.name


def _written(privilege: Any) -> str:
    name = privilege.priv_name.upper() or "ALL"
    columns = [unwrap(column).sval for column in privilege.cols]
    return f"{name} ({ident_list(columns)})" if columns else name


def single(change: Privileges, schema: Schema) -> list[tuple[str, str]]:
    """Each privilege with its column, an empty string for the whole object.

    Raises:
        Refused: there is no such privilege on such an object.
    """
    known = _PRIVILEGES[change.on]
    if change.on == "table" and schema.server_version >= _MAINTAIN:
        known = (*known, "MAINTAIN")
    found: list[tuple[str, str]] = []
    for text in change.privileges:
        match = _WRITTEN.fullmatch(text.strip())
        name, columns = (match[1].upper(), match[2] or "") if match else ("", "")
        names = known if name in ("ALL", "ALL PRIVILEGES") else (name,)
        if columns and name == "ALL":
            names = tuple(each for each in known if each in _OF_COLUMNS)
        if not set(names) <= set(known) or (columns and (change.on != "table" or not set(names) <= _OF_COLUMNS)):
            raise Refused(f'there is no privilege "{text}" on a {change.on}', hint=f"there are {', '.join(known)}")
        found += [(each, column) for each in names for column in (_columns(columns) if columns else [""])]
    return list(dict.fromkeys(found))


def columns_of(change: Privileges) -> tuple[str, ...]:
    """Columns that are named, in their order."""
    written = (_WRITTEN.fullmatch(text.strip()) for text in change.privileges)
    return tuple(dict.fromkeys(name for each in written if each and each[2] for name in _columns(each[2])))


def rights(change: Privileges) -> Iterator[tuple[str, ...]]:
    """Each privilege, with the column if it is of one; an empty one: all there are."""
    for written in map(_WRITTEN.fullmatch, change.privileges):
        if written and written[2]:
            yield from ((written[1], column) for column in _columns(written[2]))
        elif written:
            yield () if written[1] == "ALL" else (written[1],)


def _columns(text: str) -> list[str]:
    statement = parse_script(f"GRANT SELECT ({text}) ON t TO PUBLIC").statements[0]
    return [unwrap(column).sval for column in unwrap(statement.node.privileges[0]).cols]


def listed(privileges: Iterable[tuple[str, str]]) -> Sql:
    """Privileges as SQL."""
    return Sql(", ".join(f"{name} ({ident_list([column])})" if column else name for name, column in privileges))


def held(change: Privileges, schema: Schema, role: str) -> dict[tuple[str, str], bool]:
    """Privileges a role was granted on the object, by privilege and column, and whether it may pass each on."""
    if change.on == "table":
        relation = schema.relation(change.target)
        return _of_relation(relation, role) if relation else {}
    grants = schema.objects.grants.get(change.key, ())
    return {(each.privilege, ""): each.is_grantable for each in grants if _is(each, role)}


def _of_relation(relation: Relation, role: str) -> dict[tuple[str, str], bool]:
    found = {(each.privilege, ""): each.is_grantable for each in relation.grants if _is(each, role)}
    for column in relation.columns:
        found |= {(each.privilege, column.name): each.is_grantable for each in column.grants if _is(each, role)}
    return found


def _is(grant: Grant, role: str) -> bool:
    return grant.grantee == ("" if role == "public" else role)


def owner(change: Privileges, schema: Schema) -> str:
    """Who owns the object; an empty string: not known."""
    if change.on == "table":
        relation = schema.relation(change.target)
        return relation.owner if relation else ""
    return schema.objects.owners.get(change.key, "")


def is_made(change: Privileges, context: Context) -> bool:
    """Whether an earlier change of the migration makes the object."""
    if change.on == "table":
        return change.target in context.created or ("VIEW", change.schema, change.name) in context.made
    return change.key in context.made


def not_to_grant(change: Privileges, context: Context, phase: Phase) -> Iterator[Obstacle]:
    """Privileges that are not for this role to give or to take: the server would only warn, and do less, or nothing."""
    relation = context.schema.relation(change.target) if change.on == "table" else None
    there = {column.name for column in relation.columns} if relation else set()
    privileges = [each for each in single(change, context.schema) if not each[1] or each[1] in there]
    if context.schema.is_known and not is_made(change, context) and privileges:
        query = render(
            "changes/not_to_grant.sql.mako",
            on=change.on,
            bare=change.name,
            name=str(qualified(None if change.on == "schema" else change.schema, change.name)),
            privileges=privileges,
        )
        yield Obstacle(
            Sql(query),
            f"privileges on {change} are not for this role to grant or to revoke",
            "run it as the role that owns it, or as one that has them WITH GRANT OPTION",
            phase,
        )


def require_object(change: Privileges, context: Context) -> None:
    """Refuse what is not there, and roles and columns that are not.

    Raises:
        Refused: with what is missing.
    """
    require_roles(change.roles, context)
    wanted = single(change, context.schema)
    if is_made(change, context) or not context.schema.is_known:
        return
    if change.on == "table":
        relation = context.schema.relation(change.target)
        if relation is None:
            raise Refused(f'table "{change.target}" does not exist')
        missing = {column for _, column in wanted if column and relation.column(column) is None}
        made = {key[3] for key in context.made if key[:3] == ("COLUMN", change.schema, change.name)}
        if missing - made:
            raise Refused(f'column "{min(missing - made)}" of table "{change.target}" does not exist')
    elif change.key not in context.schema.objects.owners:
        raise Refused(f"{change} does not exist" + (", or has several of that name" if change.on == "function" else ""))
