-- Statements that nobody notices: no lock that blocks for longer than a moment, no statement of running code broken.
-- probe: add-column
ALTER TABLE people ADD COLUMN town text;
-- probe: add-column-if-not-exists
ALTER TABLE IF EXISTS people ADD COLUMN IF NOT EXISTS town text;
-- probe: add-column-default
ALTER TABLE people ADD COLUMN active boolean NOT NULL DEFAULT true;
-- probe: add-column-now
ALTER TABLE people ADD COLUMN made timestamptz NOT NULL DEFAULT now();
-- probe: add-column-current-date
ALTER TABLE people ADD COLUMN made date DEFAULT CURRENT_DATE;
-- probe: add-column-jsonb
ALTER TABLE people ADD COLUMN settings jsonb NOT NULL DEFAULT '{}'::jsonb;
-- probe: add-column-array
ALTER TABLE people ADD COLUMN roles text[] DEFAULT ARRAY[]::text[];
-- probe: add-column-stable
ALTER TABLE people ADD COLUMN day text DEFAULT day_code();
-- probe: add-column-immutable
ALTER TABLE people ADD COLUMN four int DEFAULT twice(2);
-- probe: add-column-enum
ALTER TABLE people ADD COLUMN last_mood mood DEFAULT 'cross';
-- probe: add-column-plain-domain
ALTER TABLE people ADD COLUMN title label;
-- probe: add-column-references
SET lock_timeout = '1s';
ALTER TABLE visits ADD COLUMN region_id int REFERENCES regions;
-- probe: add-two-columns
ALTER TABLE people ADD COLUMN one int, ADD COLUMN two text DEFAULT 'x';
-- probe: add-column-virtual pg=18
ALTER TABLE people ADD COLUMN older int GENERATED ALWAYS AS (age + 1) VIRTUAL;
-- probe: index-concurrently
CREATE INDEX CONCURRENTLY people_code ON people (code);
-- probe: index-concurrently-options
CREATE INDEX CONCURRENTLY people_code ON people USING btree (code DESC NULLS LAST) WITH (fillfactor = 80) WHERE code IS NOT NULL;
-- probe: reindex-concurrently
REINDEX INDEX CONCURRENTLY people_age;
-- probe: reindex-table-concurrently
REINDEX (CONCURRENTLY) TABLE people;
-- probe: index-on-only
CREATE INDEX events_what ON ONLY events (what);
-- probe: index-on-new-table
CREATE TABLE towns (id int, name text);
CREATE INDEX towns_name ON towns (name);
-- probe: everything-on-a-new-table
BEGIN;
CREATE TABLE towns (id int, name text);
ALTER TABLE towns ADD PRIMARY KEY (id);
ALTER TABLE towns ALTER COLUMN name SET NOT NULL;
ALTER TABLE towns ADD CONSTRAINT long CHECK (length(name) > 1);
ALTER TABLE towns ALTER COLUMN id TYPE bigint;
COMMIT;
-- probe: new-table
CREATE TABLE towns (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE, at timestamptz DEFAULT clock_timestamp());
-- probe: new-table-like
CREATE TABLE people_archive (LIKE people INCLUDING DEFAULTS);
-- probe: new-table-as
CREATE TABLE few AS SELECT id, name FROM regions WHERE id < 3;
-- probe: temporary-table
CREATE TEMPORARY TABLE people_copy (id int); CREATE INDEX ON people_copy (id); DROP TABLE people_copy;
-- probe: validate-check
ALTER TABLE people VALIDATE CONSTRAINT people_name_set;
-- probe: validate-foreign-key
ALTER TABLE visits VALIDATE CONSTRAINT visits_person;
-- probe: validate-then-not-null
ALTER TABLE people VALIDATE CONSTRAINT people_name_set;
ALTER TABLE people ALTER COLUMN name SET NOT NULL;
-- probe: set-not-null-proved
ALTER TABLE people ALTER COLUMN nick SET NOT NULL;
-- probe: drop-redundant-check
ALTER TABLE people ALTER COLUMN nick SET NOT NULL;
ALTER TABLE people DROP CONSTRAINT people_nick_set;
-- probe: wider-varchar
ALTER TABLE people ALTER COLUMN email TYPE varchar(200);
-- probe: varchar-to-text
ALTER TABLE people ALTER COLUMN email TYPE text;
-- probe: varchar-without-length
ALTER TABLE people ALTER COLUMN email TYPE varchar;
-- probe: text-to-unbounded-varchar
ALTER TABLE people ALTER COLUMN code TYPE varchar;
-- probe: wider-numeric
ALTER TABLE people ALTER COLUMN price TYPE numeric(12, 2);
-- probe: unconstrained-numeric
ALTER TABLE people ALTER COLUMN price TYPE numeric;
-- probe: same-type
ALTER TABLE people ALTER COLUMN age TYPE int;
-- probe: wider-varbit
ALTER TABLE people ALTER COLUMN wide TYPE varbit(64);
-- probe: cidr-to-inet
ALTER TABLE people ALTER COLUMN net TYPE inet;
-- probe: using-plain-cast
ALTER TABLE people ALTER COLUMN email TYPE text USING email::text;
-- probe: domain-to-base
ALTER TABLE people ALTER COLUMN remark TYPE text;
-- probe: unique-using-index
ALTER TABLE people ADD CONSTRAINT people_uid_key UNIQUE USING INDEX people_uid;
-- probe: check-not-enforced pg=18
ALTER TABLE people ADD CONSTRAINT grown CHECK (height >= 100) NOT ENFORCED;
-- probe: attach-partition-with-check
ALTER TABLE logs ATTACH PARTITION logs_b FOR VALUES IN ('b');
-- probe: standalone-partition
CREATE TABLE logs_d (LIKE logs);
ALTER TABLE logs_d ADD CONSTRAINT is_d CHECK (kind = 'd');
-- probe: refresh-concurrently
REFRESH MATERIALIZED VIEW CONCURRENTLY totals;
-- probe: view
CREATE VIEW grown_ups AS SELECT id, name FROM people WHERE age > 17;
-- probe: view-appended
CREATE OR REPLACE VIEW people_names AS SELECT id, name, 1 AS one FROM regions;
-- probe: function
CREATE FUNCTION thrice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n * 3 $$;
-- probe: function-body-replaced
CREATE OR REPLACE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n + n $$;
-- probe: type-and-sequence
CREATE TYPE size AS ENUM ('s', 'm'); CREATE SEQUENCE tickets; CREATE DOMAIN plain AS text;
-- probe: schema
CREATE SCHEMA IF NOT EXISTS reports;
-- probe: comment
COMMENT ON COLUMN people.age IS 'in years';
-- probe: grant
GRANT SELECT ON people TO reporting;
-- probe: statistics-target
ALTER TABLE people ALTER COLUMN age SET STATISTICS 500;
-- probe: statistics
CREATE STATISTICS more_stats ON age, qty FROM people;
-- probe: fillfactor
ALTER TABLE people SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01);
-- probe: cluster-on
ALTER TABLE people CLUSTER ON people_age;
-- probe: rename-index
ALTER INDEX people_age RENAME TO people_by_age;
-- probe: analyze
ANALYZE people;
-- probe: vacuum
VACUUM people;
-- probe: storage
SET lock_timeout = '1s';
ALTER TABLE people ALTER COLUMN code SET STORAGE EXTERNAL;
-- probe: insert
INSERT INTO regions (id, name) VALUES (1000, 'north');
-- probe: update-one
UPDATE people SET code = 'x' WHERE id = 1;
-- probe: delete-one
DELETE FROM visits WHERE id = 17;
-- probe: select
SELECT count(*) FROM regions;
-- probe: do-block
DO $$ BEGIN PERFORM 1; RAISE NOTICE 'nothing'; END $$;
-- probe: with-timeout
SET lock_timeout = '2s';
SET statement_timeout = '5s';
ALTER TABLE people ADD COLUMN town text;
-- probe: transaction-with-timeout
BEGIN;
SET LOCAL lock_timeout = '2s';
ALTER TABLE visits ADD COLUMN note text;
COMMIT;
-- probe: sequence
ALTER SEQUENCE codes INCREMENT BY 10;
-- probe: extension
CREATE EXTENSION IF NOT EXISTS pg_trgm;
