CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $migrator$
BEGIN
    -- What new code wrote goes to the old column. Images are compared, so that every change counts, in types without
    -- an equality operator too.
    IF TG_OP = 'INSERT' THEN
% if default:
        IF record_image_ne(ROW(NEW.${new|ident}), ROW(CAST(${default|sql} AS ${type|sql}))) THEN
% else:
        IF NEW.${new|ident} IS NOT NULL THEN
% endif
            NEW.${old|ident} := NEW.${new|ident};
        END IF;
    ELSIF record_image_ne(ROW(NEW.${new|ident}), ROW(OLD.${new|ident})) THEN
        NEW.${old|ident} := NEW.${new|ident};
    END IF;
    RETURN NEW;
END
$migrator$
