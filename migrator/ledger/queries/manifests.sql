-- name: there
-- Whether the ledger has manifests: one of version 1 that nobody brought further has none.
SELECT EXISTS (
    SELECT FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'migrator' AND c.relname = 'exemption' AND has_table_privilege(c.oid, 'SELECT')) AS there

-- name: put
INSERT INTO migrator.manifest (project, service, version, sha256, level, content)
VALUES (%(project)s, %(service)s, %(version)s, %(sha256)s, %(level)s, %(content)s)
ON CONFLICT DO NOTHING

-- name: of_version
SELECT service, version, level, sha256, content, recorded_at, recorded_by
FROM migrator.manifest
WHERE project = %(project)s AND service = %(service)s AND version = %(version)s
ORDER BY recorded_at, sha256

-- name: versions
-- Versions with a manifest that may start now, or could before a fence that is about to be raised.
SELECT DISTINCT m.service, m.version, m.level
FROM migrator.manifest AS m
JOIN migrator.service AS s ON s.project = m.project AND s.service = m.service AND s.retired_at IS NULL
WHERE m.project = %(project)s
    AND (m.level >= s.min_level OR EXISTS (
        SELECT FROM migrator.exemption AS e
        WHERE e.project = m.project AND e.service = m.service AND e.version = m.version AND e.level = m.level))
ORDER BY m.service, m.version, m.level

-- name: exempt
INSERT INTO migrator.exemption (project, migration, service, version, level, manifests)
VALUES (%(project)s, %(migration)s, %(service)s, %(version)s, %(level)s, %(manifests)s)
ON CONFLICT (project, migration, service, version, level) DO UPDATE SET manifests = excluded.manifests

-- name: revoke
DELETE FROM migrator.exemption
WHERE project = %(project)s AND migration = %(migration)s AND service = %(service)s AND version = %(version)s

-- name: revoke_all
DELETE FROM migrator.exemption WHERE project = %(project)s AND migration = %(migration)s

-- name: is_exempt
-- Any role may ask.
SELECT migrator.is_exempt(%(service)s, %(version)s, %(level)s) AS exempt
