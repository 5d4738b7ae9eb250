"""What a script demands of rows that it did not demand before: code that knows nothing of it may write others.

Pure. Names are as the script writes them.
"""

from __future__ import annotations

from migrator.sql.actions import Action, actions_of
from migrator.sql.parser import parse_script, pb, unwrap

_DEMANDS = frozenset({pb.AT_SetNotNull, pb.AT_AlterColumnType, pb.AT_AttachPartition, pb.AT_EnableRowSecurity})
_FREE = frozenset({pb.CONSTR_NULL, pb.CONSTR_DEFAULT, pb.CONSTR_IDENTITY, pb.CONSTR_GENERATED})


def tightened_by(source: str) -> dict[tuple[str | None, str], str]:
    """The tables of which a script demands more, by schema (None where it writes none) and name, with its statement.

    Raises:
        SqlSyntaxError: it does not parse.
    """
    found: dict[tuple[str | None, str], str] = {}
    for action in actions_of(parse_script(source)):
        relation = getattr(action.node, "table" if action.kind == "create_policy_stmt" else "relation", None)
        if relation is not None and _demands(action):
            found.setdefault((relation.schemaname or None, relation.relname), " ".join(action.text.split()))
    return found


def _demands(action: Action) -> bool:
    if action.kind == "index_stmt":
        return bool(action.node.unique)
    if action.kind in ("create_policy_stmt", "rule_stmt"):
        return True
    if action.kind != "alter_table_stmt":
        return False
    command = action.command
    if command.subtype in _DEMANDS:
        return True
    if command.subtype == pb.AT_AddColumn:
        return any(unwrap(each).contype not in _FREE for each in unwrap(getattr(command, "def")).constraints)
    return bool(command.subtype == pb.AT_AddConstraint)
