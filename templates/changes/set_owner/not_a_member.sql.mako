SELECT count(*) FROM pg_roles WHERE rolname = ${owner|literal}
AND NOT pg_has_role(rolname, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
