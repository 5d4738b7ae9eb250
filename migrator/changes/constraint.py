"""``ALTER TABLE … ADD CONSTRAINT`` taken apart: what the kinds that add a constraint share."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from msgspec import structs

from migrator.changes.kind import (
    Context,
    Draft,
    Expression,
    OnTable,
    Spec,
    altered_table,
    require_column,
    require_table,
)
from migrator.changes.trial import added_before, copy_of, may_be_tried, on_copy
from migrator.errors import Refused
from migrator.model.schema import Constraint, Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import MAX_NAME_BYTES, Sql, bounded_name, ident, qualified
from migrator.sql.parser import parse_script, pb, unwrap, walk
from migrator.sql.rewrite import adding, slug

_BARE = "ALTER TABLE t ADD CONSTRAINT c "
MOST_ROWS_EXCLUDED = 2_000
"""Of a table that gets an exclusion constraint. The index over so many date ranges was built in 150 to 180 ms, over
10,000 in 1.0 s (PostgreSQL 18, two cores); half a second, the default of ``lock_timeout``, is the most that anybody may
wait."""


class NewConstraint(OnTable, frozen=True):
    """Parameters of a change that adds a constraint.

    Attributes:
        constraint: its name.
        definition: what follows the name, as ``pg_get_constraintdef`` writes it: ``CHECK (total > 0)``,
            ``UNIQUE (email)``.
    """

    constraint: str
    definition: str


class RowConstraint(NewConstraint, frozen=True):
    """Parameters of a change that adds a CHECK or a foreign key.

    Attributes:
        not_valid: whether rows that are there stay unchecked, until VALIDATE CONSTRAINT.
    """

    not_valid: bool = False


class Release(OnTable, frozen=True):
    """Parameters of ``drop_constraint``.

    Attributes:
        constraint: its name.
        if_exists: whether it need not be there.
    """

    constraint: str
    if_exists: bool = False


class KeyReplacement(NewConstraint, frozen=True):
    """Parameters of ``change_primary_key``.

    Attributes:
        replaces: name of the primary key that goes.
        comment: what the new one is for; an empty string: it has no comment.
    """

    replaces: str
    comment: str = ""


def dropped_by(spec: object) -> tuple[TableName, str] | None:
    """Table and name of the constraint that contract of a change drops; None: of another kind of change."""
    if isinstance(spec, Release):
        return spec.target, spec.constraint
    return (spec.target, spec.replaces) if isinstance(spec, KeyReplacement) else None


def added_constraint(action: Action, schema: Schema, contype: int) -> tuple[TableName, Any] | None:
    """The table and the ``Constraint`` node (a copy) of ADD CONSTRAINT of one type, else None.

    Args:
        action: of a script.
        schema: where unqualified names are looked up.
        contype: ``pb.CONSTR_…``.

    Raises:
        Refused: it asks for less than the whole constraint.
    """
    if action.command is None or action.command.subtype != pb.AT_AddConstraint:
        return None
    if action.node.objtype != pb.OBJECT_TABLE:
        return None
    written = unwrap(getattr(action.command, "def"))
    if written.contype != contype:
        return None
    target = altered_table(action.node.relation, schema)
    node = pb.Constraint()
    node.CopyFrom(written)
    if not node.is_enforced and contype in (pb.CONSTR_CHECK, pb.CONSTR_FOREIGN):
        if "phase" in action.options:
            return None
        raise Refused(
            "a constraint that is NOT ENFORCED checks nothing, and says nothing about the rows",
            hint="leave it out, or say yourself when it runs: -- migrator: phase = expand, -- migrator: undo = SQL",
        )
    node.skip_validation, node.initially_valid = False, True
    return target, node


def stays_not_valid(change: NewConstraint) -> bool:
    """Whether rows that are there when it is added stay unchecked."""
    return isinstance(change, RowConstraint) and change.not_valid


def is_not_valid(action: Action) -> bool:
    """Whether ADD CONSTRAINT leaves rows that are there unchecked."""
    return bool(unwrap(getattr(action.command, "def")).skip_validation)


def constraint_name(node: Any, target: TableName, columns: Sequence[str], suffix: str) -> str:
    """The name written, or the one PostgreSQL would choose, with a hash where that is too long."""
    if node.conname:
        ident(node.conname)
        return str(node.conname)
    name = "_".join([target.name, *columns, suffix])
    return name if len(name.encode()) <= MAX_NAME_BYTES else bounded_name(name, over=(target.schema, name))


def definition_of(node: Any) -> str:
    """A constraint as it stands behind ``ADD CONSTRAINT name``, in canonical form."""
    return _altering("t", None, "c", node).removeprefix(_BARE)


def node_of(definition: str, contype: int) -> Any:
    """The ``Constraint`` node of a definition.

    Raises:
        Refused: it is not one constraint of that type.
    """
    statements = parse_script(_BARE + definition, "constraint").statements
    if len(statements) == 1 and statements[0].kind == "alter_table_stmt" and len(statements[0].node.cmds) == 1:
        node = unwrap(getattr(unwrap(statements[0].node.cmds[0]), "def"))
        if node.contype == contype:
            return node
    raise Refused(f"not the definition of such a constraint: {definition}")


def add_statement(change: NewConstraint, node: Any) -> Sql:
    """``ALTER TABLE … ADD CONSTRAINT …`` of a node."""
    return _altering(change.table, change.schema, change.constraint, node)


def add_unchecked(change: NewConstraint, contype: int) -> Sql:
    """The same ``NOT VALID``: existing rows are not looked at."""
    node = node_of(change.definition, contype)
    node.skip_validation, node.initially_valid = True, False
    return add_statement(change, node)


def unchecked_then_validated(change: NewConstraint, contype: int, *, refuses: str, meanwhile: str) -> Iterator[Draft]:
    """The constraint NOT VALID, then, unless it is to stay so, its validation outside the transaction.

    Args:
        change: what is added.
        contype: ``pb.CONSTR_CHECK`` or ``pb.CONSTR_FOREIGN``.
        refuses: completes "refuses … from here on".
        meanwhile: what goes on while it is validated.
    """
    yield Draft(
        f"add-{slug(change.constraint)}",
        add_unchecked(change, contype),
        f"refuses {refuses} from here on; existing rows are not looked at",
        slug(change.table),
    )
    if stays_not_valid(change):
        return
    yield Draft(
        f"validate-{slug(change.constraint)}",
        Sql(f"ALTER TABLE {change.sql} VALIDATE CONSTRAINT {ident(change.constraint)}"),
        f"looks at every row while {meanwhile} go on",
    )


def timing_of(node: Any) -> Sql:
    """When a key is checked, as SQL with a blank before it; empty: row by row."""
    deferred = " INITIALLY DEFERRED" if node.initdeferred else ""
    return Sql(f" DEFERRABLE{deferred}" if node.deferrable else "")


def earlier(change: OnTable, context: Context) -> Iterator[tuple[str, Spec]]:
    """The changes of the migration before this one, by their kinds."""
    return itertools.takewhile(lambda each: each[1] != change, context.beside)


def named(parts: Any) -> tuple[str, ...]:
    """Names in a list of strings of a tree."""
    return tuple(unwrap(part).sval for part in parts)


def columns_of_check(node: Any) -> tuple[str, ...]:
    """Columns a CHECK mentions, in order, once each.

    Raises:
        Refused: it holds a query, which PostgreSQL does not allow.
    """
    found: dict[str, None] = {}
    for inner in walk(node.raw_expr):
        if isinstance(inner, pb.SubLink):
            raise Refused("a CHECK cannot hold a query")
        if isinstance(inner, pb.ColumnRef) and isinstance(unwrap(inner.fields[-1]), pb.String):
            found[unwrap(inner.fields[-1]).sval] = None
    return tuple(found)


def require_free(
    change: NewConstraint,
    columns: Sequence[str],
    context: Context,
    *,
    or_partitioned: bool = False,
    instead: str = "",
    going: str = "",
) -> Relation | None:
    """The table of a constraint to be added, with the columns there and the name free; None: not known, or new.

    Args:
        or_partitioned: whether a partitioned table will do.
        instead: what to do about one.
        going: name of a constraint that is gone by then.

    Raises:
        Refused: the table or a column is not there, or the name is taken.
    """
    relation = require_table(change, context, or_partitioned=or_partitioned, or_partition=True, instead=instead)
    if relation is None:
        return None
    for name in columns:
        if ("COLUMN", change.schema, change.table, name) not in context.made:
            require_column(relation, change, name)
    if change.constraint != going and any(each.name == change.constraint for each in relation.constraints):
        raise Refused(
            f'constraint "{change.constraint}" of table "{change.target}" exists already',
            hint="DROP CONSTRAINT of it before, in the same migration: both change places in one transaction",
        )
    return relation


def tried_constraint(change: NewConstraint, contype: int, context: Context) -> Iterator[Expression]:
    """Whether the server takes the constraint, which it would tell at contract only."""
    if may_be_tried(context, change.target):
        there = structs.replace(change, schema=copy_of(change.target).schema)
        added = add_statement(there, node_of(change.definition, contype))
        columns = added_before(context, change.target, there.sql)
        yield on_copy(f'constraint "{change.constraint}"', change.target, *columns, added)


def refuse_held(constraint: Constraint, target: TableName, gone: Collection[str] = ()) -> None:
    """Refuse to drop a constraint that views, rules or functions rely on.

    Args:
        constraint: that is to go.
        target: its table.
        gone: what is dropped before, as the server describes it.

    Raises:
        Refused: with all that do.
    """
    held_by = [each for each in constraint.held_by if each not in gone]
    if held_by:
        raise Refused(
            f'constraint "{constraint.name}" of table "{target}" is relied on by other objects, and could not be '
            "dropped",
            detail="\n".join(held_by),
            hint="change them in a migration before this one: GROUP BY every column that is selected, ON CONFLICT with "
            "columns, another REPLICA IDENTITY",
        )


def waits_for_contract(change: NewConstraint, context: Context, what: str) -> Iterator[str]:
    """Notes that old code may go on to break the constraint until it is gone, and that rows may for longer."""
    if change.target not in context.created:
        yield f"{change.constraint} is enforced by contract: until then old code may write {what}"
    if stays_not_valid(change):
        yield (
            f"{change.constraint} stays NOT VALID: rows that are there by then remain unchecked until "
            f"ALTER TABLE {change.sql} VALIDATE CONSTRAINT {ident(change.constraint)}"
        )


def with_validation(one: Spec, other: Spec) -> RowConstraint | None:
    """ADD CONSTRAINT … NOT VALID with VALIDATE CONSTRAINT of it behind: what is added is valid in the end.

    Returns:
        None: the other change is about another constraint.
    """
    if not isinstance(one, RowConstraint) or not one.not_valid:
        return None
    about = [getattr(other, name, None) for name in ("schema", "table", "constraint")]
    return structs.replace(one, not_valid=False) if about == [one.schema, one.table, one.constraint] else None


def _altering(table: str, schema: str | None, name: str, node: Any) -> Sql:
    statement = pb.AlterTableStmt()
    statement.CopyFrom(parse_script(f"ALTER TABLE {qualified(schema, table)} ADD CHECK (true)").statements[0].node)
    constraint = pb.Constraint()
    constraint.CopyFrom(node)
    constraint.conname = name
    getattr(unwrap(statement.cmds[0]), "def").constraint.CopyFrom(constraint)
    return adding(statement)
