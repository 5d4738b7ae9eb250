CREATE TABLE accounts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
INSERT INTO accounts (name) SELECT 'a' || n FROM generate_series(1, 10) AS n;
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, account_id bigint REFERENCES accounts, account_role text
);
INSERT INTO users (name, account_id, account_role) SELECT 'n' || n, 1 + n % 10, 'member' FROM generate_series(1, 100) AS n;
