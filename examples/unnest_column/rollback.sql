-- Rollback of 20261124T031245_unnest_column: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_unnest_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-new transaction=sync-post_tags undoes=trigger-new
-- locks: ACCESS EXCLUSIVE ON public.post_tags: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_947b815b_new ON public.post_tags;

-- step: drop-function-new transaction=sync-post_tags undoes=function-new
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_post_tags_new_023e0448();

-- step: drop-trigger-delete transaction=sync-post_tags undoes=trigger-delete
-- locks: ACCESS EXCLUSIVE ON public.post_tags: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_947b815b_delete ON public.post_tags;

-- step: drop-function-delete transaction=sync-post_tags undoes=function-delete
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_post_tags_delete_6be41d02();

-- step: drop-trigger-old transaction=sync-posts undoes=trigger-old
-- locks: ACCESS EXCLUSIVE ON public.posts: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_947b815b_old ON public.posts;

-- step: drop-function-old transaction=sync-posts undoes=function-old
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_posts_old_0fe6237e();

-- step: drop-trigger-before transaction=post_tags undoes=trigger-before
-- locks: ACCESS EXCLUSIVE ON public.post_tags: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_947b815b_before ON public.post_tags;

-- step: drop-function-before transaction=post_tags undoes=function-before
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_post_tags_before_b0861f6e();

-- step: lock-posts transaction=post_tags
-- locks: ACCESS EXCLUSIVE ON public.posts: reads and writes wait, for a moment
-- why: the foreign key is dropped with the table: a delete that has this one would wait for that one
LOCK TABLE public.posts IN ACCESS EXCLUSIVE MODE;

-- step: drop-post_tags transaction=post_tags undoes=create-post_tags
-- locks: ACCESS EXCLUSIVE ON public.post_tags: reads and writes wait, for a moment
-- why: its values are in posts, but for those counted here
-- loses: SELECT count(*) FROM public.post_tags AS n WHERE NOT EXISTS (SELECT FROM public.posts AS o WHERE o.id = n.post_id AND n.tag = ANY (o.tags))
DROP TABLE public.post_tags;
