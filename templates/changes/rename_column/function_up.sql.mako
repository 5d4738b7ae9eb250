CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS <%block filter="dollar_quoted">
% if unique_keys:
DECLARE
    taken integer;
% endif
BEGIN
    -- Both are equal from here on, whoever wrote; this also fills a row that the backfill has not reached yet.
    NEW.${new|field} := NEW.${old|field};
<%include file="/changes/key_locks.sql.mako" args="unique_keys=unique_keys"/>\
    RETURN NEW;
END
</%block>
