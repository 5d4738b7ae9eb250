"""DL011 check-depends-on-time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.builtin_functions import VOLATILE
from migrator.sql.parser import Statement, leaves, pb, unwrap, walk


class CheckDependsOnTime(AlterTableRule):
    """A CHECK whose answer changes with time, session or chance.

    Why it matters
        PostgreSQL takes a CHECK to be true for ever once a row is in. One that asks for now(), CURRENT_USER or random()
        becomes false by itself: the next UPDATE of such a row fails, and so does restoring a dump.

    What to do
        Compare columns with one another or with constants; what depends on now belongs into a trigger or the
        application.

    Source
        PostgreSQL documentation, section 5.5.1 "Check Constraints", the notes.
    """

    code = "DL011"
    name = "check-depends-on-time"
    severity = Severity.WARNING
    category = Category.DATA_LOSS
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.WRITES, Breaks.DATA)
    kinds = ("create_stmt",)
    subtypes = (pb.AT_AddConstraint, pb.AT_AddColumn)
    good = (
        Good("CREATE TABLE t (a timestamptz CHECK (a > '2020-01-01'));"),
        Good("CREATE TABLE t (a timestamptz DEFAULT now(), b int, CHECK (abs(b) < 9));"),
    )
    bad = (
        Bad("CREATE TABLE t (due date CHECK (due > CURRENT_DATE));", fix="-- a trigger, or the application, checks it"),
        Bad(
            "ALTER TABLE t ADD CONSTRAINT future CHECK (due > now()) NOT VALID;",
            earlier="CREATE TABLE t (due timestamptz);",
            phase=Phase.CONTRACT,
            fix="-- a trigger, or the application, checks it",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        if "check" not in statement.text.lower():
            return  # most tables have none: the tree need not be walked to see that
        for element in statement.node.table_elts[:]:
            for constraint in _checks(element):
                yield from _of_constraint(constraint, context)

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        for constraint in _checks(getattr(action.command, "def")):
            yield from _of_constraint(constraint, context)


_NOW = (
    frozenset(
        {"now", "transaction_timestamp", "statement_timestamp", "current_setting", "pg_backend_pid", "txid_current"}
    )
    | VOLATILE
)


_CHECK = pb.CONSTR_CHECK
_STAY = frozenset({"column_ref", "a_const"})


def _checks(element: Any) -> list[Any]:
    """The CHECKs in what stands in the brackets of CREATE TABLE, or behind ADD."""
    kind = element.WhichOneof("node")
    if kind == "column_def":
        constraints = [each.constraint for each in element.column_def.constraints[:]]
    else:
        constraints = [element.constraint] if kind == "constraint" else []
    return [each for each in constraints if each.contype == _CHECK]


def _of_constraint(constraint: Any, context: Context) -> Iterator[Problem]:
    if any(any(map(_changes, walk(node))) for kind, node in leaves(constraint.raw_expr) if kind not in _STAY):
        yield Problem(
            "what the CHECK allows changes with time or session",
            why="rows that were fine fail it later: at their next UPDATE, and when a dump is restored",
            fix="-- a trigger, or the application, checks it",
            span=context.span_at(constraint.location),
        )


def _changes(node: Any) -> bool:
    return isinstance(node, pb.SQLValueFunction) or (
        isinstance(node, pb.FuncCall) and unwrap(node.funcname[-1]).sval in _NOW
    )
