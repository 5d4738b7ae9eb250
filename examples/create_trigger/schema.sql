CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, total numeric NOT NULL DEFAULT 0, changed_at timestamptz);
INSERT INTO orders (total) SELECT n FROM generate_series(1, 100) AS n;
CREATE FUNCTION set_changed_at() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.changed_at := now(); RETURN NEW; END $$;
