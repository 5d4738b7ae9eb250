"""LK008 domain-column-rewrite."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import type_of
from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb


class DomainColumnRewrite(AlterTableRule):
    """ADD COLUMN of a domain that has a constraint.

    Why it matters
        PostgreSQL writes the whole table anew to check the domain's constraint, even if the column is NULL in every
        row, under ACCESS EXCLUSIVE.

    What to do
        Use the type below the domain, and a CHECK that is added NOT VALID and validated later.

    Known only for domains that the files create.

    Source
        ATExecAddColumn in src/backend/commands/tablecmds.c; rewrites measured on 15, 16 and 18.
    """

    code = "LK008"
    name = "domain-column-rewrite"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.REWRITE
    breaks = ()
    subtypes = (pb.AT_AddColumn,)
    good = (
        Good("ALTER TABLE users ADD COLUMN points points;", earlier="CREATE DOMAIN points AS int;"),
        Good("CREATE DOMAIN p AS int CHECK (value > 0); CREATE TABLE t (a int); ALTER TABLE t ADD COLUMN b p;"),
    )
    bad = (
        Bad(
            "ALTER TABLE users ADD COLUMN points points;",
            earlier="CREATE DOMAIN points AS int CHECK (value > 0);",
            fix="ALTER TABLE users ADD COLUMN points integer;\n"
            "-- and the domain's condition as a table constraint: ADD CONSTRAINT … CHECK (…) NOT VALID,\n"
            "-- then in a later transaction VALIDATE CONSTRAINT …",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        column = action.definition
        domain = context.catalog.domains.get(type_of(column.type_name).name)
        if action.is_new or domain is None or not domain.constrained:
            return
        name = ident(column.colname)
        yield Problem(
            f"adding column {name} rewrites {action.relation}: its type is a domain with a constraint",
            why="nobody can read or write the table while it is written anew, although every value is the same",
            fix=f"ALTER TABLE {action.relation} ADD COLUMN {name} {domain.base.title};\n"
            "-- and the domain's condition as a table constraint: ADD CONSTRAINT … CHECK (…) NOT VALID,\n"
            "-- then in a later transaction VALIDATE CONSTRAINT …",
            lock=LockMode.ACCESS_EXCLUSIVE,
            span=context.span_at(column.location),
        )
