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
    -- Fences of the database's own that were put up with this one and are not taken down yet, by kind.
    barriers text[] NOT NULL DEFAULT '{}',
    error text,
    expanded_at timestamptz,
    -- The server that expanded it: beats from before a failover may be lost.
    expanded_system text,
    expanded_timeline integer,
    backfilled_at timestamptz,
    applied_at timestamptz,
    finished_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project, id)
);
CREATE UNIQUE INDEX migration_level ON migrator.migration (project, level) WHERE state <> 'rolled_back';
-- Every beat looks for standing fences.
CREATE INDEX migration_fenced ON migrator.migration (project) WHERE gate IN ('fenced', 'quarantined', 'confirmed');

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
-- A beat names its service but no project, and levels of two projects cannot be compared: one name, one project.
CREATE UNIQUE INDEX service_name ON migrator.service (service) WHERE retired_at IS NULL;

-- Which level a release needs, for whoever knows a version or the digest of an image and no level.
CREATE TABLE migrator.release (
    project text NOT NULL,
    service text NOT NULL,
    version text NOT NULL,
    -- An image digest, 'sha256:…'; empty where builds have none. One version may have been built twice.
    digest text NOT NULL DEFAULT '',
    level integer NOT NULL CHECK (level >= 0),
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    registered_by text NOT NULL DEFAULT session_user,
    PRIMARY KEY (project, service, version, digest)
);

-- One verdict of one source about one service that two people decided to overrule, once.
CREATE TABLE migrator.override (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project text NOT NULL,
    migration text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('contract', 'rollback')),
    source text NOT NULL,
    -- '-' for what a source says about no service.
    service text NOT NULL,
    -- What it is bound to: the statements that would run, and the windows and fences of that moment.
    plan_sha256 text NOT NULL,
    epoch bigint NOT NULL,
    reason text NOT NULL CHECK (length(btrim(reason)) >= 10),
    requested_by text NOT NULL DEFAULT session_user,
    actor text NOT NULL,
    -- The role that must approve it, in a session of its own.
    approver text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    approved_at timestamptz,
    approved_actor text,
    used_at timestamptz,
    CHECK (approver <> requested_by),
    FOREIGN KEY (project, migration) REFERENCES migrator.migration (project, id)
);
CREATE INDEX override_open ON migrator.override (project, migration);

-- The database that the ledger was made in. A restored or cloned one has another identity.
CREATE TABLE migrator.home (
    system_identifier text NOT NULL,
    database_oid oid NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX home_is_one ON migrator.home ((true));
INSERT INTO migrator.home (system_identifier, database_oid)
SELECT (SELECT c.system_identifier::text FROM pg_control_system() AS c), d.oid
FROM pg_database AS d
WHERE d.datname = current_database();

-- One row a process that was ever told to start. It counts as running until ended_at is set, whatever expires_at says:
-- a row that expired is stale, and its process may be paused, not gone. A process that beats again after its end was
-- recorded is told to stop, and counts as running once more: its ended_at is cleared, its state stays.
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
    PRIMARY KEY (service, instance, boot)
) WITH (fillfactor = 70);
-- None of these covers a column that an ordinary beat changes, so that beats stay heap-only updates.
CREATE INDEX instance_running ON migrator.instance (service, level) WHERE ended_at IS NULL;
CREATE INDEX instance_ended ON migrator.instance (service, level, ended_at);

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
    -- The overrides it was clean with; it counts only while one of them is in force. Empty: clean without any.
    overrides bigint[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (project, migration, direction, at),
    FOREIGN KEY (project, migration) REFERENCES migrator.migration (project, id)
);

-- A backfill statement of a migration and the table it sweeps. Counters are those of segments that were planned anew:
-- the whole is the job's plus its segments'.
CREATE TABLE migrator.backfill_job (
    project text NOT NULL,
    migration text NOT NULL,
    step text NOT NULL,
    relation text NOT NULL,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'verifying', 'done')),
    -- What it waits for right now, for people.
    reason text NOT NULL DEFAULT '',
    sweep integer NOT NULL DEFAULT 1,
    -- What the last verification found, and how many in a row found no less than the one before.
    rows_wrong bigint,
    stalled integer NOT NULL DEFAULT 0,
    rows_done bigint NOT NULL DEFAULT 0,
    -- Of those, the ones whose new version fitted on the page of the old one: no index entry was written.
    rows_hot bigint NOT NULL DEFAULT 0,
    rows_skipped bigint NOT NULL DEFAULT 0,
    batches bigint NOT NULL DEFAULT 0,
    busy_ms double precision NOT NULL DEFAULT 0,
    -- Sizes of its tables, indexes left out: when it began, and now.
    bytes_before bigint,
    bytes_now bigint,
    beat timestamptz,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    PRIMARY KEY (project, migration, step),
    FOREIGN KEY (project, migration) REFERENCES migrator.migration (project, id)
) WITH (fillfactor = 50);

-- A contiguous part of one leaf table given to a worker; its row lock is the lease. A leaf without blocks has one
-- segment without blocks, so that a leaf that is new since the plan can be told.
CREATE TABLE migrator.backfill_segment (
    project text NOT NULL,
    migration text NOT NULL,
    step text NOT NULL,
    leaf text NOT NULL,
    segment integer NOT NULL,
    task text NOT NULL DEFAULT 'fill' CHECK (task IN ('fill', 'verify')),
    file_node oid NOT NULL,
    start_block bigint NOT NULL,
    next_block bigint NOT NULL,
    -- Of next_block, where a batch is less than a block.
    next_line integer NOT NULL DEFAULT 0,
    stop_block bigint NOT NULL,
    -- Where a relation is gone through by a key: the last one done and the last there is, NULL for none. Then file_node
    -- is its oid, and blocks are rows, as estimated when it was planned.
    key_after text[],
    key_last text[],
    -- A fill goes through windows of blocks, each in several passes: ``Place`` of migrator/backfill/passes.py.
    window_start bigint NOT NULL,
    pass integer NOT NULL DEFAULT 0,
    passes integer NOT NULL DEFAULT 0,
    cold integer NOT NULL DEFAULT 0,
    first_rows bigint NOT NULL DEFAULT 0,
    first_hot bigint NOT NULL DEFAULT 0,
    later_rows bigint NOT NULL DEFAULT 0,
    later_hot bigint NOT NULL DEFAULT 0,
    rows_done bigint NOT NULL DEFAULT 0,
    rows_hot bigint NOT NULL DEFAULT 0,
    -- Rows passed over because they were locked (fill) or found wrong (verify), and the blocks they are in.
    rows_left bigint NOT NULL DEFAULT 0,
    left_start bigint,
    left_stop bigint,
    left_after text[],
    left_last text[],
    not_before timestamptz NOT NULL DEFAULT '-infinity',
    batches bigint NOT NULL DEFAULT 0,
    busy_ms double precision NOT NULL DEFAULT 0,
    worker text,
    beat timestamptz,
    PRIMARY KEY (project, migration, step, leaf, segment),
    FOREIGN KEY (project, migration, step) REFERENCES migrator.backfill_job (project, migration, step)
) WITH (fillfactor = 20);

-- What all workers of a backfill obey, whatever machine they are on: limits that were changed while it runs, and how
-- the server is. One process at a time reads the server and writes what follows; the others only read this row.
CREATE TABLE migrator.backfill_control (
    project text NOT NULL,
    migration text NOT NULL,
    paused_by text,
    paused_at timestamptz,
    -- NULL: as each process is configured.
    workers integer CHECK (workers BETWEEN 1 AND 64),
    target_ms integer CHECK (target_ms BETWEEN 5 AND 60000),
    max_lag_ms bigint CHECK (max_lag_ms >= 0),
    max_rejected bigint CHECK (max_rejected >= 0),
    -- Who reads the server, and until when nobody else does.
    reader text NOT NULL DEFAULT '',
    read_at timestamptz,
    next_read_at timestamptz NOT NULL DEFAULT '-infinity',
    -- What follows: whether batches stop, or else which share of its time each worker may work; why, for people.
    stops boolean NOT NULL DEFAULT false,
    share double precision NOT NULL DEFAULT 1 CHECK (share > 0 AND share <= 1),
    reason text NOT NULL DEFAULT '',
    notice text NOT NULL DEFAULT '',
    memory jsonb NOT NULL DEFAULT '{}',
    -- Over all processes and runs: rows a second just now, time at work and held back, WAL of the server meanwhile.
    rows_per_s double precision NOT NULL DEFAULT 0,
    worked_ms double precision NOT NULL DEFAULT 0,
    throttled_ms double precision NOT NULL DEFAULT 0,
    wal_bytes bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (project, migration),
    FOREIGN KEY (project, migration) REFERENCES migrator.migration (project, id)
) WITH (fillfactor = 10);

-- Processes that move data right now: a budget is shared by all their workers.
CREATE TABLE migrator.backfill_process (
    project text NOT NULL,
    migration text NOT NULL,
    process text NOT NULL,
    workers integer NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project, migration, process),
    FOREIGN KEY (project, migration) REFERENCES migrator.migration (project, id)
) WITH (fillfactor = 50);

-- Rows that cannot be updated, each with what the server said. A row version is named by tid and xmin, so that one that
-- the application has changed since counts as any other row.
CREATE TABLE migrator.backfill_rejected (
    project text NOT NULL,
    migration text NOT NULL,
    step text NOT NULL,
    leaf text NOT NULL,
    tid tid NOT NULL,
    version xid NOT NULL,
    -- The primary key; {} without one.
    key jsonb NOT NULL DEFAULT '{}',
    sqlstate text NOT NULL,
    message text NOT NULL,
    detail text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project, migration, step, leaf, tid),
    FOREIGN KEY (project, migration, step) REFERENCES migrator.backfill_job (project, migration, step)
);

-- The window of levels a service may run now. Locks the service's row FOR SHARE: what it answers stays true until the
-- end of the transaction, because every change of the window, raising and renewing a fence included, updates that row.
-- At REPEATABLE READ and above, a change since the snapshot is error 40001. Must stay VOLATILE: each statement in it
-- needs a snapshot taken after the lock before it.
CREATE FUNCTION migrator.level_window(
    service text, OUT listed boolean, OUT project text, OUT min_level integer, OUT max_level integer, OUT ttl_s integer,
    OUT epoch bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $window$
#variable_conflict use_column
DECLARE
    known migrator.service%ROWTYPE;
    fence record;
BEGIN
    SELECT s.* INTO known FROM migrator.service AS s
    WHERE s.service = level_window.service AND s.retired_at IS NULL FOR SHARE;
    listed := FOUND;
    project := known.project;
    min_level := coalesce(known.min_level, 0);
    max_level := known.max_level;
    ttl_s := coalesce(known.ttl_s, 45);
    epoch := coalesce(known.epoch, 0);
    -- A raised fence that is not yet applied holds until its deadline only; one without a deadline was raised by hand.
    FOR fence IN
        SELECT m.level, m.fence_direction, coalesce((m.requires ->> level_window.service)::integer, m.level) AS wanted
        FROM migrator.migration AS m
        WHERE m.project = known.project AND m.gate IN ('fenced', 'quarantined', 'confirmed')
          AND (m.fence_deadline IS NULL OR m.fence_deadline > clock_timestamp())
    LOOP
        IF fence.fence_direction = 'rollback' THEN
            max_level := least(max_level, fence.level - 1);
        ELSE
            min_level := greatest(min_level, fence.wanted);
        END IF;
    END LOOP;
END
$window$;

-- Applications say what runs. Called on an autocommit connection to the primary before the pool opens and then every
-- ttl/3. Locks: ROW SHARE on migrator.service, ROW EXCLUSIVE on migrator.instance. The shared advisory lock queues
-- fairly behind a fence (row locks alone starve it); the row lock makes the answer right at every isolation level.
CREATE FUNCTION migrator.beat(service text, instance text, boot text, level integer, version text)
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
    ELSIF beat.level < allowed.min_level THEN
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

-- A clean exit, to be called after the last query of the process. Only for the row's own role.
-- Lock: ROW EXCLUSIVE on migrator.instance.
CREATE FUNCTION migrator.bye(service text, instance text, boot text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $bye$
#variable_conflict use_column
BEGIN
    UPDATE migrator.instance AS i
    SET ended_at = clock_timestamp(),
        state = CASE i.state WHEN 'live' THEN 'stopped' ELSE i.state END,
        ended_why = CASE i.state WHEN 'live' THEN 'bye' ELSE i.ended_why END
    WHERE i.service = bye.service AND i.instance = bye.instance AND i.boot = bye.boot
      AND i.role_name = session_user AND i.ended_at IS NULL;
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

-- For other tools, before they remove something themselves: whether the gate of a migration is confirmed under a fence
-- that stands, or its contract applied. True stays true until the end of the transaction: the row is locked FOR SHARE,
-- so the fence cannot be lowered meanwhile. Heartbeats are looked at again; an unknown id is false.
CREATE FUNCTION migrator.confirmed(id text)
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
                AND i.level < coalesce((known.requires ->> i.service)::integer, known.level)))
        ) THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN found_any;
END
$confirmed$;

-- The second person's word on an override. Only the named role may give it, in a session of its own: session_user,
-- which SET ROLE does not change. With "dry" it only shows what would be approved.
CREATE FUNCTION migrator.approve_override(
    override bigint, actor text, dry boolean, OUT ok boolean, OUT why text, OUT shown text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $approve$
#variable_conflict use_column
DECLARE
    wanted migrator.override%ROWTYPE;
BEGIN
    -- Who asks is looked at before the row is locked: anybody may call this.
    SELECT o.* INTO wanted FROM migrator.override AS o WHERE o.id = approve_override.override;
    ok := false;
    IF NOT FOUND THEN
        why := format('there is no override %s', approve_override.override);
        RETURN;
    END IF;
    IF session_user <> wanted.approver THEN
        why := format('override %s must be approved by role "%s", this session is of role "%s"',
            wanted.id, wanted.approver, session_user);
        RETURN;
    END IF;
    SELECT o.* INTO wanted FROM migrator.override AS o WHERE o.id = approve_override.override FOR UPDATE;
    shown := format('%s of %s: %s about %s is overruled, because: %s (asked for by %s, role "%s")',
        wanted.direction, wanted.migration, wanted.source, wanted.service, wanted.reason, wanted.actor,
        wanted.requested_by);
    IF wanted.used_at IS NOT NULL THEN
        why := format('override %s was used already', wanted.id);
    ELSIF wanted.approved_at IS NOT NULL THEN
        why := format('override %s is approved already', wanted.id);
    ELSIF wanted.expires_at <= clock_timestamp() THEN
        why := format('override %s expired at %s', wanted.id, wanted.expires_at);
    ELSIF wanted.epoch <> (
        SELECT coalesce(sum(s.epoch), 0) FROM migrator.service AS s WHERE s.project = wanted.project
    ) THEN
        why := format('override %s is void: a service or a fence changed since, ask for a new one', wanted.id);
    ELSE
        ok := true;
        why := '';
    END IF;
    IF ok AND NOT approve_override.dry THEN
        UPDATE migrator.override AS o
        SET approved_at = clock_timestamp(), approved_actor = approve_override.actor
        WHERE o.id = wanted.id;
        PERFORM migrator.append_decision(wanted.project, wanted.migration, 'override approved', NULL,
            jsonb_build_array(wanted.reason),
            jsonb_build_object('override', wanted.id, 'only', wanted.source || ':' || wanted.service),
            approve_override.actor);
    END IF;
END
$approve$;

-- The levels that the builds of a version, or of an image digest, need; for "migrator gate can-deploy" with any rights.
CREATE FUNCTION migrator.release_levels(of_service text, build text)
RETURNS TABLE (version text, digest text, level integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $release$
    SELECT r.version, r.digest, r.level
    FROM migrator.release AS r
    JOIN migrator.service AS s ON s.project = r.project AND s.service = r.service AND s.retired_at IS NULL
    WHERE r.service = $1 AND $2 <> '' AND (r.version = $2 OR r.digest = $2)
    ORDER BY r.registered_at
$release$;

-- Applications see nothing here and may call these functions.
REVOKE ALL ON ALL TABLES IN SCHEMA migrator FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA migrator FROM PUBLIC;
GRANT USAGE ON SCHEMA migrator TO PUBLIC;
GRANT EXECUTE ON FUNCTION migrator.beat(text, text, text, integer, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION migrator.bye(text, text, text) TO PUBLIC;
-- For "migrator gate start-check" with the credentials of the application.
GRANT EXECUTE ON FUNCTION migrator.level_window(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION migrator.release_levels(text, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION migrator.confirmed(text) TO PUBLIC;
-- It checks by itself who asks.
GRANT EXECUTE ON FUNCTION migrator.approve_override(bigint, text, boolean) TO PUBLIC;
