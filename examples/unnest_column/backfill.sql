-- Backfill of 20261124T031245_unnest_column: moves the data; the tool runs it in small batches.
-- Level 1. Run by: migrator backfill 20261124T031245_unnest_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: fill-post_tags transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: elements written before the triggers existed
INSERT INTO public.post_tags (post_id, tag)
SELECT o.id, e.v
FROM public.posts AS o CROSS JOIN LATERAL unnest(o.tags) AS e (v)
WHERE e.v = ANY (o.tags) AND e.v IS NOT NULL AND octet_length(e.v) <= 2000
ON CONFLICT (post_id, tag) DO NOTHING;
