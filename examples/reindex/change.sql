REINDEX INDEX orders_number_idx;
