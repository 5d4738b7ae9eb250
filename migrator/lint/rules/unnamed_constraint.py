"""PO032 unnamed-constraint."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import columns_read, names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.fixes import constraint_name
from migrator.lint.repairs import Fixable, Repair, constraint_span, is_taken
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Edit, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.parser import pb


class UnnamedConstraint(AlterTableRule):
    """ADD CONSTRAINT without a name (opt-in).

    Why it matters
        PostgreSQL chooses one, with a number if it is taken: it may differ between databases, and the migration that
        drops it later, Alembic's above all, has to guess.

    What to do
        CONSTRAINT name.

    Source
        PostgreSQL documentation, section 5.5 "Constraints".
    """

    code = "PO032"
    name = "unnamed-constraint"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    fixable = Fixable.SAFE
    opt_in = True
    subtypes = (pb.AT_AddConstraint,)
    good = (Good("ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;", phase=Phase.CONTRACT),)
    bad = (
        Bad(
            "ALTER TABLE t ADD CHECK (a > 0) NOT VALID;",
            phase=Phase.CONTRACT,
            fix="-- ADD CONSTRAINT … CHECK (a > 0) NOT VALID",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        constraint = action.definition
        if not constraint.conname and not constraint.indexname:
            yield Problem(
                f"a constraint of {action.relation} has no name of its own",
                why="the name that PostgreSQL chooses may differ between databases",
                fix=f"-- ADD CONSTRAINT … {' '.join(context.clause(constraint.location).split())}",
                span=context.span_at(constraint.location),
                repair=self._repair(action, context),
            )

    @staticmethod
    def _repair(action: Alteration, context: Context) -> Repair | None:
        """A name as PostgreSQL would choose it."""
        constraint, span = action.definition, constraint_span(action, context)
        if span is None or constraint.contype not in _SUFFIXES:
            return None
        columns = {
            pb.CONSTR_CHECK: columns_read(constraint.raw_expr),
            pb.CONSTR_FOREIGN: names_in(constraint.fk_attrs),
            pb.CONSTR_UNIQUE: names_in(constraint.keys),
            pb.CONSTR_PRIMARY: (),
        }[constraint.contype]
        name = constraint_name("", action.table.key[1], columns, _SUFFIXES[constraint.contype])
        if is_taken(action, name):
            return None
        return Repair((Edit(span[0], span[0], f"CONSTRAINT {name} "),))


_SUFFIXES = {
    pb.CONSTR_CHECK: "check", pb.CONSTR_FOREIGN: "fkey", pb.CONSTR_UNIQUE: "key", pb.CONSTR_PRIMARY: "pkey"
}  # fmt: skip
