CREATE TABLE orders (id bigint PRIMARY KEY, city text, zip text);
CREATE STATISTICS orders_by_place ON city, zip FROM orders;
ALTER STATISTICS orders_by_place SET STATISTICS 200;
