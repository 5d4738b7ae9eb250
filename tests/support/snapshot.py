"""The shape of a database as text, to compare: whatever a user could notice, nothing that depends on history."""

from __future__ import annotations

from migrator.postgres.session import Session

_USERS = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname NOT LIKE 'pg\\_%'"

_SHAPE = f"""
SELECT format('column %s %s.%s: %s%s%s%s%s%s%s', row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum),
    c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' NOT NULL' END,
    ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), ' IDENTITY ' || nullif(a.attidentity::text, ''),
    ' GENERATED ' || nullif(a.attgenerated::text, ''),
    ' COLLATE ' || nullif(a.attcollation, t.typcollation)::regcollation::text,
    concat_ws(' ',
        ' ACL ' || (SELECT string_agg(acl::text, ',' ORDER BY acl::text) FROM unnest(a.attacl) AS acl),
        'STATISTICS ' || CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END,
        'STORAGE ' || nullif(a.attstorage, t.typstorage)::text, 'COMPRESSION ' || nullif(a.attcompression::text, ''),
        a.attoptions::text)) AS line
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'v', 'm')
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE {_USERS} AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT format('index %s: %s%s%s%s%s', i.indexrelid::regclass, pg_get_indexdef(i.indexrelid),
    CASE WHEN NOT i.indisvalid THEN ' INVALID' END, CASE WHEN i.indisclustered THEN ' CLUSTERED' END,
    CASE WHEN i.indisreplident THEN ' REPLICA IDENTITY' END, (
    SELECT string_agg(format(' STATISTICS %s OF %s', a.attstattarget, a.attnum), ', ' ORDER BY a.attnum)
    FROM pg_attribute AS a WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0))
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE {_USERS}
UNION ALL
SELECT format('constraint %s on %s: %s', k.conname, k.conrelid::regclass,
    -- Before PostgreSQL 18 VALIDATE says nothing of what foreign keys have on partitions and for them.
    regexp_replace(pg_get_constraintdef(k.oid), CASE WHEN k.conparentid <> 0 THEN ' NOT VALID$' ELSE '^$' END, ''))
FROM pg_constraint AS k JOIN pg_namespace AS n ON n.oid = k.connamespace
WHERE {_USERS} AND k.contype <> 'n'
UNION ALL
SELECT format('trigger %s%s', pg_get_triggerdef(g.oid), ' ENABLED ' || nullif(g.tgenabled, 'O')::text)
FROM pg_trigger AS g JOIN pg_class AS c ON c.oid = g.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE {_USERS} AND NOT g.tgisinternal
UNION ALL
SELECT format('function %s: %s %s%s%s', p.oid::regprocedure, p.prosrc, p.provolatile,
    CASE WHEN p.prosecdef THEN ' SECURITY DEFINER' END, ' SET ' || p.proconfig::text)
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE {_USERS}
UNION ALL
SELECT format('view %s: %s', c.oid::regclass, pg_get_viewdef(c.oid))
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE {_USERS} AND c.relkind IN ('v', 'm')
UNION ALL
SELECT format('sequence %s: %s %s %s %s %s %s %s owned by %s', c.oid::regclass, format_type(q.seqtypid, NULL),
    q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, q.seqcycle, (
    SELECT d.refobjid::regclass::text || '.' || a.attname FROM pg_depend AS d
    JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_sequence AS q ON q.seqrelid = c.oid
WHERE {_USERS} AND c.relkind = 'S'
UNION ALL
SELECT format('schema %s of %s', n.nspname, n.nspowner::regrole) FROM pg_namespace AS n WHERE {_USERS}
UNION ALL
SELECT format('grant on %s: %s to %s %s', c.oid::regclass, g.privilege_type, g.grantee::regrole, g.is_grantable)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace, aclexplode(c.relacl) AS g
WHERE {_USERS} AND g.grantee <> c.relowner
UNION ALL
SELECT format('extension %s %s in %s', e.extname, e.extversion, e.extnamespace::regnamespace) FROM pg_extension AS e
UNION ALL
SELECT format('publication %s: %s', to_jsonb(p) - 'oid', array_agg(t ORDER BY t.schemaname, t.tablename))
FROM pg_publication AS p LEFT JOIN pg_publication_tables AS t USING (pubname) GROUP BY p
UNION ALL
SELECT format('statistics %s target %s', pg_get_statisticsobjdef(x.oid), coalesce(x.stxstattarget, -1))
FROM pg_statistic_ext AS x JOIN pg_namespace AS n ON n.oid = x.stxnamespace
WHERE {_USERS}
UNION ALL
SELECT format('rule %s', pg_get_ruledef(r.oid))
FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE {_USERS} AND r.rulename <> '_RETURN'
UNION ALL
SELECT format('policy %s on %s: %s %s %s %s %s', p.polname, p.polrelid::regclass, p.polpermissive, p.polcmd, p.polroles,
    pg_get_expr(p.polqual, p.polrelid),
    pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE {_USERS}
UNION ALL
SELECT format('table %s of %s%s: %s%s%s%s', c.oid::regclass, c.relowner::regrole, (
    SELECT string_agg(format(' IN %s %s', h.inhparent::regclass, pg_get_expr(c.relpartbound, c.oid)), ',' ORDER BY 1)
    FROM pg_inherits AS h WHERE h.inhrelid = c.oid), CASE WHEN c.relrowsecurity THEN 'row security ' END,
    CASE WHEN c.relforcerowsecurity THEN 'forced ' END, 'identity ' || nullif(c.relreplident, 'd')::text || ' ',
    (SELECT string_agg(option, ', ' ORDER BY option) FROM unnest(c.reloptions) AS option))
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE {_USERS} AND c.relkind IN ('r', 'p', 'v', 'm')
UNION ALL
SELECT format('tablespace of %s: %s', c.oid::regclass, s.spcname)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_tablespace AS s ON s.oid = c.reltablespace
WHERE {_USERS} AND c.relkind IN ('r', 'p', 'm', 'i', 'I')
UNION ALL
SELECT format('type %s: %s%s%s %s', t.oid::regtype, nullif(t.typbasetype, 0)::regtype,
    CASE WHEN t.typnotnull THEN ' NOT NULL' END, ' DEFAULT ' || t.typdefault, coalesce(
    (SELECT string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) FROM pg_enum AS e WHERE e.enumtypid = t.oid),
    (SELECT string_agg(pg_get_constraintdef(k.oid), ', ' ORDER BY k.conname) FROM pg_constraint AS k
        WHERE k.contypid = t.oid)))
FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
WHERE {_USERS} AND t.typtype IN ('e', 'd')
UNION ALL
SELECT format('type %s: (%s)', c.oid::regclass, (
    SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
    FROM pg_attribute AS a WHERE a.attrelid = c.oid))
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE {_USERS} AND c.relkind = 'c'
UNION ALL
SELECT format('comment on %s %s: %s', o.type, o.identity, d.description)
FROM pg_description AS d, pg_identify_object(d.classoid, d.objoid, d.objsubid) AS o
WHERE d.objoid >= 16384 AND o.schema IS DISTINCT FROM 'migrator' AND o.identity NOT LIKE '%migrator%'
"""

_LEFTOVERS = r"""
SELECT 'trigger ' || tgname AS line FROM pg_trigger WHERE tgname LIKE '%migrator%'
UNION ALL
SELECT 'function ' || p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.proname LIKE 'migrator\_%' AND n.nspname <> 'migrator'
UNION ALL
SELECT 'invalid index ' || indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid
UNION ALL
SELECT 'constraint ' || conname FROM pg_constraint WHERE NOT convalidated AND conparentid = 0
UNION ALL
SELECT 'lease of pid ' || l.pid FROM migrator.lease AS l
UNION ALL
SELECT 'fence of ' || id FROM migrator.migration
WHERE gate IN ('soaking', 'fenced', 'confirmed', 'quarantined')
"""


def snapshot(session: Session) -> frozenset[str]:
    """Every column with its place, index, constraint, trigger, function, view, sequence … outside our own schema."""
    return frozenset(row.line for row in session.query(_SHAPE))


def leftovers(session: Session) -> list[str]:
    """What the tool must not leave behind once a migration is over; needs an installed ledger."""
    return sorted(row.line for row in session.query(_LEFTOVERS))
