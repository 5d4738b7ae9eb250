"""Words that the fixes of several rules share."""

from __future__ import annotations

import shlex
from typing import Any

from migrator.sql.compose import MAX_NAME_BYTES, Sql, bounded_name, ident
from migrator.sql.parser import Statement, deparse, pb, relation_parts, unwrap

LATER = "-- in a later transaction:"


def as_phases(title: str, statement: Statement, remark: str) -> str:
    """The command that splits a statement into phases, as a comment, and what comes of it."""
    commented = "--" in statement.text or "/*" in statement.text
    sql = deparse(statement.kind, statement.node) if commented else " ".join(statement.text.split())
    return f"-- migrator new {shlex.quote(title)} --sql {shlex.quote(sql)}\n-- {remark}"


def in_batches(relation: str, column: str, value: str) -> str:
    """A comment that says how the rows there are get their value; all arguments are SQL."""
    update = f"UPDATE {relation} SET {column} = {value} WHERE {column} IS NULL"  # noqa: S608 - shown, never run
    return f"-- then, in batches (backfill.sql): {update}"


def constraint_name(given: str, table: str, columns: tuple[str, ...], suffix: str) -> Sql:
    """The constraint's own name, or one like PostgreSQL would choose, quoted where needed.

    Args:
        given: the name it has, or an empty string.
        table: bare name of the table.
        columns: the columns it is about.
        suffix: ``fkey``, ``check`` …
    """
    if given:
        return ident(given)
    name = "_".join((table, *columns, suffix))
    return ident(name if len(name.encode()) <= 63 else bounded_name(table, *columns, suffix, over=(name,)))


def index_then_constraint(relation: str, columns: str, name: str, constraint: Any, *, replaces: bool = False) -> str:
    """A UNIQUE or PRIMARY KEY by way of an index that is built first, with all that the constraint says of it.

    Args:
        relation: the table, as SQL.
        columns: likewise.
        name: of both, as SQL.
        constraint: the ``Constraint``.
        replaces: whether one of this name goes in the same statement; the index has another one until then.
    """
    built, drop = (spare_name(name), f"DROP CONSTRAINT {name}, ") if replaces else (name, "")
    words = "UNIQUE" if constraint.contype == pb.CONSTR_UNIQUE else "PRIMARY KEY"
    index = f"CREATE UNIQUE INDEX CONCURRENTLY {built} ON {relation} ({columns})"
    if constraint.including:
        index += f" INCLUDE ({', '.join(ident(item.string.sval) for item in constraint.including)})"
    if constraint.nulls_not_distinct:
        index += " NULLS NOT DISTINCT"
    if constraint.options:
        index += f" WITH ({', '.join(map(_option, map(unwrap, constraint.options)))})"
    if constraint.indexspace:
        index += f" TABLESPACE {ident(constraint.indexspace)}"
    deferral = " DEFERRABLE" if constraint.deferrable else ""
    deferral += " INITIALLY DEFERRED" if constraint.initdeferred else ""
    return f"{index};\nALTER TABLE {relation} {drop}ADD CONSTRAINT {name} {words} USING INDEX {built}{deferral};"


def spare_name(name: str) -> str:
    """What an index is called, as SQL, while another one has the name it is to get."""
    _, plain = relation_parts(name)
    spare = f"{plain}_new"
    return ident(spare if len(spare.encode()) <= MAX_NAME_BYTES else bounded_name(plain, over=(spare,)))


def _option(option: Any) -> str:
    value = unwrap(option.arg)
    if value is None:
        return str(option.defname)
    return f"{option.defname} = {value.ival if isinstance(value, pb.Integer) else getattr(value, 'sval', '')}"
