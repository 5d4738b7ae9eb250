DO <%block filter="dollar_quoted">
DECLARE
    one record;
BEGIN
    -- Each gets a query that gives columns of the same names and types, and reads nothing.
    FOR one IN
        SELECT v.oid, coalesce((
            SELECT pg_catalog.string_agg(pg_catalog.format('CAST(NULL AS %s)%s AS %I',
                pg_catalog.format_type(a.atttypid, a.atttypmod),
                (SELECT pg_catalog.format(' COLLATE %I.%I', n.nspname, c.collname)
                    FROM pg_catalog.pg_collation AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace
                    WHERE c.oid = a.attcollation AND a.attcollation <> t.typcollation),
                a.attname), ', ' ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
            WHERE a.attrelid = v.oid AND a.attnum > 0), '') AS columns
        FROM (VALUES
% for view in views:
            (CAST(${view|literal} AS pg_catalog.regclass))\
% if loop.last:

% else:
,
% endif
% endfor
        ) AS v (oid)
    LOOP
        EXECUTE pg_catalog.format('CREATE OR REPLACE VIEW %s AS SELECT %s', CAST(one.oid AS pg_catalog.regclass), one.columns);
    END LOOP;
END
</%block>
