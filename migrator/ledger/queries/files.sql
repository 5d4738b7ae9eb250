-- name: freeze
INSERT INTO migrator.phase_file (project, migration, phase, sha256, content)
VALUES (%(project)s, %(migration)s, %(phase)s, %(sha256)s, %(content)s)
ON CONFLICT (project, migration, phase) DO NOTHING

-- name: frozen
SELECT phase, content FROM migrator.phase_file WHERE project = %(project)s AND migration = %(migration)s

-- name: all_frozen
SELECT migration, phase, content FROM migrator.phase_file WHERE project = %(project)s

-- name: thaw
DELETE FROM migrator.phase_file WHERE project = %(project)s AND migration = %(migration)s
