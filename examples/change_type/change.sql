ALTER TABLE orders ALTER COLUMN id TYPE bigint;
ALTER TABLE orders ALTER COLUMN amount TYPE numeric(12, 2) USING amount::numeric(12, 2);
