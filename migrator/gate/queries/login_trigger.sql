-- name: state
-- Whether the trigger can be made here, is there, and fires. Version 17 and later.
SELECT current_setting('server_version_num')::integer / 10000 AS version,
    (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) AS is_superuser,
    coalesce(current_setting('event_triggers', true), 'on') AS event_triggers,
    EXISTS (SELECT FROM pg_event_trigger AS e WHERE e.evtname = 'migrator_login') AS there,
    EXISTS (
        SELECT FROM pg_event_trigger AS e JOIN pg_proc AS p ON p.oid = e.evtfoid
        JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE e.evtname = 'migrator_login' AND e.evtevent = 'login' AND e.evtenabled IN ('A', 'O')
            AND n.nspname = 'migrator' AND p.proname = 'on_login'
    ) AS fires

-- name: function
-- Refuses a session whose level, stated by the start-up option "-c migrator.level=N", is outside the window of its
-- service: that of the services which list its role, or of all when none does. Reads only: it runs on standbys as well,
-- so it cannot take the locks of migrator.level_window. Without a floor or a fence nobody is refused.
CREATE OR REPLACE FUNCTION migrator.on_login() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on
AS $on_login$
DECLARE
    stated integer;
    allowed record;
BEGIN
    IF (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = session_user)
        OR has_table_privilege(session_user, 'migrator.migration', 'UPDATE')
        OR session_user LIKE ANY ({ignored}) THEN
        RETURN;
    END IF;
    BEGIN
        stated := nullif(current_setting('migrator.level', true), '')::integer;
    EXCEPTION WHEN OTHERS THEN
        stated := NULL;
    END;
    WITH listed AS (
        SELECT s.*, EXISTS (
            SELECT FROM unnest(s.db_roles) AS p (pattern)
            WHERE session_user LIKE replace(replace(replace(replace(replace(
                p.pattern, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%'), '?', '_')
        ) AS mine
        FROM migrator.service AS s WHERE s.retired_at IS NULL
    )
    SELECT max(greatest(s.min_level, f.floor)) AS floor, min(s.max_level) AS ceiling, min(f.ceiling) AS fence INTO allowed
    FROM listed AS s
    LEFT JOIN LATERAL (
        SELECT max(coalesce((m.requires ->> s.service)::integer, m.level))
                FILTER (WHERE m.fence_direction = 'contract') AS floor,
            min(m.level - 1) FILTER (WHERE m.fence_direction = 'rollback') AS ceiling
        FROM migrator.migration AS m
        WHERE m.project = s.project AND m.gate IN ('fenced', 'quarantined', 'confirmed')
            AND (m.fence_deadline IS NULL OR m.fence_deadline > clock_timestamp())
    ) AS f ON true
    WHERE s.mine OR NOT EXISTS (SELECT FROM listed AS l WHERE l.mine);
    IF allowed.floor > coalesce(stated, 0) THEN
        RAISE EXCEPTION 'code of role % at level % is too old: the database needs at least level %',
            session_user, coalesce(stated::text, 'unknown'), allowed.floor
            USING ERRCODE = '28000', HINT = 'connect with options=-cmigrator.level=N, where N is the level of the code';
    ELSIF stated > allowed.ceiling OR coalesce(stated, 2147483647) > allowed.fence THEN
        RAISE EXCEPTION 'code of role % at level % is too new: the database allows level % or below',
            session_user, coalesce(stated::text, 'unknown'), least(allowed.ceiling, allowed.fence)
            USING ERRCODE = '28000', HINT = 'connect with options=-cmigrator.level=N, where N is the level of the code';
    END IF;
END
$on_login$

-- name: closed
REVOKE ALL ON FUNCTION migrator.on_login() FROM PUBLIC

-- name: create
CREATE EVENT TRIGGER migrator_login ON login EXECUTE FUNCTION migrator.on_login()

-- name: always
-- On sessions with session_replication_role = replica as well.
ALTER EVENT TRIGGER migrator_login ENABLE ALWAYS

-- name: drop
DROP EVENT TRIGGER IF EXISTS migrator_login

-- name: drop_function
DROP FUNCTION IF EXISTS migrator.on_login()

-- name: exempt
-- Roles the trigger lets pass.
SELECT r.rolname::text AS name FROM pg_roles AS r
WHERE r.rolsuper OR has_table_privilege(r.oid, 'migrator.migration', 'UPDATE')
