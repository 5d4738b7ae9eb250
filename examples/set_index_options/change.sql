ALTER INDEX orders_customer SET (fillfactor = 70, deduplicate_items = off);
ALTER INDEX orders_words SET (fastupdate = off);
