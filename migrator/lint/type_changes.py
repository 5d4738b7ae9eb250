"""What ALTER COLUMN … TYPE does to a table, by old and new type.

Measured on PostgreSQL 15 and 18 by the change of ``relfilenode`` and by DEBUG1 messages. A change keeps the rows as
they are if the types are binary coercible or the cast is a length coercion that the planner removes
(``ATColumnChangeRequiresRewrite`` in ``src/backend/commands/tablecmds.c``).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec.structs import replace

from migrator.lint.catalog import Domain, TypeName


class Work(Enum):
    """What the server does while it holds ACCESS EXCLUSIVE."""

    NOTHING = "changes the catalog only"
    INDEXES = "rebuilds the indexes on the column"
    REWRITE = "rewrites the table and all its indexes"
    TIME_ZONE = "rewrites the table unless TimeZone is UTC"
    UNKNOWN = "may rewrite the table"


_TIMES = frozenset({"timestamp", "timestamptz", "time", "timetz", "interval"})
_FINEST = 6
"""Most digits of a second that PostgreSQL keeps; asking for them changes nothing (documentation, section 8.5)."""
_ALL_FIELDS = 0x7FFF
"""What the parser puts before the precision of an interval without named fields (INTERVAL_FULL_RANGE)."""
_STRINGS = frozenset({"text", "varchar"})
_ORDERED_ANEW = frozenset(
    {("text", "citext"), ("varchar", "citext"), ("citext", "text"), ("citext", "varchar"), ("oid", "int4"),
     ("int4", "oid"), ("bit", "varbit")}
)  # fmt: skip
"""The rows stay, and the B-tree operator class is another: indexes on the column are built anew (14 and 18)."""
_COERCIBLE = _ORDERED_ANEW | {("cidr", "inet"), ("xml", "text"), ("xml", "varchar")}
_INTEGERS = {"int2": 0, "int4": 1, "int8": 2, "numeric": 3}
_FLOATS = {"float4": 0, "float8": 1}

ONLY_BY_REWRITE = frozenset(
    {"int2", "int8", "float4", "float8", "bool", "uuid", "json", "jsonb", "date", "bytea", "bpchar", "money", "bit"}
)
"""Types into which nothing but themselves (and domains over them) can be turned without a rewrite."""


def work_of(old: TypeName, new: TypeName, domains: Mapping[str, Domain]) -> Work:
    """What a change without USING (or with a plain cast in it) does."""
    domain = domains.get(new.name)
    if domain is not None and domain.constrained and old.name != new.name:
        return Work.REWRITE
    if old.name in domains and new.mods:
        return Work.REWRITE  # the length is coerced again, even to the one that the domain has
    old, new = _base(old, domains), _base(new, domains)
    if (old.name, old.mods, old.dimensions > 0) == (new.name, new.mods, new.dimensions > 0):
        return Work.NOTHING if old.collation == new.collation else Work.INDEXES
    if (old.dimensions > 0) != (new.dimensions > 0):
        return Work.REWRITE
    if old.dimensions:
        return Work.NOTHING if old.name == new.name and not new.mods else Work.REWRITE
    kept = _kept(old, new)
    if (old.name, new.name) in _ORDERED_ANEW and not new.mods:
        return Work.INDEXES
    if kept:
        return Work.NOTHING if old.collation == new.collation else Work.INDEXES
    if {old.name, new.name} == {"timestamp", "timestamptz"}:
        return Work.TIME_ZONE
    return Work.REWRITE


def work_of_unknown(new: TypeName, domains: Mapping[str, Domain]) -> Work:
    """Likewise when no file tells the old type."""
    domain = domains.get(new.name)
    if new.name in ONLY_BY_REWRITE or (domain is not None and domain.constrained):
        return Work.REWRITE
    return Work.UNKNOWN


def loses_data(old: TypeName, new: TypeName) -> bool:
    """Whether values of the old type may not survive, or not unchanged."""
    if old.dimensions or new.dimensions:
        return False
    old, new = _shortest(old), _shortest(new)
    if old.name == new.name:
        if old.name == "numeric":
            return bool(new.mods) and (not old.mods or any(map(int.__lt__, _digits(new), _digits(old))))
        return bool(new.mods) and (not old.mods or new.mods < old.mods)
    for family in (_INTEGERS, _FLOATS):
        if old.name in family and new.name in family:
            return family[new.name] < family[old.name] or bool(new.mods)
    if old.name in _STRINGS and new.name in _STRINGS:
        return bool(new.mods) and (not old.mods or new.mods < old.mods)
    if (old.name, new.name) in _COERCIBLE or (new.name == "text"):
        return False
    lossy = {
        ("json", "jsonb"), ("timestamptz", "date"), ("timestamp", "date"), ("timestamptz", "timestamp"),
        ("timestamptz", "time"), ("timestamp", "time"), ("float8", "numeric"), ("numeric", "float8"),
        ("numeric", "float4"), ("text", "bpchar"), ("varchar", "bpchar"),
    }  # fmt: skip
    return (old.name, new.name) in lossy or (old.name in {*_FLOATS} and new.name in _INTEGERS)


def seen_by_code(old: TypeName, new: TypeName) -> str:
    """How the application notices: an empty string if it does not, ``wider`` or ``different``."""
    if old.name == new.name and (old.dimensions > 0) == (new.dimensions > 0):
        return "different" if loses_data(old, new) else ""
    if (old.name, new.name) == ("cidr", "inet") or ({old.name, new.name} <= _STRINGS and not loses_data(old, new)):
        return ""
    for family in (_INTEGERS, _FLOATS):
        if old.name in family and new.name in family and not loses_data(old, new):
            return "wider"
    return "different"


def _base(name: TypeName, domains: Mapping[str, Domain]) -> TypeName:
    domain = domains.get(name.name)
    return _shortest(domain.base if domain is not None and not name.dimensions else name)


def _shortest(name: TypeName) -> TypeName:
    """Without a precision that says nothing."""
    full = name.name in _TIMES and name.mods in ((_FINEST,), (_ALL_FIELDS, _FINEST))
    return replace(name, mods=()) if full else name


def _kept(old: TypeName, new: TypeName) -> bool:
    """Whether the rows stay as they are, for two different scalar types."""
    pair = (old.name, new.name)
    if (old.name in _STRINGS and new.name in _STRINGS) or pair == ("varbit", "varbit"):
        return not new.mods or bool(old.mods and new.mods >= old.mods)
    if pair == ("numeric", "numeric"):
        return _numeric_wider(old, new)
    if old.name == new.name and old.name in _TIMES:
        # interval's first modifier is a mask of its fields, so that only a change of precision alone is understood
        same_shape = len(old.mods) == len(new.mods) and old.mods[:-1] == new.mods[:-1]
        return not new.mods or (same_shape and new.mods >= old.mods)
    return pair in _COERCIBLE and not new.mods


def _digits(name: TypeName) -> tuple[int, int]:
    """Digits before and after the point of a numeric with precision."""
    scale = name.mods[1] if len(name.mods) > 1 else 0
    return name.mods[0] - scale, scale


def _numeric_wider(old: TypeName, new: TypeName) -> bool:
    if not new.mods:
        return True
    return bool(old.mods) and _digits(old)[1] == _digits(new)[1] and new.mods[0] >= old.mods[0]
