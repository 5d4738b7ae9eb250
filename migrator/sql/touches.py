"""What a script does to the tables that applications use, for whoever must be sure that it does nothing to some code.

Pure, and a list of what is harmless: a statement that is not on it is unclear, and whoever asks has to take it for the
worst. Names are without a schema, because the one that code finds depends on its search_path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from migrator.sql.actions import ROUTINES, Action, actions_of
from migrator.sql.drops import names_of
from migrator.sql.parser import parse_script, pb, unwrap

OWN = "migrator_"
"""Names of the tool's own functions and columns begin with it."""

_RELATIONS = frozenset({pb.OBJECT_TABLE, pb.OBJECT_VIEW, pb.OBJECT_MATVIEW, pb.OBJECT_FOREIGN_TABLE})
_ON_TABLES = frozenset({pb.OBJECT_POLICY, pb.OBJECT_RULE, pb.OBJECT_TRIGGER})
_QUIET = frozenset({"vacuum_stmt", "comment_stmt", "lock_stmt", "variable_set_stmt"})
_QUIET_PARTS = frozenset({pb.AT_ValidateConstraint, pb.AT_SetStatistics, pb.AT_SetStorage})
_OF_COLUMNS = frozenset({pb.AT_DropColumn, pb.AT_DropNotNull, pb.AT_AlterColumnType})
_OF_TABLES = frozenset(
    {
        pb.AT_EnableRowSecurity,
        pb.AT_DisableRowSecurity,
        pb.AT_ForceRowSecurity,
        pb.AT_NoForceRowSecurity,
        pb.AT_AttachPartition,
        pb.AT_DetachPartition,
    }
)


@dataclass(slots=True)
class Touches:
    """What a script does, by name of the relation.

    Attributes:
        tables: relations of which anything may be different afterwards, such as what rows may be written.
        columns: relation and column: whoever names the column, or takes all of them, may notice.
        unclear: statements of which the text does not tell whom they concern.
    """

    tables: set[str] = field(default_factory=set)
    columns: set[tuple[str, str]] = field(default_factory=set)
    unclear: list[str] = field(default_factory=list)

    @property
    def relations(self) -> set[str]:
        """All relations that are concerned."""
        return self.tables | {relation for relation, _ in self.columns}


def touched_by(source: str) -> Touches:
    """What the statements of a script do, whatever a later one undoes again.

    Raises:
        SqlSyntaxError: it does not parse.
    """
    touches = Touches()
    added: set[tuple[str, str]] = set()
    for action in actions_of(parse_script(source)):
        known = list(_known(action, touches, added))
        if not any(known):
            touches.unclear.append(" ".join(action.text.split())[:200])
    return touches


def _known(action: Action, touches: Touches, added: set[tuple[str, str]]) -> Iterator[bool]:
    """True where an action was understood; what it touches is added."""
    node = action.node
    if action.kind in _QUIET:
        yield True
    elif action.kind == "alter_table_stmt" and node.objtype == pb.OBJECT_TABLE:
        yield _alters(action, touches, added)
    elif action.kind == "drop_stmt" and node.behavior != pb.DROP_CASCADE:
        yield _drops(action, touches)
    elif action.kind == "rename_stmt":
        yield _renames(action, touches)
    elif action.kind == "alter_object_schema_stmt" and node.object_type in _RELATIONS:
        touches.tables.add(node.relation.relname)
        yield True
    elif action.kind in ("create_policy_stmt", "alter_policy_stmt"):
        touches.tables.add(node.table.relname)
        yield True
    elif action.kind in ("rule_stmt", "create_trig_stmt", "index_stmt"):
        # An index may refuse rows without being unique: its expression fails, or the value is too long.
        touches.tables.add(node.relation.relname)
        yield True


def _alters(action: Action, touches: Touches, added: set[tuple[str, str]]) -> bool:
    relation, command = action.node.relation.relname, action.command
    kind = command.subtype
    if kind in _OF_COLUMNS and command.behavior != pb.DROP_CASCADE:
        touches.columns.add((relation, command.name))
    elif kind in (pb.AT_SetNotNull, pb.AT_ColumnDefault):
        touches.tables.add(relation)
    elif kind == pb.AT_AddConstraint:
        constraint = unwrap(getattr(command, "def"))
        touches.tables.add(relation)
        added.add((relation, constraint.conname))
        if constraint.HasField("pktable"):
            touches.tables.add(constraint.pktable.relname)
    elif kind == pb.AT_DropConstraint:
        # One that was there before may be what ON CONFLICT relies on, or a foreign key that deletes rows elsewhere.
        return (relation, command.name) in added
    elif kind in _OF_TABLES:
        touches.tables.add(relation)
        part = unwrap(getattr(command, "def")) if kind in (pb.AT_AttachPartition, pb.AT_DetachPartition) else None
        if part is not None:
            touches.tables.add(part.name.relname)
    else:
        return kind in _QUIET_PARTS
    return True


def _drops(action: Action, touches: Touches) -> bool:
    kind, dropped = action.node.remove_type, unwrap(action.node.objects[0])
    if kind in _RELATIONS:
        touches.tables.add(names_of(dropped.items)[1])
    elif kind in _ON_TABLES:
        touches.tables.add(unwrap(dropped.items[-2]).sval)
    elif kind in ROUTINES:
        return names_of(dropped.objname)[1].startswith(OWN)
    else:
        return False
    return True


def _renames(action: Action, touches: Touches) -> bool:
    node = action.node
    if node.rename_type == pb.OBJECT_COLUMN:
        touches.columns |= {(node.relation.relname, node.subname), (node.relation.relname, node.newname)}
    elif node.rename_type in _RELATIONS:
        touches.tables |= {node.relation.relname, node.newname}
    elif node.rename_type == pb.OBJECT_TABCONSTRAINT:
        touches.tables.add(node.relation.relname)
    else:
        return False  # an index is renamed with the constraint that ON CONFLICT may name
    return True
