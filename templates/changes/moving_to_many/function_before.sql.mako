CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
DECLARE
    held record;
BEGIN
    -- Locked, so that a change of it either was before, or waits and finds this row; in the mode of the write that will
    -- follow, since two that share it would wait for each other.
% if divided:
    IF TG_OP = 'INSERT' AND starts_with(NEW.${state|field}, 'u') THEN
        -- From another partition, by an UPDATE that this has seen there.
        NEW.${state|field} := 'm' || substr(NEW.${state|field}, 2);
        RETURN NEW;
    END IF;
% endif
    IF TG_OP = 'INSERT' THEN
        IF ${nothing|sql} THEN
            SELECT ${held|sql} INTO held FROM ${old|sql} AS o WHERE ${found|sql} FOR SHARE;
        ELSE
            SELECT ${held|sql} INTO held FROM ${old|sql} AS o WHERE ${found|sql} FOR NO KEY UPDATE;
        END IF;
        IF NOT FOUND THEN
            -- It may come with the same statement, and fills it then.
            RETURN NEW;
        END IF;
% for name in columns:
        IF NEW.${name|field} IS NULL THEN
            NEW.${name|field} := held.${name|field};
        END IF;
% endfor
    ELSE
        IF ${moved|sql} THEN
            IF ${changed|sql} THEN
                SELECT ${held|sql} INTO held FROM ${old|sql} AS o WHERE ${found|sql} FOR NO KEY UPDATE;
            ELSE
                SELECT ${held|sql} INTO held FROM ${old|sql} AS o WHERE ${found|sql} FOR SHARE;
            END IF;
        ELSIF OLD.${state|field} IS NULL THEN
            -- No lock is needed here, since whoever changes the value meanwhile waits for this row.
            SELECT ${held|sql} INTO held FROM ${old|sql} AS o WHERE ${found|sql};
        ELSE
% if divided:
            NEW.${state|field} := ${marks|sql};
% endif
            RETURN NEW;
        END IF;
        IF FOUND THEN
% for name in columns:
            IF NOT record_image_ne(ROW(NEW.${name|field}), ROW(OLD.${name|field})) AND (NEW.${name|field} IS NULL OR ${moved|sql}) THEN
                NEW.${name|field} := held.${name|field};
            END IF;
% endfor
        END IF;
    END IF;
% if divided:
    NEW.${state|field} := CASE TG_OP WHEN 'INSERT' THEN 'f' ELSE ${marks|sql} END;
% else:
    NEW.${state|field} := 'f';
% endif
    RETURN NEW;
END
</%block>
