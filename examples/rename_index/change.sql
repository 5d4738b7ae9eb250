ALTER INDEX orders_number_idx RENAME TO orders_by_number;
