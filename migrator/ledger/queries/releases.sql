-- name: put
-- Levels of builds never change: code is what it is.
INSERT INTO migrator.release (project, service, version, digest, level)
VALUES (%(project)s, %(service)s, %(version)s, %(digest)s, %(level)s)
ON CONFLICT (project, service, version, digest) DO NOTHING

-- name: find
SELECT r.version, r.digest, r.level FROM migrator.release_levels(%(service)s, %(build)s) AS r
