% if materialized:
DROP MATERIALIZED VIEW ${view|sql}
% else:
DROP VIEW ${view|sql}
% endif
