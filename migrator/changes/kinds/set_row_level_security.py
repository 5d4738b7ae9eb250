"""Enable, disable or force row level security of a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from migrator.changes.kind import Context, OnTable, altered_table
from migrator.changes.policy import policed_table
from migrator.changes.statement import OneStatement, unchecked
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb

_STATES: dict[int, Literal["enable", "disable", "force", "no force"]] = {
    pb.AT_EnableRowSecurity: "enable",
    pb.AT_DisableRowSecurity: "disable",
    pb.AT_ForceRowSecurity: "force",
    pb.AT_NoForceRowSecurity: "no force",
}


class RowSecurity(OnTable, frozen=True):
    """Parameters of ``set_row_level_security``.

    Attributes:
        state: ``enable``, ``disable``, ``force`` or ``no force``.
    """

    state: Literal["enable", "disable", "force", "no force"]


class SetRowLevelSecurity(OneStatement[RowSecurity]):
    """Enable, disable or force row level security of a table.

    What happens
        It changes which rows old code sees and may write, so contract does it once no old code is left, with a lock of
        a moment. On a table that the same migration creates, expand does it. There is nothing to undo before contract.

    What is refused
        ENABLE where the table has no policy and the same migration creates none: every row would be hidden from all but
        the owner. Without a database this is not known, and expand checks it.

    Limits
        Until contract, new code must keep rows apart by itself. The owner of the table, superusers and roles with
        BYPASSRLS see every row, the owner unless it is FORCEd; so an application that connects as the owner is not
        bound. FORCE binds the owner's own backfills and functions too. A condition on a setting that no session has set
        hides every row: let new code set it before contract.

    Example:
        ALTER TABLE orders ENABLE ROW LEVEL SECURITY
    """

    name = "set_row_level_security"
    spec = RowSecurity
    verb = "row-security"
    why = "it changes which rows are seen and may be written"

    def recognise(self, action: Action, schema: Schema) -> RowSecurity | None:
        """``ALTER TABLE … { ENABLE | DISABLE | FORCE | NO FORCE } ROW LEVEL SECURITY``."""
        if action.command is None or action.command.subtype not in _STATES:
            return None
        target = altered_table(action.node.relation, schema)
        return RowSecurity(schema=target.schema, table=target.name, state=_STATES[action.command.subtype])

    def phase(self, change: RowSecurity, context: Context) -> Phase:
        """Contract, unless no old code can know the table."""
        return Phase.EXPAND if change.target in context.created else Phase.CONTRACT

    def validate(self, change: RowSecurity, context: Context) -> Iterator[str]:
        """The table is there, and some policy lets rows through."""
        if change.target not in context.created:
            yield from unchecked(context, f"which policies table {change.target} has")
        self.before_contract(change, context)
        if change.state == "enable" and change.target not in context.created:
            yield (
                f"until contract, policies of {change.target} are not in force: new code keeps rows apart by itself; "
                "after it, the owner of the table still sees every row"
            )
        if change.state == "force":
            yield f"FORCE binds the owner of {change.target} too: its functions and backfills see what policies let"

    def before_contract(self, change: RowSecurity, context: Context) -> None:
        """Some policy lets rows through."""
        relation = policed_table(change, context)
        created = any(
            kind == "create_policy" and getattr(spec, "target", None) == change.target for kind, spec in context.beside
        )
        if change.state != "enable" or created or (relation is None and change.target not in context.created):
            return
        if relation is None or not any(each.is_permissive for each in relation.policies):
            raise Refused(
                f'table "{change.target}" has no policy that lets rows through: every row would be hidden from all but '
                "its owner",
                hint="create a policy in the same migration",
            )

    def statement(self, change: RowSecurity, context: Context) -> Sql:
        """The new state."""
        del context
        return self.template("set", table=change.sql, state=Sql(change.state.upper()))

    def subject(self, change: RowSecurity) -> str:
        """The table."""
        return change.table
