-- The ledger, version 2: what releases use, and which of them a contract leaves alone. Only adds to version 1.
-- Run once, in one transaction, under the advisory lock of the installer. Takes no lock on any table of the user.

-- What a release uses, as "migrator manifest" wrote it. One version may have several: it then uses all of it.
CREATE TABLE migrator.manifest (
    project text NOT NULL,
    service text NOT NULL,
    version text NOT NULL CHECK (version <> ''),
    sha256 text NOT NULL,
    level integer NOT NULL CHECK (level >= 0),
    content text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    recorded_by text NOT NULL DEFAULT session_user,
    PRIMARY KEY (project, service, version, sha256)
);

-- Releases below the level of a contract that it takes nothing away from. Written when the contract's fence is raised,
-- and when a manifest is recorded afterwards; beats read nothing else. No row: the release needs the level.
CREATE TABLE migrator.exemption (
    project text NOT NULL,
    migration text NOT NULL,
    service text NOT NULL,
    version text NOT NULL,
    level integer NOT NULL,
    -- Of the manifests that it rests on.
    manifests text[] NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project, migration, service, version, level),
    FOREIGN KEY (project, migration) REFERENCES migrator.migration (project, id)
);

-- Whether code below the level that its service needs may run all the same: every contract that asks for a higher one,
-- applied or under a fence that stands, has an exemption for this very version and level, and nothing else raised the
-- floor. To be called while the service's row is locked: whoever writes exemptions changes that row. VOLATILE for a
-- snapshot taken after that lock.
CREATE FUNCTION migrator.is_exempt(service text, version text, level integer)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $exempt$
#variable_conflict use_column
DECLARE
    known migrator.service%ROWTYPE;
    guarded record;
    explained integer := 0;
BEGIN
    SELECT s.* INTO known FROM migrator.service AS s WHERE s.service = is_exempt.service AND s.retired_at IS NULL;
    IF NOT FOUND OR is_exempt.version IS NULL OR is_exempt.version = '' THEN
        RETURN false;
    END IF;
    FOR guarded IN
        SELECT m.id, m.gate, coalesce((m.requires ->> is_exempt.service)::integer, m.level) AS wanted
        FROM migrator.migration AS m
        WHERE m.project = known.project
          AND (m.gate = 'applied'
               OR (m.gate IN ('fenced', 'quarantined', 'confirmed') AND m.fence_direction = 'contract'
                   AND (m.fence_deadline IS NULL OR m.fence_deadline > clock_timestamp())))
    LOOP
        CONTINUE WHEN guarded.wanted <= is_exempt.level;
        IF NOT EXISTS (
            SELECT FROM migrator.exemption AS e
            WHERE e.project = known.project AND e.migration = guarded.id AND e.service = is_exempt.service
              AND e.version = is_exempt.version AND e.level = is_exempt.level
        ) THEN
            RETURN false;
        END IF;
        IF guarded.gate = 'applied' THEN
            explained := greatest(explained, guarded.wanted);
        END IF;
    END LOOP;
    RETURN known.min_level <= greatest(explained, is_exempt.level);
END
$exempt$;

-- As in version 1, and code that a contract leaves alone may run below its level. Called on an autocommit connection to the primary before the pool opens and then every
-- ttl/3. Locks: ROW SHARE on migrator.service, ROW EXCLUSIVE on migrator.instance. The shared advisory lock queues
-- fairly behind a fence (row locks alone starve it); the row lock makes the answer right at every isolation level.
CREATE OR REPLACE FUNCTION migrator.beat(service text, instance text, boot text, level integer, version text)
RETURNS TABLE (ok boolean, min_level integer, ttl_s integer, epoch bigint, why text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $beat$
#variable_conflict use_column
DECLARE
    allowed record;
    mine migrator.instance%ROWTYPE;
    seen_at timestamptz;
    reason text;
BEGIN
    IF beat.service IS NULL OR beat.instance IS NULL OR beat.boot IS NULL OR beat.level IS NULL OR beat.version IS NULL
       OR beat.service = '' OR beat.instance = '' OR beat.boot = '' OR beat.level < 0
       OR greatest(length(beat.service), length(beat.instance), length(beat.boot), length(beat.version)) > 200 THEN
        RETURN QUERY SELECT false, 0, 45, 0::bigint,
            'service, instance, boot, level (0 or more) and version must be given, each at most 200 characters'::text;
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(hashtext('migrator.service'), hashtext(beat.service));
    SELECT w.* INTO allowed FROM migrator.level_window(beat.service) AS w;
    SELECT i.* INTO mine FROM migrator.instance AS i
    WHERE i.service = beat.service AND i.instance = beat.instance AND i.boot = beat.boot FOR UPDATE;
    seen_at := clock_timestamp();
    IF mine.service IS NOT NULL AND mine.role_name <> session_user THEN
        reason := format('instance %s belongs to role %s', beat.instance, mine.role_name);
    ELSIF mine.service IS NOT NULL AND (mine.level <> beat.level OR mine.version <> beat.version) THEN
        reason := format('instance %s started as level %s version %s; a new process needs a new boot value',
            beat.instance, mine.level, mine.version);
    ELSIF mine.state = 'retired' THEN
        reason := format('instance %s was retired (%s); a new process needs a new boot value',
            beat.instance, mine.ended_why);
    ELSIF mine.state = 'stopped' THEN
        reason := format('instance %s said bye; a new process needs a new boot value', beat.instance);
    ELSIF NOT allowed.listed THEN
        reason := format('service %s is not listed: add it to [[tool.migrator.gate.service]] and run migrator expand',
            beat.service);
    ELSIF beat.level < allowed.min_level
          AND NOT migrator.is_exempt(beat.service, beat.version, beat.level) THEN
        reason := format('code at level %s is too old: the database needs at least level %s',
            beat.level, allowed.min_level);
    ELSIF beat.level > allowed.max_level THEN
        reason := format('code at level %s is too new: the database is expanded up to level %s',
            beat.level, allowed.max_level);
    END IF;
    IF mine.service IS NULL THEN
        -- Who is refused before its first success never ran. An unlisted service is recorded all the same, because
        -- nobody knows whether it runs on without asking again.
        IF reason IS NULL OR NOT allowed.listed THEN
            INSERT INTO migrator.instance
                (service, instance, boot, level, version, first_beat, last_beat, expires_at, role_name, client_addr)
            VALUES (beat.service, beat.instance, beat.boot, beat.level, beat.version, seen_at, seen_at,
                seen_at + make_interval(secs => allowed.ttl_s), session_user, inet_client_addr());
        END IF;
    ELSIF mine.role_name = session_user AND mine.level = beat.level AND mine.version = beat.version THEN
        -- Refused or not, it evidently runs.
        UPDATE migrator.instance AS i
        SET last_beat = seen_at, expires_at = seen_at + make_interval(secs => allowed.ttl_s),
            client_addr = inet_client_addr(), ended_at = NULL
        WHERE i.service = beat.service AND i.instance = beat.instance AND i.boot = beat.boot;
    END IF;
    RETURN QUERY SELECT reason IS NULL, allowed.min_level, allowed.ttl_s, allowed.epoch, coalesce(reason, ''::text);
END
$beat$;

-- For other tools, before they remove something themselves: whether the gate of a migration is confirmed under a fence
-- that stands, or its contract applied. True stays true until the end of the transaction: the row is locked FOR SHARE,
-- so the fence cannot be lowered meanwhile. Heartbeats are looked at again; an unknown id is false.
CREATE OR REPLACE FUNCTION migrator.confirmed(id text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $confirmed$
#variable_conflict use_column
DECLARE
    known migrator.migration%ROWTYPE;
    found_any boolean := false;
BEGIN
    -- READ COMMITTED or not: an older snapshot gets 40001 from the lock when the row changed since.
    FOR known IN SELECT m.* FROM migrator.migration AS m WHERE m.id = confirmed.id FOR SHARE LOOP
        found_any := true;
        CONTINUE WHEN known.gate = 'applied';
        IF known.gate <> 'confirmed' OR known.fence_direction IS DISTINCT FROM 'contract'
           OR known.fence_deadline <= clock_timestamp() THEN
            RETURN false;
        END IF;
        IF EXISTS (
            SELECT FROM migrator.instance AS i
            LEFT JOIN migrator.service AS s ON s.service = i.service AND s.retired_at IS NULL
            WHERE i.ended_at IS NULL AND (s.service IS NULL OR (
                s.project = known.project
                AND i.level < coalesce((known.requires ->> i.service)::integer, known.level)
                AND NOT EXISTS (
                    SELECT FROM migrator.exemption AS e
                    WHERE e.project = known.project AND e.migration = known.id AND e.service = i.service
                      AND e.version = i.version AND e.level = i.level)))
        ) THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN found_any;
END
$confirmed$;

REVOKE ALL ON migrator.manifest, migrator.exemption FROM PUBLIC;
REVOKE ALL ON FUNCTION migrator.is_exempt(text, text, integer) FROM PUBLIC;
-- For "migrator gate can-deploy" with the credentials of the application.
GRANT EXECUTE ON FUNCTION migrator.is_exempt(text, text, integer) TO PUBLIC;
