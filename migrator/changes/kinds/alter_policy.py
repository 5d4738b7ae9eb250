"""Change whom a row security policy is for, or its conditions."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Expression
from migrator.changes.policy import OnPolicy, conditions, require_policy, require_roles, roles_of, roles_sql
from migrator.changes.statement import AtContract
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, expression
from migrator.sql.parser import deparse_expression


class PolicyAlteration(OnPolicy, frozen=True):
    """Parameters of ``alter_policy``; what is left out stays.

    Attributes:
        using: the new condition on the rows that are seen, as SQL.
        check: the new condition on the rows that are written, as SQL.
        roles: whom it is for; ``public`` is everybody.
    """

    using: str = ""
    check: str = ""
    roles: tuple[str, ...] = ()


class AlterPolicy(AtContract[PolicyAlteration]):
    """Change whom a row security policy is for, or its conditions.

    What happens
        A new condition may hide rows that old code reads, or show rows that it must not, so contract changes it once no
        old code is left, with a lock of a moment. There is nothing to undo before that.

    What is refused
        Conditions the server does not accept as true or false, roles and policies that are not there, before expand and
        again before contract.

    Limits
        Until contract, new code is bound by the policy as it was. Where new code needs more rows at once, create a
        permissive policy of another name, which is for expand, and drop this one.

    Example:
        ALTER POLICY own_rows ON orders USING (tenant = current_setting('app.tenant'))
    """

    name = "alter_policy"
    spec = PolicyAlteration
    verb = "policy"
    why = "old code may rely on the rows it lets through, and on those it keeps back"

    def recognise(self, action: Action, schema: Schema) -> PolicyAlteration | None:
        """``ALTER POLICY …`` with roles or conditions."""
        if action.kind != "alter_policy_stmt":
            return None
        node = action.node
        target = schema.resolve(node.table.schemaname, node.table.relname)
        return PolicyAlteration(
            schema=target.schema,
            table=target.name,
            policy=node.policy_name,
            using=deparse_expression(node.qual) if node.HasField("qual") else "",
            check=deparse_expression(node.with_check) if node.HasField("with_check") else "",
            roles=roles_of(node.roles),
        )

    def validate(self, change: PolicyAlteration, context: Context) -> Iterator[str]:
        """It is there, and so are the roles."""
        if not (change.using or change.check or change.roles):
            raise Refused(f'nothing changes of policy "{change.policy}"', hint='using="tenant = 1"')
        self.before_contract(change, context)
        yield from ()

    def before_contract(self, change: PolicyAlteration, context: Context) -> None:
        """As before expand."""
        require_roles(change.roles, context)
        require_policy(change, context)

    def expressions(self, change: PolicyAlteration, context: Context) -> Iterator[Expression]:
        """The conditions."""
        yield from conditions(change, context, change.using, change.check)

    def statement(self, change: PolicyAlteration, context: Context) -> Sql:
        """The new conditions."""
        del context
        return self.template(
            "alter", policy=change.policy, table=change.sql,
            roles=roles_sql(change.roles),
            using=expression(change.using) if change.using else "",
            check=expression(change.check) if change.check else "",
        )  # fmt: skip

    def subject(self, change: PolicyAlteration) -> str:
        """The policy."""
        return change.policy
