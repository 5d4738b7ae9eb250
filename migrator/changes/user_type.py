"""Types as objects of a change: their parameters and how statements name them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from migrator.changes.kind import Context, Spec
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName, TypedColumn, UserType
from migrator.sql.compose import Sql, qualified
from migrator.sql.parser import parse_expression, pb, unwrap, walk
from migrator.templating import render

LONGEST_LABEL_BYTES = 63
"""NAMEDATALEN - 1; a longer one is an error (PostgreSQL: CREATE TYPE, Enumerated Types)."""


class OnType(Spec, frozen=True):
    """Parameters of a change of a type.

    Attributes:
        schema: of the type.
        type: its name.
    """

    schema: str
    type: str

    @property
    def target(self) -> TableName:
        """The type; types and tables share their names, because every table has a row type."""
        return TableName(self.schema, self.type)

    @property
    def sql(self) -> Sql:
        """The type as written in SQL."""
        return qualified(self.schema, self.type)


def require_free_type(change: OnType, context: Context) -> None:
    """Refuse a name that is taken.

    Raises:
        Refused: by a type, by the row type of a table or view, or earlier in the same migration; or a schema that is
            not there.
    """
    taken = context.schema.types.get(change.target)
    if taken is not None:
        raise Refused(f'{taken.kind} "{change.target}" exists already')
    if change.target in context.created:
        raise Refused(f'"{change.target}" is the row type of a table of this migration')
    made = {key[1:] for key in context.made if key and key[0] in ("TYPE", "DOMAIN")}
    if (change.schema, change.type) in made:
        raise Refused(f'type "{change.target}" is created twice in this migration')
    is_there = change.schema in context.schema.objects.schemas or ("SCHEMA", change.schema) in context.made
    if context.schema.is_known and not is_there:
        raise Refused(f'schema "{change.schema}" does not exist')


def names_type(text: str, types: Collection[TableName]) -> bool:
    """Whether a type as SQL, ``app.mood[]``, is one of these; an unqualified name may be that of any schema."""
    name = next(node for node in walk(parse_expression(f"NULL::{text}")) if isinstance(node, pb.TypeName))
    *place, own = [unwrap(part).sval for part in name.names]
    return any(each.name == own and (not place or each.schema == place[-1]) for each in types)


def named_type(parts: Any, schema: Schema) -> TableName:
    """The type that a list of name parts means; one that is not there goes to the first schema of the search path."""
    names = [unwrap(part).sval for part in parts]
    if len(names) > 1:
        return TableName(names[-2], names[-1])
    found = (TableName(place, names[0]) for place in schema.search_path)
    return next(
        (candidate for candidate in found if candidate in schema.types), TableName(schema.search_path[0], names[0])
    )


def require_enum(change: OnType, context: Context) -> UserType | None:
    """The enum a change is about; None when no database was asked.

    Raises:
        Refused: it does not exist, or is a type of another sort.
    """
    if not context.schema.is_known:
        return None
    found = context.schema.types.get(change.target)
    if found is None:
        raise Refused(f'type "{change.target}" does not exist')
    if found.kind != "enum":
        raise Refused(f'"{change.target}" is a {found.kind}, not an enum')
    return found


def require_label(label: str) -> None:
    """Make sure the server accepts a label of an enum.

    Raises:
        Refused: it is empty, or longer than 63 bytes.
    """
    if not 0 < len(label.encode()) <= LONGEST_LABEL_BYTES:
        raise Refused(
            f"'{label}' is {len(label.encode())} bytes long: the value of an enum has 1 to {LONGEST_LABEL_BYTES} bytes"
        )


def rows_holding(label: str, columns: Collection[TypedColumn]) -> Sql:
    """A query that counts the rows of these columns with a value of their enum, which need not have it any more."""
    return Sql(
        render(
            "changes/rows_holding.sql.mako",
            label=label,
            columns=[(qualified(each.table.schema, each.table.name), each.column, each.is_array) for each in columns],
        )
    )
