"""Changes of what hangs on tables, and how often each kind of change is drawn."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.hunt import changes
from tests.hunt.changes import Change, Draw, Drawn, alter, nothing, one, places
from tests.hunt.schemas import fresh_name
from tests.hunt.state import State, quoted

WITHOUT_LOST = """
DO $do$ DECLARE one record; BEGIN
    ALTER TYPE mood RENAME TO mood_before;
    EXECUTE (SELECT format('CREATE TYPE mood AS ENUM (%s)',
            string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder))
        FROM pg_enum WHERE enumtypid = 'mood_before'::regtype AND enumlabel <> 'lost');
    FOR one IN
        SELECT c.oid::regclass AS name, a.attname, pg_get_expr(d.adbin, d.adrelid) AS value
        FROM pg_attribute AS a
        JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE a.atttypid = 'mood_before'::regtype
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER %I DROP DEFAULT, ALTER %2$I TYPE mood USING %2$I::text::mood',
            one.name, one.attname);
        IF one.value IS NOT NULL THEN
            EXECUTE format('ALTER TABLE %s ALTER %I SET DEFAULT %s', one.name, one.attname,
                replace(one.value, 'mood_before', 'mood'));
        END IF;
    END LOOP;
    DROP TYPE mood_before;
END $do$"""
"""What the change of the enum is without the tool."""


def create_index(chance: random.Random, state: State) -> Drawn:
    place = one(chance, places(state, "word", "number", "pair", "ref", "computed"))
    if place is None:
        return None
    table, index = place.table(state), fresh_name(state, chance)
    column = quoted(place.attribute(state).column)
    how = chance.choice(
        [
            f"({column})",
            f"({column}, counted DESC)",
            f"(({column}::text || 'y')) WHERE {column} IS NOT NULL",
            f"(counted) INCLUDE ({column})",
        ]
    )
    unique = "UNIQUE " if place.attribute(state).unique and table.plain and how == f"({column})" else ""

    def apply(state: State) -> None:
        place.table(state).objects.append(("index", index, place.name))

    sql = f"CREATE {unique}INDEX {quoted(index)} ON {table.sql} {how}"
    return Change("create_index", sql, sql, apply)


def add_constraint(chance: random.Random, state: State) -> Drawn:
    place = one(chance, places(state, "word", "number", "pair", "ref"))
    if place is None:
        return None
    head, column, attribute = alter(state, place)
    constraint = fresh_name(state, chance)
    kind, what = "check", f"CHECK ({column}::text <> '' AND counted >= 0)"
    if attribute.kind == "ref":
        target = state.tables[attribute.refers]
        kind, what = "fk", f"FOREIGN KEY ({column}) REFERENCES {target.sql} ({quoted(target.key)})"
    elif attribute.unique and place.table(state).plain and chance.random() < 0.4:
        kind, what = "exclusion", f"EXCLUDE USING btree ({column} WITH =)"
    elif attribute.unique and place.table(state).plain:
        kind, what = "unique", f"UNIQUE ({column})" + chance.choice([" INCLUDE (counted)", " DEFERRABLE", ""])

    def apply(state: State) -> None:
        place.table(state).objects.append((kind, constraint, place.name))

    sql = f"{head} ADD CONSTRAINT {quoted(constraint)} {what}"
    return Change({"fk": "add_foreign_key"}.get(kind, f"add_{kind}"), sql, sql, apply)


def add_primary_key(chance: random.Random, state: State) -> Drawn:
    found = [table_id for table_id, table in state.tables.items() if not table.has_primary_key]
    if not found:
        return None
    table_id = chance.choice(found)
    table = state.tables[table_id]

    def apply(state: State) -> None:
        state.tables[table_id].has_primary_key = True

    name = quoted(fresh_name(state, chance))
    sql = f"ALTER TABLE {table.sql} ADD CONSTRAINT {name} PRIMARY KEY ({quoted(table.key)})"
    return Change("add_primary_key", sql, sql, apply)


def drop_enum_value(chance: random.Random, state: State) -> Drawn:
    """One that no row holds."""
    if not state.has_lost:
        return None

    def apply(state: State) -> None:
        state.has_lost = False

    return Change("drop_enum_value", "ALTER TYPE mood RENAME VALUE 'lost' TO 'sad'", WITHOUT_LOST, apply)


def of_objects(kind: str, kinds: tuple[str, ...], text: Callable[[str, str, str], str], *, keeps: bool = False) -> Draw:
    """A change of something that hangs on a table; ``text`` of its schema, its quoted name and its table's."""

    def draw(chance: random.Random, state: State) -> Drawn:
        found = [(each, *what) for each, table in state.tables.items() for what in table.named(*kinds)]
        if not found:
            return None
        table_id, what, name, on = chance.choice(found)
        table = state.tables[table_id]
        new = fresh_name(state, chance)

        def apply(state: State) -> None:
            objects = state.tables[table_id].objects
            objects[:] = [each for each in objects if each[1] != name] + [(what, new, on)] * keeps
            attribute = state.tables[table_id].attributes.get(on)
            if what == "fk" and attribute and not keeps:
                attribute.on_delete = ""
            if what == "unique" and attribute and not keeps:
                attribute.is_arbiter = False

        sql = text(table.schema, quoted(name), table.sql).replace("{new}", quoted(new))
        # In a transaction the server does not build the index of a partitioned table anew; it stays as it is anyway.
        return Change(kind, sql, "SELECT" if kind == "reindex" else sql, apply)

    return draw


def setting(chance: random.Random, state: State) -> Drawn:
    """What the application does not notice."""
    place = one(chance, places(state))
    if place is None:
        return None
    head, column, _ = alter(state, place)
    table = place.table(state).sql
    kind, sql = chance.choice(
        [
            ("comment", f"COMMENT ON COLUMN {table}.{column} IS 'new words'"),
            ("comment", f"COMMENT ON TABLE {table} IS 'a table'"),
            ("set_column_options", f"{head} ALTER {column} SET STATISTICS 500"),
            ("set_table_options", f"{head} SET (autovacuum_analyze_threshold = 77)"),
            ("grant", f"GRANT SELECT ({column}), REFERENCES ({column}) ON {table} TO pg_monitor"),
            ("grant", f"GRANT SELECT, INSERT ON {table} TO pg_monitor"),
            ("revoke", f"REVOKE SELECT, UPDATE ({column}) ON {table} FROM pg_monitor"),
            ("set_row_level_security", f"CREATE POLICY p{state.names} ON {table} USING (true)"),
            ("set_replica_identity", f"{head} REPLICA IDENTITY FULL"),
            ("create_publication", f"CREATE PUBLICATION pub{state.names} FOR TABLE {table}"),
            ("create_view", f"CREATE VIEW app.view{state.names} AS SELECT {column} AS seen FROM {table}"),
        ]
    )
    state.names += 1
    return Change(kind, sql, sql, nothing)


def of_types(chance: random.Random, state: State) -> Drawn:
    kind, sql = chance.choice(
        [
            ("add_enum_value", f"ALTER TYPE mood ADD VALUE 'mood{state.names}' BEFORE 'sad'"),
            ("alter_domain", f"ALTER DOMAIN word ADD CONSTRAINT w{state.names} CHECK (VALUE <> 'never')"),
            ("comment", f"COMMENT ON DOMAIN word IS 'a word {state.names}'"),
        ]
    )
    state.names += 1
    return Change(kind, sql, sql, nothing, stays=sql if kind == "add_enum_value" else "")


DRAWS: list[tuple[Draw, int]] = [
    (changes.rename_column, 6),
    (changes.rename_key, 2),
    (changes.change_type, 6),
    (changes.change_key_type, 3),
    (changes.split_column, 3),
    (changes.merge_columns, 3),
    (changes.drop_column, 3),
    (changes.add_column, 5),
    (changes.set_not_null, 3),
    (changes.drop_not_null, 2),
    (changes.set_default, 3),
    (changes.rename_table, 2),
    (changes.set_schema, 1),
    (create_index, 3),
    (add_constraint, 4),
    (add_primary_key, 3),
    (drop_enum_value, 1),
    (of_objects("drop_index", ("index",), lambda schema, name, table: f"DROP INDEX {schema}.{name}"), 1),
    (
        of_objects(
            "rename_index",
            ("index",),
            lambda schema, name, table: f"ALTER INDEX {schema}.{name} RENAME TO {{new}}",
            keeps=True,
        ),
        1,
    ),
    (of_objects("reindex", ("index",), lambda schema, name, table: f"REINDEX INDEX {schema}.{name}", keeps=False), 1),
    (
        of_objects(
            "drop_constraint",
            ("check", "fk", "unique", "exclusion"),
            lambda schema, name, table: f"ALTER TABLE {table} DROP CONSTRAINT {name}",
        ),
        2,
    ),
    (
        of_objects(
            "rename_constraint",
            ("check", "fk", "unique", "exclusion"),
            lambda schema, name, table: f"ALTER TABLE {table} RENAME CONSTRAINT {name} TO {{new}}",
            keeps=True,
        ),
        2,
    ),
    (of_objects("drop_trigger", ("trigger",), lambda schema, name, table: f"DROP TRIGGER {name} ON {table}"), 1),
    (of_objects("drop_view", ("view",), lambda schema, name, table: f"DROP VIEW {schema}.{name}"), 1),
    (setting, 5),
    (of_types, 1),
]


def draw(chance: random.Random, state: State) -> Change:
    """One change; ``state`` is as after it."""
    while True:
        (how,) = chance.choices([each for each, _ in DRAWS], [weight for _, weight in DRAWS])
        change = how(chance, state)
        if change is not None:
            change.apply(state)
            return change
