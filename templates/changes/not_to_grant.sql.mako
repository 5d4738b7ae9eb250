SELECT count(*) FROM (VALUES
% for privilege, column in privileges:
    (${privilege + " WITH GRANT OPTION"|literal}, ${column|literal})\
% if not loop.last:
,
% else:

% endif
% endfor
) AS wanted (privilege, place)
WHERE NOT \
% if on == "table":
CASE wanted.place
    WHEN '' THEN pg_catalog.has_table_privilege(pg_catalog.to_regclass(${name|literal}), wanted.privilege)
    ELSE pg_catalog.has_column_privilege(pg_catalog.to_regclass(${name|literal}), wanted.place, wanted.privilege)
END
% elif on == "sequence":
pg_catalog.has_sequence_privilege(pg_catalog.to_regclass(${name|literal}), wanted.privilege)
% elif on == "schema":
pg_catalog.has_schema_privilege(${bare|literal}, wanted.privilege)
% else:
pg_catalog.has_function_privilege(pg_catalog.to_regproc(${name|literal}), wanted.privilege)
% endif
