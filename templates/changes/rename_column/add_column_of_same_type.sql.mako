DO <%block filter="dollar_quoted">
BEGIN
    EXECUTE (
        SELECT format('ALTER TABLE %I.%I ADD COLUMN %I %s%s', n.nspname, c.relname, ${new|literal},
            format_type(a.atttypid, a.atttypmod),
            CASE WHEN a.attcollation <> t.typcollation
                THEN (SELECT format(' COLLATE %I.%I', cn.nspname, co.collname)
                      FROM pg_collation AS co JOIN pg_namespace AS cn ON cn.oid = co.collnamespace
                      WHERE co.oid = a.attcollation) END)
        FROM pg_attribute AS a
        JOIN pg_type AS t ON t.oid = a.atttypid
        JOIN pg_class AS c ON c.oid = a.attrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = ${schema|literal} AND c.relname = ${table_name|literal} AND a.attname = ${old|literal}
          AND NOT a.attisdropped
    );
END
</%block>
