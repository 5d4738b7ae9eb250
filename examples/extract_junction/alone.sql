CREATE TABLE memberships (
    user_id bigint REFERENCES users ON DELETE CASCADE,
    account_id bigint REFERENCES accounts,
    role text,
    PRIMARY KEY (user_id, account_id)
);
INSERT INTO memberships (user_id, account_id, role) SELECT id, account_id, account_role FROM users WHERE account_id IS NOT NULL;
ALTER TABLE users DROP COLUMN account_id, DROP COLUMN account_role;
