-- name: logins
-- Every role that may log in and use this database, and what keeps it from being closed. Roles cannot be locked out of
-- one database only, so "uses elsewhere" matters: sessions of the role in other databases.
SELECT r.rolname::text AS name, r.rolcanlogin AS may_login, r.rolsuper AS is_superuser,
    r.rolname IN (current_user, session_user) AS is_ours,
    has_database_privilege(r.oid, current_database(), 'CONNECT') AS may_connect,
    (SELECT count(*) FROM pg_stat_activity AS a WHERE a.usesysid = r.oid AND a.datname <> current_database())
        AS elsewhere
FROM pg_roles AS r
WHERE r.rolcanlogin OR r.rolname = ANY(%(closed)s)
ORDER BY 1

-- name: rights
-- Whether this session may alter roles: CREATEROLE and, from 16 on, ADMIN on the role; nobody but a superuser may alter
-- a superuser.
SELECT r.rolname::text AS name,
    me.rolsuper OR (NOT r.rolsuper AND me.rolcreaterole AND (
        current_setting('server_version_num')::integer < 160000
        OR pg_has_role(me.oid, r.oid, 'MEMBER WITH ADMIN OPTION'))) AS may_alter,
    me.rolsuper OR pg_has_role(me.oid, r.oid, 'USAGE') OR pg_has_role(me.oid, 'pg_signal_backend', 'USAGE')
        AS may_terminate
FROM pg_roles AS r, pg_roles AS me
WHERE r.rolname = ANY(%(roles)s) AND me.rolname = current_user
ORDER BY 1

-- name: terminate
-- Ends the sessions of closed roles in this database; the number that were there, ended or not.
SELECT a.pid, a.usename::text AS role, pg_terminate_backend(a.pid) AS signalled
FROM pg_stat_activity AS a
WHERE a.usename = ANY(%(roles)s) AND a.datname = current_database() AND NOT a.pid = ANY(%(own)s)

-- name: fresh
SELECT pg_stat_clear_snapshot()

-- name: existing
SELECT r.rolname::text AS name FROM pg_roles AS r WHERE r.rolname = ANY(%(roles)s) ORDER BY 1
