"""Tablespaces of tables and indexes: whether one can be moved there, and where it was before."""

from __future__ import annotations

from migrator.changes.kind import Context
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.compose import ident, ident_list


def require_tablespace(name: str, where: str, what: str, context: Context) -> None:
    """Make sure that something can be moved to a tablespace.

    Args:
        name: of the tablespace.
        where: it is, as ``Relation.tablespace`` says it.
        what: is moved, for messages.

    Raises:
        Refused: it is there already, there is no such tablespace, or this role may not use it.
    """
    ident(name)
    if name == before(where, context.schema):
        raise Refused(f'{what} is in tablespace "{name}" already')
    known = context.schema.objects.tablespaces
    if name not in known:
        raise Refused(
            f'tablespace "{name}" does not exist', detail=f"tablespaces: {ident_list(sorted(known)) or 'none'}"
        )
    if not known[name]:
        raise Refused(
            f'this role may not put anything into tablespace "{name}"',
            hint=f"as a superuser, with the name of this role: GRANT CREATE ON TABLESPACE {ident(name)} TO …",
        )


def before(where: str, schema: Schema) -> str:
    """The name of the tablespace it is in; an empty ``where`` is that of the database."""
    return where or schema.objects.default_tablespace
