"""Views as objects of a change: their parameters, what their query reads, and what depends on them."""

from __future__ import annotations

from typing import Any

from migrator.changes.kind import Spec
from migrator.errors import Refused
from migrator.model.schema import TableName
from migrator.sql.compose import Sql, qualified
from migrator.sql.parser import parse_script, pb, walk
from migrator.templating import render

_CATALOG_PREFIX = "pg_"
"""Names that begin so are the system's own, and are found without a schema."""


class OnView(Spec, frozen=True):
    """Parameters of a change of a view.

    Attributes:
        schema: of the view.
        view: its name.
    """

    schema: str
    view: str

    @property
    def target(self) -> TableName:
        """The view."""
        return TableName(self.schema, self.view)

    @property
    def sql(self) -> Sql:
        """The view as written in SQL."""
        return qualified(self.schema, self.view)


def relations_read(query: Any) -> list[Any]:
    """The ``RangeVar`` of every table and view a query reads, its own WITH queries and the system catalogs left out.

    A table that is called like a WITH query of the same statement is taken for that query unless its schema is written.
    """
    nodes = list(walk(query))
    own = {node.ctename for node in nodes if isinstance(node, pb.CommonTableExpr)}
    return [
        node
        for node in nodes
        if isinstance(node, pb.RangeVar)
        and (node.schemaname or (node.relname not in own and not node.relname.startswith(_CATALOG_PREFIX)))
        and node.schemaname not in ("pg_catalog", "information_schema")
    ]


def view_statement(definition: str) -> Any:
    """The ``ViewStmt`` that a definition is.

    Raises:
        Refused: it is another statement, or more than one.
    """
    statements = parse_script(definition, "definition").statements
    if len(statements) != 1 or statements[0].kind != "view_stmt":
        raise Refused("the definition of a view is one CREATE VIEW statement", detail=definition[:300])
    return statements[0].node


def users_of(view: Sql) -> Sql:
    """A query that counts the objects besides its own rules, triggers and indexes that need a view or its row type."""
    return Sql(render("changes/view_users.sql.mako", view=str(view)))
