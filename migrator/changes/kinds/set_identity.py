"""Say whether inserts may name a value for an identity column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from migrator.changes.identity import ALWAYS, OnColumn, is_of_column, options_in, require_identity
from migrator.changes.kind import Context, altered_table
from migrator.changes.statement import OneStatement
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb, unwrap


class IdentitySetting(OnColumn, frozen=True):
    """Parameters of ``set_identity``.

    Attributes:
        identity: ``always`` where inserts that name a value fail, ``by default`` where they may.
    """

    identity: Literal["always", "by default"]


class SetIdentity(OneStatement[IdentitySetting]):
    """Say whether inserts may name a value for an identity column.

    What happens
        BY DEFAULT lets inserts name a value and takes nothing from those that do not, so expand sets it, and rollback
        sets ALWAYS again. ALWAYS makes inserts fail that name a value without OVERRIDING, which old code may do, so
        contract sets it once no old code is left. Either way the table is locked for a moment, and no row is looked at.

    What is refused
        A column that is no identity column, or is set so already.

    What new code must do
        Before contract it leaves the column out, if the change is to ALWAYS.

    Limits
        Where the sequence stands does not change: it may come to a value that an insert named. COPY may name values
        under ALWAYS as well.

    Example:
        ALTER TABLE orders ALTER COLUMN id SET GENERATED ALWAYS
    """

    name = "set_identity"
    spec = IdentitySetting
    verb = "identity"
    why = "inserts may name a value, and need not"

    def recognise(self, action: Action, schema: Schema) -> IdentitySetting | None:
        """``ALTER TABLE … ALTER COLUMN … SET GENERATED …``."""
        if not is_of_column(action, pb.AT_SetIdentity):
            return None
        given = options_in(unwrap(getattr(action.command, "def")).items)
        if "generated" not in given:
            return None
        target = altered_table(action.node.relation, schema)
        if len(given) > 1:
            raise Refused(
                f'identity column "{action.command.name}" of table "{target}" is to change who names values, and how '
                "its sequence counts, at once",
                hint="write two actions: SET GENERATED …, and SET INCREMENT BY … and the like",
            )
        return IdentitySetting(
            schema=target.schema,
            table=target.name,
            column=action.command.name,
            identity="always" if chr(unwrap(given["generated"].arg).ival) == ALWAYS else "by default",
        )

    def touched(self, change: IdentitySetting) -> dict[TableName, tuple[str, ...]]:
        """The column."""
        return {change.target: (change.column,)}

    def validate(self, change: IdentitySetting, context: Context) -> Iterator[str]:
        """It is an identity column of the other sort."""
        _, column = require_identity(change, context, or_partitioned=True)
        if column is not None and column.identity == change.identity:
            raise Refused(
                f'column "{change.column}" of table "{change.target}" is GENERATED {change.identity.upper()} already'
            )
        if change.identity == "always":
            yield f"new code must leave {change.table}.{change.column} out of its inserts before contract"

    def phase(self, change: IdentitySetting, context: Context) -> Phase:
        """Contract for what old code may fail of."""
        del context
        return Phase.CONTRACT if change.identity == "always" else Phase.EXPAND

    def statement(self, change: IdentitySetting, context: Context) -> Sql:
        """The new setting."""
        del context
        return self._set(change, change.identity)

    def undo(self, change: IdentitySetting, context: Context) -> Iterable[Sql]:
        """The other one."""
        del context
        yield self._set(change, "always")

    def subject(self, change: IdentitySetting) -> str:
        """The column."""
        return change.column

    def _set(self, change: IdentitySetting, identity: str) -> Sql:
        return self.template("set", table=change.sql, column=change.column, identity=Sql(identity.upper()))
