CREATE TABLE memberships (user_id bigint NOT NULL, team_id bigint NOT NULL, role text NOT NULL);
INSERT INTO memberships SELECT n, n % 7, 'member' FROM generate_series(1, 100) AS n;
