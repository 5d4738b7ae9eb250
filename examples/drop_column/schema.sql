CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    nickname text NOT NULL
);
CREATE INDEX users_nickname_idx ON users (nickname);
