CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, ${schema|ident}, pg_temp
AS <%block filter="dollar_quoted">
% if unique_keys:
DECLARE
    taken integer;
% endif
BEGIN
% if may_fail:
    -- A value that has no counterpart must not make the write fail: it is counted before contract.
    BEGIN
        NEW.${shadow|field} := ${conversion_of_new|sql};
    EXCEPTION WHEN OTHERS THEN
        NEW.${shadow|field} := NULL;
    END;
% else:
    NEW.${shadow|field} := ${conversion_of_new|sql};
% endif
<%include file="/changes/key_locks.sql.mako" args="unique_keys=unique_keys"/>\
    RETURN NEW;
END
</%block>
