"""Drop a row security policy."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context
from migrator.changes.policy import OnPolicy, policed_table, require_policy
from migrator.changes.statement import AtContract, unchecked
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb, unwrap


class PolicyRemoval(OnPolicy, frozen=True):
    """Parameters of ``drop_policy``."""


class DropPolicy(AtContract[PolicyRemoval]):
    """Drop a row security policy.

    What happens
        Without a permissive policy rows are hidden, without a restrictive one they are shown: either changes what old
        code sees, so contract drops it once no old code is left, with a lock of a moment.

    What is refused
        A policy that is not there. The last permissive policy of a table whose row level security is on, before expand
        and again before contract: every row would be hidden from all but its owner.

    Limits
        Before contract there is nothing to undo, and new code is bound by the policy too.

    Example:
        DROP POLICY own_rows ON orders
    """

    name = "drop_policy"
    spec = PolicyRemoval
    verb = "drop"
    why = "old code may rely on the rows it lets through, and on those it keeps back"

    def recognise(self, action: Action, schema: Schema) -> PolicyRemoval | None:
        """``DROP POLICY … ON …``."""
        if action.kind != "drop_stmt" or action.node.remove_type != pb.OBJECT_POLICY:
            return None
        parts = [unwrap(item).sval for item in unwrap(action.node.objects[0]).items]
        target = schema.resolve(parts[-3] if len(parts) > 2 else None, parts[-2])
        return PolicyRemoval(schema=target.schema, table=target.name, policy=parts[-1])

    def validate(self, change: PolicyRemoval, context: Context) -> Iterator[str]:
        """It is there, and another one lets rows through."""
        yield from unchecked(context, f"what else lets rows of {change.target} through")
        self.before_contract(change, context)

    def before_contract(self, change: PolicyRemoval, context: Context) -> None:
        """Another one lets rows through still."""
        found, relation = require_policy(change, context), policed_table(change, context)
        if found is None or relation is None or not (relation.has_row_security and found.is_permissive):
            return
        beside = [(kind, spec) for kind, spec in context.beside if getattr(spec, "target", None) == change.target]
        gone = {getattr(spec, "policy", "") for kind, spec in beside if kind == "drop_policy"}
        kept = any(each.is_permissive and each.name not in gone for each in relation.policies)
        created = any(kind == "create_policy" for kind, _ in beside)
        disabled = any(getattr(spec, "state", "") == "disable" for _, spec in beside)
        if not (kept or created or disabled):
            raise Refused(
                f'"{change.policy}" is the last policy that lets rows of "{change.target}" through: without it every '
                "row is hidden from all but the owner",
                hint="create another one, or disable row level security, in the same migration",
            )

    def statement(self, change: PolicyRemoval, context: Context) -> Sql:
        """The policy goes."""
        del context
        return self.template("drop", policy=change.policy, table=change.sql)

    def subject(self, change: PolicyRemoval) -> str:
        """The policy."""
        return change.policy
