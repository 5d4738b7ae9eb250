"""PO020 foreign-key-without-index."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Alteration, Context
from migrator.lint.repairs import Fixable, Repair
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import pb, unwrap


class ForeignKeyWithoutIndex(AlterTableRule):
    """A foreign key whose columns no index begins with (opt-in).

    Why it matters
        Every DELETE of a referenced row, and every UPDATE of its key, reads the whole referencing table.

    What to do
        An index that begins with the referencing columns.

    Known by the indexes that files created; quiet if the same file creates one.

    Source
        PostgreSQL documentation, section 5.5.5 "Foreign Keys".
    """

    code = "PO020"
    name = "foreign-key-without-index"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    fixable = Fixable.SAFE
    opt_in = True
    subtypes = (pb.AT_AddConstraint,)
    good = (
        Good("ALTER TABLE o ADD FOREIGN KEY (a) REFERENCES u NOT VALID;", phase=Phase.CONTRACT,
             earlier="CREATE TABLE o (a int);\nCREATE INDEX i ON o (a, b);"),
        Good("ALTER TABLE o ADD FOREIGN KEY (a) REFERENCES u NOT VALID;\nCREATE INDEX CONCURRENTLY i ON o (a);",
             phase=Phase.CONTRACT),
        Good("ALTER TABLE o ADD FOREIGN KEY (a) REFERENCES u NOT VALID;", phase=Phase.CONTRACT,
             earlier="CREATE TABLE o (a int PRIMARY KEY);"),
    )  # fmt: skip
    bad = (
        Bad(
            "ALTER TABLE o ADD FOREIGN KEY (a) REFERENCES u NOT VALID;",
            phase=Phase.CONTRACT,
            fix="CREATE INDEX CONCURRENTLY ON o (a);",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        constraint, table = action.definition, action.table
        columns = names_in(constraint.fk_attrs)
        if constraint.contype != pb.CONSTR_FOREIGN or not columns:
            return
        keys = (pb.CONSTR_PRIMARY, pb.CONSTR_UNIQUE)
        have = [index.columns for _, index in context.catalog.indexes_of(table.key) if not index.partial]
        have += [known.columns for known in table.constraints.values() if known.kind in keys]
        have += [
            tuple(unwrap(element).name for element in later.node.index_params)
            for later in context.following_of("index_stmt", table=table.key[1])
        ]
        if not any(set(index[: len(columns)]) == set(columns) for index in have):
            names = ", ".join(map(ident, columns))
            yield Problem(
                f"no index of {action.relation} begins with {names}",
                why="every DELETE of a referenced row reads the whole table",
                fix=f"CREATE INDEX CONCURRENTLY ON {action.relation} ({names});",
                span=context.span_at(constraint.location),
                repair=Repair(after=(f"CREATE INDEX CONCURRENTLY ON {action.relation} ({names})",), alone=True)
                if not table.partitioned
                else None,
            )
