"""RB005 blocked-by-dependant."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class BlockedByDependant(AlterTableRule):
    """A column is dropped or retyped while a view, policy, trigger or generated column uses it.

    Why it matters
        "cannot alter type of a column used by a view or rule", "cannot drop column … because other objects depend on
        it": the migration stops there. CASCADE would drop the view or policy with it, unseen. PostgreSQL 14 drops a
        generated column with the column it is made of, without a word.

    What to do
        In one transaction: drop what depends on the column, change it, create the other again, with its grants.

    Known where a file created what depends on it.

    Source
        PostgreSQL documentation, section 5.15 "Dependency Tracking"; run on 14 and 18.
    """

    code = "RB005"
    name = "blocked-by-dependant"
    severity = Severity.ERROR
    category = Category.ROLLBACK
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = (Breaks.MIGRATION,)
    subtypes = (pb.AT_DropColumn, pb.AT_AlterColumnType)
    good = (
        Good("BEGIN;\nDROP VIEW v;\nALTER TABLE t ALTER COLUMN b TYPE text;\nCREATE VIEW v AS SELECT a, b FROM t;\n"
             "COMMIT;",
             earlier="CREATE TABLE t (a int, b varchar(9));\nCREATE VIEW v AS SELECT a, b FROM t;"),
        Good("ALTER TABLE t ALTER COLUMN c TYPE text;",
             earlier="CREATE TABLE t (a int, c varchar(9));\nCREATE VIEW v AS SELECT a FROM t;"),
        Good("DO $$ DECLARE v text; BEGIN FOR v IN SELECT viewname FROM pg_views WHERE schemaname = 'public' LOOP"
             " EXECUTE format('DROP VIEW %I', v); END LOOP; END $$;\nALTER TABLE t DROP COLUMN a;",
             phase=Phase.CONTRACT, earlier="CREATE TABLE t (a int, b int);\nCREATE VIEW v AS SELECT a, b FROM t;"),
        Good("DROP POLICY p ON t;\nALTER TABLE t DROP COLUMN a;", phase=Phase.CONTRACT,
             earlier="CREATE TABLE t (a int);\nCREATE POLICY p ON t USING (a > 0);"),
    )  # fmt: skip
    bad = (
        Bad(
            "ALTER VIEW v RENAME TO w;\nALTER TABLE t RENAME TO u;\nALTER TABLE u ALTER COLUMN b TYPE text;",
            earlier="CREATE TABLE t (a int, b varchar(9));\nCREATE VIEW v AS SELECT a, b FROM t;",
            fix="-- in one transaction: drop view w, change the column, create view w again",
        ),
        Bad(
            "ALTER TABLE t ALTER COLUMN b TYPE text;",
            earlier="CREATE TABLE t (a int, b varchar(9));\nCREATE VIEW v AS SELECT a, b FROM t;",
            fix="-- in one transaction: drop view v, change the column, create view v again",
        ),
        Bad(
            "ALTER TABLE t DROP COLUMN a;",
            earlier="CREATE TABLE t (a int, b int);\nCREATE POLICY p ON t USING (a > 0);",
            phase=Phase.CONTRACT,
            fix="-- in one transaction: drop policy p, change the column, create policy p again",
        ),
        Bad(
            "ALTER TABLE t ALTER COLUMN a TYPE text;",
            earlier="CREATE TABLE t (a varchar(9), g text GENERATED ALWAYS AS (lower(a)) STORED);",
            fix="-- in one transaction: drop generated column g, change the column, create generated column g again",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        table, column, catalog = action.table, action.command.name, context.catalog
        drops = action.command.subtype == pb.AT_DropColumn
        if drops and action.command.behavior == pb.DROP_CASCADE:
            return
        using = [label for label, read in table.dependants.items() if column in read]
        # What ran before and was not looked at may have dropped a view, or given it another query.
        is_known = all(start > action.statement.offset for start in context.unchecked)
        for key, view in catalog.views_on(table.key) if is_known else ():
            if column in view.uses or (view.uses_all and column in table.columns):
                certain = (
                    len(view.reads) == 1
                    or sum(column in catalog.tables[read].columns for read in view.reads if read in catalog.tables) == 1
                )
                if certain:
                    using.append(f"view {ident(key[1])}")
        if not using:
            return
        what = ", ".join(using)
        yield Problem(
            f"{action.relation}.{ident(column)} cannot be {'dropped' if drops else 'retyped'}: it is used by {what}",
            why="PostgreSQL refuses the statement, and the migration stops here"
            if not drops or any(not label.startswith("generated") for label in using)
            else "PostgreSQL refuses the statement, or (14) drops the generated column with it, without a word",
            fix=f"-- in one transaction: drop {what}, change the column, create {what} again",
            span=context.span_of(column),
        )
