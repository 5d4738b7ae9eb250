SELECT count(*) FROM pg_roles WHERE rolname = ${owner|literal} AND NOT has_schema_privilege(rolname, ${schema|literal}, 'CREATE')
AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
