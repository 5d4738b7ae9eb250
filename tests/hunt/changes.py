"""Changes of tables and columns, drawn at random for a schema."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.hunt.schemas import fresh_name
from tests.hunt.state import ANYTHING, COMPUTED, Attribute, State, Table, View, literal, quoted


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        sql: what ``migrator new`` gets.
        naive: what a database without rows or users would get.
        apply: changes the state that it is given.
        moves: whether columns come to stand elsewhere.
        stays: what a rollback leaves, as SQL.
        stand_in: what old code finds in the attribute that has gone, by its name.
    """

    kind: str
    sql: str
    naive: str
    apply: Callable[[State], None]
    moves: bool = False
    stays: str = ""
    stand_in: tuple[str, str] | None = None


Drawn = Change | None
Draw = Callable[[random.Random, State], Drawn]


def nothing(state: State) -> None:
    """The application notices nothing."""


@dataclass(frozen=True)
class Place:
    """A table and one of its attributes, by name, to be found again in later states."""

    table_id: str
    name: str

    def table(self, state: State) -> Table:
        return state.tables[self.table_id]

    def attribute(self, state: State) -> Attribute:
        return state.tables[self.table_id].attributes[self.name]


def places(state: State, *kinds: str, plain: bool = True) -> list[Place]:
    """Attributes of these kinds; ``plain``: with one column."""
    return [
        Place(table_id, name)
        for table_id, table in state.tables.items()
        for name, each in table.attributes.items()
        if (not kinds or each.kind in kinds) and (not plain or len(each.view.columns) == 1)
    ]


def one(chance: random.Random, found: list[Place]) -> Place | None:
    return chance.choice(found) if found else None


def alter(state: State, place: Place) -> tuple[str, str, Attribute]:
    """``ALTER TABLE …``, the quoted column, and the attribute."""
    attribute = place.attribute(state)
    return f"ALTER TABLE {place.table(state).sql}", quoted(attribute.column), attribute


def rename_column(chance: random.Random, state: State) -> Drawn:
    place = one(chance, places(state))
    if place is None:
        return None
    head, column, _ = alter(state, place)
    new = fresh_name(state, chance)

    def apply(state: State) -> None:
        place.attribute(state).view = View((new,))

    sql = f"{head} RENAME COLUMN {column} TO {quoted(new)}"
    return Change("rename_column", sql, sql, apply)


def rename_key(chance: random.Random, state: State) -> Drawn:
    table_id = chance.choice(list(state.tables))
    table, new = state.tables[table_id], fresh_name(state, chance)

    def apply(state: State) -> None:
        state.tables[table_id].key = new

    sql = f"ALTER TABLE {table.sql} RENAME COLUMN {quoted(table.key)} TO {quoted(new)}"
    return Change("rename_column", sql, sql, apply)


def change_type(chance: random.Random, state: State) -> Drawn:
    place = one(chance, places(state, "word", "number", "mood"))
    if place is None:
        return None
    head, column, attribute = alter(state, place)
    others = {
        "word": ["text", "varchar(90)", "varchar(100)", 'text COLLATE "C"'],
        "number": ["bigint", "text", "numeric", "numeric(12)", "integer"],
        "mood": ["text", "mood"],
    }[attribute.kind]
    new = chance.choice([each for each in others if each != attribute.type] or others)
    # Words are of types that are cast by themselves.
    casts = attribute.kind != "word" and attribute.type == "text" and new != "text"
    using = f" USING {column}::{new.split(' COLLATE')[0]}" if casts or self_cast(attribute.type, new) else ""

    def apply(state: State) -> None:
        place.attribute(state).type = new

    default = ""
    if attribute.omitted != {None} and attribute.omitted != ANYTHING and using:
        (value,) = attribute.omitted
        default = (
            f"{head} ALTER {column} DROP DEFAULT, ALTER {column} TYPE {new}{using},"
            f" ALTER {column} SET DEFAULT {literal(value)}"
        )
    sql = f"{head} ALTER COLUMN {column} TYPE {new}{using}"
    naive = default or sql
    if attribute.is_external and new.startswith(("text", "varchar")):
        naive += f"; {head} ALTER {column} SET STORAGE EXTERNAL"
    return Change("change_type", sql, naive, apply, moves=True)


def self_cast(old: str, new: str) -> bool:
    return old in ("numeric", "bigint", "numeric(9)", "numeric(12)", "mood") and new != old


def change_key_type(chance: random.Random, state: State) -> Drawn:
    table_id = chance.choice(list(state.tables))
    table = state.tables[table_id]
    if table.key_type == "integer":

        def apply(state: State) -> None:
            state.tables[table_id].key_type = "bigint"

        sql = f"ALTER TABLE {table.sql} ALTER COLUMN {quoted(table.key)} TYPE bigint"
        # The sequence of a serial column goes with it.
        serial = (
            "DO $$ BEGIN EXECUTE 'ALTER SEQUENCE ' ||"
            f" pg_get_serial_sequence({literal(table.sql)}, {literal(table.key)}) || ' AS bigint'; END $$"
        )
        return Change("change_type", sql, f"{sql};{serial}", apply, moves=True)
    return None


def plain_reshaping(table: Table, old: tuple[str, ...], new: tuple[str, ...]) -> str:
    """New columns with the privileges of the old ones, which go."""
    names = ", ".join(map(literal, old))
    granted = "".join(
        " EXECUTE format('GRANT %s (%I) ON %s TO %s%s', one.privilege_type,"
        f" {literal(name)}, {literal(table.sql)}, one.grantee::regrole,"
        " CASE WHEN one.is_grantable THEN ' WITH GRANT OPTION' END);"
        for name in new
    )
    copied = (
        "DO $do$ DECLARE one record; BEGIN FOR one IN SELECT DISTINCT g.* FROM pg_attribute, aclexplode(attacl) AS g"
        f" WHERE attrelid = {literal(table.sql)}::regclass AND attname IN ({names}) LOOP{granted} END LOOP; END $do$"
    )
    added = ", ".join(f"ADD COLUMN {quoted(name)} text" for name in new)
    dropped = ", ".join(f"DROP COLUMN {quoted(name)}" for name in old)
    return f"ALTER TABLE {table.sql} {added}; {copied}; ALTER TABLE {table.sql} {dropped}"


def split_column(chance: random.Random, state: State) -> Drawn:
    place = one(chance, places(state, "pair"))
    if place is None:
        return None
    head, column, attribute = alter(state, place)
    a, b = fresh_name(state, chance), fresh_name(state, chance)

    def apply(state: State) -> None:
        found = place.attribute(state)
        found.view, found.type, found.nullable, found.required = View((a, b)), "text", True, False

    body = f"ADD COLUMN {quoted(a)} text, ADD COLUMN {quoted(b)} text, DROP COLUMN {column}"
    up = f"split_part({column}, ' ', 1), split_part({column}, ' ', 2)"
    down = f"{quoted(a)} || ' ' || {quoted(b)}"
    sql = f"-- migrator: up = {up}\n-- migrator: down = {down}\n{head} {body}"
    naive = plain_reshaping(place.table(state), (attribute.column,), (a, b))
    return Change("split_column", sql, naive, apply, moves=True)


def merge_columns(chance: random.Random, state: State) -> Drawn:
    found = [each for each in places(state, "pair", plain=False) if len(each.attribute(state).view.columns) == 2]
    place = one(chance, found)
    if place is None:
        return None
    table, attribute = place.table(state), place.attribute(state)
    (a, b), name = map(quoted, attribute.view.columns), fresh_name(state, chance)
    new = quoted(name)

    def apply(state: State) -> None:
        found = place.attribute(state)
        found.view, found.type, found.nullable, found.required = View((name,)), "text", True, False

    body = f"ALTER TABLE {table.sql} ADD COLUMN {new} text, DROP COLUMN {a}, DROP COLUMN {b}"
    down = f"split_part({new}, ' ', 1), split_part({new}, ' ', 2)"
    sql = f"-- migrator: up = {a} || ' ' || {b}\n-- migrator: down = {down}\n{body}"
    naive = plain_reshaping(table, attribute.view.columns, (name,))
    return Change("merge_columns", sql, naive, apply, moves=True)


def drop_column(chance: random.Random, state: State) -> Drawn:
    found = [each for each in places(state) if not each.attribute(state).unique]
    place = one(chance, found)
    if place is None:
        return None
    head, column, attribute = alter(state, place)
    if attribute.kind in ("ref", "computed") and chance.random() < 0.7:
        return None
    directive = ""
    value = {"word": "gone", "number": "0", "pair": "a b", "mood": "sad"}.get(attribute.kind)
    if attribute.required and value is not None:
        directive = f"-- migrator: down = {literal(value)}\n"

    def apply(state: State) -> None:
        del place.table(state).attributes[place.name]
        table = place.table(state)
        table.objects = [each for each in table.objects if each[2] != place.name]

    sql = f"{head} DROP COLUMN {column}"
    stand_in = (place.name, value) if directive and value else None
    return Change("drop_column", directive + sql, sql, apply, stand_in=stand_in)


def add_column(chance: random.Random, state: State) -> Drawn:
    table_id = chance.choice(list(state.tables))
    table, new = state.tables[table_id], fresh_name(state, chance)
    name = f"{table_id}.{new}"
    head, column = f"ALTER TABLE {table.sql} ADD COLUMN {quoted(new)}", View((new,))
    none: frozenset[str | None] = frozenset([None])
    form, fill, naive = chance.randrange(6), "", ""
    match form:
        case 0:
            sql, attribute = f"{head} text", Attribute("word", column, omitted=none)
        case 1:
            sql, attribute = f"{head} text DEFAULT 'en'", Attribute("word", column, omitted=frozenset(["en"]))
        case 2:
            sql = f"{head} integer NOT NULL DEFAULT 7"
            attribute = Attribute("number", column, "integer", nullable=False, omitted=frozenset(["7"]))
        case 3:
            sql = f"{head} text NOT NULL DEFAULT 'r' || (random() * 1000000)::int"
            attribute = Attribute("word", column, nullable=False, omitted=ANYTHING)
        case 4:
            fill = "-- migrator: fill = 'filled'\n"
            sql = f"{head} text NOT NULL"
            attribute = Attribute(
                "word", column, nullable=False, omitted=frozenset(["filled"]), fill="filled", required=True
            )
        case _:
            words = [each for each in places(state, "word") if each.table_id == table_id]
            if not words:
                return None
            base = quoted(chance.choice(words).attribute(state).column)
            sql = f"{head} text GENERATED ALWAYS AS (lower({base}::text)) STORED"
            attribute = Attribute("computed", column, omitted=COMPUTED)

    def apply(state: State) -> None:
        state.tables[table_id].attributes[name] = attribute

    return Change("add_column", fill + sql, naive or sql, apply)


def set_not_null(chance: random.Random, state: State) -> Drawn:
    found = [each for each in places(state, "word", "number") if each.attribute(state).nullable]
    place = one(chance, found)
    if place is None:
        return None
    head, column, attribute = alter(state, place)
    if attribute.unique:
        return None
    fill = {"word": "unknown", "number": "-1"}[attribute.kind]

    def apply(state: State) -> None:
        found = place.attribute(state)
        found.nullable, found.fill = False, fill
        found.required = found.omitted == {None}

    sql = f"{head} ALTER COLUMN {column} SET NOT NULL"
    return Change("set_not_null", f"-- migrator: fill = {literal(fill)}\n{sql}", sql, apply)


def drop_not_null(chance: random.Random, state: State) -> Drawn:
    found = [each for each in places(state, "word", "number", "mood") if not each.attribute(state).nullable]
    place = one(chance, found)
    if place is None:
        return None
    head, column, _ = alter(state, place)

    def apply(state: State) -> None:
        found = place.attribute(state)
        found.nullable, found.required, found.fill = True, False, None

    sql = f"{head} ALTER COLUMN {column} DROP NOT NULL"
    return Change("drop_not_null", sql, sql, apply)


def set_default(chance: random.Random, state: State) -> Drawn:
    place = one(chance, places(state, "word", "number"))
    if place is None:
        return None
    head, column, attribute = alter(state, place)
    value = chance.choice({"word": ["some", "other", None], "number": ["3", "4", None]}[attribute.kind])
    if attribute.unique:
        return None

    def apply(state: State) -> None:
        found = place.attribute(state)
        found.omitted = frozenset([value])
        found.required = value is None and not found.nullable
        if value is None and found.fill is not None:
            found.omitted = frozenset([found.fill])

    sql = f"{head} ALTER COLUMN {column} " + ("DROP DEFAULT" if value is None else f"SET DEFAULT {literal(value)}")
    return Change("set_default", sql, sql, apply)


def rename_table(chance: random.Random, state: State) -> Drawn:
    table_id = chance.choice(list(state.tables))
    new = fresh_name(state, chance)

    def apply(state: State) -> None:
        state.tables[table_id].name = new

    sql = f"ALTER TABLE {state.tables[table_id].sql} RENAME TO {quoted(new)}"
    return Change("rename_table", sql, sql, apply)


def set_schema(chance: random.Random, state: State) -> Drawn:
    table_id = chance.choice(list(state.tables))

    def apply(state: State) -> None:
        state.tables[table_id].schema = "other"

    if state.tables[table_id].schema != "other":
        sql = f"ALTER TABLE {state.tables[table_id].sql} SET SCHEMA other"
        return Change("set_schema", sql, sql, apply)
    return None
