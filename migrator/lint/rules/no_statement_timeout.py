"""PO043 no-statement-timeout."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair, timeouts_of
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, pb, unwrap


class NoStatementTimeout(Rule):
    """A statement that reads or rewrites a table runs without statement_timeout (opt-in).

    Why it matters
        Whatever it locks stays locked for as long as it takes.

    What to do
        SET statement_timeout before it. Once per file; migrator sets one for phase files. Changes of a type are left to
        LK012, which knows whether they take long.

    Source
        PostgreSQL documentation, section 19.11.1 "statement_timeout".
    """

    code = "PO043"
    name = "no-statement-timeout"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.SCAN
    breaks = ()
    fixable = Fixable.SAFE
    opt_in = True
    phases = frozenset({None})
    kinds = ("alter_table_stmt",)
    good = (
        Good("SET statement_timeout = '5s'; ALTER TABLE t VALIDATE CONSTRAINT c;"),
        Good("ALTER TABLE t ADD COLUMN a int;"),
        Good("ALTER TABLE t ALTER COLUMN a TYPE text;"),
    )
    bad = (
        Bad(
            "ALTER TABLE t VALIDATE CONSTRAINT c;",
            fix="SET statement_timeout = '15min';\nALTER TABLE t VALIDATE CONSTRAINT c;",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        if "statement_timeout" in context.settings or self.code in context.reported_once or context.effects.brief:
            return
        node = statement.node
        if context.is_new(node.relation) or all(unwrap(one).subtype == pb.AT_AlterColumnType for one in node.cmds):
            return
        context.reported_once.add(self.code)
        yield Problem(
            f"no statement_timeout: {relation_name(node.relation)} may stay locked for any time",
            why="nothing ends the statement but its own end",
            fix=f"SET statement_timeout = '15min';\n{statement.text};",
            lock=context.effects.strongest,
            repair=Repair(before=(f"{timeouts_of(context, 'statement_timeout')} = '15min'",))
            if not context.phased
            else None,
        )
