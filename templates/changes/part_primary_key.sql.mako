DO <%block filter="dollar_quoted">
DECLARE
    one record;
    parts oid[];
    names text[];
    definition text := ${definition|literal};
BEGIN
    SELECT pg_catalog.array_agg(k.conrelid), pg_catalog.array_agg(CAST(k.conname AS text)) INTO parts, names
    FROM pg_catalog.pg_partition_tree(CAST(${table|literal} AS pg_catalog.regclass)) AS t
    JOIN pg_catalog.pg_constraint AS k ON k.conrelid = t.relid AND k.contype = 'p';
    ALTER TABLE ${table|sql} DROP CONSTRAINT ${old|ident};
    FOR one IN
        -- The one that was built last, should a partition have another one like it.
        SELECT DISTINCT ON (i.indrelid) i.indrelid AS part, c.relname AS name
        FROM pg_catalog.pg_partition_tree(CAST(${table|literal} AS pg_catalog.regclass)) AS t
        JOIN pg_catalog.pg_index AS i ON i.indrelid = t.relid AND i.indisunique AND i.indisvalid
            AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = ${keys|literal}
        JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid AND c.relkind = 'i' AND NOT c.relispartition
        WHERE t.level > 0 AND ${columns|sql} = ARRAY(
            SELECT CAST(a.attname AS text)
            FROM pg_catalog.unnest(CAST(i.indkey AS smallint[])) WITH ORDINALITY AS k(number, place)
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
            ORDER BY k.place)
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k
                WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
        ORDER BY i.indrelid, i.indexrelid DESC
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY USING INDEX %I${timing|sql}',
            CAST(one.part AS pg_catalog.regclass), names[pg_catalog.array_position(parts, one.part)], one.name);
    END LOOP;
    -- Takes the keys of partitions for parts of its own; one that came since they were built gets its own here.
    EXECUTE pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s',
        CAST(${table|literal} AS pg_catalog.regclass), ${new|literal}, definition);
    FOR one IN
        SELECT k.conrelid AS part, k.conname AS name, names[pg_catalog.array_position(parts, k.conrelid)] AS had
        FROM pg_catalog.pg_partition_tree(CAST(${table|literal} AS pg_catalog.regclass)) AS t
        JOIN pg_catalog.pg_constraint AS k ON k.conrelid = t.relid AND k.contype = 'p'
        WHERE t.level > 0 AND k.conname <> names[pg_catalog.array_position(parts, k.conrelid)]
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I',
            CAST(one.part AS pg_catalog.regclass), one.name, one.had);
    END LOOP;
END
</%block>
