-- Contract of 20261124T031245_unnest_column: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_unnest_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-old transaction=sync-posts
-- locks: ACCESS EXCLUSIVE ON public.posts: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_947b815b_old ON public.posts;

-- step: drop-function-old transaction=sync-posts
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_posts_old_0fe6237e();

-- step: drop-trigger-before transaction=post_tags
-- locks: ACCESS EXCLUSIVE ON public.post_tags: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_947b815b_before ON public.post_tags;

-- step: drop-function-before transaction=post_tags
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_post_tags_before_b0861f6e();

-- step: drop-trigger-new transaction=post_tags
-- locks: ACCESS EXCLUSIVE ON public.post_tags: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_947b815b_new ON public.post_tags;

-- step: drop-function-new transaction=post_tags
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_post_tags_new_023e0448();

-- step: drop-trigger-delete transaction=post_tags
-- locks: ACCESS EXCLUSIVE ON public.post_tags: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_947b815b_delete ON public.post_tags;

-- step: drop-function-delete transaction=post_tags
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_post_tags_delete_6be41d02();

-- step: drop-tags transaction=posts
-- locks: ACCESS EXCLUSIVE ON public.posts: reads and writes wait, for a moment
-- why: no code uses it any more; what it held is in post_tags
ALTER TABLE public.posts DROP COLUMN tags;
