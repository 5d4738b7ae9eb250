"""Types as objects of a change: their parameters and how statements name them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from migrator.changes.kind import Spec
from migrator.model.schema import Schema, TableName
from migrator.sql.compose import Sql, qualified
from migrator.sql.parser import parse_expression, pb, unwrap, walk


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
