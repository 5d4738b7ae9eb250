-- migrator: phase = contract
CREATE MATERIALIZED VIEW totals AS SELECT customer_id, count(*) AS orders, sum(total) AS sum FROM orders GROUP BY customer_id;
