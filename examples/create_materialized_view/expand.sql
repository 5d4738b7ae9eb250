-- Expand of 20261124T031245_create_materialized_view: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_create_materialized_view
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-totals transaction=totals
-- locks: ACCESS SHARE ON public.orders: nobody waits, for a moment
-- why: old code does not see it; nothing is read yet
CREATE MATERIALIZED VIEW public.totals AS SELECT customer_id, sum(total) AS total FROM public.orders GROUP BY customer_id  WITH NO DATA;

-- step: fill-totals transaction=none
-- locks: ACCESS EXCLUSIVE ON public.totals: nobody reads it yet
-- why: reads its tables as a SELECT does
REFRESH MATERIALIZED VIEW public.totals;

-- step: index-totals_customer_idx transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.totals: other schema changes and vacuum wait, while every row is read
-- why: built while reads and writes go on
CREATE UNIQUE INDEX CONCURRENTLY totals_customer_idx ON public.totals USING btree (customer_id);
