-- Expand of 20261124T031245_extract_junction: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_extract_junction
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-memberships transaction=memberships
-- locks: SHARE ROW EXCLUSIVE ON public.users, SHARE ROW EXCLUSIVE ON public.accounts: writes wait, for a moment
-- why: old code does not see it
CREATE TABLE public.memberships (user_id bigint REFERENCES public.users ON DELETE CASCADE, account_id bigint REFERENCES public.accounts, role text, PRIMARY KEY (user_id, account_id));

-- step: function-before transaction=sync-memberships
-- why: locks the row of the old table first, as whoever writes there does
CREATE FUNCTION public.migrator_memberships_before_99a4fb60() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
#variable_conflict use_column
<<sync>>
DECLARE
    held record;
BEGIN
    IF TG_OP = 'UPDATE' AND NOT record_image_ne(ROW(NEW.user_id, NEW.account_id), ROW(OLD.user_id, OLD.account_id)) THEN
        RETURN NEW;
    END IF;
    -- Locked, so that a write of old code either was before or waits, and finds this row.
    SELECT o.account_id, o.account_role INTO held FROM public.users AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.user_id FOR NO KEY UPDATE;
    -- The row that old code sees, and the backfill has not made: where its writer gives nothing, it has what is there.
    IF FOUND AND TG_OP = 'INSERT' AND sync.held.account_id OPERATOR(pg_catalog.=) NEW.account_id
    AND NOT EXISTS (SELECT FROM public.memberships AS n WHERE n.user_id OPERATOR(pg_catalog.=) NEW.user_id AND n.account_id OPERATOR(pg_catalog.=) NEW.account_id) THEN
        IF NEW.role IS NULL OR NOT record_image_ne(ROW(NEW.role), ROW(CAST(NULL AS text))) THEN
            NEW.role := sync.held.account_role;
        END IF;
    END IF;
    RETURN NEW;
END
$migrator$;

-- step: revoke-before transaction=sync-memberships
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_memberships_before_99a4fb60() FROM PUBLIC;

-- step: function-new transaction=sync-memberships
-- why: takes what new code writes to where old code sees it
CREATE FUNCTION public.migrator_memberships_new_204ec385() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
#variable_conflict use_column
<<sync>>
DECLARE
    was text := current_setting('migrator.syncing', true);
    is_new boolean := TG_OP = 'INSERT';
    is_moved boolean := false;
    next record;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NOT record_image_ne(ROW(NEW.user_id, NEW.account_id, NEW.role), ROW(OLD.user_id, OLD.account_id, OLD.role)) THEN
            RETURN NULL;
        END IF;
        -- Not by the foreign key, since the row it belongs to got another key: then that one is nobody's any more.
        is_moved := record_image_ne(ROW(NEW.user_id), ROW(OLD.user_id)) AND EXISTS (SELECT FROM public.users AS o WHERE o.id OPERATOR(pg_catalog.=) OLD.user_id);
    END IF;
    PERFORM set_config('migrator.syncing', 'on', true);
    IF TG_OP = 'UPDATE' AND NOT sync.is_moved AND EXISTS (SELECT FROM public.memberships AS n WHERE n.user_id OPERATOR(pg_catalog.=) NEW.user_id AND n.account_id OPERATOR(pg_catalog.=) NEW.account_id) THEN
        -- Old code goes on seeing it, unless another row has got the key it had.
        UPDATE public.users AS o SET account_id = n.account_id, account_role = n.role
        FROM public.memberships AS n
        WHERE o.id OPERATOR(pg_catalog.=) NEW.user_id AND n.user_id OPERATOR(pg_catalog.=) NEW.user_id AND n.account_id OPERATOR(pg_catalog.=) NEW.account_id AND record_image_ne(ROW(o.account_id, o.account_role), ROW(n.account_id, n.role)) AND o.account_id OPERATOR(pg_catalog.=) OLD.account_id
        AND NOT EXISTS (SELECT FROM public.memberships AS n WHERE n.user_id OPERATOR(pg_catalog.=) OLD.user_id AND n.account_id OPERATOR(pg_catalog.=) OLD.account_id);
    ELSIF TG_OP <> 'INSERT' THEN
        PERFORM FROM public.users AS o
        WHERE o.id OPERATOR(pg_catalog.=) OLD.user_id AND o.account_id OPERATOR(pg_catalog.=) OLD.account_id FOR NO KEY UPDATE;
        IF FOUND AND NOT EXISTS (SELECT FROM public.memberships AS n WHERE n.user_id OPERATOR(pg_catalog.=) OLD.user_id AND n.account_id OPERATOR(pg_catalog.=) OLD.account_id) THEN
            -- Locked, so that what is being written there is seen, or seen to be what old code reads.
            SELECT n.account_id, n.role INTO next
            FROM public.memberships AS n WHERE n.user_id OPERATOR(pg_catalog.=) OLD.user_id ORDER BY n.account_id LIMIT 1 FOR NO KEY UPDATE;
            IF FOUND THEN
                UPDATE public.users AS o SET account_id = sync.next.account_id, account_role = sync.next.role WHERE o.id OPERATOR(pg_catalog.=) OLD.user_id;
            ELSE
                UPDATE public.users AS o SET account_id = NULL, account_role = NULL WHERE o.id OPERATOR(pg_catalog.=) OLD.user_id;
            END IF;
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        -- As the row is now: where another trigger has written it, this one fires behind what came later.
        UPDATE public.users AS o SET account_id = n.account_id, account_role = n.role
        FROM public.memberships AS n
        WHERE o.id OPERATOR(pg_catalog.=) NEW.user_id AND n.user_id OPERATOR(pg_catalog.=) NEW.user_id AND n.account_id OPERATOR(pg_catalog.=) NEW.account_id AND record_image_ne(ROW(o.account_id, o.account_role), ROW(n.account_id, n.role))
        AND (o.account_id OPERATOR(pg_catalog.=) n.account_id OR o.account_id IS NULL AND (sync.is_new OR sync.is_moved));
    END IF;
    PERFORM set_config('migrator.syncing', coalesce(was, ''), true);
    RETURN NULL;
END
$migrator$;

-- step: revoke-new transaction=sync-memberships
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_memberships_new_204ec385() FROM PUBLIC;

-- step: trigger-before transaction=sync-memberships
-- locks: SHARE ROW EXCLUSIVE ON public.memberships: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_ad39cc41_before BEFORE INSERT OR UPDATE ON public.memberships
FOR EACH ROW EXECUTE FUNCTION public.migrator_memberships_before_99a4fb60();

-- step: trigger-new transaction=sync-memberships
-- locks: SHARE ROW EXCLUSIVE ON public.memberships: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_ad39cc41_new AFTER INSERT OR UPDATE OR DELETE ON public.memberships
FOR EACH ROW EXECUTE FUNCTION public.migrator_memberships_new_204ec385();

-- step: function-old transaction=sync-users
-- why: takes what old code writes to the new table
CREATE FUNCTION public.migrator_users_old_ee00276b() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
#variable_conflict use_column
<<sync>>
DECLARE
    held record;
    violated text;
BEGIN
    -- Images are compared, so that every change counts.
    IF TG_OP = 'UPDATE' AND NOT record_image_ne(ROW(NEW.account_id, NEW.account_role), ROW(OLD.account_id, OLD.account_role)) THEN
        RETURN NULL;
    END IF;
    -- As it is now: a trigger that fired before this one may have changed it again.
    SELECT o.xmin, o.cmin, o.account_id, o.account_role INTO held FROM public.users AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    -- Not where new code wrote: its rows are there already.
    IF TG_OP = 'UPDATE' AND current_setting('migrator.syncing', true) IS DISTINCT FROM 'on'
    AND (sync.held.account_id OPERATOR(pg_catalog.=) OLD.account_id) IS NOT TRUE
    -- Nor where another row got the key afterwards, since keys changed in the table that both point to. cid has no order.
    AND (record_image_ne(ROW(NEW.id), ROW(OLD.id)) OR NOT EXISTS (
        SELECT FROM public.memberships AS n WHERE n.user_id OPERATOR(pg_catalog.=) NEW.id AND n.account_id OPERATOR(pg_catalog.=) OLD.account_id AND n.xmin OPERATOR(pg_catalog.=) sync.held.xmin
        AND CAST(CAST(n.cmin AS text) AS bigint) OPERATOR(pg_catalog.>) CAST(CAST(sync.held.cmin AS text) AS bigint)
    )) THEN
        IF sync.held.account_id IS NOT NULL AND NOT EXISTS (SELECT FROM public.memberships AS n WHERE n.user_id OPERATOR(pg_catalog.=) NEW.id AND n.account_id OPERATOR(pg_catalog.=) sync.held.account_id) THEN
            IF current_setting('transaction_isolation') OPERATOR(pg_catalog.=) 'read committed' THEN
                UPDATE public.memberships AS n SET account_id = sync.held.account_id, role = sync.held.account_role
                WHERE n.user_id OPERATOR(pg_catalog.=) NEW.id AND n.account_id OPERATOR(pg_catalog.=) OLD.account_id;
            ELSE
                BEGIN
                    UPDATE public.memberships AS n SET account_id = sync.held.account_id, role = sync.held.account_role
                    WHERE n.user_id OPERATOR(pg_catalog.=) NEW.id AND n.account_id OPERATOR(pg_catalog.=) OLD.account_id;
                EXCEPTION WHEN unique_violation THEN
                    GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME;
                    -- The row that was not seen has come since the snapshot: who repeats this sees it.
                    IF EXISTS (
                        SELECT FROM pg_constraint AS c WHERE c.conrelid OPERATOR(pg_catalog.=) CAST('public.memberships' AS regclass)
                        AND c.contype OPERATOR(pg_catalog.=) 'p' AND c.conname OPERATOR(pg_catalog.=) CAST(violated AS name)
                    ) THEN
                        RAISE serialization_failure USING MESSAGE = 'could not serialize access due to concurrent update';
                    END IF;
                    RAISE;
                END;
            END IF;
        ELSE
            DELETE FROM public.memberships AS n WHERE n.user_id OPERATOR(pg_catalog.=) NEW.id AND n.account_id OPERATOR(pg_catalog.=) OLD.account_id;
        END IF;
    END IF;
    IF sync.held.account_id IS NOT NULL THEN
        INSERT INTO public.memberships AS n (user_id, account_id, role)
        VALUES (NEW.id, sync.held.account_id, sync.held.account_role)
        ON CONFLICT (user_id, account_id) DO UPDATE SET account_id = EXCLUDED.account_id, role = EXCLUDED.role
        WHERE record_image_ne(ROW(n.account_id, n.role), ROW(EXCLUDED.account_id, EXCLUDED.role));
    END IF;
    RETURN NULL;
END
$migrator$;

-- step: revoke-old transaction=sync-users
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_users_old_ee00276b() FROM PUBLIC;

-- step: trigger-old transaction=sync-users
-- locks: SHARE ROW EXCLUSIVE ON public.users: writes wait, for a moment
-- why: fires on every write of the old table, so that no row falls behind
CREATE TRIGGER zzz_migrator_5_00001_ad39cc41_old AFTER INSERT OR UPDATE ON public.users
FOR EACH ROW EXECUTE FUNCTION public.migrator_users_old_ee00276b();
