-- Rollback of 20261124T031245_set_index_options: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_set_index_options
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-set-options-orders_words transaction=orders undoes=set-options-orders_words
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders_words: other schema changes and vacuum wait, for a moment
-- why: as it was before expand
ALTER INDEX public.orders_words RESET (fastupdate);

-- step: undo-set-options-orders_customer transaction=orders undoes=set-options-orders_customer
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders_customer: other schema changes and vacuum wait, for a moment
-- why: as it was before expand
ALTER INDEX public.orders_customer SET (fillfactor = 90);

-- step: undo-set-options-orders_customer-2 transaction=orders undoes=set-options-orders_customer
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders_customer: other schema changes and vacuum wait, for a moment
-- why: as it was before expand
ALTER INDEX public.orders_customer RESET (deduplicate_items);
