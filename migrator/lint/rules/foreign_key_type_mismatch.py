"""PO021 foreign-key-type-mismatch."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class ForeignKeyTypeMismatch(AlterTableRule):
    """A foreign key between columns of different types (opt-in).

    Why it matters
        Each lookup casts; an integer that refers to a bigint runs out first, and then INSERTs fail.

    What to do
        The same type on both sides.

    Known where files tell both types.

    Source
        PostgreSQL documentation, section 5.5.5 "Foreign Keys".
    """

    code = "PO021"
    name = "foreign-key-type-mismatch"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.WRITES,)
    opt_in = True
    subtypes = (pb.AT_AddConstraint,)
    good = (
        Good("ALTER TABLE o ADD FOREIGN KEY (a) REFERENCES u (id) NOT VALID;", phase=Phase.CONTRACT,
             earlier="CREATE TABLE u (id int PRIMARY KEY); CREATE TABLE o (a int);"),
    )  # fmt: skip
    bad = (
        Bad(
            "ALTER TABLE o ADD FOREIGN KEY (a) REFERENCES u (id) NOT VALID;",
            phase=Phase.CONTRACT,
            earlier="CREATE TABLE u (id bigint PRIMARY KEY); CREATE TABLE o (a int);",
            fix="-- o.a as bigint",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        constraint = action.definition
        other = context.catalog.table(constraint.pktable) if constraint.contype == pb.CONSTR_FOREIGN else None
        if other is None:
            return
        for name, target in zip(names_in(constraint.fk_attrs), names_in(constraint.pk_attrs), strict=False):
            own, theirs = action.table.columns.get(name), other.columns.get(target)
            if own and theirs and own.type and theirs.type and own.type.name != theirs.type.name:
                column = f"{action.relation}.{ident(name)}"
                yield Problem(
                    f"{column} is {own.type.title}, what it refers to is {theirs.type.title}",
                    why="every lookup casts, and the narrower of the two runs out first",
                    fix=f"-- {column} as {theirs.type.title}",
                    span=context.span_at(constraint.location),
                )
