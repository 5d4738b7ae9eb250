SELECT count(*) FROM (
% if on == "schema":
    SELECT n.nspowner AS owner, n.nspacl AS acl, g.* FROM pg_namespace AS n, aclexplode(n.nspacl) AS g
    WHERE n.nspname = ${bare|literal}
% else:
    SELECT c.relowner AS owner, c.relacl AS acl, g.* FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace, aclexplode(c.relacl) AS g
    WHERE n.nspname = ${schema|literal} AND c.relname = ${bare|literal}
    UNION ALL
    SELECT c.relowner, NULL, g.* FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = c.oid, aclexplode(a.attacl) AS g
    WHERE n.nspname = ${schema|literal} AND c.relname = ${bare|literal}
% endif
) AS g JOIN pg_roles AS r ON r.rolname = ${owner|literal} AND r.oid <> g.owner
WHERE g.grantor = r.oid OR g.grantee = r.oid AND (
    g.grantor <> g.owner OR NOT EXISTS (
        SELECT FROM aclexplode(g.acl) AS own WHERE own.grantee = g.owner AND own.privilege_type = g.privilege_type
    )
)
