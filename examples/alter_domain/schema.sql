CREATE DOMAIN email AS text;
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, address email);
INSERT INTO users (address) VALUES ('ann@example.org');
