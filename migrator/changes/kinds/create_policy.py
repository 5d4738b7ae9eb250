"""Create a row security policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from migrator.changes.kind import Context, Expression
from migrator.changes.policy import OnPolicy, conditions, policed_table, require_roles, roles_of, roles_sql
from migrator.changes.statement import OneStatement
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, expression, ident
from migrator.sql.parser import deparse_expression


class PolicyCreation(OnPolicy, frozen=True):
    """Parameters of ``create_policy``.

    Attributes:
        using: condition on the rows that are seen, as SQL; an empty string: none.
        check: condition on the rows that are written, as SQL; an empty string: ``using``.
        command: what it is for.
        roles: whom it is for; ``public`` is everybody.
        permissive: whether it lets rows through; False: it keeps rows back that others let through.
    """

    using: str = ""
    check: str = ""
    command: Literal["all", "select", "insert", "update", "delete"] = "all"
    roles: tuple[str, ...] = ("public",)
    permissive: bool = True


class CreatePolicy(OneStatement[PolicyCreation]):
    """Create a row security policy.

    What happens
        A permissive policy only lets more rows through, and has no effect while row level security is off, so expand
        creates it, with a lock of a moment. A restrictive one keeps rows back from old code too, so contract creates
        it. On a table that the same migration creates, both come in expand. Rollback drops it.

    What is refused
        Conditions the server does not accept as true or false, roles and tables that are not there, a name that is
        taken, CURRENT_USER as a role.

    Limits
        Where row level security is on, old code sees the rows too that a new permissive policy lets through. The owner
        of the table, superusers and roles with BYPASSRLS are not bound by policies, the owner unless it is FORCEd.

    Example:
        CREATE POLICY own_rows ON orders USING (tenant = current_setting('app.tenant', true))
    """

    name = "create_policy"
    spec = PolicyCreation
    verb = "policy"
    why = "whose rows are let through"

    def recognise(self, action: Action, schema: Schema) -> PolicyCreation | None:
        """``CREATE POLICY …``."""
        if action.kind != "create_policy_stmt":
            return None
        node = action.node
        target = schema.resolve(node.table.schemaname, node.table.relname)
        ident(node.policy_name)
        return PolicyCreation(
            schema=target.schema,
            table=target.name,
            policy=node.policy_name,
            using=deparse_expression(node.qual) if node.HasField("qual") else "",
            check=deparse_expression(node.with_check) if node.HasField("with_check") else "",
            command=node.cmd_name,
            roles=roles_of(node.roles),
            permissive=node.permissive,
        )

    def makes(self, change: PolicyCreation) -> tuple[str, ...]:
        """The policy, which a restrictive one is only at contract."""
        return ("POLICY", change.schema, change.table, change.policy) if change.permissive else ()

    def phase(self, change: PolicyCreation, context: Context) -> Phase:
        """Contract for one that keeps rows back from old code."""
        return Phase.EXPAND if change.permissive or change.target in context.created else Phase.CONTRACT

    def validate(self, change: PolicyCreation, context: Context) -> Iterator[str]:
        """The table and the roles are there, and the name is free."""
        if not change.roles:
            raise Refused(f'policy "{change.policy}" is for nobody', hint="roles=public")
        require_roles(change.roles, context)
        relation = policed_table(change, context)
        if relation is None:
            return
        if any(each.name == change.policy for each in relation.policies):
            raise Refused(f'policy "{change.policy}" of table "{change.target}" exists already')
        if relation.has_row_security and change.permissive:
            yield f"from expand on, old code too sees the rows of {change.target} that {change.policy} lets through"
        elif not relation.has_row_security:
            yield f"policy {change.policy} has no effect while row level security of {change.target} is off"

    def expressions(self, change: PolicyCreation, context: Context) -> Iterator[Expression]:
        """The conditions."""
        yield from conditions(change, context, change.using, change.check)

    def statement(self, change: PolicyCreation, context: Context) -> Sql:
        """The policy."""
        del context
        return self.template(
            "create", policy=change.policy, table=change.sql, permissive=change.permissive,
            command=Sql(change.command.upper()), roles=roles_sql(change.roles),
            using=expression(change.using) if change.using else "",
            check=expression(change.check) if change.check else "",
        )  # fmt: skip

    def undo(self, change: PolicyCreation, context: Context) -> Iterable[Sql]:
        """The policy goes, unless it goes with its table."""
        if change.target not in context.created:
            yield self.template("drop", policy=change.policy, table=change.sql)

    def subject(self, change: PolicyCreation) -> str:
        """The policy."""
        return change.policy
