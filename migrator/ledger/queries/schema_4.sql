-- The ledger, version 4: what an unlisted service is told names both files. Only adds to version 3.
-- Run once, in one transaction, under the advisory lock of the installer. Takes no lock on any table of the user, and
-- ACCESS EXCLUSIVE on migrator.home for a moment.

-- Where a publication sends all tables, a row of one without a primary key cannot be changed.
ALTER TABLE migrator.home ADD PRIMARY KEY (system_identifier, database_oid);

-- As in version 2 but for that sentence. Called on an autocommit connection to the primary before the pool opens and
-- then every ttl/3. Locks: ROW SHARE on migrator.service, ROW EXCLUSIVE on migrator.instance. The shared advisory lock
-- queues fairly behind a fence (row locks alone starve it); the row lock makes the answer right at each isolation level.
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
        reason := format('service %s is not listed: add it to [[gate.service]] of migrator.toml, or '
            '[[tool.migrator.gate.service]] of pyproject.toml, and run migrator expand', beat.service);
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
