-- name: installed
SELECT to_regclass('migrator.note') IS NOT NULL AS there

-- name: install
-- What sources that count compare with at the next look, and what barriers must undo. Made when first needed.
CREATE TABLE IF NOT EXISTS migrator.note (
    project text NOT NULL,
    migration text NOT NULL,
    direction text NOT NULL,
    topic text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    facts jsonb NOT NULL,
    PRIMARY KEY (project, migration, direction, topic)
)

-- name: take_turns
-- Advisory lock until the end of the transaction: two sessions that make the table at once would fail.
SELECT pg_advisory_xact_lock(hashtext('migrator.note'))

-- name: read
SELECT taken_at, facts FROM migrator.note
WHERE project = %(project)s AND migration = %(migration)s AND direction = %(direction)s AND topic = %(topic)s

-- name: write
INSERT INTO migrator.note (project, migration, direction, topic, facts)
VALUES (%(project)s, %(migration)s, %(direction)s, %(topic)s, %(facts)s::jsonb)
ON CONFLICT (project, migration, direction, topic) DO UPDATE SET taken_at = clock_timestamp(), facts = excluded.facts

-- name: forget
DELETE FROM migrator.note
WHERE project = %(project)s AND migration = %(migration)s AND direction = %(direction)s AND topic = %(topic)s
