-- Expand of 20261124T031245_unnest_column: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_unnest_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-post_tags transaction=post_tags
-- locks: SHARE ROW EXCLUSIVE ON public.posts: writes wait, for a moment
-- why: old code does not see it
CREATE TABLE public.post_tags (post_id bigint REFERENCES public.posts ON DELETE CASCADE, tag text, PRIMARY KEY (post_id, tag));

-- step: function-before transaction=sync-post_tags
-- why: locks the row of the old table first, as whoever writes the array does
CREATE FUNCTION public.migrator_post_tags_before_b0861f6e() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
BEGIN
    PERFORM FROM public.posts AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.post_id FOR NO KEY UPDATE;
    RETURN NEW;
END
$migrator$;

-- step: revoke-before transaction=sync-post_tags
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_post_tags_before_b0861f6e() FROM PUBLIC;

-- step: function-new transaction=sync-post_tags
-- why: takes what new code writes to the array
CREATE FUNCTION public.migrator_post_tags_new_023e0448() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
DECLARE
    was text := current_setting('migrator.syncing', true);
    -- A trigger that fired before this one may have changed the row again, and was taken across by that.
    is_there boolean := EXISTS (SELECT FROM public.post_tags AS n WHERE n.post_id OPERATOR(pg_catalog.=) NEW.post_id AND n.tag OPERATOR(pg_catalog.=) NEW.tag);
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NOT record_image_ne(ROW(NEW.post_id, NEW.tag), ROW(OLD.post_id, OLD.tag)) THEN
            RETURN NULL;
        END IF;
        IF record_image_ne(ROW(NEW.post_id), ROW(OLD.post_id)) THEN
            -- By the foreign key, since the row it belongs to got another key: its array is what it was.
            PERFORM FROM public.posts AS o WHERE o.id OPERATOR(pg_catalog.=) OLD.post_id;
            IF NOT FOUND THEN
                RETURN NULL;
            END IF;
        END IF;
    END IF;
    PERFORM set_config('migrator.syncing', 'on', true);
    IF TG_OP = 'UPDATE' THEN
        IF NOT record_image_ne(ROW(NEW.post_id), ROW(OLD.post_id)) AND is_there THEN
            UPDATE public.posts AS o SET tags = ARRAY(
                SELECT CASE WHEN e.v OPERATOR(pg_catalog.=) OLD.tag THEN NEW.tag ELSE e.v END
                FROM unnest(o.tags) WITH ORDINALITY AS e (v, place) ORDER BY e.place
            )
            WHERE o.id OPERATOR(pg_catalog.=) NEW.post_id AND OLD.tag OPERATOR(pg_catalog.=) ANY (o.tags);
        END IF;
        IF record_image_ne(ROW(NEW.post_id), ROW(OLD.post_id)) OR NOT is_there THEN
            UPDATE public.posts AS o SET tags = ARRAY(
                SELECT e.v FROM unnest(o.tags) WITH ORDINALITY AS e (v, place)
                WHERE (e.v OPERATOR(pg_catalog.=) OLD.tag) IS NOT TRUE ORDER BY e.place
            )
            WHERE o.id OPERATOR(pg_catalog.=) OLD.post_id AND OLD.tag OPERATOR(pg_catalog.=) ANY (o.tags)
            AND NOT EXISTS (SELECT FROM public.post_tags AS n WHERE n.post_id OPERATOR(pg_catalog.=) OLD.post_id AND n.tag OPERATOR(pg_catalog.=) OLD.tag);
        END IF;
    END IF;
    -- What old code or the backfill brings is in the array. On partitions each statement is planned anew for each row.
    IF is_there AND NOT EXISTS (
        SELECT FROM public.posts AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.post_id AND NEW.tag OPERATOR(pg_catalog.=) ANY (o.tags)
    ) THEN
        UPDATE public.posts AS o SET tags = array_append(ARRAY(
            SELECT e.v FROM unnest(o.tags) WITH ORDINALITY AS e (v, place) ORDER BY e.place
        ), NEW.tag)
        WHERE o.id OPERATOR(pg_catalog.=) NEW.post_id AND (NEW.tag OPERATOR(pg_catalog.=) ANY (o.tags)) IS NOT TRUE;
        -- A trigger of the old table has not let it in.
        DELETE FROM public.post_tags AS n USING public.posts AS o
        WHERE n.post_id OPERATOR(pg_catalog.=) NEW.post_id AND n.tag OPERATOR(pg_catalog.=) NEW.tag AND o.id OPERATOR(pg_catalog.=) NEW.post_id
        AND (NEW.tag OPERATOR(pg_catalog.=) ANY (o.tags)) IS NOT TRUE;
    END IF;
    PERFORM set_config('migrator.syncing', coalesce(was, ''), true);
    RETURN NULL;
END
$migrator$;

-- step: revoke-new transaction=sync-post_tags
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_post_tags_new_023e0448() FROM PUBLIC;

-- step: function-delete transaction=sync-post_tags
-- why: takes what new code deletes out of the array
CREATE FUNCTION public.migrator_post_tags_delete_6be41d02() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
DECLARE
    was text := current_setting('migrator.syncing', true);
BEGIN
    PERFORM set_config('migrator.syncing', 'on', true);
    UPDATE public.posts AS o SET tags = ARRAY(
        SELECT e.v FROM unnest(o.tags) WITH ORDINALITY AS e (v, place)
        WHERE (e.v OPERATOR(pg_catalog.=) OLD.tag) IS NOT TRUE ORDER BY e.place
    )
    WHERE o.id OPERATOR(pg_catalog.=) OLD.post_id AND OLD.tag OPERATOR(pg_catalog.=) ANY (o.tags)
    AND NOT EXISTS (SELECT FROM public.post_tags AS n WHERE n.post_id OPERATOR(pg_catalog.=) OLD.post_id AND n.tag OPERATOR(pg_catalog.=) OLD.tag);
    PERFORM set_config('migrator.syncing', coalesce(was, ''), true);
    RETURN NULL;
END
$migrator$;

-- step: revoke-delete transaction=sync-post_tags
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_post_tags_delete_6be41d02() FROM PUBLIC;

-- step: trigger-before transaction=sync-post_tags
-- locks: SHARE ROW EXCLUSIVE ON public.post_tags: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_947b815b_before BEFORE INSERT ON public.post_tags
FOR EACH ROW EXECUTE FUNCTION public.migrator_post_tags_before_b0861f6e();

-- step: trigger-new transaction=sync-post_tags
-- locks: SHARE ROW EXCLUSIVE ON public.post_tags: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_947b815b_new AFTER INSERT OR UPDATE ON public.post_tags
FOR EACH ROW EXECUTE FUNCTION public.migrator_post_tags_new_023e0448();

-- step: trigger-delete transaction=sync-post_tags
-- locks: SHARE ROW EXCLUSIVE ON public.post_tags: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_947b815b_delete AFTER DELETE ON public.post_tags
FOR EACH ROW EXECUTE FUNCTION public.migrator_post_tags_delete_6be41d02();

-- step: function-old transaction=sync-posts
-- why: takes what old code writes into the array to the new table
CREATE FUNCTION public.migrator_posts_old_0fe6237e() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
#variable_conflict use_column
DECLARE
    held record;
    is_new boolean;
BEGIN
    -- Images are compared, so that every change counts.
    IF TG_OP = 'UPDATE' AND NOT record_image_ne(ROW(NEW.tags), ROW(OLD.tags)) THEN
        RETURN NULL;
    END IF;
    -- As it is now: a trigger that fired before this one may have changed it again.
    SELECT o.tags AS elements INTO held FROM public.posts AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    is_new := current_setting('migrator.syncing', true) = 'on';
    IF TG_OP = 'UPDATE' AND is_new IS NOT TRUE THEN
        -- Not where new code wrote a row, since others of its statement are not in the array yet, nor on INSERT, since
        -- the same statement may have brought rows.
        DELETE FROM public.post_tags AS n
        WHERE n.post_id OPERATOR(pg_catalog.=) NEW.id AND (n.tag OPERATOR(pg_catalog.=) ANY (held.elements)) IS NOT TRUE;
    END IF;
    INSERT INTO public.post_tags (post_id, tag)
    SELECT NEW.id, e.v FROM unnest(held.elements) AS e (v) WHERE e.v IS NOT NULL AND octet_length(e.v) <= 2000
    AND (is_new IS NOT TRUE OR (e.v OPERATOR(pg_catalog.=) ANY (OLD.tags)) IS NOT TRUE)
    -- In one order, so that two that bring the same elements do not wait for each other.
    ORDER BY e.v
    ON CONFLICT (post_id, tag) DO NOTHING;
    RETURN NULL;
END
$migrator$;

-- step: revoke-old transaction=sync-posts
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_posts_old_0fe6237e() FROM PUBLIC;

-- step: trigger-old transaction=sync-posts
-- locks: SHARE ROW EXCLUSIVE ON public.posts: writes wait, for a moment
-- why: fires on every write of the old table, so that no row falls behind
CREATE TRIGGER zzz_migrator_5_00001_947b815b_old AFTER INSERT OR UPDATE ON public.posts
FOR EACH ROW EXECUTE FUNCTION public.migrator_posts_old_0fe6237e();
