DO <%block filter="dollar_quoted">
DECLARE
    listed record;
BEGIN
    -- What publications list and by what they filter is read as it is at this moment; the rest of a list stays.
    FOR listed IN
        SELECT p.pubname, pg_catalog.pg_get_expr(r.prqual, r.prrelid) AS condition, (
            SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = r.prrelid AND NOT a.attisdropped
                AND (a.attnum = ANY (CAST(r.prattrs AS int2[])) OR a.attname = ANY (CAST(ARRAY[${added|sql}] AS name[])))
                AND NOT a.attname = ANY (CAST(ARRAY[${removed|sql}] AS name[]))) AS columns
        FROM pg_catalog.pg_publication_rel AS r JOIN pg_catalog.pg_publication AS p ON p.oid = r.prpubid
        WHERE r.prrelid = CAST(${table|literal} AS pg_catalog.regclass) AND EXISTS (
            SELECT FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = r.prrelid AND a.attnum = ANY (CAST(r.prattrs AS int2[]))
                AND a.attname = ANY (CAST(ARRAY[${naming|sql}] AS name[])))
        ORDER BY 1
    LOOP
        EXECUTE pg_catalog.format('ALTER PUBLICATION %I DROP TABLE %s', listed.pubname, ${table|literal});
        EXECUTE pg_catalog.format('ALTER PUBLICATION %I ADD TABLE %s (%s)%s', listed.pubname, ${table|literal},
            listed.columns, ' WHERE (' || listed.condition || ')');
    END LOOP;
END
</%block>
