SELECT count(*) FROM pg_catalog.pg_class AS v
WHERE v.oid = pg_catalog.to_regclass(${view|literal}) AND pg_catalog.pg_relation_is_updatable(v.oid, false) & 8 = 0
