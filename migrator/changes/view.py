"""Views as objects of a change: their parameters, what their query reads, and what depends on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from migrator.changes.kind import Context, Expression, Obstacle, Spec
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.compose import Sql, ident, ident_list, qualified, type_name
from migrator.sql.parser import deparse, parse_script, pb, unwrap, walk
from migrator.sql.rewrite import statement_sql
from migrator.templating import render

_SECURITY_INVOKER_SINCE = 15

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


class DefinedView(OnView, frozen=True):
    """Parameters of a change that gives a view a query.

    Attributes:
        definition: ``CREATE VIEW …`` with its own name and those it reads qualified.
    """

    sort: ClassVar[str] = "view"

    definition: str

    @property
    def node(self) -> Any:
        """The ``ViewStmt``.

        Raises:
            Refused: the definition is something else.
        """
        return view_statement(self.definition)

    @property
    def named(self) -> Any:
        """The ``RangeVar`` of the view in its definition."""
        return self.node.view

    @property
    def reads(self) -> list[TableName]:
        """The tables and views its query reads, once each."""
        found = relations_read(self.node.query)
        return list(dict.fromkeys(TableName(read.schemaname, read.relname) for read in found if read.schemaname))


def defined(node: Any, schema: Schema) -> tuple[TableName, Sql]:
    """Name and definition of the view that a ``ViewStmt`` makes, everything qualified, OR REPLACE left out.

    Raises:
        Refused: it is temporary, or its name is too long.
    """
    made = pb.ViewStmt()
    made.CopyFrom(node)
    made.replace = False
    refuse_temporary(made)
    ident(made.view.relname)
    target = TableName(made.view.schemaname or schema.search_path[0], made.view.relname)
    made.view.schemaname = target.schema
    for read in relations_read(made.query):
        read.schemaname = schema.resolve(read.schemaname or None, read.relname).schema
    return target, statement_sql("view_stmt", made)


def refuse_temporary(node: Any) -> None:
    """Refuse a view that would be gone with the connection.

    Raises:
        Refused: it is temporary.
    """
    if node.view.relpersistence == "t":
        raise Refused(
            f'view "{node.view.relname}" would be temporary: it would be gone with the connection that runs the step'
        )


def require_definition(change: DefinedView, context: Context) -> Any:
    """The ``ViewStmt`` of a change, whose definition is that of its view and reads nothing that a renaming removes.

    Raises:
        Refused: it is not so.
    """
    node = change.node
    refuse_temporary(node)
    if node.replace:
        raise Refused(f'the definition of view "{change.target}" is written with OR REPLACE', hint="leave it out")
    require_names(change, context)
    if 0 < context.schema.server_version < _SECURITY_INVOKER_SINCE and "security_invoker" in options_of(node):
        raise Refused(
            f"security_invoker needs PostgreSQL {_SECURITY_INVOKER_SINCE}, "
            f"the server is of version {context.schema.server_version}"
        )
    return node


def require_names(change: DefinedView, context: Context) -> None:
    """Make sure that a definition is that of its view, and reads nothing that a renaming removes.

    Raises:
        Refused: it is not so.
    """
    node, named = change.node, change.named
    if (named.schemaname, named.relname) != (change.schema, change.view):
        raise Refused(
            f'the definition does not create "{change.target}"',
            detail=f"it creates {named.schemaname or '(no schema)'}.{named.relname}",
            hint=f"write CREATE {change.sort.upper()} {change.sql} AS …",
        )
    for read in relations_read(node.query):
        if not read.schemaname:
            raise Refused(f'the definition reads "{read.relname}" without saying its schema')
    for name in change.reads:
        if context.renamed.get(name):
            raise Refused(
                f'{change.sort} "{change.target}" reads "{name}", a column of which this migration renames',
                hint="write two migrations, and contract the renaming before the view",
            )


def require_read(change: DefinedView, context: Context) -> None:
    """Make sure that what a query reads is there, and that nothing has the name of its view.

    Raises:
        Refused: it is not so.
    """
    for name in change.reads:
        if context.schema.is_known and name not in context.created and context.schema.relation(name) is None:
            raise Refused(
                f'"{name}", which {change.sort} "{change.target}" reads, does not exist',
                hint="a view that reads a view of the same migration needs a migration of its own, after it",
            )
    if change.target in context.created:
        raise Refused(f'"{change.target}" is created twice in this migration')


def query_of(change: DefinedView, context: Context) -> Iterator[Expression]:
    """The query of a view, which the server must understand; not one over tables that are not there yet."""
    if any(name in context.created for name in change.reads):
        return
    node = change.node
    query = Sql(deparse("select_stmt", unwrap(node.query)))
    names = _aliases(node)
    columns = Sql(f" ({ident_list(names)})" if names else "")
    yield Expression(
        f"the query of {change.sort} {change.target}",
        Sql(render("changes/view_query.sql.mako", query=query, columns=columns)),
    )


def keeps_columns(change: DefinedView, relation: Relation) -> bool:
    """Whether the columns a view has come first in its new query, by name and in their order."""
    before, after = [each.name for each in relation.columns], output_columns(change.node)
    return after is not None and after[: len(before)] == before


def require_free(relation: Relation) -> None:
    """Refuse a view that is made anew while others hold on to the old one.

    Raises:
        Refused: they are named.
    """
    in_the_way = [*relation.users, *(f"trigger {each.name}" for each in relation.own_triggers)]
    own = {"rule": "rule of", "statistics object": "statistics"}
    in_the_way += sorted({f"{own[each.kind]} {each.name}" for each in relation.dependents if each.kind in own})
    in_the_way += [f"rule {name}" for name in relation.rules]
    if in_the_way:
        raise Refused(
            f'{relation.kind} "{relation.name}" would be made anew, and other objects hold on to it',
            detail="\n".join(in_the_way),
            hint="drop them in a migration before this one, and create them again after it",
        )


def require_replaceable(change: DefinedView, context: Context) -> Relation:
    """The view that gets a new query.

    Raises:
        Refused: no database was asked, it does not exist, or is a relation of another sort.
    """
    if not context.schema.is_known:
        raise Refused(
            f'what hangs on {change.sort} "{change.target}" is not known without a database',
            hint="export DATABASE_URL=postgresql://…, and run it again",
        )
    relation = context.schema.relation(change.target)
    if relation is None:
        raise Refused(
            f'{change.sort} "{change.target}" does not exist', hint=f"CREATE {change.sort.upper()} creates it"
        )
    if relation.kind != change.sort:
        raise Refused(f'"{change.target}" is a {relation.kind}, not a {change.sort}')
    return relation


def refuse_lost_options(relation: Relation, named: set[str]) -> None:
    """Refuse a definition that does not name the options a view has.

    Raises:
        Refused: some would be lost.
    """
    lost = {each.partition("=")[0] for each in relation.options} - named
    if lost:
        raise Refused(
            f'{relation.kind} "{relation.name}" has options the new definition does not name: they would be lost',
            detail=", ".join(relation.options),
            hint=f"write WITH ({', '.join(relation.options)}) into it, or the values they shall have",
        )


def retyped(change: DefinedView, relation: Relation, hint: str) -> Obstacle:
    """Columns that would come with another type, which old code does not expect; before expand."""
    query = Sql(deparse("select_stmt", unwrap(change.node.query)))
    return Obstacle(
        Sql(
            render(
                "changes/view_retyped.sql.mako",
                query=query,
                names=ident_list(output_columns(change.node) or []),
                columns=[(each.name, type_name(each.type_name)) for each in relation.columns],
            )
        ),
        f"columns of {change.sort} {change.target} would change their type",
        hint,
        Phase.EXPAND,
    )


def carry_over(sort: str, view: Sql, aside: Sql, indexes: Iterable[tuple[Sql, Sql]] = ()) -> Sql:
    """A block that gives a view what another one has: owner, privileges, comments, defaults of columns.

    Args:
        sort: ``view`` or ``materialized view``, of both.
        view: gets it.
        aside: has it.
        indexes: of each index of ``aside`` that has a counterpart, its name and that of the counterpart.
    """
    return Sql(
        render(
            "changes/view_carry_over.sql.mako",
            sort=Sql(sort.upper()),
            is_materialized=sort != "view",
            view=str(view),
            aside=str(aside),
            indexes=[(str(before), str(after)) for before, after in indexes],
        )
    )


def options_of(node: Any) -> set[str]:
    """Names of the options of a ``ViewStmt``, WITH CHECK OPTION included, as the catalog calls them."""
    checks = (
        {"check_option"}
        if node.with_check_option not in (pb.VIEW_CHECK_OPTION_UNDEFINED, pb.NO_CHECK_OPTION)
        else set()
    )
    return {unwrap(each).defname for each in node.options} | checks


def output_columns(node: Any) -> list[str] | None:
    """Names of the columns the statement that makes a view gives it; None where its text does not tell them."""
    query = unwrap(node.query)
    while query.op != pb.SETOP_NONE:
        query = query.larg
    names: list[str] = []
    for target in map(unwrap, query.target_list):
        value = unwrap(target.val)
        last = unwrap(value.fields[-1]) if isinstance(value, pb.ColumnRef) else None
        name = target.name or (last.sval if isinstance(last, pb.String) else "")
        if not name:
            return None
        names.append(name)
    aliases = _aliases(node)
    return [*aliases, *names[len(aliases) :]]


def _aliases(node: Any) -> list[str]:
    """The names of columns that are written before the query."""
    return [unwrap(each).sval for each in (node.aliases if isinstance(node, pb.ViewStmt) else node.into.col_names)]


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


def standing_on(view: Sql) -> Sql:
    """A query that counts the rules and triggers users made on a view."""
    return Sql(render("changes/view_own.sql.mako", view=str(view)))


def users_of(view: Sql) -> Sql:
    """A query that counts the objects besides its own rules, triggers and indexes that need a view or its row type."""
    return Sql(render("changes/view_users.sql.mako", view=str(view)))
