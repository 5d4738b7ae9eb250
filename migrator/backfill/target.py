"""The table of a backfill as the catalog knows it, and all that must be right before the first row is touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from migrator.backfill import keyset
from migrator.backfill.keys import Key, KeySpan, KeyValue
from migrator.backfill.matching import Facts
from migrator.backfill.passes import Parting, worth_trying
from migrator.backfill.segments import Span
from migrator.backfill.statements import AnySpan, BackfillStatement, LeafName
from migrator.backfill.update import UpdateStatement
from migrator.errors import Refused
from migrator.postgres.catalog import is_volatile
from migrator.postgres.queries import load
from migrator.postgres.session import INSUFFICIENT_PRIVILEGE, ServerError, Session
from migrator.sql.compose import Sql, ident, qualified

_SQL = load("migrator.backfill.queries", "target.sql")

_MOST_READ_BYTES = 64 * 2**20
"""Of other tables, for one block. Finding the rows for one block by an index costs the planner less than reading this
much (8,192 blocks), so it does the latter only where there is none."""

_PAGES = 16
"""Of a leaf that are looked at for how its rows may be parted; spread over all of it."""

_KINDS = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "S": "a sequence",
    "i": "an index",
    "c": "a composite type",
}
_HINTS = {
    "v": "write it for the table below the view",
    "f": "run it where the table is: waits for its locks cannot be limited from here",
}


@dataclass(frozen=True, slots=True)
class Target:
    """The table a statement sweeps.

    Attributes:
        oid: its oid.
        name: its schema and name.
        only: whether its children are left out.
        columns: the columns set.
        into: another table that its rows are put into, as SQL.
        key: columns in whose order batches go, as the author wrote them.
    """

    oid: int
    name: LeafName
    only: bool
    columns: tuple[str, ...]
    into: Sql | None = None
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeafState:
    """A leaf table as it is now.

    Attributes:
        file_node: names its file; another one means that rows were moved by a rewrite. With a key its oid, as then it
            does not matter where rows lie.
        blocks: its size; with a key the rows it is thought to have, at least 1.
        key: by which batches go; None: by blocks.
        size_bytes: of its blocks, and of the values of its rows that lie outside (TOAST).
    """

    name: LeafName
    file_node: int
    blocks: int
    key: Key | None = None
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a batch needs to know about a leaf table.

    Attributes:
        primary_key: columns of the primary key in order; empty: it has none.
        sets_key: whether a column to be set is in a unique index.
        passes: how many passes over it are worth trying.
        numbers: columns by which they might part its rows, the likeliest first.
        bytes_per_block: what a block and the values of its rows that lie outside (TOAST) hold on average.
        key: by which batches go; None: by blocks.
    """

    name: LeafName
    primary_key: tuple[str, ...]
    sets_key: bool
    passes: int = 1
    bytes_per_block: float = 8192.0
    key: Key | None = None
    numbers: tuple[str, ...] = ()


def prepare(session: Session, statement: BackfillStatement) -> Target:
    """Find the table of a statement and check all that would make it fail later.

    Raises:
        Refused: no such table or column, not a table that can be swept, missing privileges (which, on what), row-level
            security that would hide rows, or the server does not accept the statement.
    """
    row = session.maybe(_SQL["relation"], _named(statement))
    if row is None:
        raise _refused(statement, f"table {statement.relation} does not exist")
    if not row.usable:
        raise _lacking(session, statement, "USAGE", f"SCHEMA {ident(row.schema)}")
    if row.kind not in ("rp" if statement.into is None else "rpvmf"):
        raise _refused(
            statement,
            f"{statement.relation} is {_KINDS.get(row.kind, 'not a table')}, not a table",
            hint=_HINTS.get(row.kind),
        )
    target = Target(
        row.oid, LeafName(row.schema, row.name), statement.only, statement.columns, statement.into, statement.key
    )
    for member in session.query(_SQL["tree"], _tree_of(target)):
        _check_member(session, statement, member)
    for name in (LeafName(each.schema, each.name, each.is_lockable) for each in session.query(*_leaves_of(target))):
        _check_key(session, statement, name)
    for part, condition in (("WHERE", statement.condition), ("verify", statement.wrong)):
        if is_volatile(session, condition):
            raise _refused(
                statement,
                f"its {part} condition calls a volatile function, which may answer differently for every batch",
                detail=f"condition: {condition}",
                hint="declare the function STABLE or IMMUTABLE if it is",
            )
    if isinstance(statement, UpdateStatement):
        _check_matches(session, statement)
    return target


def _check_key(session: Session, statement: BackfillStatement, leaf: LeafName) -> None:
    try:
        key = keyset.key_of(session, leaf, statement.key)
        if key is not None:
            keyset.check_nulls(session, leaf, key)
    except keyset.NoKey as error:
        raise _refused(statement, error.message, hint=error.hint) from None
    moved = [column.name for column in key.columns if column.name in statement.columns] if key else []
    if moved:
        raise _refused(statement, f'it sets "{moved[0]}", and goes by the order of it, in which rows would move')


def _check_matches(session: Session, statement: UpdateStatement) -> None:
    """Whether a row finds one row at most in each of the tables that its values come from."""

    def look_up(table: Any) -> Facts:
        row = session.maybe(_SQL["keys"], {"relation": qualified(table.schemaname or None, table.relname)})
        if row is None:
            return Facts(frozenset(), is_open=True)
        return Facts(frozenset(row.columns), tuple(frozenset(key) for key in row.keys))

    several = statement.of_several(look_up)
    if several is not None:
        raise _refused(
            statement,
            f"a row can match several rows of {ident(several)}, and its value would be that of any of them",
            hint="join it by all columns of a unique index, or write SET c = (SELECT …), which finds one row or fails",
        )


def check_accepted(session: Session, statement: BackfillStatement, leaf: LeafName) -> None:
    """Have the server plan a batch and a verification, which checks every name, type and privilege in them.

    Raises:
        Refused: with the server's message; or each batch would read a large table from its start to its end.
    """
    span: AnySpan = Span.of_blocks(0, 1)
    try:
        if key := keyset.key_of(session, leaf, statement.key):
            _, first = keyset.ahead(session, leaf, KeySpan(key), 1)
            span = KeySpan(key, None, first)
    except ServerError as error:
        if error.is_lock_refusal:
            raise
        raise _refused(statement, f"{leaf.sql} cannot be read by its key: {error.server_message}") from None
    for query in (statement.fill(leaf, span), statement.count_wrong(leaf, span)):
        try:
            plan = session.one(f"EXPLAIN (VERBOSE, FORMAT JSON) {query}")[0]
            _check_reads(session, statement, leaf, plan)
        except ServerError as error:
            if error.is_lock_refusal:
                raise
            lacks = "the role may not run it" if error.sqlstate == INSUFFICIENT_PRIVILEGE else "it is not accepted"
            raise _refused(
                statement, f"{lacks}: {error.server_message}", detail=error.detail, hint=error.hint
            ) from None


def _check_reads(session: Session, statement: BackfillStatement, leaf: LeafName, plan: Any) -> None:
    """Whether a batch of one block finds what it needs of other tables by an index."""
    read = {
        qualified(node["Schema"], node["Relation Name"])
        for node in _nodes(plan)
        if node.get("Node Type") == "Seq Scan" and (node["Schema"], node["Relation Name"]) != (leaf.schema, leaf.name)
    }
    size = sum(session.one(_SQL["size"], {"relation": name}).bytes for name in read)
    if size > _MOST_READ_BYTES:
        names = ", ".join(sorted(read))
        raise _refused(
            statement,
            f"every batch would read all of {names}, {size // 2**20} MB",
            hint="create an index on the columns by which its rows are found, and ANALYZE it",
        )


def _nodes(plan: Any) -> Iterator[dict[str, Any]]:
    if isinstance(plan, dict):
        yield plan
    for each in plan.values() if isinstance(plan, dict) else plan if isinstance(plan, list) else ():
        yield from _nodes(each)


def leaves(session: Session, target: Target) -> list[LeafState]:
    """All leaf tables with their sizes now, in a fixed order."""
    found = []
    for row in session.query(*_leaves_of(target)):
        name = LeafName(row.schema, row.name, row.is_lockable)
        key = keyset.key_of(session, name, target.key)
        found.append(
            LeafState(name, row.oid, row.rows, key)
            if key
            else LeafState(name, row.file_node, row.blocks, None, row.size_bytes)
        )
    return found


def _leaves_of(target: Target) -> tuple[str, dict[str, Any]]:
    return _SQL["leaves"], _tree_of(target)


def leaf(session: Session, columns: Sequence[str], name: str, wanted: Sequence[str] = ()) -> Leaf | None:
    """Facts about a leaf by its name as SQL; None: it no longer exists.

    Args:
        columns: that are set.
        wanted: the key that the author names.
    """
    row = session.maybe(_SQL["leaf"], {"leaf": name, "columns": list(columns)})
    if row is None:
        return None
    passes = worth_trying(blocks=row.blocks, indexes=row.indexes, is_indexed=row.is_indexed)
    found = LeafName(row.schema, row.name, row.is_lockable)
    key = keyset.key_of(session, found, wanted)
    if key:
        passes = 1
    return Leaf(found, tuple(row.primary_key), row.sets_key, passes, row.bytes_per_block, key, tuple(row.numbers))


def parting(session: Session, target: Target, state: LeafState) -> Parting | None:
    """By what passes over a leaf are to part its rows: the first column that makes equal parts of pages looked at.

    To be asked before the first pass, which leaves pages uneven.
    """
    found = None if target.into is not None else leaf(session, target.columns, state.name.sql, target.key)
    if found is None or found.passes == 1:
        return None
    places = [Span.of_blocks(block, block + 1) for block in range(0, state.blocks, max(1, state.blocks // _PAGES))]
    for column in found.numbers:
        query = _SQL["values"].replace('"leaf"', state.name.sql.replace("%", "%%"))
        query = query.replace('"number"', ident(column).replace("%", "%%"))
        pages = [session.one(query, {"start": page.start.tid, "stop": page.stop.tid}).values for page in places]
        if by := Parting.by(column, pages, found.passes):
            return by
    return None


def bounds(session: Session, leaf: LeafState, parts: int) -> list[KeyValue]:
    """Where a leaf with a key is cut into parts; see ``keyset.bounds``."""
    return keyset.bounds(session, leaf.name, leaf.key, parts) if leaf.key else []


def lines(session: Session, leaf: Leaf, span: Span) -> list[int]:
    """Lines of the rows of a span within one block, in order."""
    query = _SQL["lines"].replace('"leaf"', leaf.name.sql.replace("%", "%%"))
    row = session.one(query, {"start": span.start.tid, "stop": span.stop.tid})
    return list(row.lines)


def oid_of(session: Session, name: LeafName) -> int | None:
    """The relation of this name now; None: there is none."""
    oid: int | None = session.one(_SQL["named"], {"relation": name.sql}).oid
    return oid


def deadlock_timeout_ms(session: Session) -> int:
    """The server's ``deadlock_timeout``."""
    milliseconds: int = session.one(_SQL["server"]).deadlock_timeout_ms
    return milliseconds


def analyze(session: Session, target: Target) -> None:
    """Refresh the statistics of the columns that were set, children included, or of the table that was filled."""
    if target.into is not None:
        session.execute(Sql(f"ANALYZE {target.into}"))
        return
    columns = ", ".join(ident(column) for column in target.columns)
    only = "ONLY " if target.only and session.server_version >= 18 else ""
    session.execute(Sql(f"ANALYZE {only}{qualified(target.name.schema, target.name.name)} ({columns})"))


def check_rules(session: Session, statement: BackfillStatement) -> None:
    """Check before expand that no rule keeps the sweep from starting; a table that is not there yet has none.

    Raises:
        Refused: one does.
    """
    row = session.maybe(_SQL["relation"], _named(statement))
    for member in session.query(_SQL["tree"], {"oid": row.oid, "only": statement.only, "columns": []}) if row else ():
        _check_rule(statement, member)


def _named(statement: BackfillStatement) -> dict[str, Any]:
    return {"schema": statement.schema, "name": statement.table, "quoted": statement.relation}


def _check_rule(statement: BackfillStatement, member: Any) -> None:
    if member.has_update_rule and statement.into is None:
        raise _refused(
            statement,
            f"{qualified(member.schema, member.name)} has a rule ON UPDATE, which would run instead of or beside every "
            "batch",
            hint="a trigger does the same: DROP RULE in a migration before this one",
        )


def _tree_of(target: Target) -> dict[str, Any]:
    return {"oid": target.oid, "only": target.only, "columns": list(target.columns)}


def _check_member(session: Session, statement: BackfillStatement, member: Any) -> None:
    name = qualified(member.schema, member.name)
    if member.absent:
        raise _refused(statement, f'column "{member.absent[0]}" of {name} does not exist')
    if member.partition_key:
        raise _refused(
            statement, f'"{member.partition_key[0]}" is part of the partition key of {name}: rows would have to move'
        )
    if member.kind == "f" and statement.into is None:
        raise _refused(statement, f"{name} is a foreign table, not a table", hint=_HINTS["f"])
    _check_rule(statement, member)
    if member.kind == "p":
        return
    if not member.usable:
        raise _lacking(session, statement, "USAGE", f"SCHEMA {ident(member.schema)}")
    if not member.may_select:
        raise _lacking(session, statement, "SELECT", str(name))
    if member.may_not_update:
        columns = ", ".join(ident(column) for column in member.may_not_update)
        raise _lacking(session, statement, f"UPDATE ({columns})", str(name))
    if statement.into is not None and member.is_lockable and not member.may_lock:
        raise _lacking(session, statement, "UPDATE", str(name))
    if member.row_security:
        raise _refused(
            statement,
            f"row-level security of {name} hides rows from this role",
            hint="run the backfill as the table's owner or as a role with BYPASSRLS",
        )


def _lacking(session: Session, statement: BackfillStatement, privilege: str, on: str) -> Refused:
    role = session.one(_SQL["server"]).role
    return _refused(
        statement,
        f'role "{role}" lacks {privilege.split(" ", maxsplit=1)[0]} on {on}',
        hint=f"GRANT {privilege} ON {on} TO {ident(role)}",
    )


def _refused(
    statement: BackfillStatement, reason: str, *, detail: str | None = None, hint: str | None = None
) -> Refused:
    return Refused(
        f'backfill step "{statement.step}" cannot start: {reason}', at=statement.at or None, detail=detail, hint=hint
    )
