-- name: clock
-- The server's time and WAL position, by which all processes measure. No lock.
SELECT extract(epoch FROM clock_timestamp())::float8 AS at_s,
    pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')::bigint AS written

-- name: standbys
-- Physical standbys that stream from here. Logical walsenders are left out: their slots tell more.
-- Without pg_read_all_stats or pg_monitor the positions of others are NULL. No lock.
SELECT coalesce(nullif(r.application_name, ''), 'pid ' || r.pid) AS name, r.state IS NULL AS hidden,
    pg_catalog.pg_wal_lsn_diff(r.replay_lsn, '0/0')::bigint AS replayed,
    extract(epoch FROM r.replay_lag)::float8 AS replay_lag_s
FROM pg_catalog.pg_stat_replication AS r
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots AS s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')
  AND (r.state IS NULL OR (r.state IN ('streaming', 'catchup') AND r.replay_lsn IS NOT NULL))

-- name: slots
-- WAL that replication slots keep. A lost slot keeps none any more. No lock.
SELECT s.slot_name::text AS name, coalesce(s.wal_status, '') AS wal_status, s.safe_wal_size AS room,
    greatest(0, pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn))::bigint AS retained,
    nullif(pg_catalog.pg_size_bytes(current_setting('max_slot_wal_keep_size')), -1) AS most_kept
FROM pg_catalog.pg_replication_slots AS s
WHERE s.restart_lsn IS NOT NULL AND s.wal_status IS DISTINCT FROM 'lost'

-- name: archiver
-- The last segment that was archived, and the one that is being written. No lock.
SELECT current_setting('archive_mode') <> 'off' AS archives, a.last_archived_wal AS archived,
    a.last_failed_wal AS failed,
    coalesce(a.last_failed_time > coalesce(a.last_archived_time, '-infinity'), false) AS fails,
    pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()) AS writing,
    pg_catalog.pg_size_bytes(current_setting('wal_segment_size')) AS segment_bytes
FROM pg_catalog.pg_stat_archiver AS a

-- name: sessions
-- What sessions other than ours do. Those of other roles are seen as idle without pg_read_all_stats. No lock; each
-- waiting session is asked for its blockers, which takes the lock manager's partitions for a moment.
WITH others AS (
    SELECT a.pid, a.state = 'active' AS is_active, a.wait_event_type, a.wait_event
    FROM pg_catalog.pg_stat_activity AS a
    WHERE a.backend_type = 'client backend' AND a.application_name NOT LIKE 'migrator/%'
), waiting AS MATERIALIZED (
    SELECT pg_catalog.pg_blocking_pids(o.pid) AS blockers FROM others AS o WHERE o.wait_event_type = 'Lock'
)
SELECT
    count(*) FILTER (WHERE o.is_active)::integer AS active,
    count(*) FILTER (WHERE o.is_active AND (o.wait_event_type = 'IO' OR (o.wait_event_type = 'LWLock'
        AND o.wait_event IN ('WALWrite', 'WALInsert', 'BufferMapping', 'WALBufMapping'))))::integer AS stalled,
    (SELECT count(*) FROM waiting)::integer AS waiting,
    (SELECT count(*) FROM waiting AS w WHERE EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a
        WHERE a.pid = ANY(w.blockers) AND a.application_name LIKE 'migrator/%/backfill'))::integer AS blocked_by_us,
    current_setting('max_connections')::integer AS max_connections
FROM others AS o

-- name: checkpoints
-- How many checkpoints were not due by time: forced by WAL, or asked for. No lock.
SELECT c.num_requested AS requested,
    pg_catalog.pg_size_bytes(current_setting('max_wal_size')) AS max_wal_bytes
FROM pg_catalog.pg_stat_checkpointer AS c

-- name: checkpoints_before_17
-- The same, before there was pg_stat_checkpointer.
SELECT b.checkpoints_req AS requested,
    pg_catalog.pg_size_bytes(current_setting('max_wal_size')) AS max_wal_bytes
FROM pg_catalog.pg_stat_bgwriter AS b

-- name: horizon
-- Who keeps old row versions from being removed, oldest first: sessions, slots, prepared transactions. The age of a slot
-- is not known in time, only in transactions. No lock.
SELECT h.who, h.age_s, h.xids
FROM (
    SELECT format('pid %s (%s)', a.pid, coalesce(nullif(a.application_name, ''), a.usename::text)) AS who,
        extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS age_s,
        greatest(age(a.backend_xmin), age(a.backend_xid))::bigint AS xids
    FROM pg_catalog.pg_stat_activity AS a
    WHERE (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL) AND a.backend_type <> 'autovacuum worker'
      AND a.application_name NOT LIKE 'migrator/%' AND a.datname = current_database()
    UNION ALL
    SELECT format('replication slot %s', s.slot_name), NULL, greatest(age(s.xmin), age(s.catalog_xmin))::bigint
    FROM pg_catalog.pg_replication_slots AS s
    WHERE s.xmin IS NOT NULL
    UNION ALL
    SELECT format('prepared transaction "%s"', p.gid),
        extract(epoch FROM clock_timestamp() - p.prepared)::float8, age(p.transaction)::bigint
    FROM pg_catalog.pg_prepared_xacts AS p
    WHERE p.database = current_database()
) AS h
ORDER BY h.xids DESC NULLS LAST
LIMIT 1

-- name: wraparound
-- How old this database is in transactions, and tables of ours that are vacuumed to prevent wraparound. No lock.
SELECT
    (SELECT max(age(d.datfrozenxid)) FROM pg_catalog.pg_database AS d WHERE d.datname = current_database())::bigint AS age,
    ARRAY(SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
        FROM pg_catalog.pg_stat_progress_vacuum AS v
        JOIN pg_catalog.pg_stat_activity AS a USING (pid)
        JOIN pg_catalog.pg_class AS c ON c.oid = v.relid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE v.datid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database())
          AND a.query LIKE '%(to prevent wraparound)%') AS vacuumed

-- name: wal_directory
-- Size of pg_wal. Needs pg_monitor. No lock.
SELECT sum(w.size)::bigint AS size FROM pg_catalog.pg_ls_waldir() AS w
