"""BC010 foreign-key-rejects-writes."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.effects import relation_name
from migrator.sql.parser import pb


class ForeignKeyRejectsWrites(AlterTableRule):
    """A new foreign key between tables in use, before the deploy.

    Why it matters
        Running code that inserts before the referenced row exists, or deletes a referenced row, fails from that
        moment, also with NOT VALID.

    What to do
        Release code that keeps to it, repair the old rows, then add it in the contract phase.

    An error in `expand.sql`, where old code is certain to be running; a warning elsewhere. Quiet for columns that the
    same file added.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC010"
    name = "foreign-key-rejects-writes"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.SHARE_ROW_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.WRITES,)
    phases = BEFORE_THE_DEPLOY
    subtypes = (pb.AT_AddConstraint,)
    good = (
        Good("ALTER TABLE o ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users NOT VALID;", phase=Phase.CONTRACT),
        Good("ALTER TABLE orders ADD COLUMN user_id int;\n"
             "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users NOT VALID;"),
        Good("CREATE TABLE orders (user_id int); ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users;"),
    )  # fmt: skip
    bad = (
        Bad(
            "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users NOT VALID;",
            fix="-- contract.sql of a phased migration, when no code is left that breaks it:\n"
            "-- ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users NOT VALID",
        ),
        Bad(
            "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users NOT VALID;",
            phase=Phase.EXPAND,
            fix="-- contract.sql of a phased migration, when no code is left that breaks it:\n"
            "-- ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users NOT VALID",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        constraint, table = action.definition, action.table
        if constraint.contype != pb.CONSTR_FOREIGN or not constraint.is_enforced:
            return
        if action.is_new or context.all_new(table, names_in(constraint.fk_attrs)):
            return
        certain = context.phase is Phase.EXPAND and not context.repaired_by_trigger(table)
        yield Problem(
            f"running code fails that writes {action.relation} without a row in "
            f"{relation_name(constraint.pktable)}, or deletes one that is referenced",
            why="writes of the running version that do not keep to the reference are refused, also with NOT VALID",
            fix="-- contract.sql of a phased migration, when no code is left that breaks it:\n"
            f"-- ALTER TABLE {action.relation} ADD {' '.join(context.clause(constraint.location).split())}",
            lock=LockMode.SHARE_ROW_EXCLUSIVE,
            severity=Severity.ERROR if certain else None,
            span=context.span_at(constraint.location),
        )
