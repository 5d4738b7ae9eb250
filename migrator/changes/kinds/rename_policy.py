"""Rename a row security policy."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context
from migrator.changes.policy import OnPolicy, policed_table, require_policy
from migrator.changes.statement import AtContract, unchecked
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident
from migrator.sql.parser import pb


class PolicyRenaming(OnPolicy, frozen=True):
    """Parameters of ``rename_policy``.

    Attributes:
        new_name: what it is called afterwards.
    """

    new_name: str


class RenamePolicy(AtContract[PolicyRenaming]):
    """Rename a row security policy.

    What happens
        Old code may look for the name in the errors it handles: a write that a policy refuses tells which. So contract
        renames it once no old code is left, with a lock of a moment. Which rows it lets through stays.

    What is refused
        A policy that is not there, a name that is taken on the table; before expand, and again before contract.

    Limits
        Code of both versions copes with either name in errors.

    Example:
        ALTER POLICY own_rows ON orders RENAME TO orders_own_rows
    """

    name = "rename_policy"
    spec = PolicyRenaming
    verb = "rename"
    why = "no code is left that knows the old name from errors"

    def recognise(self, action: Action, schema: Schema) -> PolicyRenaming | None:
        """``ALTER POLICY … ON … RENAME TO …``."""
        if action.kind != "rename_stmt" or action.node.rename_type != pb.OBJECT_POLICY:
            return None
        relation = action.node.relation
        target = schema.resolve(relation.schemaname or None, relation.relname)
        ident(action.node.newname)
        return PolicyRenaming(
            schema=target.schema, table=target.name, policy=action.node.subname, new_name=action.node.newname
        )

    def validate(self, change: PolicyRenaming, context: Context) -> Iterator[str]:
        """It is there, and the new name is free."""
        if change.target in context.created:
            raise Refused(f'table "{change.target}" is created by this migration', hint="name the policy so there")
        yield from unchecked(context, f"policy {change.policy} of {change.target}")
        self.before_contract(change, context)

    def before_contract(self, change: PolicyRenaming, context: Context) -> None:
        """It is there still, and the new name is free still."""
        require_policy(change, context)
        relation = policed_table(change, context)
        if relation is not None and any(each.name == change.new_name for each in relation.policies):
            raise Refused(f'policy "{change.new_name}" of "{change.target}" exists already')

    def statement(self, change: PolicyRenaming, context: Context) -> Sql:
        """The new name."""
        del context
        return self.template("rename", table=change.sql, policy=change.policy, new_name=change.new_name)

    def subject(self, change: PolicyRenaming) -> str:
        """The policy."""
        return change.policy
