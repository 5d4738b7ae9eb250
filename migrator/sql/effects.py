"""What a statement locks, scans and rewrites, read off its tree.

Lock modes follow PostgreSQL's documentation, section 13.3.1 and the page of each command, for versions 14 to 18;
those of ALTER TABLE follow ``AlterTableGetLockLevel`` in ``src/backend/commands/tablecmds.c``. Where the answer
depends on what only the catalog knows (whether a type change rewrites, whether a CHECK makes SET NOT NULL cheap) the
worse case is reported.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from migrator.model.effects import Effects, TableLock
from migrator.model.locks import LockMode
from migrator.sql.compose import qualified
from migrator.sql.parser import Statement, pb, unwrap, walk
from migrator.sql.volatility import Volatility, volatility_of

_SUE = LockMode.SHARE_UPDATE_EXCLUSIVE
_SRE = LockMode.SHARE_ROW_EXCLUSIVE
_AE = LockMode.ACCESS_EXCLUSIVE
_AS = LockMode.ACCESS_SHARE

_ALTER_TABLE_LOCKS: dict[int, LockMode] = {
    pb.AT_SetStatistics: _SUE,
    pb.AT_SetOptions: _SUE,
    pb.AT_ResetOptions: _SUE,
    pb.AT_ClusterOn: _SUE,
    pb.AT_DropCluster: _SUE,
    pb.AT_SetRelOptions: _SUE,
    pb.AT_ResetRelOptions: _SUE,
    pb.AT_ValidateConstraint: _SUE,
    pb.AT_AttachPartition: _SUE,
    pb.AT_EnableTrig: _SRE,
    pb.AT_EnableAlwaysTrig: _SRE,
    pb.AT_EnableReplicaTrig: _SRE,
    pb.AT_EnableTrigAll: _SRE,
    pb.AT_EnableTrigUser: _SRE,
    pb.AT_DisableTrig: _SRE,
    pb.AT_DisableTrigAll: _SRE,
    pb.AT_DisableTrigUser: _SRE,
}
_REWRITING = frozenset(
    {
        pb.AT_AlterColumnType,
        pb.AT_SetExpression,
        pb.AT_SetLogged,
        pb.AT_SetUnLogged,
        pb.AT_SetTableSpace,
        pb.AT_SetAccessMethod,
    }
)
_ATTRIBUTES = frozenset(
    {
        pb.CONSTR_ATTR_DEFERRABLE,
        pb.CONSTR_ATTR_NOT_DEFERRABLE,
        pb.CONSTR_ATTR_DEFERRED,
        pb.CONSTR_ATTR_IMMEDIATE,
        pb.CONSTR_ATTR_ENFORCED,
        pb.CONSTR_ATTR_NOT_ENFORCED,
    }
)
_COMMENTED = frozenset(
    {pb.OBJECT_TABLE, pb.OBJECT_COLUMN, pb.OBJECT_VIEW, pb.OBJECT_MATVIEW, pb.OBJECT_FOREIGN_TABLE, pb.OBJECT_INDEX}
)
_FOREIGN = pb.CONSTR_FOREIGN
_SERIAL_TYPES = frozenset({"serial", "serial2", "serial4", "serial8", "bigserial", "smallserial"})


def relation_name(range_var: Any) -> str:
    """A ``RangeVar`` as SQL, ``public.users``."""
    return qualified(range_var.schemaname or None, range_var.relname)


def object_name(node: Any) -> str:
    """A list of name parts, as in DROP, as SQL."""
    inner = unwrap(node)
    parts = [unwrap(item).sval for item in inner.items] if isinstance(inner, pb.List) else [inner.sval]
    return qualified(parts[-2] if len(parts) > 1 else None, parts[-1])


_NONE = Effects()


def effects_of(statement: Statement) -> Effects:
    """Locks, scans, rewrites and whether it may run in a transaction, for any statement."""
    analyse = _BY_KIND.get(statement.kind)
    return analyse(statement.node) if analyse else _NONE


def default_may_be_volatile(expression: Any) -> bool:
    """Whether a default may differ from row to row, as far as the tree alone can tell.

    Constants, casts, ``CURRENT_TIMESTAMP`` and PostgreSQL's own functions that are not volatile are not; any other
    function may be.
    """
    return volatility_of(expression, {})[0] is not Volatility.NOT_VOLATILE


def _alter_table(node: Any) -> Effects:
    kind = node.objtype
    if kind == pb.OBJECT_INDEX:
        return _alter_index(node)
    if kind not in (pb.OBJECT_TABLE, pb.OBJECT_MATVIEW):
        return Effects((TableLock(_AE, relation_name(node.relation)),))
    mode, scans, rewrites, transactional = LockMode.NONE, False, False, True
    others: dict[str, LockMode] = {}
    for wrapped in node.cmds[:]:
        command = wrapped.alter_table_cmd
        subtype = command.subtype
        command_mode, command_scans, command_rewrites = _alter_table_command(command, subtype, others)
        mode = max(mode, command_mode)
        scans = scans or command_scans
        rewrites = rewrites or command_rewrites
        if subtype == pb.AT_DetachPartition and unwrap(getattr(command, "def")).concurrent:
            transactional = False
    own = relation_name(node.relation)
    if not others:
        return Effects((TableLock(mode, own),), rewrites, scans, transactional)
    locks = [TableLock(mode, own), *(TableLock(other_mode, name) for name, other_mode in others.items() if name != own)]
    if len(locks) > 1:
        locks.sort(key=lambda lock: -lock.mode)
    return Effects(tuple(locks), rewrites, scans, transactional)


def _alter_index(node: Any) -> Effects:
    mode, rewrites, others = _SUE, False, []
    for command in map(unwrap, node.cmds):
        if command.subtype == pb.AT_SetTableSpace:
            mode, rewrites = _AE, True
        elif command.subtype == pb.AT_AttachPartition:
            others.append(TableLock(_AE, relation_name(unwrap(getattr(command, "def")).name)))
    return Effects((*others, TableLock(mode, relation_name(node.relation))), rewrites)


def _alter_table_command(command: Any, subtype: int, others: dict[str, LockMode]) -> tuple[LockMode, bool, bool]:
    mode = _ALTER_TABLE_LOCKS.get(subtype, _AE)
    definition: Any = unwrap(getattr(command, "def")) if subtype in _BY_DEFINITION else None
    if subtype == pb.AT_AddColumn:
        scans, rewrites = _added_column(definition, others)
        return mode, scans, rewrites
    if subtype == pb.AT_AddConstraint:
        return _added_constraint(definition, others)
    if subtype == pb.AT_AttachPartition:
        others[relation_name(definition.name)] = _AE
        return mode, True, False
    if subtype == pb.AT_DetachPartition:
        others[relation_name(definition.name)] = _AE
        return (_SUE if definition.concurrent else _AE), False, False
    scans = subtype in _SCANNING
    if subtype == pb.AT_AlterConstraint:
        scans = definition.alter_enforceability and definition.is_enforced
    return mode, scans, subtype in _REWRITING


_BY_DEFINITION = frozenset(
    {pb.AT_AddColumn, pb.AT_AddConstraint, pb.AT_AttachPartition, pb.AT_DetachPartition, pb.AT_AlterConstraint}
)
_SCANNING = frozenset({pb.AT_SetNotNull, pb.AT_ValidateConstraint})


def _added_column(column: Any, others: dict[str, LockMode]) -> tuple[bool, bool]:
    scans = False
    rewrites = column.type_name.names[-1].string.sval in _SERIAL_TYPES
    for place, wrapped in enumerate(column.constraints[:]):
        constraint = wrapped.constraint
        contype = constraint.contype
        if contype == pb.CONSTR_CHECK:
            scans = scans or is_enforced(column, place)
        elif contype == pb.CONSTR_DEFAULT:
            rewrites = rewrites or default_may_be_volatile(constraint.raw_expr)
        elif contype == pb.CONSTR_IDENTITY:
            rewrites = True
        elif contype == pb.CONSTR_GENERATED:
            rewrites = rewrites or constraint.generated_kind != "v"
        elif contype in (pb.CONSTR_UNIQUE, pb.CONSTR_PRIMARY):
            scans = True
        elif contype == pb.CONSTR_FOREIGN:
            others[relation_name(constraint.pktable)] = _SRE
    return scans, rewrites


def is_enforced(column: Any, place: int) -> bool:
    """Whether the constraint at an index of a ``ColumnDef`` is; NOT ENFORCED is a node of its own behind it."""
    behind = map(unwrap, column.constraints[place + 1 :])
    attributes = itertools.takewhile(lambda node: node.contype in _ATTRIBUTES, behind)
    return all(node.contype != pb.CONSTR_ATTR_NOT_ENFORCED for node in attributes)


def _added_constraint(constraint: Any, others: dict[str, LockMode]) -> tuple[LockMode, bool, bool]:
    checks_rows = not constraint.skip_validation
    if constraint.contype == pb.CONSTR_FOREIGN:
        others[relation_name(constraint.pktable)] = _SRE
        return _SRE, checks_rows, False
    if constraint.contype in (pb.CONSTR_UNIQUE, pb.CONSTR_PRIMARY):
        return _AE, not constraint.indexname, False
    return _AE, checks_rows, False


def _create_table(node: Any) -> Effects:
    locks = {
        relation_name(unwrap(parent)): _AE if node.HasField("partbound") else _SUE for parent in node.inh_relations
    }
    for constraint in _constraints(node):
        if constraint.contype == _FOREIGN:
            referenced = relation_name(constraint.pktable)
            if referenced != relation_name(node.relation):
                locks[referenced] = max(_SRE, locks.get(referenced, LockMode.NONE))
    return Effects(tuple(TableLock(mode, name) for name, mode in locks.items()))


def _constraints(node: Any) -> Iterator[Any]:
    """Constraints of a CREATE TABLE, those written at a column too."""
    for element in node.table_elts[:]:
        kind = element.WhichOneof("node")
        if kind == "constraint":
            yield element.constraint
        elif kind == "column_def":
            for wrapped in element.column_def.constraints[:]:
                yield wrapped.constraint


def _create_index(node: Any) -> Effects:
    mode = _SUE if node.concurrent else LockMode.SHARE
    return Effects(
        (TableLock(mode, relation_name(node.relation)),), scans_table=True, transactional=not node.concurrent
    )


def _drop(node: Any) -> Effects:
    if node.remove_type == pb.OBJECT_TRIGGER:
        parts = [unwrap(item).sval for item in unwrap(node.objects[0]).items]
        return Effects((TableLock(_AE, qualified(parts[-3] if len(parts) > 2 else None, parts[-2])),))
    if node.remove_type in (pb.OBJECT_POLICY, pb.OBJECT_RULE):
        parts = [unwrap(item).sval for item in unwrap(node.objects[0]).items]
        return Effects((TableLock(_AE, qualified(parts[-3] if len(parts) > 2 else None, parts[-2])),))
    if node.remove_type in (pb.OBJECT_TABLE, pb.OBJECT_VIEW, pb.OBJECT_MATVIEW, pb.OBJECT_INDEX, pb.OBJECT_SEQUENCE):
        mode = _SUE if node.concurrent else _AE
        locks = tuple(TableLock(mode, object_name(item)) for item in node.objects)
        return Effects(locks, transactional=not node.concurrent)
    return Effects()


def _rename(node: Any) -> Effects:
    if not node.HasField("relation"):
        return Effects()
    mode = _SUE if node.rename_type == pb.OBJECT_INDEX else _AE
    return Effects((TableLock(mode, relation_name(node.relation)),))


def _on_relation(mode: LockMode, *, scans: bool = False, rewrites: bool = False) -> Callable[[Any], Effects]:
    def analyse(node: Any) -> Effects:
        return Effects((TableLock(mode, relation_name(node.relation)),), rewrites, scans)

    return analyse


def _write(node: Any) -> Effects:
    return Effects((TableLock(LockMode.ROW_EXCLUSIVE, relation_name(node.relation)),))


def _select(node: Any) -> Effects:
    own = {inner.ctename for inner in walk(node) if isinstance(inner, pb.CommonTableExpr)}
    locks: dict[str, LockMode] = {}
    # FOR UPDATE without OF concerns every table of its query; a subquery may hold it.
    reading = LockMode.ROW_SHARE if any(isinstance(inner, pb.LockingClause) for inner in walk(node)) else _AS
    for inner in walk(node):
        if isinstance(inner, pb.RangeVar) and (inner.schemaname or inner.relname not in own):
            locks.setdefault(relation_name(inner), reading)
        elif isinstance(inner, (pb.InsertStmt, pb.UpdateStmt, pb.DeleteStmt, pb.MergeStmt)):
            locks[relation_name(inner.relation)] = LockMode.ROW_EXCLUSIVE
    return Effects(_strongest_first(locks))


def _copy(node: Any) -> Effects:
    if not node.HasField("relation"):
        return _select(node.query)
    return Effects((TableLock(LockMode.ROW_EXCLUSIVE if node.is_from else _AS, relation_name(node.relation)),))


def _comment(node: Any) -> Effects:
    if node.objtype not in _COMMENTED:
        return Effects()
    parts = [unwrap(item).sval for item in unwrap(node.object).items]
    if node.objtype == pb.OBJECT_COLUMN:
        parts.pop()
    return Effects((TableLock(_SUE, qualified(parts[-2] if len(parts) > 1 else None, parts[-1])),))


def _publication(node: Any) -> Effects:
    tables = (unwrap(item).pubtable for item in node.pubobjects)
    return Effects(
        tuple(TableLock(_SUE, relation_name(table.relation)) for table in tables if table.HasField("relation"))
    )


def _strongest_first(locks: dict[str, LockMode]) -> tuple[TableLock, ...]:
    found = (TableLock(mode, name) for name, mode in locks.items())
    return tuple(sorted(found, key=lambda lock: -lock.mode))


def _truncate(node: Any) -> Effects:
    return Effects(tuple(TableLock(_AE, relation_name(unwrap(item))) for item in node.relations))


def _lock(node: Any) -> Effects:
    return Effects(tuple(TableLock(LockMode(node.mode), relation_name(unwrap(item))) for item in node.relations))


def _vacuum(node: Any) -> Effects:
    full = any(option.defname == "full" and _is_on(option) for option in map(unwrap, node.options))
    names = [relation_name(unwrap(item).relation) for item in node.rels]
    mode = _AE if full else _SUE
    return Effects(
        tuple(TableLock(mode, name) for name in names),
        rewrites_table=full,
        scans_table=not full,
        transactional=not node.is_vacuumcmd,
    )


def _is_on(option: Any) -> bool:
    """Whether a ``DefElem`` switches something on: written alone, or with any value but these."""
    if not option.HasField("arg"):
        return True
    value = unwrap(option.arg)
    return (value.sval.lower() not in ("false", "off", "0")) if isinstance(value, pb.String) else bool(value.ival)


def _reindex(node: Any) -> Effects:
    concurrent = any(option.defname == "concurrently" and _is_on(option) for option in map(unwrap, node.params))
    name = relation_name(node.relation) if node.HasField("relation") else ""
    # REINDEX takes SHARE on the table, but ACCESS EXCLUSIVE on its index, which the planner of every query opens:
    # "blocks virtually any queries" (documentation of REINDEX).
    mode = _SUE if concurrent else _AE
    alone = concurrent or node.kind in (pb.REINDEX_OBJECT_SCHEMA, pb.REINDEX_OBJECT_DATABASE, pb.REINDEX_OBJECT_SYSTEM)
    return Effects((TableLock(mode, name),) if name else (), scans_table=True, transactional=not alone)


def _refresh(node: Any) -> Effects:
    mode = LockMode.EXCLUSIVE if node.concurrent else _AE
    return Effects((TableLock(mode, relation_name(node.relation)),), scans_table=True)


def _create_view(node: Any) -> Effects:
    return Effects((TableLock(_AE, relation_name(node.view)),)) if node.replace else Effects()


def _policy(node: Any) -> Effects:
    return Effects((TableLock(_AE, relation_name(node.table)),))


_BY_KIND: dict[str, Callable[[Any], Effects]] = {
    "alter_table_stmt": _alter_table,
    "create_stmt": _create_table,
    "index_stmt": _create_index,
    "drop_stmt": _drop,
    "rename_stmt": _rename,
    "create_trig_stmt": _on_relation(_SRE),
    "rule_stmt": _on_relation(_AE),
    "alter_object_schema_stmt": lambda node: (
        Effects((TableLock(_AE, relation_name(node.relation)),)) if node.HasField("relation") else Effects()
    ),
    "insert_stmt": _write,
    "update_stmt": _write,
    "delete_stmt": _write,
    "merge_stmt": _write,
    "select_stmt": _select,
    "create_table_as_stmt": lambda node: _select(node.query),
    "copy_stmt": _copy,
    "comment_stmt": _comment,
    "create_publication_stmt": _publication,
    "alter_publication_stmt": _publication,
    "alter_seq_stmt": lambda node: Effects((TableLock(_SRE, relation_name(node.sequence)),)),
    "truncate_stmt": _truncate,
    "lock_stmt": _lock,
    "vacuum_stmt": _vacuum,
    "alter_table_move_all_stmt": lambda _: Effects(rewrites_table=True),
    "reindex_stmt": _reindex,
    "cluster_stmt": lambda node: (
        Effects((TableLock(_AE, relation_name(node.relation)),), rewrites_table=True)
        if node.HasField("relation")
        else Effects(rewrites_table=True, transactional=False)
    ),
    "refresh_mat_view_stmt": _refresh,
    "view_stmt": _create_view,
    "create_policy_stmt": _policy,
    "alter_policy_stmt": _policy,
    "create_stats_stmt": lambda node: Effects(
        tuple(TableLock(_SUE, relation_name(unwrap(item))) for item in node.relations)
    ),
}
