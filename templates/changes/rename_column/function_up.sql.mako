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
% if unique_keys:
    -- Two inserts of one key take turns, so that ON CONFLICT on one of the two unique indexes sees the other insert.
    -- Only the first rows of a transaction do, so that a bulk load does not fill the server's lock table.
    IF TG_OP = 'INSERT' THEN
        taken := coalesce(nullif(current_setting('migrator.key_locks', true), '')::integer, 0);
        IF taken < 100 THEN
            PERFORM set_config('migrator.key_locks', (taken + 1)::text, true);
% for key in unique_keys:
            PERFORM pg_advisory_xact_lock(hashtextextended(lower(concat_ws(E'\x1f'\
% for column in key.columns:
, NEW.${column|field}::text\
% endfor
)), ${key.seed|literal}));
% endfor
        END IF;
    END IF;
% endif
    RETURN NEW;
END
</%block>
