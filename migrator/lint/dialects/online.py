"""How InnoDB changes a table: at once, in place, by rebuilding it, or by copying it while nobody writes.

Source
    MySQL 8.4 manual, section 17.12.1 "Online DDL Operations"; MariaDB documentation, "InnoDB Online DDL Operations with
    the INPLACE / INSTANT Alter Algorithm", 10.6 to 11.4. Read, not tried on a server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from migrator.lint.dialects.actions import Action
from migrator.lint.dialects.tables import Tables, definition


class How(Enum):
    """What the server does, from the cheapest to the dearest."""

    INSTANT = "metadata only"
    INPLACE = "in place"
    REBUILD = "rebuilds the table, writes go on"
    BLOCKING = "in place, writes wait"
    COPY = "copies the table, writes wait"


@dataclass(frozen=True, slots=True)
class Cost:
    """What an action costs, the reason in a few words, and whether that depends on what is not known."""

    how: How
    reason: str = ""
    is_guess: bool = False


_COSTS = {
    "add primary key": Cost(How.REBUILD, "a new primary key orders the rows anew"),
    "drop primary key": Cost(How.COPY, "dropping the primary key alone copies the table"),
    "add foreign key": Cost(How.COPY, "a foreign key is added in place only with foreign_key_checks = 0"),
    "add check": Cost(How.COPY, "a CHECK is held against every row by a copy"),
    "enforce check": Cost(How.COPY, "enforcing a CHECK holds it against every row by a copy"),
    "add fulltext": Cost(How.BLOCKING, "a FULLTEXT index is built while nobody writes"),
    "add spatial": Cost(How.BLOCKING, "a SPATIAL index is built while nobody writes"),
    "convert charset": Cost(How.COPY, "another character set means another value in every text"),
    "engine": Cost(How.REBUILD, "ENGINE rebuilds the table even if it is the same"),
    "force": Cost(How.REBUILD, "FORCE rebuilds the table"),
    "row format": Cost(How.REBUILD, "another row format is another row"),
    "partition by": Cost(How.COPY, "partitioning moves every row"),
    "remove partitioning": Cost(How.COPY, "removing partitions moves every row"),
    "rebuild partitions": Cost(How.BLOCKING, "the rows of these partitions move"),
}
_INSTANT = frozenset({
    "rename column", "rename index", "set default", "rename table", "index visibility", "table option", "drop check",
    "add column", "drop index",
})  # fmt: skip


def cost_of(action: Action, actions: list[Action], table: str, tables: Tables) -> Cost:
    """What an action of ALTER TABLE costs; ``actions`` are all of the statement."""
    kinds = {each.kind for each in actions}
    if action.kind == "drop primary key" and "add primary key" in kinds:
        return Cost(How.REBUILD, "another primary key orders the rows anew")
    if action.kind == "add foreign key" and tables.settings.get("foreign_key_checks") in ("0", "off"):
        return Cost(How.INPLACE)
    if action.kind == "add check" and action.has("NOT", "ENFORCED"):
        return Cost(How.INPLACE)
    if action.kind == "enforce check" and action.has("NOT", "ENFORCED"):
        return Cost(How.INPLACE)
    if action.kind == "add column":
        if action.has("AUTO_INCREMENT"):
            return Cost(How.BLOCKING, "numbering the rows of a new AUTO_INCREMENT column stops writes")
        if action.has("STORED") or action.has("PERSISTENT"):
            return Cost(How.COPY, "the values of a stored generated column are computed for every row")
    if action.kind in ("modify column", "change column"):
        return _of_definition(action, table, tables)
    cost = _COSTS.get(action.kind)
    if cost is not None:
        return cost
    return Cost(How.INSTANT if action.kind in _INSTANT else How.INPLACE)


_TYPE = re.compile(r"(?P<name>[A-Z]+)(?:\((?P<arguments>[^)]*)\))?(?P<sign> UNSIGNED)?")


def _of_definition(action: Action, table: str, tables: Tables) -> Cost:
    words = action.rest[1:] if action.kind == "change column" else action.rest
    old, new = tables.type_of(table, action.name), definition(words)
    if old is None:
        return Cost(How.COPY, "unless the type stays the same: the old one is not in these files", is_guess=True)
    before, after = _TYPE.match(old), _TYPE.match(new)
    if before is None or after is None:
        return Cost(How.COPY, "another type means another value in every row")
    if before[0] == after[0]:
        was, becomes = " NOT NULL" in f" {old}", " NOT NULL" in f" {new}"
        if was != becomes:
            return Cost(How.REBUILD, "NULL and NOT NULL are stored differently")
        return (
            Cost(How.REBUILD, "another order of columns")
            if action.has("FIRST") or action.has("AFTER")
            else Cost(How.INSTANT)
        )
    if before["name"] == after["name"] == "VARCHAR" and before["arguments"] and after["arguments"]:
        narrow, wide = int(before["arguments"]), int(after["arguments"])
        # four bytes a character: the length takes one byte up to 255 bytes, then two
        if narrow <= wide and (wide <= _ONE_BYTE or narrow > _TWO_BYTES):
            return Cost(How.INPLACE)
        return Cost(How.COPY, "the length of its values takes another number of bytes, or they become shorter")
    if before["name"] == after["name"] in ("ENUM", "SET") and (after["arguments"] or "").startswith(
        before["arguments"] or "-"
    ):
        return Cost(How.INSTANT)
    return Cost(How.COPY, "another type means another value in every row")


_ONE_BYTE = 63
_TWO_BYTES = 255
