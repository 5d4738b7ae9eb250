DROP INDEX orders_number_idx;
