CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
DECLARE
    held record;
    is_chosen CONSTANT boolean := coalesce(${new_matches|sql}, false);
    was_chosen boolean := false;
BEGIN
% if divided:
    IF TG_OP = 'INSERT' AND NEW.${state|field} IN ('m', 'o') THEN
        -- From another partition, by an UPDATE that this has seen there.
        NEW.${state|field} := nullif(NEW.${state|field}, 'm');
        RETURN NEW;
    END IF;
% endif
    IF TG_OP = 'INSERT' THEN
        NEW.${state|field} := CASE WHEN NOT (${nothing|sql}) THEN 'o' END;
    ELSE
        IF NEW.${state|field} IN ('s', 't') THEN
            IF NEW.${state|field} <> coalesce(OLD.${state|field}, '') THEN
                -- What old code wrote: whose value the row holds does not change by that.
% if divided:
                NEW.${state|field} := CASE WHEN OLD.${state|field} = 'o' THEN 'o' WHEN ${moved|sql} THEN 'm' END;
% else:
                NEW.${state|field} := CASE WHEN OLD.${state|field} = 'o' THEN 'o' END;
% endif
                RETURN NEW;
            END IF;
            -- From before this trigger was there.
            NEW.${state|field} := NULL;
        END IF;
% if divided:
        NEW.${state|field} := nullif(NEW.${state|field}, 'm');
% endif
        IF ${changed|sql} THEN
            NEW.${state|field} := 'o';
        END IF;
        was_chosen := coalesce(${old_matches|sql}, false);
    END IF;
    IF was_chosen AND (\
% for name in columns:
% if not loop.first:
 OR \
% endif
NEW.${name|field} IS NULL AND OLD.${name|field} IS NULL\
% endfor
) THEN
        -- What the backfill has not reached, and does not look for where the row is no longer the chosen one. No lock is
        -- needed here, since whoever changes the value meanwhile waits for this row.
        SELECT ${held|sql} INTO held FROM ${old|sql} AS o WHERE ${found_before|sql};
        IF FOUND THEN
% for name in columns:
            IF NEW.${name|field} IS NULL AND OLD.${name|field} IS NULL THEN
                NEW.${name|field} := held.${name|field};
            END IF;
% endfor
        END IF;
    END IF;
    IF is_chosen AND (NOT was_chosen OR ${moved|sql}) THEN
        -- Locked, so that a change of it either was before or waits, and finds this row.
        SELECT ${held|sql} INTO held
        FROM ${old|sql} AS o WHERE ${found|sql} FOR NO KEY UPDATE;
        IF FOUND THEN
            -- What was taken from there before is older than what is there.
% for name in columns:
            IF NEW.${state|field} IS NULL OR NEW.${name|field} IS NULL AND OLD.${name|field} IS NULL THEN
                NEW.${name|field} := held.${name|field};
            END IF;
% endfor
        END IF;
    END IF;
% if divided:
    IF TG_OP = 'UPDATE' AND ${moved|sql} THEN
        NEW.${state|field} := coalesce(NEW.${state|field}, 'm');
    END IF;
% endif
    RETURN NEW;
END
</%block>
