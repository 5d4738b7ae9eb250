"""Materialized views as objects of a change: their parameters, and the statements that make and fill them."""

from __future__ import annotations

from typing import Any, ClassVar

from migrator.changes.view import DefinedView, relations_read
from migrator.errors import Refused
from migrator.model.schema import Index, Relation, Schema, TableName
from migrator.sql.compose import Sql, ident
from migrator.sql.parser import parse_script, pb, unwrap
from migrator.sql.rewrite import statement_sql
from migrator.templating import render


class DefinedMaterializedView(DefinedView, frozen=True):
    """Parameters of a change that gives a materialized view a query.

    Attributes:
        definition: ``CREATE MATERIALIZED VIEW …`` with its own name and those it reads qualified.
    """

    sort: ClassVar[str] = "materialized view"

    @property
    def node(self) -> Any:
        """The ``CreateTableAsStmt``.

        Raises:
            Refused: the definition is something else.
        """
        statements = parse_script(self.definition, "definition").statements
        if len(statements) != 1 or not is_creation(statements[0].kind, statements[0].node):
            raise Refused(
                "the definition of a materialized view is one CREATE MATERIALIZED VIEW statement",
                detail=self.definition[:300],
            )
        return statements[0].node

    @property
    def named(self) -> Any:
        """The ``RangeVar`` of the view in its definition."""
        return self.node.into.rel

    @property
    def is_filled(self) -> bool:
        """Whether it is to have rows."""
        return not self.node.into.skip_data


def is_creation(kind: str, node: Any) -> bool:
    """Whether a statement is CREATE MATERIALIZED VIEW."""
    return kind == "create_table_as_stmt" and node.objtype == pb.OBJECT_MATVIEW


def defined(node: Any, schema: Schema) -> tuple[TableName, Sql]:
    """Name and definition of the materialized view a ``CreateTableAsStmt`` makes, everything qualified.

    Raises:
        Refused: it is made only if it is not there, or its name is too long.
    """
    made = pb.CreateTableAsStmt()
    made.CopyFrom(node)
    named = made.into.rel
    ident(named.relname)
    if made.if_not_exists:
        raise Refused(
            f'IF NOT EXISTS would leave a materialized view "{named.relname}" of another query as it is',
            hint="leave it out",
        )
    target = TableName(named.schemaname or schema.search_path[0], named.relname)
    named.schemaname = target.schema
    for read in relations_read(made.query):
        read.schemaname = schema.resolve(read.schemaname or None, read.relname).schema
    return target, statement_sql("create_table_as_stmt", made)


def empty_creation(node: Any, name: str = "") -> Sql:
    """The statement that makes it WITH NO DATA, under another name of its schema if one is given."""
    made = pb.CreateTableAsStmt()
    made.CopyFrom(node)
    made.into.skip_data = True
    if name:
        made.into.rel.relname = name
    return statement_sql("create_table_as_stmt", made)


def refresh(view: Sql, *, concurrently: bool = False) -> Sql:
    """REFRESH MATERIALIZED VIEW."""
    return Sql(render("changes/refresh.sql.mako", view=view, concurrently=concurrently))


def copied_index(index: Index, *, name: str, view: str) -> Sql:
    """``CREATE INDEX CONCURRENTLY`` like an existing index, on another view of the same schema, where it lies too."""
    node = pb.IndexStmt()
    node.CopyFrom(parse_script(index.definition).statements[0].node)
    node.idxname, node.relation.relname, node.table_space = name, view, index.tablespace
    node.concurrent = True
    return statement_sql("index_stmt", node)


def options_of(node: Any) -> set[str]:
    """Names of the storage parameters of a ``CreateTableAsStmt``, as the catalog calls them."""
    given = (unwrap(each) for each in node.into.options)
    return {f"{each.defnamespace}.{each.defname}" if each.defnamespace else each.defname for each in given}


def can_refresh_concurrently(relation: Relation) -> bool:
    """Whether it has a valid unique index over plain columns of all rows, as REFRESH … CONCURRENTLY needs."""
    return any(each.is_unique and each.is_valid and _is_plain(each.definition) for each in relation.indexes)


def _is_plain(definition: str) -> bool:
    node = parse_script(definition).statements[0].node
    return not node.HasField("where_clause") and all(unwrap(each).name for each in node.index_params)
