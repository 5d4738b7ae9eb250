-- name: build_progress
-- How far an index build of another session is, and which transactions it waits for.
SELECT
    p.phase,
    CASE WHEN p.blocks_total > 0 THEN format(', %%s of %%s blocks', p.blocks_done, p.blocks_total) ELSE '' END AS share,
    CASE WHEN p.current_locker_pid > 0
        THEN format(', waits for pid %%s (%%s, in a transaction for %%s s)', p.current_locker_pid,
            coalesce(nullif(a.application_name, ''), a.usename::text),
            round(extract(epoch FROM clock_timestamp() - a.xact_start))) ELSE '' END AS waits_for
FROM pg_stat_progress_create_index AS p
LEFT JOIN pg_stat_activity AS a ON a.pid = p.current_locker_pid
WHERE p.pid = %(pid)s
