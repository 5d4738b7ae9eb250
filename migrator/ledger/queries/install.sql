-- name: ledger_exists
-- Reads the catalog only; no lock on any user table. Not by to_regclass: after the wait for an advisory lock it may
-- answer from a cache older than the lock, and the second of two installers would not see what the first one made.
SELECT count(*) > 0 AS present, coalesce(bool_or(has_table_privilege(c.oid, 'SELECT')), false) AS readable
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'migrator' AND c.relname = 'ledger_version'

-- name: ledger_version
SELECT coalesce(max(version), 0) AS version FROM migrator.ledger_version

-- name: create_privilege
SELECT
    has_database_privilege(current_database(), 'CREATE') AS may_create,
    current_setting('transaction_read_only')::boolean AS read_only,
    current_database()::text AS database,
    quote_ident(current_database()) AS database_quoted,
    current_user::text AS role,
    quote_ident(current_user) AS role_quoted

-- name: ledger_privileges
-- Whether this role may do everything the tool does with its own tables.
SELECT
    coalesce(bool_and(has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
        AND has_table_privilege(c.oid, 'UPDATE')), false) AS complete,
    coalesce(bool_and(pg_has_role(current_user, n.nspowner, 'USAGE')), false) AS owns,
    current_setting('transaction_read_only')::boolean AS read_only,
    current_user::text AS role,
    quote_ident(current_user) AS role_quoted,
    min(pg_get_userbyid(n.nspowner)::text) AS owner,
    quote_ident(min(pg_get_userbyid(n.nspowner)::text)) AS owner_quoted
FROM pg_namespace AS n
JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relkind = 'r'
WHERE n.nspname = 'migrator'

-- name: lock_installation
-- Installers queue here; an advisory lock, held until the end of the transaction.
SELECT pg_advisory_xact_lock(hashtext('migrator.install'))

-- name: record_version
INSERT INTO migrator.ledger_version (version, tool_version) VALUES (%(version)s, %(tool)s)
