"""LK010 add-column-unique-build."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from migrator.lint.context import Alteration, Context
from migrator.lint.fixes import constraint_name, index_then_constraint
from migrator.lint.repairs import Fixable, Repair, alter_table, column_constraint_span, is_taken, removal
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb, unwrap


class AddColumnUniqueBuild(AlterTableRule):
    """ADD COLUMN with UNIQUE or PRIMARY KEY.

    Why it matters
        The index behind it is built under ACCESS EXCLUSIVE: nobody can read or write the table meanwhile.

    What to do
        Add the column, create a unique index CONCURRENTLY, and make that the constraint (ADD CONSTRAINT … USING
        INDEX is brief). There is no NOT VALID for unique constraints.

    Source
        PostgreSQL documentation, ALTER TABLE; measured on 15 and 18.
    """

    code = "LK010"
    name = "add-column-unique-build"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BUILD
    breaks = ()
    fixable = Fixable.SAFE
    subtypes = (pb.AT_AddColumn,)
    good = (
        Good("ALTER TABLE users ADD COLUMN email text;"),
        Good("CREATE TABLE users (id int); ALTER TABLE users ADD COLUMN email text UNIQUE;"),
    )
    bad = (
        Bad(
            "ALTER TABLE users ADD COLUMN email text UNIQUE;",
            fix="ALTER TABLE users ADD COLUMN email text;\n"
            "CREATE UNIQUE INDEX CONCURRENTLY users_email_key ON users (email);\n"
            "ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE USING INDEX users_email_key;",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        if action.is_new:
            return
        column, relation = action.definition, action.relation
        for constraint in map(unwrap, column.constraints):
            if constraint.contype not in (pb.CONSTR_UNIQUE, pb.CONSTR_PRIMARY):
                continue
            unique = constraint.contype == pb.CONSTR_UNIQUE
            suffix, words = ("key", "UNIQUE") if unique else ("pkey", "PRIMARY KEY")
            columns = (column.colname,) if unique else ()
            name = constraint_name(constraint.conname, action.table.key[1], columns, suffix)
            before = context.column_without(column, constraint)
            yield Problem(
                f"adding column {ident(column.colname)} with {words} builds an index under an exclusive lock",
                why=f"nobody can read or write {relation} while the index is built",
                fix=f"ALTER TABLE {relation} ADD COLUMN {before};\n"
                f"{index_then_constraint(relation, ident(column.colname), name, constraint)}",
                lock=LockMode.ACCESS_EXCLUSIVE,
                span=context.span_at(constraint.location),
                repair=self._repair(action, context, constraint, name) if unique else None,
            )

    @staticmethod
    def _repair(action: Alteration, context: Context, constraint: Any, name: str) -> Repair | None:
        own, column = column_constraint_span(action, context, constraint), ident(action.definition.colname)
        # options of the index would have to be carried over
        plain = own is not None and _PLAIN.fullmatch(context.source[own[0] : own[1]]) is not None
        if own is None or not plain or action.command.missing_ok or is_taken(action, name):
            return None
        return Repair(
            (removal(context, own),),
            after=(
                f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {action.relation} ({column})",
                f"{alter_table(action)} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}",
            ),
            alone=True,
        )


_PLAIN = re.compile(r"(?:CONSTRAINT\s+\S+\s+)?UNIQUE", re.IGNORECASE)
