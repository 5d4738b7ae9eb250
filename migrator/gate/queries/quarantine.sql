-- name: relation
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, c.relname::text AS bare,
    c.relowner::bigint AS owner
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = %(oid)s::oid

-- name: columns
SELECT a.attnum::integer AS number, quote_ident(a.attname) AS name
FROM pg_attribute AS a
WHERE a.attrelid = %(oid)s::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY 1

-- name: grants
-- Privileges of others than the owner: number 0 is the whole relation. A grantee that is NULL is PUBLIC.
SELECT x.number, r.rolname::text AS grantee, x.privilege, x.grantable OR x.grantor <> c.relowner AS passed_on
FROM pg_class AS c
CROSS JOIN LATERAL (
    SELECT 0 AS number, g.grantee, g.grantor, g.privilege_type AS privilege, g.is_grantable AS grantable
    FROM aclexplode(c.relacl) AS g
    UNION ALL
    SELECT a.attnum::integer, g.grantee, g.grantor, g.privilege_type, g.is_grantable
    FROM pg_attribute AS a CROSS JOIN LATERAL aclexplode(a.attacl) AS g
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
) AS x
LEFT JOIN pg_roles AS r ON r.oid = x.grantee
WHERE c.oid = %(oid)s::oid AND x.grantee <> c.relowner
ORDER BY 1, 2, 3

-- name: logins
SELECT r.rolname::text AS name, r.rolname IN (current_user, session_user) AS is_ours
FROM pg_roles AS r
WHERE r.rolcanlogin AND has_database_privilege(r.oid, current_database(), 'CONNECT')
ORDER BY 1

-- name: bypassing
-- Roles that can still use what is quarantined: owners, superusers, members of either, pg_read_all_data.
SELECT r.name
FROM unnest(%(roles)s::text[]) AS r (name)
WHERE CASE WHEN %(number)s = 0
    THEN has_table_privilege(r.name, %(oid)s::oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
    ELSE has_column_privilege(r.name, %(oid)s::oid, %(number)s::smallint, 'SELECT, INSERT, UPDATE, REFERENCES') END
ORDER BY 1

-- name: trigger_bodies
-- Functions of triggers that run with the rights of whoever writes.
SELECT DISTINCT n.nspname || '.' || p.proname AS name, p.prosrc AS body
FROM pg_trigger AS t
JOIN pg_proc AS p ON p.oid = t.tgfoid
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE NOT t.tgisinternal AND NOT p.prosecdef
