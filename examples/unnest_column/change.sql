-- migrator: unnest = posts (tags)
CREATE TABLE post_tags (post_id bigint REFERENCES posts ON DELETE CASCADE, tag text, PRIMARY KEY (post_id, tag));
