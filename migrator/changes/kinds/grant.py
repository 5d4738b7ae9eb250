"""Grant privileges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
from migrator.changes.statement import OneStatement, require_known
from migrator.model.plan import Phase
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql


class Granting(Privileges, frozen=True):
    """Parameters of ``grant``."""


class Grant(OneStatement[Granting]):
    """Grant privileges.

    What happens
        Expand grants them: old code loses nothing, and no table is locked. There is nothing to contract. Rollback
        revokes what the roles did not have before, and nothing else; what was granted on an object that the same
        migration makes goes with it.

    What is refused
        Roles, objects and columns that are not there; a privilege that such an object does not have. ALL TABLES IN
        SCHEMA, which means those that are there when it runs. Without a database, privileges on what is there already:
        what rollback may revoke is not known.

    Limits
        Tables and views, sequences, schemas, and functions where no other one has the name. Membership in roles,
        default privileges, types, databases and languages are not of this kind. Rollback revokes what somebody else
        granted to the same role meanwhile only as far as the role that runs it had granted it.

    Example:
        GRANT SELECT, INSERT ON invoices TO app
    """

    name = "grant"
    spec = Granting
    leaves_columns = True
    may_follow = frozenset(
        {"add_column", "comment", "drop_not_null", "set_column_options", "set_default", "set_not_null"}
    )
    verb = "grant"
    why = "takes nothing from anybody"

    def recognise(self, action: Action, schema: Schema) -> Granting | None:
        """``GRANT … ON … TO …``."""
        found = privileges_of(action, schema, is_grant=True)
        return None if found is None else Granting(**structs.asdict(found))

    def touched(self, change: Granting) -> dict[TableName, tuple[str, ...]]:
        """The table, and the columns: one that is about to be replaced by a copy would lose what is granted on it."""
        return {change.target: columns_of(change)} if change.on == "table" else {}

    def assumes(self, change: Granting, schema: Schema) -> dict[str, str]:
        """Which of them each role has before."""
        wanted = single(change, schema)
        return {
            f"privileges of {role} on {change}": str(
                listed(each for each in wanted if each in held(change, schema, role)) or "none of these"
            )
            for role in change.roles
        }

    def validate(self, change: Granting, context: Context) -> Iterator[str]:
        """The object and the roles are there."""
        if not is_made(change, context):
            require_known(context, f"what roles may do with {change}")
        require_object(change, context)
        yield from ()

    def obstacles(self, change: Granting, context: Context) -> Iterator[Obstacle]:
        """What this role may not pass on."""
        yield from not_to_grant(change, context, Phase.EXPAND)

    def statement(self, change: Granting, context: Context) -> Sql:
        """The grant."""
        return self.template(
            "grant",
            privileges=listed(single(change, context.schema)),
            object=change.sql,
            roles=roles_sql(change.roles),
            grantable=change.grantable,
        )

    def undo(self, change: Granting, context: Context) -> Iterable[Sql]:
        """What each role did not have goes."""
        if is_made(change, context):
            return
        for role in change.roles:
            if role == owner(change, context.schema):
                continue
            before = held(change, context.schema, role)
            wanted = single(change, context.schema)
            new = [each for each in wanted if each not in before]
            passed_on = [each for each in wanted if change.grantable and before.get(each) is False]
            for privileges, only_option in ((new, False), (passed_on, True)):
                if privileges:
                    yield self.template(
                        "revoke",
                        privileges=listed(privileges),
                        object=change.sql,
                        roles=roles_sql([role]),
                        grantable=only_option,
                    )
            # REVOKE on a table takes away what was granted on its columns as well.
            everywhere = {name for name, column in (*new, *passed_on) if not column}
            for grantable in (False, True):
                again = [
                    each for each, option in before.items() if each[1] and each[0] in everywhere and option is grantable
                ]
                if again:
                    yield self.template(
                        "grant",
                        privileges=listed(again),
                        object=change.sql,
                        roles=roles_sql([role]),
                        grantable=grantable,
                    )

    def subject(self, change: Granting) -> str:
        """The object."""
        return change.name
