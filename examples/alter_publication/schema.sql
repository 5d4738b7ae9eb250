CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number text NOT NULL, total numeric);
CREATE TABLE drafts (id bigint PRIMARY KEY);
CREATE PUBLICATION reporting FOR TABLE drafts;
