-- The schema that the probes change: what is deployed already.
CREATE EXTENSION btree_gist;
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE DOMAIN score AS int CHECK (VALUE >= 0);
CREATE DOMAIN label AS text;
CREATE SEQUENCE codes;
CREATE FUNCTION next_code() RETURNS text LANGUAGE plpgsql VOLATILE AS $$ BEGIN RETURN random()::text; END $$;
CREATE FUNCTION day_code() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_date::text $$;
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n * 2 $$;

CREATE TABLE regions (id int PRIMARY KEY, name text NOT NULL CONSTRAINT regions_name UNIQUE);
CREATE TABLE people (
    id bigint PRIMARY KEY,
    email varchar(60) NOT NULL,
    name text,
    nick varchar(20) CONSTRAINT people_nick_set CHECK (nick IS NOT NULL),
    age int,
    points score,
    remark label,
    mood mood DEFAULT 'calm',
    born date,
    seen timestamp,
    seen_tz timestamptz,
    balance numeric(10, 2) CONSTRAINT people_balance CHECK (balance >= 0),
    price numeric(8, 2),
    rate real,
    notes json,
    tags text[],
    region_id int REFERENCES regions,
    bits bit(4),
    wide varbit(8),
    address inet,
    net cidr,
    short char(3),
    uid uuid,
    qty smallint,
    height int NOT NULL DEFAULT 1,
    code text,
    twofold int GENERATED ALWAYS AS (1 + 1) STORED
);
ALTER TABLE people ADD CONSTRAINT people_name_set CHECK (name IS NOT NULL) NOT VALID;
CREATE UNIQUE INDEX people_email ON people (email);
CREATE INDEX people_age ON people (age);
CREATE INDEX people_name ON people (name);
CREATE UNIQUE INDEX people_uid ON people (uid);
CREATE UNIQUE INDEX people_height_id ON people (height, id);

CREATE TABLE visits (id bigint, person_id bigint, at timestamptz, place text, kind text NOT NULL DEFAULT 'walk');
CREATE UNIQUE INDEX visits_id ON visits (id);
ALTER TABLE visits ADD CONSTRAINT visits_person FOREIGN KEY (person_id) REFERENCES people NOT VALID;

CREATE TABLE events (day date NOT NULL, what text, id bigint) PARTITION BY RANGE (day);
CREATE TABLE events_01 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE TABLE events_new (day date NOT NULL, what text, id bigint);
INSERT INTO events_new VALUES ('2027-01-05', 'a', 1);

CREATE TABLE logs (kind text NOT NULL, line text, id bigint) PARTITION BY LIST (kind);
CREATE TABLE logs_a PARTITION OF logs FOR VALUES IN ('a');
CREATE TABLE logs_b (kind text NOT NULL CONSTRAINT is_b CHECK (kind = 'b'), line text, id bigint);
CREATE TABLE logs_c (kind text NOT NULL, line text, id bigint);
INSERT INTO logs_c VALUES ('c', 'x', 1);

CREATE TABLE bookings (room int NOT NULL, during tsrange NOT NULL, guest text);
CREATE UNLOGGED TABLE scratch (id int PRIMARY KEY, v text);
CREATE VIEW people_names AS SELECT id, name FROM regions;
CREATE MATERIALIZED VIEW totals AS SELECT id, name FROM regions;
CREATE UNIQUE INDEX totals_id ON totals (id);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER visits_touch BEFORE UPDATE ON visits FOR EACH ROW EXECUTE FUNCTION touch();
CREATE STATISTICS people_stats ON age, height FROM people;
