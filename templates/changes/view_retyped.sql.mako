SELECT count(*) FROM (VALUES
% for name, type in columns:
    (pg_catalog.pg_typeof((SELECT v.${name|ident} FROM (${query|sql}) AS v (${names|sql}) LIMIT 0)), pg_catalog.to_regtype(${str(type)|literal}))\
% if loop.last:

% else:
,
% endif
% endfor
) AS c (comes, is_there) WHERE c.comes <> c.is_there
