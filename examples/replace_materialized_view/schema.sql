CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL,
    total numeric NOT NULL DEFAULT 0
);
INSERT INTO orders (customer_id, total) SELECT 1 + n % 10, n FROM generate_series(1, 100) AS n;
CREATE MATERIALIZED VIEW totals AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id;
CREATE UNIQUE INDEX totals_customer_idx ON totals (customer_id);
COMMENT ON MATERIALIZED VIEW totals IS 'what each customer has ordered';
GRANT SELECT ON totals TO PUBLIC;
