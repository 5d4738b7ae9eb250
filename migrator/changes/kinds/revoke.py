"""Revoke privileges that no code needs any more."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import structs

from migrator.changes.kind import Context, Obstacle
from migrator.changes.policy import roles_sql
from migrator.changes.privilege import (
    Privileges,
    columns_of,
    held,
    is_made,
    listed,
    not_to_grant,
    owner,
    privileges_of,
    require_object,
    single,
)
from migrator.changes.statement import AtContract, unchecked
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql


class Revoking(Privileges, frozen=True):
    """Parameters of ``revoke``."""


class Revoke(AtContract[Revoking]):
    """Revoke privileges that no code needs any more.

    What happens
        Expand changes nothing: old code goes on using them. Contract revokes them once no old code is left; no table is
        locked. There is nothing to undo before that.

    What is refused
        Roles, objects and columns that are not there, before expand and again before contract; the privileges of the
        owner; CASCADE, which takes away what others have granted too. ALL TABLES IN SCHEMA.

    Limits
        Only what the role that runs contract, or a role it belongs to, has granted is revoked. A privilege that comes
        from PUBLIC or from another role stays: it is told which of them were not granted to the role itself.

    Example:
        REVOKE DELETE ON invoices FROM app
    """

    name = "revoke"
    spec = Revoking
    leaves_columns = True
    may_follow = frozenset(
        {"add_column", "comment", "drop_not_null", "set_column_options", "set_default", "set_not_null"}
    )
    verb = "revoke"
    why = "no code needs them any more"

    def recognise(self, action: Action, schema: Schema) -> Revoking | None:
        """``REVOKE … ON … FROM …``."""
        found = privileges_of(action, schema, is_grant=False)
        return None if found is None else Revoking(**structs.asdict(found))

    def touched(self, change: Revoking) -> dict[TableName, tuple[str, ...]]:
        """The table, and the columns: one that is about to be replaced by a copy would lose what is granted on it."""
        return {change.target: columns_of(change)} if change.on == "table" else {}

    def validate(self, change: Revoking, context: Context) -> Iterator[str]:
        """The object and the roles are there, and have something to lose."""
        if is_made(change, context):
            raise Refused(f"{change} is made by this migration", hint="grant only there what shall stay")
        yield from unchecked(context, f"what roles may do with {change}")
        self.before_contract(change, context)
        for role in change.roles if context.schema.is_known else ():
            missing = [
                each for each in single(change, context.schema) if each not in held(change, context.schema, role)
            ]
            if missing and "ALL" not in change.privileges:
                yield f"{role} was not granted {listed(missing)} on {change} itself"

    def before_contract(self, change: Revoking, context: Context) -> None:
        """The object and the roles are there still."""
        require_object(change, context)
        if owner(change, context.schema) in change.roles:
            raise Refused(
                f"{owner(change, context.schema)} owns {change}: code that runs as the owner needs its privileges"
            )

    def obstacles(self, change: Revoking, context: Context) -> Iterator[Obstacle]:
        """What this role may not take away."""
        for phase in (Phase.EXPAND, Phase.CONTRACT):
            yield from not_to_grant(change, context, phase)

    def statement(self, change: Revoking, context: Context) -> Sql:
        """The privileges go."""
        return self.template(
            "revoke",
            privileges=listed(single(change, context.schema)),
            object=change.sql,
            roles=roles_sql(change.roles),
            grantable=change.grantable,
        )

    def subject(self, change: Revoking) -> str:
        """The object."""
        return change.name
