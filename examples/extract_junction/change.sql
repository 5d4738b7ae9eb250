-- migrator: extract = users (account_id, account_role AS role)
CREATE TABLE memberships (
    user_id bigint REFERENCES users ON DELETE CASCADE,
    account_id bigint REFERENCES accounts,
    role text,
    PRIMARY KEY (user_id, account_id)
);
