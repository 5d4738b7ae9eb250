-- name: read
-- All steps of a migration, or one. Reads committed progress only.
SELECT j.step, j.state, j.reason, j.sweep, j.bytes_now - j.bytes_before AS growth_bytes,
    coalesce(j.beat > clock_timestamp() - interval '10 s', false) AS alive,
    (j.rows_done + coalesce(s.rows_done, 0))::bigint AS rows_done,
    (j.rows_hot + coalesce(s.rows_hot, 0))::bigint AS rows_hot,
    (j.rows_skipped + coalesce(s.rows_skipped, 0))::bigint AS rows_skipped,
    (SELECT count(*) FROM migrator.backfill_rejected AS r WHERE r.project = j.project AND r.migration = j.migration
        AND r.step = j.step)::bigint AS rejected,
    (j.batches + coalesce(s.batches, 0))::bigint AS batches,
    (j.busy_ms + coalesce(s.busy_ms, 0))::float8 AS busy_ms,
    coalesce(s.blocks_done, 0)::bigint AS blocks_done, coalesce(s.blocks_total, 0)::bigint AS blocks_total,
    (coalesce(s.busy_ms, 0) / 1000 / greatest(s.blocks_done, 1))::float8 AS busy_s_per_block,
    coalesce(s.workers, 0)::integer AS workers,
    coalesce(s.rows_estimated, 0)::bigint AS rows_estimated
FROM migrator.backfill_job AS j
LEFT JOIN LATERAL (
    SELECT sum(g.rows_done) AS rows_done, sum(g.rows_hot) AS rows_hot, sum(g.rows_left) FILTER (WHERE g.task = 'fill') AS rows_skipped,
        sum(g.batches) AS batches, sum(g.busy_ms) AS busy_ms,
        -- A pass over a window counts for its share of the passes.
        sum(g.window_start - g.start_block + CASE WHEN g.passes > 0
            THEN (g.pass * (least(g.stop_block, g.window_start + %(window)s) - g.window_start)
                + g.next_block - g.window_start) / g.passes
            ELSE 0 END)::bigint AS blocks_done,
        sum(g.stop_block - g.start_block) AS blocks_total,
        count(DISTINCT g.worker) FILTER (WHERE g.beat > clock_timestamp() - interval '5 s') AS workers,
        (SELECT sum(greatest(c.reltuples, 0)) FROM pg_catalog.pg_class AS c
         WHERE c.oid = ANY(array_agg(DISTINCT pg_catalog.to_regclass(g.leaf)::oid))) AS rows_estimated
    FROM migrator.backfill_segment AS g
    WHERE g.project = j.project AND g.migration = j.migration AND g.step = j.step
) AS s ON true
WHERE j.project = %(project)s AND j.migration = %(migration)s AND (%(step)s::text IS NULL OR j.step = %(step)s)
ORDER BY j.started_at, j.step
