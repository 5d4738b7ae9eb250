CREATE SCHEMA app;
CREATE TYPE public.mood AS ENUM ('sad', 'it''s ok');
CREATE DOMAIN public.positive AS int CHECK (VALUE > 0);
CREATE DOMAIN public.short AS varchar(10) NOT NULL DEFAULT 'x';
CREATE TYPE app.pair AS (a int, b "char");
CREATE SEQUENCE public.tickets;
CREATE FUNCTION app.pure(a int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT a $$;
CREATE FUNCTION app.chance() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN (random() * 10)::int; END $$;
CREATE FUNCTION app.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE PROCEDURE app.work(IN n int, IN m int DEFAULT 1) LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE TABLE public.users (
  id bigserial PRIMARY KEY, email varchar(100) NOT NULL, name text COLLATE "C", age int, state mood DEFAULT 'sad',
  p positive, total numeric(10,2), at timestamp(3), flags bit(3), tags text[],
  "Order" int DEFAULT app.pure(3), full_name text GENERATED ALWAYS AS (email || 'x') STORED,
  CONSTRAINT age_set CHECK (age IS NOT NULL), UNIQUE (email), EXCLUDE USING btree (age WITH =)
);
ALTER TABLE users ADD CONSTRAINT name_set CHECK (name IS NOT NULL) NOT VALID;
CREATE TABLE app.orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id bigint REFERENCES users ON DELETE CASCADE, note text);
ALTER TABLE app.orders ADD CONSTRAINT unchecked FOREIGN KEY (id) REFERENCES users (id) NOT VALID;
CREATE INDEX orders_user ON app.orders (user_id) WHERE note IS NOT NULL;
CREATE INDEX orders_lower ON app.orders USING btree (lower(note));
CREATE INDEX users_age ON users (age, name);
CREATE TABLE events (id int NOT NULL, at date NOT NULL, kind text CHECK (kind <> ''), PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE INDEX ON events (kind);
CREATE TABLE parent (a int, b int CHECK (b > 0));
CREATE TABLE child (c int) INHERITS (parent);
CREATE UNLOGGED TABLE cache (k text PRIMARY KEY, v jsonb);
CREATE VIEW adults AS SELECT id, name AS title FROM users WHERE age > 17;
CREATE MATERIALIZED VIEW totals AS SELECT user_id, count(*) AS n FROM app.orders GROUP BY user_id;
CREATE UNIQUE INDEX totals_user ON totals (user_id);
CREATE TRIGGER stamped BEFORE UPDATE OF age ON users FOR EACH ROW WHEN (NEW.age > 3) EXECUTE FUNCTION app.stamp();
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON users FOR SELECT USING (id > 0);
