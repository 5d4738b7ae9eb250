-- Expand of 20261124T031245_create_table: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_create_table
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-invoices transaction=invoices
-- locks: SHARE ROW EXCLUSIVE ON public.customers: writes wait, for a moment
-- why: old code does not see it
CREATE TABLE public.invoices (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint NOT NULL REFERENCES public.customers, total numeric(12, 2) NOT NULL DEFAULT 0);

-- step: index-invoices_customer_id_id_idx transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.invoices: other schema changes and vacuum wait, while every row is read
-- why: built while reads and writes go on
CREATE UNIQUE INDEX CONCURRENTLY invoices_customer_id_id_idx ON public.invoices USING btree (customer_id, id);
