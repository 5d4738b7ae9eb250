"""Keys and foreign keys of partitioned tables, which the server adds by reading all their partitions under a lock.

What it need not do where each partition has the same constraint already: it attaches that and looks at no row
(PostgreSQL 14 and 18: ``DefineIndex`` in indexcmds.c, ``tryAttachPartitionForeignKey`` in tablecmds.c). So each
partition gets its own first, a key over an index that is built CONCURRENTLY, a foreign key NOT VALID and validated
then; both while reads and writes go on. What was done is seen in the catalog, so a run that was cut off goes on there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from migrator.changes.constraint import (
    NewConstraint,
    add_statement,
    add_unchecked,
    constraint_name,
    definition_of,
    named,
    node_of,
)
from migrator.changes.unique_key import key_columns, key_index, using_index
from migrator.execution.partitioned_index import Means, Part, part_name, parts_of
from migrator.model.schema import TableName
from migrator.postgres.catalog import index_is_valid
from migrator.postgres.queries import load
from migrator.postgres.session import UNDEFINED_TABLE, ServerError, Session
from migrator.sql.compose import ident, qualified
from migrator.sql.parser import Statement, pb
from migrator.sql.subjects import added_key

_SQL = load("migrator.postgres.queries", "partitioned_index.sql")
_TYPES = {pb.CONSTR_PRIMARY: "p", pb.CONSTR_UNIQUE: "u", pb.CONSTR_FOREIGN: "f"}
_ROUNDS = 10
"""How often partitions are looked for anew, each time after those that were found have theirs."""


@dataclass(frozen=True, slots=True)
class _Alike:
    """A constraint of the same type.

    Attributes:
        definition: as ``_compared`` writes it.
        is_from_above: whether it belongs to one of a table above.
    """

    name: str
    definition: str
    is_valid: bool
    is_from_above: bool


def is_partitioned(session: Session, statement: Statement) -> bool:
    """Whether a statement adds a key or a foreign key to a partitioned table."""
    found = added_key(statement)
    if found is None:
        return False
    (schema, name), _ = found
    return bool(session.query(_SQL["partitioned_table"], {"schema": schema, "name": name}))


def add(means: Means, table: TableName, node: Any) -> None:
    """Add a constraint to a partitioned table.

    Args:
        means: how statements are run.
        table: the partitioned table.
        node: the ``Constraint``, with its name.

    Raises:
        ServerError: the server refuses it; partitions that have theirs keep it for the next run.
    """
    whole = NewConstraint(
        schema=table.schema, table=table.name, constraint=node.conname, definition=definition_of(node)
    )
    wanted = _compared(node)
    for _ in range(_ROUNDS):
        known = _known(means.session, whole, node)
        if any(each.name == whole.constraint for each in known.get(whole.target, ())):
            return
        again = any(each.definition == wanted for each in known.get(whole.target, ()))
        leaves = [part for part in parts_of(means.session, whole.target, whole.target) if part.kind == "r"]
        missing = [part for part in leaves if not _has(known.get(part.table, ()), wanted, alone=again)]
        if not missing:
            break
        try:
            for number, part in enumerate(missing, start=1 + len(leaves) - len(missing)):
                alike = (each for each in known.get(part.table, ()) if each.definition == wanted and not each.is_valid)
                _add_to(means, whole, node, part, next((each.name for each in alike), None))
                means.tell(f"{number} of {len(leaves)} partitions")
        except ServerError as error:
            if error.sqlstate != UNDEFINED_TABLE:
                raise
    # A partition that came since the last look gets its own here, within the limit of a short lock.
    means.briefly([add_statement(whole, node)])


def _add_to(means: Means, whole: NewConstraint, node: Any, part: Part, left: str | None) -> None:
    """One partition gets its own constraint, or the one that a broken run left there is validated."""
    if node.contype == pb.CONSTR_FOREIGN:
        own = NewConstraint(
            schema=part.table.schema,
            table=part.table.name,
            constraint=left or _name_of_foreign_key(means.session, whole, part.table, node),
            definition=whole.definition,
        )
        if not left:
            means.briefly([add_unchecked(own, pb.CONSTR_FOREIGN)])
        means.at_length(f"ALTER TABLE {own.sql} VALIDATE CONSTRAINT {ident(own.constraint)}")
        return
    built = part_name(TableName(whole.schema, whole.constraint), part.table)
    own = NewConstraint(
        schema=part.table.schema, table=part.table.name, constraint=built.name, definition=whole.definition
    )
    valid = index_is_valid(means.session, built.schema, built.name)
    if valid is False:
        means.at_length(f"DROP INDEX CONCURRENTLY IF EXISTS {qualified(built.schema, built.name)}")
    if not valid:
        means.at_length(key_index(own, node))
    means.briefly([using_index(own, node, name=_name_of_key(means.session, part.table, node) or built.name)])


def _name_of_key(session: Session, table: TableName, node: Any) -> str | None:
    """The name that the server would choose for a key of a partition; None: it is taken."""
    is_primary = node.contype == pb.CONSTR_PRIMARY
    columns = () if is_primary else (*key_columns(node), *named(node.including))
    name = constraint_name(_nameless(node), table, columns, "pkey" if is_primary else "key")
    is_free: bool = session.one(_SQL["free"], {"name": qualified(table.schema, name)}).is_free
    return name if is_free else None


def _name_of_foreign_key(session: Session, whole: NewConstraint, table: TableName, node: Any) -> str:
    """As the server names it: like that of the table above, or after the partition where it has one of that name."""
    by_itself = constraint_name(_nameless(node), table, named(node.fk_attrs), "fkey")
    rows = session.query(_SQL["names_of_constraints"], {"table": qualified(table.schema, table.name)})
    taken = {row.name for row in rows}
    names = (whole.constraint, by_itself, part_name(TableName(whole.schema, whole.constraint), table).name)
    return next(name for name in names if name not in taken)


def _nameless(node: Any) -> Any:
    copy = pb.Constraint()
    copy.CopyFrom(node)
    copy.conname = ""
    return copy


def _known(session: Session, whole: NewConstraint, node: Any) -> dict[TableName, list[_Alike]]:
    """Constraints of the same type on the table and its partitions."""
    with session.transaction(read_only=True):
        session.set_local("search_path", "")
        rows = session.query(_SQL["alike_constraints"], {"table": whole.sql, "type": _TYPES[node.contype]})
    found: dict[TableName, list[_Alike]] = {}
    for row in rows:
        definition = _compared(node_of(row.definition, node.contype))
        alike = _Alike(row.name, definition, row.is_valid, row.is_from_above)
        found.setdefault(TableName(row.schema, row.table), []).append(alike)
    return found


def _has(known: Sequence[_Alike], wanted: str, *, alone: bool) -> bool:
    """Whether a valid constraint that can be attached is there.

    Args:
        known: those of a partition.
        wanted: what it says.
        alone: whether one that it has from a table above is attached already.
    """
    return any(each.definition == wanted and each.is_valid and not (alone and each.is_from_above) for each in known)


def _compared(node: Any) -> str:
    """What two constraints must have in common to be one: not their name, nor how their index is stored."""
    copy = _nameless(node)
    copy.indexspace = ""
    copy.skip_validation, copy.initially_valid = False, True
    del copy.options[:]
    return definition_of(copy)
