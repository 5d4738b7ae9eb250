CREATE TABLE post_tags (post_id bigint REFERENCES posts ON DELETE CASCADE, tag text, PRIMARY KEY (post_id, tag));
INSERT INTO post_tags (post_id, tag) SELECT id, unnest(tags) FROM posts ON CONFLICT DO NOTHING;
ALTER TABLE posts DROP COLUMN tags;
