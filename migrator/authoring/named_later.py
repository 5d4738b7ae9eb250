"""``CREATE INDEX a …; ALTER INDEX a RENAME TO b``: an index that gets another name in the script that creates it.

It is created under the name that it has in the end. People write this to put one index in the place of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.parser import deparse, pb


def named_in_the_end(actions: Sequence[Action], schema: Schema) -> tuple[list[Action], dict[int, str]]:
    """The same actions with indexes under the names they get, and which renamings that does: positions, and of what."""
    found, done = list(actions), dict[int, str]()
    for position, action in enumerate(actions):
        if action.kind != "rename_stmt" or action.node.rename_type != pb.OBJECT_INDEX or action.options:
            continue
        node = action.node
        made = next(
            (
                place
                for place, each in enumerate(found[:position])
                if each.kind == "index_stmt" and _is_called(each, node.relation, schema)
            ),
            None,
        )
        if made is not None:
            index = pb.IndexStmt()
            index.CopyFrom(found[made].node)
            index.idxname = node.newname
            found[made] = replace(found[made], node=index, text=deparse("index_stmt", index))
            done[position] = f"CREATE INDEX of {node.newname}"
    return found, done


def _is_called(action: Action, name: Any, schema: Schema) -> bool:
    table = schema.resolve(action.node.relation.schemaname or None, action.node.relation.relname)
    return action.node.idxname == name.relname and name.schemaname in ("", table.schema)
