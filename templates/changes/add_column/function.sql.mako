CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, ${schema|ident}, pg_temp
AS <%block filter="dollar_quoted">
BEGIN
    -- Old code may still write NULL; it is filled on the way in.
    IF NEW.${column|field} IS NULL THEN
        NEW.${column|field} := ${fill_of_new|sql};
    END IF;
    RETURN NEW;
END
</%block>
