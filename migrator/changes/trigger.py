"""Triggers as objects of a change: their statement, what they fire beside, and the tables that can have them."""

from __future__ import annotations

from typing import Any

from migrator.changes.kind import Context, OnTable
from migrator.errors import Refused
from migrator.model.routines import Trigger
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.parser import parse_script, unwrap
from migrator.sql.rewrite import statement_sql

SYNC_PREFIX = "zzz_migrator"
"""Names of the triggers that keep old and new shape in step begin so, so that they fire last."""

_WITH_TRIGGERS = frozenset({"table", "partitioned table", "partition", "view", "foreign table"})


class OnTrigger(OnTable, frozen=True):
    """Parameters of a change of a trigger.

    Attributes:
        trigger: its name.
    """

    trigger: str


def trigger_statement(definition: str) -> Any:
    """The ``CreateTrigStmt`` that a definition is.

    Raises:
        Refused: it is another statement, or more than one.
    """
    statements = parse_script(definition, "definition").statements
    if len(statements) != 1 or statements[0].kind != "create_trig_stmt":
        raise Refused("the definition of a trigger is one CREATE TRIGGER statement", detail=definition[:300])
    return statements[0].node


def dropped_trigger(node: Any, schema: Schema) -> tuple[TableName, str]:
    """Table and name of the trigger that a ``DropStmt`` is about."""
    *place, table, trigger = [unwrap(item).sval for item in unwrap(node.objects[0]).items]
    return schema.resolve(place[-1] if place else None, table), trigger


def own_trigger(target: TableName, name: str, schema: Schema) -> Trigger | None:
    """The trigger of a table that users gave this name."""
    relation = schema.relation(target)
    known = relation.own_triggers if relation else ()
    return next((each for each in known if each.name == name), None)


def is_so_already(node: Any, there: Trigger) -> bool:
    """Whether a ``CreateTrigStmt``, with its names qualified, makes what is there and fires as it was made."""
    same = statement_sql("create_trig_stmt", trigger_statement(there.definition))
    return there.enabled == "O" and statement_sql("create_trig_stmt", node) == same


def fires_after_sync(node: Any) -> bool:
    """Whether a trigger would change rows behind the back of the triggers that keep two shapes in step."""
    before = node.row and node.timing & _BEFORE
    return bool(before) and node.trigname.encode() > SYNC_PREFIX.encode()


_BEFORE = 1 << 1
"""``TRIGGER_TYPE_BEFORE`` (``catalog/pg_trigger.h``)."""


def require_with_triggers(change: OnTrigger, context: Context) -> Relation | None:
    """The table or view a trigger is on; None when no database was asked or this migration creates it.

    Raises:
        Refused: it does not exist, or has no triggers.
    """
    if not context.schema.is_known or change.target in context.created:
        return None
    relation = context.schema.relation(change.target)
    if relation is None:
        raise Refused(f'table "{change.target}" does not exist')
    if relation.kind not in _WITH_TRIGGERS:
        raise Refused(f'"{change.target}" is a {relation.kind}, which has no triggers')
    return relation
