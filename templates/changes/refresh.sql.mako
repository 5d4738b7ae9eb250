% if concurrently:
REFRESH MATERIALIZED VIEW CONCURRENTLY ${view|sql}
% else:
REFRESH MATERIALIZED VIEW ${view|sql}
% endif
