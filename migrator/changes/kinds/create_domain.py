"""Create a domain: a type that checks its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from migrator.changes.kind import Context, Expression
from migrator.changes.statement import OneStatement
from migrator.changes.user_type import OnType, require_free_type
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident, type_name
from migrator.sql.parser import deparse_expression, deparse_type, parse_script, pb, unwrap


class DomainCreation(OnType, frozen=True):
    """Parameters of ``create_domain``.

    Attributes:
        definition: what follows AS: ``text NOT NULL CHECK (VALUE <> '')``.
    """

    definition: str


class CreateDomain(OneStatement[DomainCreation]):
    """Create a domain: a type that checks its values.

    What happens
        Expand creates it; old code does not see it, and no table is locked. There is nothing to contract. Rollback
        drops it.

    What is refused
        A name that is taken, a type that is not there, a CHECK or DEFAULT that the server does not accept.

    Limits
        A column of a domain that checks its values cannot be added without rewriting the table, so ``add_column``
        refuses it, also in this migration; a table that is created may have one. A check that is changed later reads
        every table that uses it: a CHECK of the table leaves more freedom. Rollback fails, and keeps its state, while
        columns that are not of this migration use it.

    Example:
        CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%')
    """

    name = "create_domain"
    spec = DomainCreation
    verb = "create"
    why = "old code does not see it"

    def recognise(self, action: Action, schema: Schema) -> DomainCreation | None:
        """``CREATE DOMAIN …``."""
        if action.kind != "create_domain_stmt":
            return None
        parts = [unwrap(part).sval for part in action.node.domainname]
        ident(parts[-1])
        return DomainCreation(
            schema=parts[-2] if len(parts) > 1 else schema.search_path[0],
            type=parts[-1],
            definition=_written(action.node),
        )

    def makes(self, change: DomainCreation) -> tuple[str, ...]:
        """The domain."""
        return ("DOMAIN", change.schema, change.type)

    def validate(self, change: DomainCreation, context: Context) -> Iterator[str]:
        """The name is free."""
        require_free_type(change, context)
        _parsed(change)
        yield from ()

    def expressions(self, change: DomainCreation, context: Context) -> Iterator[Expression]:
        """Its type, checks and default."""
        if not context.schema.is_known or context.created_types:
            return
        node = _parsed(change)
        given = [unwrap(each) for each in node.constraints]
        conditions = [deparse_expression(each.raw_expr) for each in given if each.contype == pb.CONSTR_CHECK]
        defaults = [deparse_expression(each.raw_expr) for each in given if each.contype == pb.CONSTR_DEFAULT]
        yield Expression(
            f'the definition of domain "{change.target}"',
            self.template(
                "accepted",
                type=type_name(deparse_type(node.type_name)),
                default=Sql(defaults[0] if defaults else "NULL"),
                condition=Sql(" AND ".join(f"({each})" for each in conditions) or "true"),
            ),
        )

    def statement(self, change: DomainCreation, context: Context) -> Sql:
        """The domain."""
        del context
        return self.template("create", domain=change.sql, definition=Sql(_written(_parsed(change))))

    def undo(self, change: DomainCreation, context: Context) -> Iterable[Sql]:
        """The domain goes."""
        del context
        yield self.template("drop", domain=change.sql)

    def subject(self, change: DomainCreation) -> str:
        """The domain."""
        return change.type


def _parsed(change: DomainCreation) -> Any:
    statements = parse_script(f"CREATE DOMAIN d AS {change.definition}", "definition").statements
    if len(statements) != 1 or statements[0].kind != "create_domain_stmt":
        raise Refused(
            f"not the definition of a domain: {change.definition}", hint="definition=\"text CHECK (VALUE <> '')\""
        )
    return statements[0].node


def _written(node: Any) -> str:
    parts = [deparse_type(node.type_name)]
    if node.HasField("coll_clause"):
        names = [unwrap(part).sval for part in node.coll_clause.collname]
        parts.append("COLLATE " + ".".join(ident(name) for name in names))
    return " ".join([*parts, *(_constraint(unwrap(each)) for each in node.constraints)])


def _constraint(node: Any) -> str:
    named = f"CONSTRAINT {ident(node.conname)} " if node.conname else ""
    if node.contype == pb.CONSTR_NOTNULL:
        return f"{named}NOT NULL"
    if node.contype == pb.CONSTR_NULL:
        return f"{named}NULL"
    if node.contype == pb.CONSTR_DEFAULT:
        return f"DEFAULT {deparse_expression(node.raw_expr)}"
    if node.contype == pb.CONSTR_CHECK:
        return f"{named}CHECK ({deparse_expression(node.raw_expr)})"
    raise Refused("a domain has NOT NULL, CHECK and DEFAULT only")
