"""MY005 algorithm-refused."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.dialects.actions import actions_of, table_of
from migrator.lint.dialects.online import How, cost_of
from migrator.lint.dialects.rule import DialectRule
from migrator.lint.dialects.tables import Tables
from migrator.lint.rule import Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.sql.dialect import ForeignStatement


class AlgorithmRefused(DialectRule):
    """The server refuses the ALGORITHM or LOCK that is asked for.

    Why it matters
        The migration fails: that is what the clause is for, but better known before the deploy.

    What to do
        Split the statement, or choose another way to do what needs a copy.

    Source
        MySQL 8.4 manual 17.12.1.
    """

    code = "MY005"
    name = "algorithm-refused"
    severity = Severity.ERROR
    category = Category.POLICY
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    dialects = ("mysql", "mariadb")
    good = (
        Good("ALTER TABLE t ADD COLUMN a int, ALGORITHM=INSTANT;"),
        Good("ALTER TABLE t ADD INDEX i (a), ALGORITHM=INPLACE, LOCK=NONE;"),
    )
    bad = (
        Bad("ALTER TABLE t DROP PRIMARY KEY, ALGORITHM=INPLACE;", fix=""),
        Bad("ALTER TABLE t ADD INDEX i (a), ALGORITHM=INSTANT;", fix=""),
        Bad("ALTER TABLE t ADD FULLTEXT INDEX i (a), LOCK=NONE;", fix=""),
    )

    def look(self, statement: ForeignStatement, tables: Tables) -> Iterator[Problem]:
        """See ``DialectRule.look``."""
        table, _ = table_of(statement)
        actions = actions_of(statement)
        asked = next((action.name.upper() for action in actions if action.kind == "algorithm"), "")
        lock = next((action.name.upper() for action in actions if action.kind == "lock"), "")
        for action in actions:
            how = cost_of(action, actions, table, tables).how
            if (
                how is How.COPY
                and action.kind in ("modify column", "change column")
                and not tables.type_of(table, action.name)
            ):
                continue
            if action.kind not in ("algorithm", "lock") and (
                (asked == "INPLACE" and how is How.COPY)
                or (asked == "INSTANT" and how is not How.INSTANT)
                or (lock == "NONE" and how in (How.COPY, How.BLOCKING))
            ):
                yield Problem(
                    f"this is not done with {'ALGORITHM=' + asked if asked else 'LOCK=' + lock}",
                    why=f"the server {how.value}" if how is How.COPY else f"the server does it {how.value}",
                    span=action.span,
                )
