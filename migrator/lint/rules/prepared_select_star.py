"""PO042 prepared-select-star."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import pb


class PreparedSelectStar(AlterTableRule):
    """ADD COLUMN fails prepared SELECT * once (opt-in).

    Why it matters
        Server-side prepared statements that read `*`, COPY without a column list and INSERT without one see another
        shape: "cached plan must not change result type".

    What to do
        Name columns in the application; most object mappers do. Otherwise reconnect after the migration.

    Source
        Prepared statements of an old application, run on 15 and 18.
    """

    code = "PO042"
    name = "prepared-select-star"
    severity = Severity.INFO
    category = Category.POLICY
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.PREPARED,)
    opt_in = True
    phases = BEFORE_THE_DEPLOY
    subtypes = (pb.AT_AddColumn,)
    good = (Good("CREATE TABLE t (a int); ALTER TABLE t ADD COLUMN b int;"),)
    bad = (Bad("ALTER TABLE t ADD COLUMN b int;", fix="-- code that names its columns, before this"),)

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        if not action.is_new:
            yield Problem(
                f"prepared statements that read * of {action.relation} fail once",
                why="the result of a prepared statement may not change its shape",
                fix="-- code that names its columns, before this",
                span=context.span_at(action.definition.location),
            )
