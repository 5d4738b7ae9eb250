-- Expand of 20261124T031245_rename_schema: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_rename_schema
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-sales transaction=schema-sales
-- why: old code does not see it
CREATE SCHEMA sales;

-- step: usage-sales transaction=schema-sales
-- why: for whom the old one grants it
-- migrator: allow SY002 because it is made of what the catalog says at that moment
DO $migrator$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT a.grantee, a.is_grantable
        FROM pg_catalog.pg_namespace AS n, pg_catalog.aclexplode(n.nspacl) AS a
        WHERE n.nspname = 'shop' AND a.privilege_type = 'USAGE'
    LOOP
        EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s%s', 'sales',
            CASE one.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(one.grantee)) END,
            CASE WHEN one.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
    -- The owner needs no grant on what is its own, but on this one.
    FOR one IN
        SELECT pg_catalog.pg_get_userbyid(n.nspowner) AS name FROM pg_catalog.pg_namespace AS n
        WHERE n.nspname = 'shop' AND n.nspacl IS NULL
    LOOP
        EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %I', 'sales', one.name);
    END LOOP;
END
$migrator$;

-- step: view-large transaction=schema-sales
-- why: the table under its new name: reads and writes go through to it
CREATE VIEW sales.large WITH (security_invoker = true) AS
SELECT id, total FROM shop.large;

-- step: view-orders transaction=schema-sales
-- why: the table under its new name: reads and writes go through to it
CREATE VIEW sales.orders WITH (security_invoker = true) AS
SELECT id, total FROM shop.orders;

-- step: grant-orders transaction=schema-sales
-- why: as on the table
GRANT INSERT ON sales.orders TO PUBLIC;

-- step: grant-orders-2 transaction=schema-sales
-- why: as on the table
GRANT SELECT ON sales.orders TO PUBLIC;
