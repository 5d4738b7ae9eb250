-- name: columns
-- Columns of a relation that a key may consist of. No lock.
SELECT a.attname::text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS is_never_null,
    -- Types whose text no setting changes. Domains are not followed.
    a.atttypid = ANY('{int2,int4,int8,oid,numeric,bool,uuid,text,varchar,bpchar,name,bytea,inet,cidr,macaddr}'::regtype[])
        AS is_exact
FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid = pg_catalog.to_regclass(%(relation)s) AND a.attnum > 0 AND NOT a.attisdropped

-- name: unique_keys
-- Columns of each unique index by which all rows of a table can be read in the order of its columns' types: none may be
-- NULL, and the index sorts as ORDER BY a, b does. The primary key first, then those with the fewest columns. No lock.
SELECT array_agg(a.attname::text ORDER BY k.position) AS columns
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_am AS m ON m.oid = x.relam AND m.amname = 'btree'
CROSS JOIN LATERAL unnest(i.indkey::smallint[], i.indcollation::oid[], i.indclass::oid[], i.indoption::smallint[])
    WITH ORDINALITY AS k(attnum, collation_oid, class_oid, option, position)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
JOIN pg_catalog.pg_opclass AS o ON o.oid = k.class_oid
WHERE i.indrelid = pg_catalog.to_regclass(%(relation)s) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
  AND i.indexprs IS NULL AND k.position <= i.indnkeyatts
GROUP BY i.indexrelid, i.indisprimary
HAVING bool_and(a.attnotnull AND k.collation_oid = a.attcollation AND o.opcdefault)
   -- All ascending, NULLS LAST, or all the other way round.
   AND min(k.option) = max(k.option) AND min(k.option) IN (0, 3)
ORDER BY i.indisprimary DESC, count(*), min(i.indexrelid::bigint)

-- name: shape
-- What decides whether a relation has blocks to go by. No lock.
SELECT c.relkind::text AS kind, coalesce(am.amname, '') AS access_method
FROM pg_catalog.pg_class AS c
LEFT JOIN pg_catalog.pg_am AS am ON am.oid = c.relam
WHERE c.oid = pg_catalog.to_regclass(%(relation)s)

-- name: texts
-- How values are written: as the session has it.
SELECT current_setting('DateStyle') AS dates, current_setting('IntervalStyle') AS intervals,
    current_setting('extra_float_digits') AS digits

-- name: set_texts
-- For this transaction.
SELECT pg_catalog.set_config('DateStyle', %(dates)s, true) AS dates,
    pg_catalog.set_config('IntervalStyle', %(intervals)s, true) AS intervals,
    pg_catalog.set_config('extra_float_digits', %(digits)s, true) AS digits

-- name: bounds
-- Values of a column that divide the rows into parts of about equal size, as the planner's statistics have them; none
-- where it was not analyzed. No lock.
SELECT s.histogram_bounds::text::text[] AS values, greatest(c.reltuples, 0)::bigint AS rows
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = c.relname
WHERE c.oid = pg_catalog.to_regclass(%(relation)s) AND s.attname = %(column)s AND NOT s.inherited
