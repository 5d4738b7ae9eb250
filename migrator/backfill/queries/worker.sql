-- name: compress_wal
-- Asked for first, since a setting that is refused is an error in the server's log. From PostgreSQL 15.
SELECT pg_catalog.set_config(s.name, 'lz4', false) AS method
FROM pg_catalog.pg_settings AS s
WHERE s.name = 'wal_compression' AND s.setting IN ('off', 'on', 'pglz') AND 'lz4' = ANY (s.enumvals)
  AND pg_catalog.has_parameter_privilege(s.name, 'SET')
