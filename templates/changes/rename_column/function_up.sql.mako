CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $migrator$
BEGIN
    -- Both are equal from here on, whoever wrote; this also fills a row that the backfill has not reached yet.
    NEW.${new|ident} := NEW.${old|ident};
% for key in unique_keys:
    -- Two inserts of one key take turns, so that ON CONFLICT on one of the two unique indexes sees the other insert.
    IF TG_OP = 'INSERT' THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(lower(concat_ws(E'\x1f'\
% for column in key.columns:
, NEW.${column|ident}::text\
% endfor
)), ${key.seed|literal}));
    END IF;
% endfor
    RETURN NEW;
END
$migrator$
