"""Foreign keys that rely on a key that goes: from then on they rely on another one over the same columns.

A foreign key stays with the index it was made over, and the server has no statement that gives it another one. So it is
dropped and added again in the transaction of the replacement, NOT VALID, which looks at no row; it is validated behind
that. Nobody sees the table without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from migrator.changes.constraint import (
    KeyReplacement,
    NewConstraint,
    add_unchecked,
    dropped_by,
    earlier,
    named,
    node_of,
)
from migrator.changes.kind import Context, Draft, Kind, Spec
from migrator.changes.replication import keys_of
from migrator.changes.unique_key import key_columns, serving
from migrator.errors import Refused
from migrator.model.schema import Index, Reference, Relation, TableName
from migrator.sql.compose import Sql, ident, ident_list, qualified
from migrator.sql.parser import parse_script, pb, unwrap, walk
from migrator.sql.rewrite import slug

_UNCHECKED_ON_PARTITIONED = 18
"""First version with foreign keys NOT VALID on partitioned tables (release notes of 18)."""


def relying(relation: Relation, index: str, change: KeyReplacement, context: Context) -> list[Reference]:
    """Foreign keys that rely on an index, but for those that the same migration drops before."""
    dropped = {dropped_by(spec) for _, spec in earlier(change, context)}
    return [each for each in relation.references if each.index == index and (each.table, each.name) not in dropped]


def require_served(
    references: Sequence[Reference], relation: Relation, old: Index, change: KeyReplacement, context: Context
) -> None:
    """Refuse to take the key away from foreign keys that no other one can serve, or that would be made by reading rows.

    Args:
        references: those that rely on the key that goes.
        relation: the table.
        old: the index of that key.
        change: the change.
        context: of the change.

    Raises:
        Refused: with the first of them.
    """
    for each in references:
        if node_of(each.definition, pb.CONSTR_FOREIGN).fk_with_period:
            raise Refused(
                f'foreign key "{each.name}" of "{each.table}" is over a PERIOD, which no key serves but one WITHOUT '
                f"OVERLAPS as {change.replaces} is",
                hint="drop it in a migration before this one",
            )
        if successor(each.columns, relation, old, change, context) is None:
            raise Refused(
                f'foreign key "{each.name}" of "{each.table}" points to {change.target} ({", ".join(each.columns)}), '
                f"and no other key than {change.replaces} is over these columns",
                hint=f"ALTER TABLE {change.sql} ADD UNIQUE ({ident_list(each.columns)}), before it in the same "
                "migration: the foreign key relies on that one then",
            )
        if not each.is_partitioned:
            continue
        if context.schema.server_version < _UNCHECKED_ON_PARTITIONED:
            raise Refused(
                f'foreign key "{each.name}" of partitioned table "{each.table}" relies on {change.replaces}, and '
                f"PostgreSQL {context.schema.server_version} adds none NOT VALID there: every row would be read under "
                "a lock",
                hint="drop it in a migration before this one, and add it again after it",
            )
        other = next((name for _, name in each.partitions if name != each.name), None)
        if other:
            raise Refused(
                f'foreign key "{each.name}" of partitioned table "{each.table}", which relies on {change.replaces}, '
                f'is called "{other}" on a partition: made anew, it would have another name there',
                hint="rename it there as it is called on the table, in a migration before this one",
            )


def refuse_made_beside(change: KeyReplacement, old: Index, context: Context) -> None:
    """Refuse foreign keys that other changes of the same migration make over the key that goes.

    Raises:
        Refused: with the first of them.
    """
    for kind, spec in context.beside:
        if is_made_over(spec, change, old):
            raise Refused(
                f"{kind} beside makes a foreign key that would rely on primary key {change.replaces} of "
                f'"{change.target}", which goes',
                hint="write the foreign key in a migration after this one",
            )


def is_made_over(spec: Spec, change: KeyReplacement, old: Index) -> bool:
    """Whether another change makes a foreign key over the key that goes."""
    return any(
        (node.pktable.schemaname or change.schema, node.pktable.relname) == (change.schema, change.table)
        and set(named(node.pk_attrs)) in (set(), set(keys_of(old) or ()))
        for node in _foreign_keys(spec)
    )


def _foreign_keys(spec: Spec) -> Iterator[Any]:
    definition = getattr(spec, "definition", "")
    if " REFERENCES " not in definition:
        return
    text = f"ALTER TABLE t ADD CONSTRAINT c {definition}" if isinstance(spec, NewConstraint) else definition
    for statement in parse_script(text).statements:
        for node in walk(statement.node):
            if isinstance(node, pb.Constraint) and node.contype == pb.CONSTR_FOREIGN:
                yield node


def successor(
    columns: Sequence[str], relation: Relation, old: Index, change: KeyReplacement, context: Context
) -> str | None:
    """Name of a key over these columns, checked row by row, that is there when the old one goes; None: none is."""
    going = {
        getattr(spec, "constraint", "") or getattr(spec, "index", "")
        for kind, spec in context.beside
        if kind in ("drop_constraint", "drop_index")
    }
    there = serving(relation, columns, {old.name, *going})
    if there is not None:
        return there.name
    coming = [(change.constraint, node_of(change.definition, pb.CONSTR_PRIMARY))]
    coming += [
        (spec.constraint, node_of(spec.definition, pb.CONSTR_UNIQUE))
        for kind, spec in earlier(change, context)
        if kind == "add_unique" and isinstance(spec, NewConstraint) and spec.target == change.target
    ]
    fit = (name for name, node in coming if set(key_columns(node)) == set(columns) and not node.deferrable)
    return next(fit, None)


def let_go(references: Sequence[Reference], change: KeyReplacement, kind: Kind[KeyReplacement]) -> Iterator[Draft]:
    """The foreign keys go, in the transaction of the replacement."""
    for each in references:
        table = _sql(each.table)
        yield Draft(
            f"drop-{slug(each.name)}",
            kind.template("drop", table=table, constraint=each.name),
            f"relies on {change.replaces}; is back before anybody sees it missing",
            slug(change.table),
            locks=", ".join(dict.fromkeys(f"ACCESS EXCLUSIVE ON {name}" for name in (table, change.sql))),
        )


def give_back(references: Sequence[Reference], change: KeyReplacement, kind: Kind[KeyReplacement]) -> Iterator[Draft]:
    """The foreign keys are added again in the same transaction, with their comments, and validated behind it."""
    for each in references:
        yield Draft(
            f"add-{slug(each.name)}",
            _added(each),
            "as it was, relying on the other key; existing rows are not looked at",
            slug(change.table),
        )
        if each.comment is not None:
            yield Draft(
                f"comment-{slug(each.name)}",
                _commented(each, kind),
                "as it was",
                slug(change.table),
            )
    for each in references:
        if each.is_valid:
            yield Draft(
                f"validate-{slug(each.name)}",
                Sql(f"ALTER TABLE {_sql(each.table)} VALIDATE CONSTRAINT {ident(each.name)}"),
                "looks at every row while reads and writes of both tables go on",
            )


def require_as_planned(
    references: Sequence[Reference], change: KeyReplacement, context: Context, kind: Kind[KeyReplacement]
) -> None:
    """Make sure that contract gives back the foreign keys as they are now, and brings back none that went.

    Raises:
        Refused: one was made or changed since it was planned, and contract would fail or lose it; or went.
    """
    planned = f"\n{context.contract_sql}\n"
    other = [
        each
        for each in references
        if f"\n{_added(each)}\n" not in planned
        or (each.comment is not None and f"\n{_commented(each, kind)}\n" not in planned)
    ]
    now = {(each.table, each.name) for each in references}
    made = {(spec.target, spec.constraint) for _, spec in context.beside if isinstance(spec, NewConstraint)}
    gone = [each for each in _planned(change, context.contract_sql) if each not in now | made]
    for what, found in (
        ("was made or changed since it was planned", [f"{each.name} of {each.table}" for each in other]),
        ("is gone since it was planned, and would come back", [f"{name} of {table}" for table, name in gone]),
    ):
        if found:
            raise Refused(
                f'a foreign key that relies on primary key "{change.replaces}" of "{change.target}" {what}',
                detail="\n".join(found),
                hint="plan it anew with this database, after a rollback if it is expanded",
            )


def _planned(change: KeyReplacement, contract_sql: str) -> Iterator[tuple[TableName, str]]:
    """Foreign keys to the table that contract adds."""
    for line in contract_sql.splitlines():
        if not line.startswith("ALTER TABLE ") or " FOREIGN KEY " not in line:
            continue
        statement = parse_script(line).statements[0].node
        node = unwrap(getattr(unwrap(statement.cmds[0]), "def"))
        if (node.pktable.schemaname, node.pktable.relname) == (change.schema, change.table):
            yield TableName(statement.relation.schemaname, statement.relation.relname), node.conname


def _added(reference: Reference) -> Sql:
    table = reference.table
    again = NewConstraint(
        schema=table.schema, table=table.name, constraint=reference.name, definition=reference.definition
    )
    return add_unchecked(again, pb.CONSTR_FOREIGN)


def _commented(reference: Reference, kind: Kind[KeyReplacement]) -> Sql:
    return kind.template("comment", table=_sql(reference.table), constraint=reference.name, text=reference.comment)


def _sql(table: TableName) -> Sql:
    return qualified(table.schema, table.name)
