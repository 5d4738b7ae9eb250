"""Change the default or the checks of a domain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from migrator.changes.kind import Context, Expression, Obstacle
from migrator.changes.statement import AtContract, unchecked
from migrator.changes.user_type import OnType, named_type
from migrator.errors import Refused
from migrator.model.objects import Domain, DomainColumn
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, expression, ident, qualified, type_name
from migrator.sql.parser import deparse_expression, pb, unwrap
from migrator.sql.rewrite import with_value

_MOST_BYTES = 32 * 2**20
"""The server reads every table with a column of the domain under a lock that writes wait for. Of narrow rows, 47 MB
took 270 ms on two busy cores; the usual ``lock_timeout`` is 500 ms."""

_Action = Literal[
    "set default", "drop default", "set not null", "drop not null", "add constraint", "drop constraint"
]  # fmt: skip


class DomainAlteration(OnType, frozen=True):
    """Parameters of ``alter_domain``.

    Attributes:
        action: what becomes of it.
        value: the default or the condition over VALUE, as SQL.
        constraint: the name of the constraint.
    """

    action: _Action
    value: str = ""
    constraint: str = ""


class AlterDomain(AtContract[DomainAlteration]):
    """Change the default or the checks of a domain.

    What happens
        A default, NOT NULL and checks are for every column of the domain, whichever version writes it, so contract
        changes them once no old code is left. What tightens makes writes to the tables with such columns wait while the
        server reads them, within ``lock_timeout``: if that is not enough, nothing has changed. Values that violate it
        are counted before the gate. There is nothing to undo before contract.

    What is refused
        NOT NULL and checks over more than 32 MB of tables: a CHECK of each table is validated while writes go on.
        Domains in arrays and composite types, whose values the server does not check. NOT VALID, which refuses what old
        code writes all the same. Constraints that are there, or are not; values the server does not accept.

    Limits
        Until contract, new code must keep to the new check by itself. Values of variables and parameters are not looked
        at.

    Example:
        ALTER DOMAIN email ADD CONSTRAINT has_at CHECK (VALUE LIKE '%@%')
    """

    name = "alter_domain"
    spec = DomainAlteration
    verb = "alter"
    why = "it holds for every column of the domain, whichever version writes it"

    def recognise(self, action: Action, schema: Schema) -> DomainAlteration | None:
        """``ALTER DOMAIN …`` with a default, NOT NULL or a constraint."""
        node = action.node
        if action.kind != "alter_domain_stmt":
            return None
        target = named_type(node.type_name, schema)
        definition: Any = unwrap(getattr(node, "def")) if node.HasField("def") else None
        place = {"schema": target.schema, "type": target.name}
        if node.subtype == "T":
            default = deparse_expression(getattr(node, "def")) if definition is not None else ""
            kept = default if default.upper() != "NULL" else ""
            return DomainAlteration(**place, action="set default" if kept else "drop default", value=kept)
        if node.subtype in ("N", "O"):
            return DomainAlteration(**place, action="drop not null" if node.subtype == "N" else "set not null")
        if node.subtype == "X":
            if node.behavior == pb.DROP_CASCADE or node.missing_ok:
                raise Refused(f'constraint "{node.name}" of domain "{target}"', hint="leave CASCADE and IF EXISTS out")
            return DomainAlteration(**place, action="drop constraint", constraint=node.name)
        if node.subtype == "C" and definition.contype == pb.CONSTR_CHECK:
            if definition.skip_validation:
                raise Refused(
                    f'a NOT VALID check of domain "{target}" refuses what old code writes all the same',
                    hint="leave NOT VALID out: contract adds it, or refuses to if the tables are large",
                )
            return DomainAlteration(
                **place,
                action="add constraint",
                value=deparse_expression(definition.raw_expr),
                constraint=definition.conname or f"{target.name}_check",
            )
        raise Refused(
            f'this change of domain "{target}" is of no kind here',
            hint="say yourself when it runs: -- migrator: phase = contract",
        )

    def validate(self, change: DomainAlteration, context: Context) -> Iterator[str]:
        """It is there, and what tightens can be checked in time."""
        if bool(change.value) != (change.action in ("set default", "add constraint")):
            raise Refused(f'{change.action} of domain "{change.target}": value= goes with a new default or check')
        if bool(change.constraint) != change.action.endswith("constraint"):
            raise Refused(f'{change.action} of domain "{change.target}": constraint= goes with a constraint')
        if ("DOMAIN", change.schema, change.type) in context.made:
            raise Refused(f'domain "{change.target}" is created by this migration', hint="write it there")
        yield from unchecked(context, f"which tables use domain {change.target}")
        self.before_contract(change, context)
        found = _domain(change, context)
        for column in _columns(found):
            if change.action in ("set not null", "add constraint"):
                yield f"writes to {column.schema}.{column.table} wait while contract reads it"

    def before_contract(self, change: DomainAlteration, context: Context) -> None:
        """As before expand."""
        if not context.schema.is_known:
            return
        found = _domain(change, context)
        if found is None:
            raise Refused(f'domain "{change.target}" does not exist')
        if change.action == "add constraint" and change.constraint in found.constraints:
            raise Refused(f'constraint "{change.constraint}" of domain "{change.target}" exists already')
        if change.action == "drop constraint" and change.constraint not in found.constraints:
            raise Refused(
                f'constraint "{change.constraint}" of domain "{change.target}" does not exist',
                detail="constraints: " + (", ".join(found.constraints) or "none"),
            )
        if change.action not in ("set not null", "add constraint"):
            return
        if found.is_nested:
            raise Refused(
                f'domain "{change.target}" is in an array or a composite type, whose values the server does not check',
                hint="add a CHECK to the tables instead",
            )
        tables = {(column.schema, column.table): column.total_bytes for column in found.columns}
        if sum(tables.values()) > _MOST_BYTES:
            raise Refused(
                f'tables with columns of domain "{change.target}" hold {sum(tables.values()) // 2**20} MB, and writes '
                f"to them would wait while all of it is read; at most {_MOST_BYTES // 2**20} MB",
                detail="\n".join(f"{schema}.{table}" for schema, table in tables),
                hint="ALTER TABLE … ADD CHECK on each of them: that is validated while writes go on",
            )

    def expressions(self, change: DomainAlteration, context: Context) -> Iterator[Expression]:
        """The default, or the condition."""
        found = _domain(change, context)
        if found is None or not change.value:
            return
        is_default = change.action == "set default"
        yield Expression(
            change.value,
            self.template(
                "accepted",
                base=type_name(found.base),
                default=expression(change.value) if is_default else Sql("NULL"),
                condition=Sql("true") if is_default else expression(change.value),
            ),
        )

    def obstacles(self, change: DomainAlteration, context: Context) -> Iterator[Obstacle]:
        """Values that violate it."""
        for column in _columns(_domain(change, context)):
            if change.action == "set not null":
                condition = Sql(f"{ident(column.column)} IS NOT NULL")
            elif change.action == "add constraint":
                condition = with_value(change.value, "value", ident(column.column))
            else:
                continue
            table = qualified(column.schema, column.table)
            yield Obstacle(
                self.template("violating", table=table, condition=condition),
                f'rows of {table} violate the new condition of domain "{change.target}" in column "{column.column}"',
                f"repair them first; they are those WHERE NOT ({condition})",
            )

    def statement(self, change: DomainAlteration, context: Context) -> Sql:
        """The change."""
        del context
        actions = {
            "set default": f"SET DEFAULT {expression(change.value)}" if change.action == "set default" else "",
            "add constraint": (
                f"ADD CONSTRAINT {ident(change.constraint)} CHECK ({expression(change.value)})"
                if change.action == "add constraint"
                else ""
            ),
            "drop constraint": f"DROP CONSTRAINT {ident(change.constraint)}" if change.constraint else "",
        }
        action = actions.get(change.action, change.action.upper())
        return self.template("alter", domain=change.sql, action=Sql(action))

    def subject(self, change: DomainAlteration) -> str:
        """The domain."""
        return change.type


def _domain(change: DomainAlteration, context: Context) -> Domain | None:
    return context.schema.objects.domains.get((change.schema, change.type))


def _columns(domain: Domain | None) -> tuple[DomainColumn, ...]:
    return domain.columns if domain else ()
