DROP STATISTICS orders_by_place;
