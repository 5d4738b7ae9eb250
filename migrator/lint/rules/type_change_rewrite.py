"""LK012 type-change-rewrite."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from migrator.lint.catalog import TypeName, names_in, type_of
from migrator.lint.context import Alteration, Context
from migrator.lint.repairs import Fixable, moved
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.lint.type_changes import Work, work_of, work_of_unknown
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
from migrator.sql.parser import pb, unwrap

_WHY = {
    Work.REWRITE: "nobody can read or write the table while it and all its indexes are written anew",
    Work.INDEXES: "nobody can read or write the table while the indexes on the column are rebuilt",
    Work.TIME_ZONE: "nobody can read or write the table while it is written anew; with TimeZone UTC and without USING "
    "only the catalog changes",
    Work.UNKNOWN: "no file tells the old type: unless the change is one that keeps the rows (a wider varchar, varchar "
    "to text, a wider numeric of equal scale), the table is written anew while nobody can read or write it",
}


class TypeChangeRewrite(AlterTableRule):
    """ALTER COLUMN … TYPE that writes the table anew.

    Why it matters
        The table and all its indexes are rewritten under ACCESS EXCLUSIVE: nobody can read or write until it is
        done. The statistics of the column are lost; run ANALYZE.

    What to do
        Add a column of the new type, keep both equal by a trigger, fill it in batches, move the code over, drop the
        old one: migrator's `change_type`.

    Changes that keep the rows are quiet where the old type is known from this file or an earlier one: varchar to a
    wider varchar or text, text to varchar, numeric to a wider one of equal scale, timestamp(3) to timestamp(6), cidr
    to inet, xml to text, a domain to its base type, timestamp to timestamptz if TimeZone is UTC. A CHECK on the
    column makes even these read the whole table. Where the old type is not known this is a warning, unless nothing
    can be turned into the new type without a rewrite.

    Source
        ATColumnChangeRequiresRewrite in src/backend/commands/tablecmds.c; each pair measured on 15 and 18.
    """

    code = "LK012"
    name = "type-change-rewrite"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.REWRITE
    breaks = (Breaks.PREPARED,)
    fixable = Fixable.UNSAFE
    subtypes = (pb.AT_AlterColumnType,)
    good = (
        Good("ALTER TABLE t ALTER COLUMN a TYPE varchar(200);", earlier="CREATE TABLE t (a varchar(100));"),
        Good("ALTER TABLE t ALTER COLUMN a TYPE text;", earlier="CREATE TABLE t (a varchar(100));"),
        Good("ALTER TABLE t ALTER COLUMN a TYPE text USING a::text;", earlier="ALTER TABLE t ADD COLUMN a varchar(9);"),
        Good("ALTER TABLE t ALTER COLUMN a TYPE numeric(12, 2);", earlier="CREATE TABLE t (a numeric(10, 2));"),
        Good("ALTER TABLE t ALTER COLUMN a TYPE timestamp(6);", earlier="CREATE TABLE t (a timestamp(3));"),
        Good("ALTER TABLE t ALTER COLUMN a TYPE inet;", earlier="CREATE TABLE t (a cidr);"),
        Good("SET timezone = 'UTC'; ALTER TABLE t ALTER a TYPE timestamptz;", earlier="CREATE TABLE t (a timestamp);"),
        Good("CREATE TABLE t (a int); ALTER TABLE t ALTER COLUMN a TYPE bigint;"),
    )
    bad = (
        Bad(
            "ALTER TABLE t ALTER COLUMN a TYPE bigint;",
            earlier="CREATE TABLE t (a int);",
            fix="ALTER TABLE t ADD COLUMN a_new bigint;\n"
            "-- then a trigger that keeps both equal, the old rows in batches (backfill.sql), and in contract.sql the\n"
            "-- swap of the names",
        ),
        Bad(
            "ALTER TABLE t ALTER COLUMN a TYPE varchar(10);",
            fix="-- safe if the old type is a shorter varchar; otherwise:\n"
            "ALTER TABLE t ADD COLUMN a_new varchar(10);\n"
            "-- then a trigger that keeps both equal, the old rows in batches (backfill.sql), and in contract.sql the\n"
            "-- swap of the names",
        ),
        Bad(
            "ALTER TABLE t ALTER COLUMN a TYPE varchar(20);",
            earlier="CREATE TABLE t (a varchar(10), CONSTRAINT long CHECK (a <> ''));",
            fix="ALTER TABLE t DROP CONSTRAINT long;\n"
            "ALTER TABLE t ALTER COLUMN a TYPE varchar(20);\n"
            "-- then the same constraint again: ADD CONSTRAINT … NOT VALID, and VALIDATE in a later transaction",
        ),
        Bad(
            "ALTER TABLE t ALTER COLUMN a TYPE timestamptz;",
            earlier="CREATE TABLE t (a timestamp);",
            fix="-- if the stored times are UTC, SET timezone = 'UTC' before it: then only the catalog changes",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        if action.is_new:
            return
        column, definition, relation = action.command.name, action.definition, action.relation
        new = type_of(definition.type_name)
        old = action.column.type
        work = _work(action, old, new, context)
        checks: list[str] = []
        if work is Work.NOTHING:
            checks = [
                known.name
                for known in action.table.constraints.values()
                if known.kind == pb.CONSTR_CHECK and column in known.columns and known.valid and old != new
            ]
            if not checks:
                return
        name = ident(column)
        typed = re.split(r"\sUSING\s", context.written_type(definition), maxsplit=1, flags=re.IGNORECASE)[0]
        change = f"ALTER TABLE {relation} ALTER COLUMN {name} TYPE {typed};"
        twin = (
            f"ALTER TABLE {relation} ADD COLUMN {ident(column + '_new')} {typed};\n"
            "-- then a trigger that keeps both equal, the old rows in batches (backfill.sql), and in contract.sql the\n"
            "-- swap of the names"
        )
        if checks:
            message = f"changing the type of {name} checks every row of {relation} against {', '.join(checks)}"
            why = "nobody can read or write the table while all its rows are read"
            fix = "".join(f"ALTER TABLE {relation} DROP CONSTRAINT {ident(check)};\n" for check in checks) + (
                f"{change}\n-- then the same constraint again: ADD CONSTRAINT … NOT VALID, and VALIDATE in a later "
                "transaction"
            )
            span = context.span_of(column)
            yield Problem(message, why, fix, LockMode.ACCESS_EXCLUSIVE, span=span, work=Effort.SCAN)
            return
        if work is Work.INDEXES and not any(
            column in index.columns or not index.columns for _, index in context.catalog.indexes_of(action.table.key)
        ):
            return
        if work is Work.TIME_ZONE:
            fix = "-- if the stored times are UTC, SET timezone = 'UTC' before it: then only the catalog changes"
        elif work is Work.UNKNOWN:
            fix = f"-- safe if the old type is a shorter varchar; otherwise:\n{twin}"
        else:
            fix = twin
        certain = work in (Work.REWRITE, Work.INDEXES)
        from_type = f"from {old.title} " if old else ""
        yield Problem(
            f"changing the type of {name} {from_type}to {typed} {work.value.replace('the table', relation)}",
            _WHY[work],
            fix,
            LockMode.ACCESS_EXCLUSIVE,
            severity=None if certain else Severity.WARNING,
            span=context.span_of(column),
            work=Effort.BUILD if work is Work.INDEXES else None,
            repair=moved(f"change the type of {relation}.{name}", context) if work is Work.REWRITE else None,
        )


def _work(action: Alteration, old: TypeName | None, new: TypeName, context: Context) -> Work:
    definition, domains = action.definition, context.catalog.domains
    if definition.HasField("coll_clause"):
        new = replace(new, collation=".".join(names_in(definition.coll_clause.collname)))
    using = definition.HasField("raw_default")
    if using and not _plain_cast(unwrap(definition.raw_default), action.command.name, new):
        return Work.REWRITE
    work = work_of(old, new, domains) if old else work_of_unknown(new, domains)
    if work is Work.TIME_ZONE:
        if using:
            return Work.REWRITE
        return Work.NOTHING if context.utc else work
    return work


def _plain_cast(expression: Any, column: str, new: TypeName) -> bool:
    """Whether USING says no more than the change itself: the column, or the column cast to the new type."""
    if isinstance(expression, pb.TypeCast) and type_of(expression.type_name) == replace(new, collation=""):
        expression = unwrap(expression.arg)
    return (
        isinstance(expression, pb.ColumnRef)
        and len(expression.fields) == 1
        and names_in(expression.fields) == (column,)
    )
