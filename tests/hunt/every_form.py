"""The forms of all kinds, for ``pairs``."""

from __future__ import annotations

from tests.hunt.forms import Form
from tests.hunt.forms_of_columns import COLUMNS, TABLES

INDEX = "CREATE INDEX items_value ON shop.items (value)"
VIEW = "CREATE VIEW shop.seen AS SELECT id, value FROM shop.items"
HEAP = (
    "CREATE MATERIALIZED VIEW shop.heap AS SELECT id, value FROM shop.items;"
    "CREATE UNIQUE INDEX heap_key ON shop.heap (id)"
)
FUNCTION = (
    "CREATE FUNCTION shop.twice(a integer) RETURNS bigint LANGUAGE plpgsql AS"
    " $$ BEGIN RETURN 2 * a + (SELECT count(*) FROM shop.items); END $$"
)
CALLED = "CREATE FUNCTION shop.called{x}(a integer) RETURNS integer LANGUAGE sql AS 'SELECT a'"
TOUCH = "CREATE OR REPLACE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
TRIGGER = TOUCH + "; CREATE TRIGGER touched BEFORE UPDATE ON shop.items FOR EACH ROW EXECUTE FUNCTION shop.touch()"
POLICY = "CREATE POLICY everybody ON shop.items USING (value IS NOT NULL)"
SEQUENCE = "CREATE SEQUENCE shop.numbers; ALTER TABLE shop.items ADD number bigint DEFAULT nextval('shop.numbers')"
KNOWN = "CREATE TABLE shop.known (id integer PRIMARY KEY); INSERT INTO shop.known VALUES (1), (7)"
CONSTRAINTS = (
    Form(
        "add_check",
        "ALTER TABLE {t} ADD CONSTRAINT filled{x} CHECK ({value}::text <> '')",
        then={"check": "filled{x}"},
    ),
    Form(
        "add_foreign_key",
        "ALTER TABLE {t} ADD CONSTRAINT n_known{x} FOREIGN KEY ({n}) REFERENCES {home}.known (id)",
        needs=KNOWN,
        then={"foreign": "n_known{x}"},
    ),
    Form(
        "add_foreign_key",
        "ALTER TABLE {home}.aside{x} ADD CONSTRAINT to_items{x} FOREIGN KEY (item) REFERENCES {t} ({key})",
        name="pointing here",
        needs="CREATE TABLE shop.aside{x} (id integer PRIMARY KEY, item integer)",
    ),
    Form(
        "add_foreign_key",
        "ALTER TABLE {home}.keyed{x} ADD CONSTRAINT to_value{x} FOREIGN KEY (v) REFERENCES {t} ({value})",
        name="to the column",
        needs="CREATE TABLE shop.keyed{x} (id integer PRIMARY KEY, v text);"
        "ALTER TABLE shop.items ADD CONSTRAINT value_once UNIQUE (value)",
    ),
    Form("add_unique", "ALTER TABLE {t} ADD CONSTRAINT once{x} UNIQUE ({value}){alone}", then={"unique": "once{x}"}),
    Form("add_exclusion", "ALTER TABLE {t} ADD CONSTRAINT alone{x} EXCLUDE USING btree ({value} WITH =){alone}"),
    Form("add_primary_key", "ALTER TABLE {t} ADD CONSTRAINT first{x} PRIMARY KEY ({key})", layout="keyless"),
    Form(
        "change_primary_key",
        "ALTER TABLE {t} DROP CONSTRAINT {pkey}, ADD CONSTRAINT other{x} PRIMARY KEY ({key}, {n})",
        then={"pkey": "other{x}"},
    ),
    Form(
        "change_primary_key",
        "ALTER TABLE {t} DROP CONSTRAINT {pkey}; ALTER TABLE {t} ADD CONSTRAINT {pkey} PRIMARY KEY ({n}, {key})",
        name="of the same name",
    ),
    Form(
        "change_primary_key",
        "ALTER TABLE {t} DROP CONSTRAINT {pkey}, ADD CONSTRAINT other{x} PRIMARY KEY (code{x})",
        name="with a foreign key",
        then={"pkey": "other{x}"},
        needs="ALTER TABLE shop.items ADD COLUMN code{x} uuid NOT NULL DEFAULT gen_random_uuid();"
        "CREATE TABLE shop.hung{x} (item integer CONSTRAINT hung{x} REFERENCES shop.items (id));"
        "INSERT INTO shop.hung{x} VALUES (1), (2); ALTER TABLE shop.items ADD CONSTRAINT spare{x} UNIQUE (id)",
        naive="ALTER TABLE {home}.hung{x} DROP CONSTRAINT hung{x}; ALTER TABLE {t} DROP CONSTRAINT {pkey},"
        " ADD CONSTRAINT other{x} PRIMARY KEY (code{x});"
        "ALTER TABLE {home}.hung{x} ADD CONSTRAINT hung{x} FOREIGN KEY (item) REFERENCES {t} ({key})",
    ),
    Form(
        "drop_constraint",
        "ALTER TABLE {t} DROP CONSTRAINT {check}",
        then={"check": None},
        needs="ALTER TABLE shop.items ADD CONSTRAINT value_filled CHECK (value::text <> '')",
    ),
    Form(
        "drop_constraint",
        "ALTER TABLE {t} DROP CONSTRAINT {unique}",
        name="unique",
        then={"unique": None},
        needs="ALTER TABLE shop.items ADD CONSTRAINT value_once UNIQUE (value)",
    ),
    Form(
        "drop_constraint",
        "ALTER TABLE {t} DROP CONSTRAINT {foreign}",
        name="foreign key",
        then={"foreign": None},
        needs=f"{KNOWN}; ALTER TABLE shop.items ADD CONSTRAINT n_known FOREIGN KEY (n) REFERENCES shop.known (id)",
    ),
    Form(
        "alter_constraint",
        "ALTER TABLE {t} ALTER CONSTRAINT {foreign} DEFERRABLE INITIALLY DEFERRED",
        needs=f"{KNOWN}; ALTER TABLE shop.items ADD CONSTRAINT n_known FOREIGN KEY (n) REFERENCES shop.known (id)",
    ),
    Form(
        "alter_constraint",
        "ALTER TABLE {t} ALTER CONSTRAINT {foreign} NOT DEFERRABLE",
        name="not any more",
        needs=f"{KNOWN}; ALTER TABLE shop.items ADD CONSTRAINT n_known FOREIGN KEY (n) REFERENCES shop.known (id)"
        " DEFERRABLE",
    ),
    Form(
        "alter_constraint",
        "ALTER TABLE {home}.keyed{x} ALTER CONSTRAINT to_value{x} DEFERRABLE",
        name="to the column",
        needs="ALTER TABLE shop.items ADD CONSTRAINT value_once UNIQUE (value);"
        "CREATE TABLE shop.keyed{x} (id integer PRIMARY KEY, v text"
        " CONSTRAINT to_value{x} REFERENCES shop.items (value))",
    ),
    Form(
        "drop_constraint",
        "ALTER TABLE {t} DROP CONSTRAINT {check}, ADD CONSTRAINT {check} CHECK ({value}::text <> 'nothing')",
        name="for another check of its name",
        needs="ALTER TABLE shop.items ADD CONSTRAINT value_filled CHECK (value::text <> '')",
    ),
    Form(
        "drop_constraint",
        "ALTER TABLE {t} DROP CONSTRAINT {unique}; ALTER TABLE {t} ADD CONSTRAINT {unique} UNIQUE ({value}, {n})",
        name="for another key of its name",
        needs="ALTER TABLE shop.items ADD CONSTRAINT value_once UNIQUE (value)",
    ),
    Form(
        "validate_constraint",
        "ALTER TABLE {t} VALIDATE CONSTRAINT {check}",
        needs="ALTER TABLE shop.items ADD CONSTRAINT value_filled CHECK (value::text <> '') NOT VALID",
        stays=r"constraint (value_filled|check\d+) ",
    ),
    Form(
        "rename_constraint",
        "ALTER TABLE {t} RENAME CONSTRAINT {check} TO check{x}",
        then={"check": "check{x}"},
        needs="ALTER TABLE shop.items ADD CONSTRAINT value_filled CHECK (value::text <> '')",
    ),
    Form(
        "rename_constraint",
        "ALTER TABLE {t} RENAME CONSTRAINT {unique} TO unique{x}",
        name="unique",
        then={"unique": "unique{x}"},
        needs="ALTER TABLE shop.items ADD CONSTRAINT value_once UNIQUE (value)",
    ),
    Form("create_index", "CREATE INDEX by_value{x} ON {t} ({value}, {n})", then={"index": "by_value{x}"}),
    Form(
        "create_index",
        "CREATE UNIQUE INDEX by_value{x} ON {t} ({value}){alone}",
        name="unique",
        then={"index": "by_value{x}"},
    ),
    Form("create_index", "CREATE INDEX by_value{x} ON {t} (lower({value}::text)) WHERE {n} > 0", name="expression"),
    Form("drop_index", "DROP INDEX {schema}.{index}", needs=INDEX, then={"index": None}),
    Form("rename_index", "ALTER INDEX {schema}.{index} RENAME TO index{x}", needs=INDEX, then={"index": "index{x}"}),
    Form("reindex", "REINDEX INDEX {schema}.{index}", naive="SELECT", needs=INDEX),
)
TYPES = (
    Form("create_enum", "CREATE TYPE {home}.kind{x} AS ENUM ('a')"),
    Form("create_domain", "CREATE DOMAIN {home}.short{x} AS text", then={"wider": "{{home}}.short{x}"}),
    Form("create_type", "CREATE TYPE {home}.whole{x} AS (a integer)"),
    Form("drop_type", "DROP TYPE {home}.unused{x}", needs="CREATE TYPE shop.unused{x} AS ENUM ('a')"),
    Form("add_enum_value", "ALTER TYPE {home}.{mood} ADD VALUE 'more{x}'", type="mood", stays=r"type \S*mood: "),
    Form(
        "rename_enum_value",
        "-- migrator: phase = contract\nALTER TYPE {home}.{mood} RENAME VALUE '19{x}' TO 'v{x}'",
        type="mood",
    ),
    Form(
        "drop_enum_value",
        "ALTER TYPE {home}.{mood} RENAME VALUE '18{x}' TO '185'",
        type="mood",
        naive="",
    ),
    Form(
        "rename_type",
        "ALTER TYPE {home}.feel{x} RENAME TO felt{x}",
        needs="CREATE TYPE shop.feel{x} AS ENUM ('a'); ALTER TABLE shop.items ADD feel{x} shop.feel{x} DEFAULT 'a'",
    ),
    Form("alter_domain", "ALTER DOMAIN {home}.word ADD CONSTRAINT w{x} CHECK (VALUE <> '')", type="word"),
    Form("create_sequence", "CREATE SEQUENCE {home}.drawn{x}"),
    Form("alter_sequence", "ALTER SEQUENCE {home}.{sequence} CACHE 5", needs=SEQUENCE),
    Form(
        "rename_sequence",
        "ALTER SEQUENCE {home}.{sequence} RENAME TO numbers{x}",
        needs=SEQUENCE,
        then={"sequence": "numbers{x}"},
    ),
    Form("drop_sequence", "DROP SEQUENCE {home}.unused{x}", needs="CREATE SEQUENCE shop.unused{x}"),
    Form("create_schema", "CREATE SCHEMA more{x}"),
    Form("drop_schema", "DROP SCHEMA unused{x}", needs="CREATE SCHEMA unused{x}"),
    Form("create_extension", "CREATE EXTENSION unaccent"),
    Form("drop_extension", "DROP EXTENSION citext", needs="CREATE EXTENSION citext"),
    Form(
        "update_extension",
        "ALTER EXTENSION hstore UPDATE TO '1.7'",
        needs="CREATE EXTENSION hstore VERSION '1.4'",
        stays="(extension|function) g?hstore",
    ),
)
OBJECTS = (
    Form("create_view", "CREATE VIEW {home}.looked{x} AS SELECT {key}, {value} FROM {t}", then={"view": None}),
    Form(
        "replace_view",
        "CREATE OR REPLACE VIEW {home}.{view} AS SELECT {key} AS id, {value} AS value, {n} AS more{x} FROM {t}",
        needs=VIEW,
    ),
    Form("set_view_options", "ALTER VIEW {home}.{view} SET (security_barrier = true)", needs=VIEW),
    Form(
        "set_view_options",
        "-- migrator: phase = expand\nALTER VIEW {home}.{view} SET (check_option = local)",
        name="at once",
        needs=VIEW,
    ),
    Form("drop_view", "DROP VIEW {home}.{view}", needs=VIEW, then={"view": None}),
    Form("create_materialized_view", "CREATE MATERIALIZED VIEW {home}.filled{x} AS SELECT {key}, {value} FROM {t}"),
    Form(
        "replace_materialized_view",
        "-- migrator: phase = contract\nCREATE MATERIALIZED VIEW {home}.{heap} AS SELECT {key} AS id, {value} AS value,"
        " {n} AS more{x} FROM {t}",
        needs=HEAP,
        naive="DROP MATERIALIZED VIEW {home}.{heap}; CREATE MATERIALIZED VIEW {home}.{heap} AS SELECT {key} AS id,"
        " {value} AS value, {n} AS more{x} FROM {t}; CREATE UNIQUE INDEX heap_key ON {home}.{heap} (id)",
    ),
    Form("refresh_materialized_view", "REFRESH MATERIALIZED VIEW {home}.{heap}", needs=HEAP),
    Form("create_function", "CREATE FUNCTION {home}.f{x}(a integer) RETURNS integer LANGUAGE sql AS $$ SELECT a $$"),
    Form(
        "create_function",
        "CREATE FUNCTION {home}.g{x}() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count({value}) FROM {t}; END",
        name="atomic",
    ),
    Form(
        "replace_function",
        "CREATE OR REPLACE FUNCTION {home}.{function}(a integer) RETURNS bigint LANGUAGE sql AS"
        " $$ SELECT {x} + a::bigint $$",
        needs=FUNCTION,
    ),
    Form("drop_function", "DROP FUNCTION {home}.{function}(integer)", needs=FUNCTION, then={"function": None}),
    Form(
        "create_trigger",
        "-- migrator: phase = expand\nCREATE TRIGGER a_touch{x} BEFORE UPDATE ON {t} FOR EACH ROW"
        " EXECUTE FUNCTION {home}.touch()",
        needs=TOUCH,
        then={"trigger": "a_touch{x}"},
    ),
    Form(
        "create_trigger",
        "-- migrator: phase = expand\nCREATE TRIGGER a_touch{x} BEFORE UPDATE OF {value} ON {t} FOR EACH ROW"
        " WHEN (NEW.{value} IS NOT NULL) EXECUTE FUNCTION {home}.touch()",
        name="of the column",
        needs=TOUCH,
    ),
    Form("replace_function", "ALTER FUNCTION {home}.called{x}(integer) STABLE COST 7", name="altered", needs=CALLED),
    Form("drop_trigger", "DROP TRIGGER {trigger} ON {t}", needs=TRIGGER, then={"trigger": None}),
    Form(
        "rename_trigger",
        "ALTER TRIGGER {trigger} ON {t} RENAME TO named{x}",
        needs=TRIGGER,
        then={"trigger": "named{x}"},
    ),
    Form("switch_trigger", "ALTER TABLE {t} DISABLE TRIGGER {trigger}", needs=TRIGGER),
    Form(
        "rename_policy", "ALTER POLICY {policy} ON {t} RENAME TO called{x}", needs=POLICY, then={"policy": "called{x}"}
    ),
    Form("set_owner", "ALTER TABLE {t} OWNER TO pg_database_owner"),
    Form(
        "set_index_options",
        "ALTER INDEX shop.{index} SET (fillfactor = 7{x})",
        needs=INDEX,
    ),
    Form("create_statistics", "CREATE STATISTICS {home}.seen{x} ON {value}, {n} FROM {t}", hangs=True),
    Form(
        "drop_statistics",
        "DROP STATISTICS shop.kept{x}",
        needs="CREATE STATISTICS shop.kept{x} ON id, n FROM shop.items",
    ),
    Form(
        "set_statistics_target",
        "ALTER STATISTICS shop.sampled{x} SET STATISTICS 7{x}",
        needs="CREATE STATISTICS shop.sampled{x} ON id, n FROM shop.items",
        hangs=True,
    ),
    Form("create_policy", "CREATE POLICY some{x} ON {t} USING ({value} IS NOT NULL)", then={"policy": "some{x}"}),
    Form("alter_policy", "ALTER POLICY {policy} ON {t} USING ({n} > {x})", needs=POLICY),
    Form("drop_policy", "DROP POLICY {policy} ON {t}", needs=POLICY, then={"policy": None}),
    Form("set_row_level_security", "ALTER TABLE {t} ENABLE ROW LEVEL SECURITY", needs=POLICY),
    Form("grant", "GRANT SELECT ({value}), INSERT ON {t} TO pg_monitor", hangs=True),
    Form(
        "revoke",
        "REVOKE SELECT ({value}) ON {t} FROM pg_monitor",
        needs="GRANT SELECT (value), UPDATE ON shop.items TO pg_monitor",
        hangs=True,
    ),
    Form("comment", "COMMENT ON COLUMN {t}.{value} IS 'words {x}'", hangs=True),
    Form(
        "add_identity",
        "ALTER TABLE {t} ALTER COLUMN {key} ADD GENERATED BY DEFAULT AS IDENTITY",
        needs="ALTER TABLE shop.items ALTER id DROP IDENTITY; CREATE SEQUENCE shop.items_id_seq AS integer"
        " OWNED BY shop.items.id START 500; ALTER TABLE shop.items ALTER id SET DEFAULT nextval('shop.items_id_seq')",
        naive="ALTER TABLE {t} ALTER COLUMN {key} DROP DEFAULT; DROP SEQUENCE {home}.items_id_seq;"
        "ALTER TABLE {t} ALTER COLUMN {key} ADD GENERATED BY DEFAULT AS IDENTITY"
        " (SEQUENCE NAME {home}.items_id_seq START 500)",
    ),
    Form("set_identity", "ALTER TABLE {t} ALTER COLUMN {key} SET GENERATED ALWAYS"),
    Form(
        "drop_identity",
        "ALTER TABLE {t} ALTER COLUMN {key} DROP IDENTITY",
        name="at the end",
        then={"inserts": None},
    ),
    Form(
        "drop_expression",
        "ALTER TABLE {t} ALTER COLUMN made{x} DROP EXPRESSION",
        needs="ALTER TABLE shop.items ADD made{x} integer GENERATED ALWAYS AS (n * 2) STORED",
    ),
    Form("set_column_options", "ALTER TABLE {t} ALTER COLUMN {value} SET STATISTICS 50{x}", hangs=True),
    Form("set_table_options", "ALTER TABLE {t} SET (autovacuum_analyze_threshold = 7{x})"),
    Form("set_tablespace", "ALTER TABLE {t} SET TABLESPACE fast"),
    Form("set_replica_identity", "ALTER TABLE {t} REPLICA IDENTITY FULL"),
    Form("create_publication", "CREATE PUBLICATION sent{x} FOR TABLE {t}"),
    # From PostgreSQL 15 on.
    Form("create_publication", "CREATE PUBLICATION sent{x} FOR TABLE {t} ({key}, {value})", name="of columns"),
    Form(
        "alter_publication",
        "ALTER PUBLICATION told{x} ADD TABLE {t}",
        needs="CREATE TABLE shop.told{x} (id integer PRIMARY KEY); CREATE PUBLICATION told{x} FOR TABLE shop.told{x}",
    ),
    Form(
        "drop_publication",
        "DROP PUBLICATION had{x}",
        needs="CREATE PUBLICATION had{x} FOR TABLE shop.items WITH (publish = 'insert')",
    ),
    Form(
        "raw_sql",
        "-- migrator: phase = expand\n-- migrator: undo = DROP STATISTICS {home}.both{x}\n"
        "CREATE STATISTICS {home}.both{x} ON {key}, {n} FROM {t}",
    ),
)
FORMS = (*TABLES, *COLUMNS, *CONSTRAINTS, *TYPES, *OBJECTS)
