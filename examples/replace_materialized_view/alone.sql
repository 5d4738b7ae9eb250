DROP MATERIALIZED VIEW totals;
CREATE MATERIALIZED VIEW totals AS SELECT customer_id, count(*) AS orders, sum(total) AS sum FROM orders GROUP BY customer_id;
CREATE UNIQUE INDEX totals_customer_idx ON totals (customer_id);
COMMENT ON MATERIALIZED VIEW totals IS 'what each customer has ordered';
GRANT SELECT ON totals TO PUBLIC;
