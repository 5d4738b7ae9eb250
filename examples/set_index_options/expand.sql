-- Expand of 20261124T031245_set_index_options: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_set_index_options
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: set-options-orders_customer transaction=orders
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders_customer: other schema changes and vacuum wait, for a moment
-- why: no answer changes; what is written from here on goes by it
ALTER INDEX public.orders_customer SET (fillfactor = 70, deduplicate_items = off);

-- step: set-options-orders_words transaction=orders
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders_words: other schema changes and vacuum wait, for a moment
-- why: no answer changes; what is written from here on goes by it
ALTER INDEX public.orders_words SET (fastupdate = off);
