CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS <%block filter="dollar_quoted">
BEGIN
    -- What new code wrote goes to the old column. Images are compared, so that every change counts, in types without
    -- an equality operator too. IS DISTINCT FROM NULL, unlike IS NOT NULL, holds for composite values with a NULL inside.
    IF TG_OP = 'INSERT' THEN
% if default:
        IF record_image_ne(ROW(NEW.${new|field}), ROW(CAST(${default|sql} AS ${type|sql}))) THEN
% else:
        IF NEW.${new|field} IS DISTINCT FROM NULL THEN
% endif
            NEW.${old|field} := NEW.${new|field};
        END IF;
    ELSIF record_image_ne(ROW(NEW.${new|field}), ROW(OLD.${new|field})) THEN
        NEW.${old|field} := NEW.${new|field};
    END IF;
    RETURN NEW;
END
</%block>
