ALTER TRIGGER touch ON orders RENAME TO orders_touch;
