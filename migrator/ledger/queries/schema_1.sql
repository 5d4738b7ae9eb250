-- The ledger, version 1: the tool's own tables in schema "migrator" of the target database.
-- Run once, in one transaction, under the advisory lock of the installer. Takes no lock on any table of the user.
-- Every key contains the project, so that two projects can share a database.

CREATE SCHEMA migrator;

COMMENT ON SCHEMA migrator IS 'State of expand/contract migrations. Applications may call migrator.beat and migrator.bye.';

-- What is installed. A newer tool migrates it additively; an older tool stops.
CREATE TABLE migrator.ledger_version (
    version integer PRIMARY KEY,
    tool_version text NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    installed_by text NOT NULL DEFAULT session_user
);

-- One row a migration; the states are those of execution.transitions and of the gate.
CREATE TABLE migrator.migration (
    project text NOT NULL,
    id text NOT NULL,
    level integer NOT NULL CHECK (level >= 1),
    title text NOT NULL,
    spec jsonb NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN (
        'pending', 'expanding', 'expanded', 'backfilling', 'backfilled', 'contracting', 'contracted', 'complete',
        'rolling_back', 'rolled_back', 'failed')),
    gate text NOT NULL DEFAULT 'none' CHECK (gate IN (
        'none', 'soaking', 'fenced', 'quarantined', 'confirmed', 'applied', 'aborted')),
    -- Services and the level each must have reached before a contract.
    requires jsonb NOT NULL DEFAULT '{}',
    soak_started_at timestamptz,
    fence_at timestamptz,
    -- An unapplied fence past this moment counts as lowered, so that a tool that died cannot lock old code out.
    fence_deadline timestamptz,
    -- Which way the fence looks: 'contract' refuses code below level, 'rollback' refuses code at or above it.
    fence_direction text CHECK (fence_direction IN ('contract', 'rollback')),
    error text,
    expanded_at timestamptz,
    backfilled_at timestamptz,
    applied_at timestamptz,
    finished_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project, id)
);
CREATE UNIQUE INDEX migration_level ON migrator.migration (project, level) WHERE state <> 'rolled_back';

-- The text of each phase file at the moment it was frozen; a later difference is refused with a diff.
CREATE TABLE migrator.phase_file (
    project text NOT NULL,
    migration text NOT NULL,
    phase text NOT NULL CHECK (phase IN ('expand', 'backfill', 'contract', 'rollback')),
    sha256 text NOT NULL,
    content text NOT NULL,
    frozen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project, migration, phase),
    FOREIGN KEY (project, migration) REFERENCES migrator.migration (project, id)
);

-- The journal. A transactional step is 'done' in the transaction that ran it; a step outside a transaction is
-- 'running' before and 'done' after, so that a killed run is seen.
CREATE TABLE migrator.step (
    project text NOT NULL,
    migration text NOT NULL,
    phase text NOT NULL,
    step text NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'done', 'undone')),
    attempts integer NOT NULL DEFAULT 1,
    held_ms double precision,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    PRIMARY KEY (project, migration, phase, step),
    FOREIGN KEY (project, migration) REFERENCES migrator.migration (project, id)
);

-- Who runs: information beside the advisory lock, which is the authority. Whoever takes the lock over ends the
-- backends listed here that outlived their client.
CREATE TABLE migrator.lease (
    project text NOT NULL,
    pid integer NOT NULL,
    backend_start timestamptz NOT NULL,
    scope text NOT NULL,
    command text NOT NULL,
    actor text NOT NULL,
    host text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (pid, backend_start)
);

-- Every decision, override and retry: who, when, why. Append-only; each row's hash covers the row before it.
CREATE TABLE migrator.decision (
    seq bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    project text NOT NULL,
    migration text,
    kind text NOT NULL,
    verdict text,
    reasons jsonb NOT NULL DEFAULT '[]',
    evidence jsonb NOT NULL DEFAULT '{}',
    actor text NOT NULL,
    session_role text NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL
);

-- A deployable application and the window of levels its code may have.
CREATE TABLE migrator.service (
    project text NOT NULL,
    service text NOT NULL,
    kind text NOT NULL DEFAULT 'long' CHECK (kind IN ('long', 'batch', 'external')),
    ttl_s integer NOT NULL DEFAULT 45 CHECK (ttl_s >= 3),
    expect_zero boolean NOT NULL DEFAULT false,
    expect_reason text NOT NULL DEFAULT '',
    db_roles text[] NOT NULL DEFAULT '{}',
    -- Raised by an applied contract, never lowered.
    min_level integer NOT NULL DEFAULT 0,
    -- Raised by an expand, lowered by a rollback.
    max_level integer NOT NULL DEFAULT 0,
    epoch bigint NOT NULL DEFAULT 1,
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_at timestamptz,
    retired_why text,
    PRIMARY KEY (project, service)
);

-- One row a process that ever said it is alive. A row that expired is stale: it still counts as running.
CREATE TABLE migrator.instance (
    service text NOT NULL,
    instance text NOT NULL,
    boot text NOT NULL,
    level integer NOT NULL,
    version text NOT NULL,
    state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'stopped', 'retired')),
    first_beat timestamptz NOT NULL,
    last_beat timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_why text,
    role_name text NOT NULL,
    client_addr inet,
    listed boolean NOT NULL DEFAULT true,
    PRIMARY KEY (service, instance, boot)
);
CREATE INDEX instance_level ON migrator.instance (service, level, state);

-- What polled sources saw at each look; gaps between clean samples bound the soak.
CREATE TABLE migrator.sample (
    project text NOT NULL,
    migration text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('contract', 'rollback')),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    clean boolean NOT NULL,
    verdict text NOT NULL,
    -- The server the sample was taken on: a failover starts the soak again.
    system_identifier text NOT NULL,
    timeline_id integer NOT NULL,
    PRIMARY KEY (project, migration, direction, at),
    FOREIGN KEY (project, migration) REFERENCES migrator.migration (project, id)
);

-- A backfill statement of a migration and the table it sweeps.
CREATE TABLE migrator.backfill_job (
    project text NOT NULL,
    migration text NOT NULL,
    step text NOT NULL,
    relation text NOT NULL,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'verifying', 'done')),
    reason text NOT NULL DEFAULT '',
    sweep integer NOT NULL DEFAULT 1,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    PRIMARY KEY (project, migration, step),
    FOREIGN KEY (project, migration) REFERENCES migrator.migration (project, id)
);

-- A contiguous part of one leaf table given to a worker; its row lock is the lease.
CREATE TABLE migrator.backfill_segment (
    project text NOT NULL,
    migration text NOT NULL,
    step text NOT NULL,
    leaf text NOT NULL,
    segment integer NOT NULL,
    file_node oid NOT NULL,
    start_block bigint NOT NULL,
    next_block bigint NOT NULL,
    stop_block bigint NOT NULL,
    rows_done bigint NOT NULL DEFAULT 0,
    rows_skipped bigint NOT NULL DEFAULT 0,
    batches bigint NOT NULL DEFAULT 0,
    busy_ms double precision NOT NULL DEFAULT 0,
    worker text,
    beat timestamptz,
    PRIMARY KEY (project, migration, step, leaf, segment),
    FOREIGN KEY (project, migration, step) REFERENCES migrator.backfill_job (project, migration, step)
) WITH (fillfactor = 20);

-- Applications say what runs. Called on an autocommit connection before the pool opens and then every ttl/3.
-- Locks: ROW SHARE on migrator.service, ROW EXCLUSIVE on migrator.instance. The shared advisory lock queues fairly
-- behind a fence; the row lock makes the answer right at every isolation level.
CREATE FUNCTION migrator.beat(service text, instance text, boot text, level integer, version text)
RETURNS TABLE (ok boolean, min_level integer, ttl_s integer, epoch bigint, why text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $beat$
#variable_conflict use_column
DECLARE
    known migrator.service%ROWTYPE;
    mine migrator.instance%ROWTYPE;
    listed boolean := false;
    seen_at timestamptz;
    floor_level integer := 0;
    ceiling_level integer;
    lifetime integer := 45;
    turn bigint := 0;
    reason text;
    fence record;
BEGIN
    IF beat.service IS NULL OR beat.instance IS NULL OR beat.boot IS NULL OR beat.level IS NULL OR beat.version IS NULL
       OR beat.service = '' OR beat.instance = '' OR beat.boot = '' OR beat.level < 0 THEN
        RETURN QUERY SELECT false, 0, 45, 0::bigint,
            'service, instance, boot, level (0 or more) and version must be given'::text;
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(hashtext('migrator.service'), hashtext(beat.service));
    FOR known IN
        SELECT s.* FROM migrator.service AS s
        WHERE s.service = beat.service AND s.retired_at IS NULL ORDER BY s.project FOR SHARE
    LOOP
        listed := true;
        lifetime := known.ttl_s;
        turn := greatest(turn, known.epoch);
        floor_level := greatest(floor_level, known.min_level);
        ceiling_level := least(coalesce(ceiling_level, known.max_level), known.max_level);
        -- A raised fence that is not yet applied holds until its deadline only.
        FOR fence IN
            SELECT m.level, m.fence_direction, coalesce((m.requires ->> beat.service)::integer, m.level) AS wanted
            FROM migrator.migration AS m
            WHERE m.project = known.project AND m.gate IN ('fenced', 'quarantined', 'confirmed')
              AND m.fence_deadline > clock_timestamp()
        LOOP
            IF fence.fence_direction = 'contract' THEN
                floor_level := greatest(floor_level, fence.wanted);
            ELSE
                ceiling_level := least(ceiling_level, fence.level - 1);
            END IF;
        END LOOP;
    END LOOP;
    seen_at := clock_timestamp();
    SELECT i.* INTO mine FROM migrator.instance AS i
    WHERE i.service = beat.service AND i.instance = beat.instance AND i.boot = beat.boot FOR UPDATE;
    IF FOUND AND mine.role_name <> session_user THEN
        reason := format('instance %s belongs to role %s', beat.instance, mine.role_name);
    ELSIF FOUND AND mine.state = 'retired' THEN
        reason := format('instance %s was retired: %s', beat.instance, mine.ended_why);
    ELSIF FOUND AND mine.state = 'stopped' THEN
        reason := format('instance %s said bye; a new process needs a new boot value', beat.instance);
    ELSIF FOUND AND (mine.level <> beat.level OR mine.version <> beat.version) THEN
        reason := format('instance %s started as level %s version %s; a new process needs a new boot value',
            beat.instance, mine.level, mine.version);
    ELSIF NOT listed THEN
        reason := format('service %s is not listed: add it to [[tool.migrator.gate.service]]', beat.service);
    ELSIF beat.level < floor_level THEN
        reason := format('code at level %s is too old: the database needs at least level %s', beat.level, floor_level);
    ELSIF beat.level > ceiling_level THEN
        reason := format('code at level %s is too new: the database is expanded up to level %s',
            beat.level, ceiling_level);
    END IF;
    -- Who is refused before its first success never ran; everybody else counts until it says bye. An unlisted service
    -- is recorded all the same, because it may run on without asking again.
    IF mine.service IS NOT NULL AND mine.role_name = session_user AND mine.state = 'live'
       AND mine.level = beat.level AND mine.version = beat.version THEN
        UPDATE migrator.instance AS i
        SET last_beat = seen_at, expires_at = seen_at + make_interval(secs => lifetime), client_addr = inet_client_addr(),
            listed = beat_listed.value
        FROM (SELECT listed AS value) AS beat_listed
        WHERE i.service = beat.service AND i.instance = beat.instance AND i.boot = beat.boot;
    ELSIF mine.service IS NULL AND (reason IS NULL OR NOT listed) THEN
        INSERT INTO migrator.instance
            (service, instance, boot, level, version, first_beat, last_beat, expires_at, role_name, client_addr, listed)
        VALUES (beat.service, beat.instance, beat.boot, beat.level, beat.version, seen_at, seen_at,
            seen_at + make_interval(secs => lifetime), session_user, inet_client_addr(), listed);
    END IF;
    RETURN QUERY SELECT reason IS NULL, floor_level, lifetime, turn, coalesce(reason, ''::text);
END
$beat$;

-- A clean exit. Only for the row's own role. Lock: ROW EXCLUSIVE on migrator.instance.
CREATE FUNCTION migrator.bye(service text, instance text, boot text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $bye$
#variable_conflict use_column
BEGIN
    UPDATE migrator.instance AS i
    SET state = 'stopped', ended_at = clock_timestamp(), ended_why = 'bye'
    WHERE i.service = bye.service AND i.instance = bye.instance AND i.boot = bye.boot
      AND i.role_name = session_user AND i.state = 'live';
    RETURN FOUND;
END
$bye$;

-- Decisions are appended by this function only; the advisory lock makes the chain a chain.
CREATE FUNCTION migrator.append_decision(
    project text, migration text, kind text, verdict text, reasons jsonb, evidence jsonb, actor text)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $append$
#variable_conflict use_column
DECLARE
    last migrator.decision%ROWTYPE;
    next_seq bigint;
    moment timestamptz;
    body text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('migrator.decision'));
    SELECT d.* INTO last FROM migrator.decision AS d ORDER BY d.seq DESC LIMIT 1;
    next_seq := coalesce(last.seq, 0) + 1;
    moment := clock_timestamp();
    body := migrator.decision_body(next_seq, moment, append_decision.project, append_decision.migration,
        append_decision.kind, append_decision.verdict, append_decision.reasons, append_decision.evidence,
        append_decision.actor, session_user, coalesce(last.hash, ''));
    INSERT INTO migrator.decision
        (seq, at, project, migration, kind, verdict, reasons, evidence, actor, session_role, previous_hash, hash)
    VALUES (next_seq, moment, append_decision.project, append_decision.migration, append_decision.kind,
        append_decision.verdict, append_decision.reasons, append_decision.evidence, append_decision.actor,
        session_user, coalesce(last.hash, ''), encode(sha256(convert_to(body, 'UTF8')), 'hex'));
    RETURN next_seq;
END
$append$;

CREATE FUNCTION migrator.decision_body(
    seq bigint, at timestamptz, project text, migration text, kind text, verdict text, reasons jsonb, evidence jsonb,
    actor text, session_role text, previous_hash text)
RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT jsonb_build_array($1, extract(epoch FROM $2)::text, $3, $4, $5, $6, $7, $8, $9, $10, $11)::text
$body$;

CREATE FUNCTION migrator.refuse_change()
RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $refuse$
BEGIN
    RAISE EXCEPTION 'migrator.decision is append-only' USING ERRCODE = '0A000';
END
$refuse$;

CREATE TRIGGER decision_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON migrator.decision
    FOR EACH STATEMENT EXECUTE FUNCTION migrator.refuse_change();

-- Applications see nothing here and may call two functions.
REVOKE ALL ON ALL TABLES IN SCHEMA migrator FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA migrator FROM PUBLIC;
GRANT USAGE ON SCHEMA migrator TO PUBLIC;
GRANT EXECUTE ON FUNCTION migrator.beat(text, text, text, integer, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION migrator.bye(text, text, text) TO PUBLIC;
