"""Columns that move to a table of which several rows belong to one row: each of them gets a value of its own.

The old table has one place for what the rows of the new one may hold apart. So a write of old code goes to all of them,
a write of new code to its own row and to the place where old code reads; the others keep what they have. A row that is
not filled yet cannot be told from one in which new code wrote NULL by what it holds: a column marks those that are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.changes.moving.sides import ForeignKey, Sides, changed, differs, is_led
from migrator.changes.moving.triggers import Names, Sync
from migrator.errors import Refused
from migrator.model.schema import Relation
from migrator.sql.compose import Sql, field, ident, ident_list

FOLDER = "moving_to_many"
SYNCS = (
    Sync(
        "old",
        False,
        "AFTER INSERT OR UPDATE",
        "takes what old code writes to every row of the new table that belongs to it",
    ),
    Sync("before", True, "BEFORE INSERT OR UPDATE", "gives a row of the new table what the old one holds"),
    Sync("new", True, "AFTER INSERT OR UPDATE", "takes what new code writes to the place where old code reads"),
)
_GUARD = "migrator.syncing"


def state_type(sides: Sides) -> Sql:
    """Of the column that marks rows which are filled.

    In a partitioned table what begins with ``u`` or ``m`` tells which columns the last UPDATE changed, ``1`` for each
    that it did: a row that comes to another partition by it, ``m``, is inserted there, where nothing else tells.
    """
    return Sql("text" if sides.is_divided else '"char"')


def function_values(sides: Sides, names: Names) -> dict[str, dict[str, Any]]:
    """What the templates of the functions are told, by trigger."""
    columns = sides.columns
    both: dict[str, Any] = {
        "old": sides.old_sql,
        "new": sides.new_sql,
        "columns": columns,
        "state": names.state,
        "changed": changed(columns, ()),
        "divided": sides.is_divided,
    }
    found = sides.found_by_new("NEW")
    is_changed = {name: changed((name,), ()) for name in columns}
    written = is_changed
    if sides.is_divided:
        state = f"NEW.{field(names.state)}"
        written = {
            name: Sql(
                f"(CASE WHEN TG_OP = 'INSERT' AND starts_with({state}, 'm') THEN substr({state}, {place}, 1) = '1' "
                f"ELSE {is_changed[name]} END)"
            )
            for place, name in enumerate(columns, start=2)
        }
    differing = Sql(" OR ".join(f"{written[name]} AND {differs('o', 'NEW', (name,))}" for name in columns))
    return {
        "old": {
            **both,
            "found": sides.found_by_old("NEW"),
            "link": sides.link_in_function,
            "disagrees": differs("n", "o", columns),
            "guard": _GUARD,
        },
        "before": {
            **both,
            "found": found,
            "held": Sql(", ".join(f"o.{ident(name)}" for name in columns)),
            "nothing": Sql(" AND ".join(f"NEW.{field(name)} IS NULL" for name in columns)),
            "moved": changed(sides.new_key, ()),
            "marks": Sql(" || ".join(["'u'", *(f"{each}::int" for each in is_changed.values())])),
        },
        "new": {
            **both,
            "found": found,
            "written": written,
            "changed": Sql(" OR ".join(written.values())) if sides.is_divided else both["changed"],
            "siblings": sides.own,
            "differs": differing,
            "guard": _GUARD,
        },
    }


def notes(new: Relation, sides: Sides) -> Iterator[str]:
    """What the author should know."""
    yield (
        f"until contract {sides.old} has one place for what rows of {sides.new} hold apart: a write of old code goes "
        "to all of them, and it reads what new code wrote last"
    )
    if not is_led(new, sides.new_key):
        yield (
            f"no index of {sides.new} begins with {ident_list(sides.new_key)}: each change of {sides.old} that is "
            "taken across would read the whole table"
        )


def require_sound(old: Relation, new: Relation, keys: list[ForeignKey], sides: Sides) -> None:
    """Refuse tables between which values would be lost.

    Raises:
        Refused: rows may come before the row they belong to, or have their key changed with it.
    """
    key = next((each for each in keys if each.columns == sides.new_key), None)
    if key is None or key.is_deferrable:
        raise Refused(
            f"a row of {new.name} may be there before its row of {old.name}, and would not get what that holds",
            hint=f"let ({ident_list(sides.new_key)}) be a foreign key to {sides.old_sql} that is not DEFERRABLE, in a "
            "migration before this one",
        )
    fixed = all((column := old.column(name)) is not None and column.identity == "always" for name in sides.old_key)
    if key.on_update != "a" and key.on_update != "r" and not fixed:
        raise Refused(
            f"a changed key of {old.name} goes to its rows of {new.name}, as if they came to belong to another row, "
            "whose value they would take",
            hint="let the foreign key have no ON UPDATE action until contract, or make the key GENERATED ALWAYS AS "
            "IDENTITY",
        )
