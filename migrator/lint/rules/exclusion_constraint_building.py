"""LK016 exclusion-constraint-building."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import pb


class ExclusionConstraintBuilding(AlterTableRule):
    """ADD EXCLUDE on a table that is in use.

    Why it matters
        Its index is built, and every row checked, under ACCESS EXCLUSIVE. PostgreSQL offers neither NOT VALID nor
        USING INDEX for it.

    What to do
        Create a new table with the constraint and move the rows, or enforce the rule by a trigger; or take the
        outage on purpose, with a waiver that says when.

    Source
        PostgreSQL documentation, CREATE TABLE, "EXCLUDE"; measured on 15 and 18.
    """

    code = "LK016"
    name = "exclusion-constraint-building"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BUILD
    breaks = ()
    subtypes = (pb.AT_AddConstraint,)
    good = (Good("CREATE TABLE r (during tsrange); ALTER TABLE r ADD EXCLUDE USING gist (during WITH &&);"),)
    bad = (
        Bad(
            "ALTER TABLE rooms ADD CONSTRAINT free EXCLUDE USING gist (during WITH &&);",
            fix="-- no safe form: a new table that has the constraint, filled in batches, or a trigger",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        if action.definition.contype == pb.CONSTR_EXCLUSION and not action.is_new:
            yield Problem(
                f"adding an exclusion constraint builds an index on {action.relation} under an exclusive lock",
                why="nobody can read or write the table while the index is built",
                fix="-- no safe form: a new table that has the constraint, filled in batches, or a trigger",
                lock=LockMode.ACCESS_EXCLUSIVE,
                span=context.span_at(action.definition.location),
            )
