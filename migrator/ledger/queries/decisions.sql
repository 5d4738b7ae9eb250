-- name: append
-- Takes an advisory lock until the end of the transaction, so that the chain has one end.
SELECT migrator.append_decision(
    %(project)s::text, %(migration)s::text, %(kind)s::text, %(verdict)s::text, %(reasons)s::jsonb, %(evidence)s::jsonb,
    %(actor)s::text) AS seq

-- name: recent
SELECT seq, at, migration, kind, verdict, reasons, evidence, actor, session_role
FROM migrator.decision
WHERE project = %(project)s AND (%(migration)s::text IS NULL OR migration = %(migration)s::text)
ORDER BY seq DESC
LIMIT %(limit)s

-- name: first_broken_link
WITH chain AS (
    SELECT d.seq, d.hash, d.previous_hash,
        lag(d.hash, 1, '') OVER (ORDER BY d.seq) AS hash_before,
        row_number() OVER (ORDER BY d.seq) AS place,
        encode(sha256(convert_to(migrator.decision_body(d.seq, d.at, d.project, d.migration, d.kind, d.verdict, d.reasons,
            d.evidence, d.actor, d.session_role, d.previous_hash), 'UTF8')), 'hex') AS computed
    FROM migrator.decision AS d
)
SELECT seq FROM chain
WHERE computed <> hash OR previous_hash <> hash_before OR place <> seq
ORDER BY seq
LIMIT 1

-- name: last_link
SELECT seq, hash FROM migrator.decision ORDER BY seq DESC LIMIT 1

-- name: link
SELECT hash FROM migrator.decision WHERE seq = %(seq)s

-- name: unrecorded
-- Migrations whose contract is applied without exactly one decision that says so: the chain alone cannot show that its
-- last rows are missing.
SELECT m.project, m.id
FROM migrator.migration AS m
WHERE m.gate = 'applied' AND 1 <> (
    SELECT count(*) FROM migrator.decision AS d
    WHERE d.project = m.project AND d.migration = m.id AND d.kind = 'contract' AND d.verdict = 'APPLIED')
ORDER BY m.level, m.id
