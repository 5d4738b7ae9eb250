"""LK039 primary-key-scan."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.fixes import LATER, constraint_name
from migrator.lint.repairs import Fixable, Repair, alter_table
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb

_EARLIER = "CREATE TABLE visits (id bigint); CREATE UNIQUE INDEX visits_id ON visits (id);"


class PrimaryKeyScan(AlterTableRule):
    """PRIMARY KEY USING INDEX on a column that may be NULL so far.

    Why it matters
        The index is there, but its columns become NOT NULL, and for that every row is read under ACCESS EXCLUSIVE.

    What to do
        First CHECK (column IS NOT NULL) NOT VALID, and VALIDATE it in a later transaction: then nothing is read.

    Only where the files given tell that a column may be NULL. Quiet if a valid CHECK proves that it is not.

    Source
        PostgreSQL documentation, ALTER TABLE, "ADD table_constraint_using_index"; measured on 14 and 18.
    """

    code = "LK039"
    name = "primary-key-scan"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.SCAN
    breaks = ()
    fixable = Fixable.SAFE
    subtypes = (pb.AT_AddConstraint,)
    good = (
        Good("ALTER TABLE visits ADD PRIMARY KEY USING INDEX visits_id;"),
        Good("ALTER TABLE visits ADD PRIMARY KEY USING INDEX visits_id;",
             earlier="CREATE TABLE visits (id bigint NOT NULL); CREATE UNIQUE INDEX visits_id ON visits (id);"),
        Good("ALTER TABLE visits ADD PRIMARY KEY USING INDEX visits_id;",
             earlier=f"{_EARLIER} ALTER TABLE visits ADD CHECK (id IS NOT NULL);"),
    )  # fmt: skip
    bad = (
        Bad(
            "ALTER TABLE visits ADD PRIMARY KEY USING INDEX visits_id;",
            earlier=_EARLIER,
            fix="ALTER TABLE visits ADD CONSTRAINT visits_id_not_null CHECK (id IS NOT NULL) NOT VALID;\n"
            "-- in a later transaction:\n"
            "ALTER TABLE visits VALIDATE CONSTRAINT visits_id_not_null;\n"
            "ALTER TABLE visits ADD PRIMARY KEY USING INDEX visits_id;\n"
            "ALTER TABLE visits DROP CONSTRAINT visits_id_not_null;",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        constraint, table, relation = action.definition, action.table, action.relation
        if constraint.contype != pb.CONSTR_PRIMARY or not constraint.indexname or action.is_new:
            return
        known = {key[1]: index for key, index in context.catalog.indexes_of(table.key)}.get(constraint.indexname)
        proofs = [each.proves_not_null for each in table.constraints.values() if each.valid]
        proved = frozenset().union(*proofs)
        nullable = [
            column
            for column in (known.columns if known else ())
            if column in table.columns and table.columns[column].not_null is False and column not in proved
        ]
        if not nullable:
            return
        checks = [(column, constraint_name("", table.key[1], (column,), "not_null")) for column in nullable]
        add, validate, drop = (
            "".join(
                f"ALTER TABLE {relation} {form.format(check=check, column=ident(column))};\n"
                for column, check in checks
            )
            for form in (
                "ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID",
                "VALIDATE CONSTRAINT {check}",
                "DROP CONSTRAINT {check}",
            )
        )
        listed = " and ".join(map(ident, nullable))
        yield Problem(
            f"the primary key makes {listed} NOT NULL, and reads all of {relation} for that",
            why="nobody can read or write the table while every row is checked",
            fix=f"{add}{LATER}\n{validate}{action.statement.text};\n{drop}".rstrip(),
            lock=LockMode.ACCESS_EXCLUSIVE,
            span=context.span_at(constraint.location),
            # set-not-null-scan takes it from there
            repair=Repair(
                before=tuple(f"{alter_table(action)} ALTER COLUMN {ident(column)} SET NOT NULL" for column in nullable),
                alone=True,
            ),
        )
