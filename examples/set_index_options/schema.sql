CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint, words tsvector);
CREATE INDEX orders_customer ON orders (customer) WITH (fillfactor = 90);
CREATE INDEX orders_words ON orders USING gin (words);
