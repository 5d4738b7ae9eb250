SELECT count(*) FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = pg_catalog.to_regclass(${table|literal})
