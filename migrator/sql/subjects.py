"""What a statement makes, drops or takes apart: what is looked up before it runs, or after it broke off."""

from __future__ import annotations

from typing import Any

from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, deparse_expression, pb, unwrap


def built_index(statement: Statement) -> tuple[str, str] | None:
    """Schema and name of the index that CREATE INDEX CONCURRENTLY builds; None for other statements."""
    node = statement.node
    if statement.kind != "index_stmt" or not node.concurrent or not node.idxname:
        return None
    return node.relation.schemaname or "public", node.idxname


def dropped_index(statement: Statement) -> tuple[str, str] | None:
    """Schema and name of the one index that DROP INDEX CONCURRENTLY drops; None for other statements."""
    node = statement.node
    if statement.kind != "drop_stmt" or node.remove_type != pb.OBJECT_INDEX or not node.concurrent:
        return None
    parts = [unwrap(item).sval for item in unwrap(node.objects[0]).items]
    return (parts[-2] if len(parts) > 1 else "public"), parts[-1]


def rebuilt_index(statement: Statement) -> tuple[str, str] | None:
    """Schema and name of the index that REINDEX INDEX CONCURRENTLY builds anew; None for other statements."""
    node = statement.node
    if statement.kind != "reindex_stmt" or node.kind != pb.REINDEX_OBJECT_INDEX:
        return None
    if not any(unwrap(each).defname == "concurrently" for each in node.params):
        return None
    return node.relation.schemaname or "public", node.relation.relname


def added_key(statement: Statement) -> tuple[tuple[str, str], Any] | None:
    """Table and ``Constraint`` of an ALTER TABLE that adds one key or foreign key, whole and by its name; else None."""
    if statement.kind != "alter_table_stmt" or len(statement.node.cmds) != 1 or not statement.node.relation.inh:
        return None
    command = unwrap(statement.node.cmds[0])
    if command.subtype != pb.AT_AddConstraint:
        return None
    node, table = unwrap(getattr(command, "def")), statement.node.relation
    if node.contype not in _KEYS or not node.conname or node.indexname or node.skip_validation:
        return None
    return (table.schemaname or "public", table.relname), node


_KEYS = frozenset({pb.CONSTR_PRIMARY, pb.CONSTR_UNIQUE, pb.CONSTR_FOREIGN})


def detached_partition(statement: Statement) -> tuple[tuple[str, str], tuple[str, str]] | None:
    """Parent and partition, schema and name each, of DETACH PARTITION … CONCURRENTLY; None for other statements."""
    if statement.kind != "alter_table_stmt" or len(statement.node.cmds) != 1:
        return None
    command = unwrap(statement.node.cmds[0])
    if command.subtype != pb.AT_DetachPartition or not unwrap(getattr(command, "def")).concurrent:
        return None
    parent, partition = statement.node.relation, unwrap(getattr(command, "def")).name
    return (parent.schemaname or "public", parent.relname), (partition.schemaname or "public", partition.relname)


def created_relation(statement: Statement) -> tuple[str | None, str] | None:
    """Schema (None if unqualified) and name of the table, view, sequence, enum or routine a statement makes."""
    if statement.kind == "create_enum_stmt":
        parts = [unwrap(part).sval for part in statement.node.type_name]
        return (parts[-2] if len(parts) > 1 else None), parts[-1]
    if statement.kind == "create_function_stmt":
        parts = [unwrap(part).sval for part in statement.node.funcname]
        return (parts[-2] if len(parts) > 1 else None), parts[-1]
    if statement.kind == "create_table_as_stmt":
        return statement.node.into.rel.schemaname or None, statement.node.into.rel.relname
    target = {"create_stmt": "relation", "view_stmt": "view", "create_seq_stmt": "sequence"}.get(statement.kind)
    if target is None:
        return None
    relation = getattr(statement.node, target)
    return relation.schemaname or None, relation.relname


_MAKES_NOTHING_BESIDE = frozenset({
    "alter_policy_stmt", "comment_stmt", "create_policy_stmt", "create_trig_stmt", "delete_stmt", "drop_stmt",
    "grant_stmt", "insert_stmt", "lock_stmt", "refresh_mat_view_stmt", "truncate_stmt", "update_stmt", "vacuum_stmt",
})  # fmt: skip
_CHANGES_NO_MORE_THAN_THE_TABLE = frozenset({
    pb.AT_ColumnDefault, pb.AT_DropColumn, pb.AT_DropConstraint, pb.AT_DropNotNull, pb.AT_DisableRowSecurity,
    pb.AT_EnableRowSecurity, pb.AT_ForceRowSecurity, pb.AT_NoForceRowSecurity, pb.AT_ReplicaIdentity,
    pb.AT_ResetOptions, pb.AT_ResetRelOptions, pb.AT_SetCompression, pb.AT_SetNotNull, pb.AT_SetOptions,
    pb.AT_SetRelOptions, pb.AT_SetStatistics, pb.AT_SetStorage, pb.AT_ValidateConstraint,
})  # fmt: skip
_INSIDE_A_TABLE = frozenset({
    pb.OBJECT_COLUMN, pb.OBJECT_ATTRIBUTE, pb.OBJECT_POLICY, pb.OBJECT_RULE, pb.OBJECT_TABCONSTRAINT, pb.OBJECT_TRIGGER,
})  # fmt: skip
_WITH_INDEX_OR_SEQUENCE = frozenset({pb.CONSTR_EXCLUSION, pb.CONSTR_IDENTITY, pb.CONSTR_PRIMARY, pb.CONSTR_UNIQUE})


def makes_beside(statement: Statement) -> bool:
    """Whether a statement may make or name something in the schema of a table it is about, which needs CREATE there.

    Said of every statement of which it is not known that it does not: an index, a sequence and a new name of a relation
    are such things, a column, a CHECK and a trigger are not (PostgreSQL: Privileges, CREATE).
    """
    if statement.kind in _MAKES_NOTHING_BESIDE or created_relation(statement) is not None:
        return False
    if statement.kind == "rename_stmt":
        return statement.node.rename_type not in _INSIDE_A_TABLE
    return statement.kind != "alter_table_stmt" or any(map(_makes_beside, map(unwrap, statement.node.cmds)))


def _makes_beside(command: Any) -> bool:
    if command.subtype == pb.AT_AddConstraint:
        constraint = unwrap(getattr(command, "def"))
        return constraint.contype in _WITH_INDEX_OR_SEQUENCE and not constraint.indexname
    if command.subtype == pb.AT_AddColumn:
        column = unwrap(getattr(command, "def"))
        draws = unwrap(column.type_name.names[-1]).sval.endswith(("serial", "serial2", "serial4", "serial8"))
        return draws or any(unwrap(each).contype in _WITH_INDEX_OR_SEQUENCE for each in column.constraints)
    return command.subtype not in _CHANGES_NO_MORE_THAN_THE_TABLE


def validated_constraints(statement: Statement) -> set[tuple[str, str]]:
    """Table as SQL and name of every constraint that a statement validates."""
    if statement.kind != "alter_table_stmt":
        return set()
    commands = [each for each in map(unwrap, statement.node.cmds) if each.subtype == pb.AT_ValidateConstraint]
    return {(relation_name(statement.node.relation), each.name) for each in commands}


def unchecked_condition(statement: Statement) -> tuple[str, str, str] | None:
    """Table as SQL, name and condition of ``ADD CONSTRAINT … CHECK (…) NOT VALID``; None for other statements.

    Such a constraint is accepted while rows violate it; validating it later is not.
    """
    if statement.kind != "alter_table_stmt":
        return None
    for command in map(unwrap, statement.node.cmds):
        if command.subtype != pb.AT_AddConstraint:
            continue
        constraint = unwrap(getattr(command, "def"))
        if constraint.contype == pb.CONSTR_CHECK and constraint.skip_validation:
            condition = deparse_expression(constraint.raw_expr)
            return relation_name(statement.node.relation), constraint.conname, condition
    return None
