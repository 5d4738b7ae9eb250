CREATE STATISTICS orders_by_place (dependencies, mcv) ON city, zip FROM orders;
